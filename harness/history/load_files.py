"""What one generator process left in its directory, as tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from harness.errors import HistoryError
from harness.history.codec import DoesNotFit, decode, require_sane
from harness.history.journal import read_lines
from harness.history.layout import Table
from harness.history.tables import SCHEMAS, empty, frame
from harness.model import (
    ANSWERS_FILE,
    ATTEMPT_SHIFT,
    ATTEMPTS_FILE,
    FLAG_REUSED,
    LANES,
    OUTCOMES,
    RECORD,
    RECORD_FIELDS,
    RECORDS_FILE,
    REPORT_FILE,
    Answer,
    GeneratorReport,
    Outcome,
)

RECORD_DTYPE = np.dtype([(name, f"<{code}") for name, code in RECORD_FIELDS])
"""`harness.model.RECORD`, for numpy."""


def read_load(directory: Path, cycle: int) -> tuple[pl.DataFrame, pl.DataFrame, GeneratorReport | None, tuple[str, ...]]:
    """(requests, answers, report, notes) of one cycle; also while the generator runs or after it was killed.

    Only planned records are rows. One that was planned and never came to an end is UNANSWERED. No files: no rows, no report.
    Raises HistoryError for damaged files.
    """
    data = _bytes(directory / RECORDS_FILE)
    requests = empty(Table.REQUESTS) if data is None else _frame(Table.REQUESTS, directory / RECORDS_FILE, data, cycle)
    answers, notes = _answers(directory / ANSWERS_FILE, cycle)
    return requests.sort("intended_ns", "seq"), answers, read_report(directory), notes


def read_attempts(directory: Path, cycle: int) -> tuple[pl.DataFrame | None, tuple[str, ...]]:
    """(attempts that another one followed, by when they were sent; notes). None: nothing tried again here, nor would have.

    Raises HistoryError for a damaged file; one that a kill cut off within its last record is not damaged, but noted.
    """
    data = _bytes(directory / ATTEMPTS_FILE)
    if data is None:
        return None, _untold(directory, empty(Table.ATTEMPTS))
    rest = len(data) % RECORD.size
    notes = (f"{ATTEMPTS_FILE}: the last record was torn and is left out",) if rest else ()
    rows = _frame(Table.ATTEMPTS, directory / ATTEMPTS_FILE, data[: len(data) - rest], cycle)
    return rows.sort("sent_ns", "seq", "attempt"), (*notes, *_untold(directory, rows))


def _untold(directory: Path, attempts: pl.DataFrame) -> tuple[str, ...]:
    """A note if a request's record has another number than that of the attempts before it: some are lost, or are not its own."""
    data = _bytes(directory / RECORDS_FILE) or b""
    records = np.frombuffer(data[: len(data) - len(data) % RECORD.size], dtype=RECORD_DTYPE)
    records = records[records["intended_ns"] != 0]
    last = pl.DataFrame({"seq": records["seq"].astype(np.int64), "last": (records["flags"] >> ATTEMPT_SHIFT).astype(np.int64)})
    told = attempts.group_by("seq").agg(told=pl.len().cast(pl.Int64))
    wrong = last.join(told, on="seq", how="full", coalesce=True).filter(~pl.col("last").eq_missing(pl.col("told").fill_null(0)))
    if wrong.is_empty():
        return ()
    first = wrong["seq"].sort()[0]
    return (f"{ATTEMPTS_FILE}: the attempts of {wrong.height} requests are not all there, or are of none (first: {first})",)


def read_report(directory: Path) -> GeneratorReport | None:
    """What the generator said of itself at its end; None if it never came to it."""
    path = directory / REPORT_FILE
    try:
        report = decode(GeneratorReport, json.loads(path.read_text(encoding="utf-8")))
        require_sane("rate_rps", report.rate_rps, 1e-6, 1e9)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:  # DoesNotFit is a ValueError
        raise HistoryError(f"{path.name} is damaged: {error}.", where=str(path)) from error
    return report


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HistoryError(f"{path.name} cannot be read: {error.strerror}.", where=str(path)) from error


def _frame(table: Table, path: Path, data: bytes, cycle: int) -> pl.DataFrame:
    """The planned ones of these records."""
    if len(data) % RECORD.size:
        raise HistoryError(f"{path.name} is damaged: {len(data)} bytes are not a multiple of {RECORD.size}.", where=str(path))
    records: npt.NDArray[np.void] = np.frombuffer(data, dtype=RECORD_DTYPE)
    planned = records["intended_ns"] != 0
    # The places that were never used lie behind all others, unless the file is damaged: what is a view costs nothing.
    count = int(np.count_nonzero(planned))
    records = records[:count] if planned[:count].all() else records[planned]
    lane, outcome = records["lane"].copy(), records["outcome"].copy()
    if len(records) and (lane.max() >= len(LANES) or outcome.max() >= len(OUTCOMES)):
        raise HistoryError(f"{path.name} is damaged: a record names a lane or an outcome that is not known.", where=str(path))
    # The code of OK is 0, which is also what a fresh map holds: without an end, nothing was answered.
    outcome[(outcome == OUTCOMES.index(Outcome.OK)) & (records["done_ns"] == 0)] = OUTCOMES.index(Outcome.UNANSWERED)
    given = {
        "cycle": pl.repeat(cycle, len(records), dtype=pl.Int32, eager=True),
        "lane": pl.Series([str(one) for one in LANES]).gather(lane),
        "outcome": pl.Series([str(one) for one in OUTCOMES]).gather(outcome),
        "reused": (records["flags"] & FLAG_REUSED) != 0,
        "attempt": records["flags"] >> ATTEMPT_SHIFT,
    }
    columns = []
    for name, kind in SCHEMAS[table].items():
        values = given[name] if name in given else records[name]
        if not isinstance(values, pl.Series):
            values = pl.Series(np.ascontiguousarray(values))
        columns.append(values.alias(name).cast(kind))
    return pl.DataFrame(columns)


def _answers(path: Path, cycle: int) -> tuple[pl.DataFrame, tuple[str, ...]]:
    rows, notes = read_lines(path)
    kept = []
    for number, given in enumerate(rows, 1):
        try:
            answer = decode(Answer, given)
        except DoesNotFit as error:
            raise HistoryError(f"{path.name}, line {number} is damaged: {error}.", where=str(path)) from error
        headers = json.dumps(dict(answer.headers), sort_keys=True, ensure_ascii=False)
        kept.append({"cycle": cycle, "index": answer.index, "status": answer.status, "body": answer.body, "headers": headers})
    return frame(Table.ANSWERS, kept), notes
