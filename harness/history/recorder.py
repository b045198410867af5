"""The one who writes a run directory: appends while running, Parquet in the end."""

from __future__ import annotations

import re
import tempfile
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.adapters.clock import Anchor
from harness.adapters.files import write_json
from harness.errors import BadInput, HistoryError
from harness.history import layout
from harness.history.codec import encode
from harness.history.journal import Journal
from harness.history.layout import CLOSED, JOURNALS, RAW, RUN, Table
from harness.history.reader import head_of, read_head, read_tables
from harness.history.tables import sha256_of, write_parquet
from harness.model import (
    ANSWERS_FILE,
    ATTEMPTS_FILE,
    RECORDS_FILE,
    CycleMark,
    FaultEvent,
    Gap,
    NodeCpu,
    Observation,
    Phase,
    RunMeta,
)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""What a scenario and a run id may be called: they name directories."""


def require_writable(artifacts: Path, *, option: str = "--kn-artifacts") -> None:
    """Find out before anything is made or measured whether files can be kept there. Raises BadInput.

    option: by which the user names another directory. Directories that are made for this are removed again: what is asked may
    still be refused.
    """
    made = [place for place in (artifacts, *artifacts.parents) if not place.exists()]
    try:
        artifacts.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=artifacts):
            pass
    except OSError as error:
        raise _unwritable(artifacts, error, option) from error
    finally:
        for place in made:
            with suppress(OSError):  # not made, or somebody has put something there
                place.rmdir()


def _unwritable(directory: Path, error: OSError, option: str = "--kn-artifacts") -> BadInput:
    return BadInput(
        f"The directory {directory} cannot be written: {error.strerror}.",
        fix=f"Name one you may write with {option}, or correct its permissions.",
        where=str(directory),
    )


class Recorder:
    """An open history. Appending is safe from several threads; what was appended survives a kill of this process.

    `close` is idempotent and a `with` block calls it. Appending after it raises HistoryError.
    """

    def __init__(self, directory: Path, meta: RunMeta) -> None:
        self.dir = directory
        self._meta = meta
        self._guard = threading.RLock()
        self._closed = False
        self._journals = {table: Journal(layout.journal(directory, table)) for table in JOURNALS}

    @staticmethod
    def open(artifacts: Path, meta: RunMeta, *, directory: Path | None = None) -> Recorder:
        """Make the directory of this run and start writing. Raises BadInput when that cannot be done there.

        directory: where, in place of artifacts/SCENARIO/UTC-ID, for a run that is a block of an experiment.
        """
        for what, name in (("scenario", meta.spec.scenario), ("run id", meta.run_id)):
            if not _NAME.fullmatch(name):
                raise BadInput(f"The {what} {name!r} cannot name a directory.", fix="Use letters, digits, dot, dash, underscore.")
        stamp = datetime.fromtimestamp(meta.anchor_utc_ns // 1_000_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
        directory = directory or artifacts / meta.spec.scenario / f"{stamp}-{meta.run_id}"
        try:
            directory.mkdir(parents=True)
            (directory / RAW).mkdir()
            (directory / layout.LOAD).mkdir()
            write_json(directory / RUN, head_of(meta))
            return Recorder(directory, meta)
        except FileExistsError as error:
            raise BadInput(
                f"{error.filename or directory} is already there.", fix="Name another artifacts directory or run id."
            ) from error
        except OSError as error:
            raise _unwritable(artifacts, error) from error

    @property
    def raw_dir(self) -> Path:
        """Logs as they came; kept."""
        return self.dir / RAW

    def load_dir(self, cycle: int) -> Path:
        """The directory of this cycle's generator, made if it is not there."""
        place = layout.load_dir(self.dir, cycle)
        place.mkdir(parents=True, exist_ok=True)
        return place

    def observation(self, seen: Observation) -> None:
        """One thing an observer saw."""
        self._journals[Table.OBSERVATIONS].append(encode(seen))

    def gap(self, gap: Gap) -> None:
        """A stretch in which a stream may have lost something."""
        self._journals[Table.GAPS].append(encode(gap))

    def node_cpu(self, seen: NodeCpu) -> None:
        """How the threads of the node waited for a CPU between two looks."""
        self._journals[Table.NODE_CPU].append(encode(seen))

    def fault(self, event: FaultEvent) -> None:
        """What was done to the app."""
        self._journals[Table.FAULTS].append(encode(event))

    def phase(self, phase: Phase) -> None:
        """A step of the run that is over."""
        self._journals[Table.PHASES].append(encode(phase))

    def cycle(self, mark: CycleMark) -> None:
        """The scenario's record of a cycle; may be written again as the cycle goes on: the last one stands."""
        self._journals[Table.CYCLES].append(encode(mark))

    def meta(self, meta: RunMeta) -> None:
        """Replace the head of the history, whole or not at all."""
        with self._guard:
            self._meta = meta
            write_json(self.dir / RUN, head_of(meta))

    def close(self) -> Path:
        """Measure the clock step unless the head has one, write Parquet, mark the run closed. Returns the run directory.

        Raises HistoryError when the tables cannot be written; the lines and maps then stay as they are, and `read` takes them.
        """
        with self._guard:
            if self._closed:
                return self.dir
            for lines in self._journals.values():
                lines.close()
            if self._meta.clock_step_ns is None:
                step_ns = Anchor(self._meta.anchor_utc_ns, self._meta.anchor_mono_ns).step_ns()
                self.meta(replace(self._meta, clock_step_ns=step_ns))
            seal(self.dir)
            self._closed = True
            return self.dir

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        self.close()


def seal(directory: Path) -> None:
    """Turn lines and maps into Parquet; also for a run whose writer was killed (its clock step stays unknown). Idempotent.

    A kill at any point leaves either readable lines or readable Parquet: the mark comes after all tables, the deletions after it.
    Raises HistoryError when a table cannot be read or written, and for a run of an older layout, which is read as it is.
    """
    _, steps = read_head(directory)
    if steps:
        raise HistoryError("A run of an older layout is not closed: it can be read as it is.", where=str(directory))
    tables, notes = read_tables(directory, steps)
    if not (directory / CLOSED).is_file():
        for table, rows in tables.items():
            write_parquet(layout.parquet(directory, table), rows)
        counts = {table.value: rows.height for table, rows in tables.items()}
        try:
            sums = {table.value: sha256_of(layout.parquet(directory, table)) for table in tables}
            write_json(directory / CLOSED, {"rows": counts, "sha256": sums, "notes": list(notes)})
        except OSError as error:
            raise HistoryError(f"{CLOSED} cannot be written: {error.strerror}.", where=str(directory)) from error
    for table in JOURNALS:
        layout.journal(directory, table).unlink(missing_ok=True)
    for _, place in layout.load_dirs(directory):
        for name in (RECORDS_FILE, ATTEMPTS_FILE, ANSWERS_FILE):
            (place / name).unlink(missing_ok=True)
