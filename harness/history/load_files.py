"""What one generator process left in its directory, as tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from harness.errors import HistoryError
from harness.history.codec import DoesNotFit, decode
from harness.history.journal import read_lines
from harness.history.layout import ANSWERS, GENERATOR, RECORDS, Table
from harness.history.tables import SCHEMAS, empty, frame
from harness.model import FLAG_REUSED, LANES, OUTCOMES, RECORD, Answer, GeneratorReport, Outcome

RECORD_DTYPE = np.dtype(
    [
        ("seq", "<u4"),
        ("lane", "u1"),
        ("outcome", "u1"),
        ("status", "<u2"),
        ("answer", "<i4"),
        ("flags", "<u4"),
        ("intended_ns", "<i8"),
        ("sent_ns", "<i8"),
        ("first_byte_ns", "<i8"),
        ("done_ns", "<i8"),
    ]
)
"""`harness.model.RECORD`, for numpy."""

if RECORD_DTYPE.itemsize != RECORD.size:  # pragma: no cover - a change of one without the other
    raise AssertionError(f"a record has {RECORD.size} bytes, its dtype {RECORD_DTYPE.itemsize}")


def read_load(directory: Path, cycle: int) -> tuple[pl.DataFrame, pl.DataFrame, GeneratorReport | None, tuple[str, ...]]:
    """(requests, answers, report, notes) of one cycle; also while the generator runs or after it was killed.

    Only planned records are rows. One that was planned and never came to an end is UNANSWERED. No files: no rows, no report.
    Raises HistoryError for damaged files.
    """
    requests = _requests(directory / RECORDS, cycle)
    answers, notes = _answers(directory / ANSWERS, cycle)
    return requests, answers, read_report(directory), notes


def read_report(directory: Path) -> GeneratorReport | None:
    """What the generator said of itself at its end; None if it never came to it."""
    path = directory / GENERATOR
    try:
        return decode(GeneratorReport, json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # DoesNotFit is a ValueError
        raise HistoryError(f"{path.name} is damaged: {error}.", where=str(path)) from error


def _requests(path: Path, cycle: int) -> pl.DataFrame:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return empty(Table.REQUESTS)
    except OSError as error:
        raise HistoryError(f"{path.name} cannot be read: {error.strerror}.", where=str(path)) from error
    if len(data) % RECORD.size:
        raise HistoryError(f"{path.name} is damaged: {len(data)} bytes are no whole number of {RECORD.size}.", where=str(path))
    records: npt.NDArray[np.void] = np.frombuffer(data, dtype=RECORD_DTYPE)
    records = records[records["intended_ns"] != 0]
    if len(records) and (records["lane"].max() >= len(LANES) or records["outcome"].max() >= len(OUTCOMES)):
        raise HistoryError(f"{path.name} is damaged: a record names a lane or an outcome that is not known.", where=str(path))
    outcome = np.array([str(one) for one in OUTCOMES])[records["outcome"]]
    # The code of OK is 0, which is also what a fresh map holds: without an end, nothing was answered.
    unfinished = (records["done_ns"] == 0) & (records["outcome"] == OUTCOMES.index(Outcome.OK))
    outcome = np.where(unfinished, str(Outcome.UNANSWERED), outcome)
    columns = {
        "cycle": np.full(len(records), cycle),
        "seq": records["seq"],
        "lane": np.array([str(one) for one in LANES])[records["lane"]],
        "outcome": outcome,
        "status": records["status"],
        "answer": records["answer"],
        "reused": (records["flags"] & FLAG_REUSED) != 0,
        **{name: records[name] for name in ("intended_ns", "sent_ns", "first_byte_ns", "done_ns")},
    }
    # numpy's fixed-width text has no direct way into polars: lists of str do.
    series = [
        pl.Series(name, columns[name].tolist() if kind == pl.String() else np.ascontiguousarray(columns[name])).cast(kind)
        for name, kind in SCHEMAS[Table.REQUESTS].items()
    ]
    return pl.DataFrame(series).sort("intended_ns", "seq")


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
