"""A run directory from open to closed, and what a kill leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from harness.adapters.clock import Anchor
from harness.errors import BadInput, HarnessError, HistoryError
from harness.history import Recorder, link_latest, read, recorder, seal
from harness.model import FaultEvent, Gap, History, Outcome, Phase, Stream
from tests.unit.history.kit import T0, load, mark, meta, record, seen

FAULT = FaultEvent(
    0, "liveness", params={"persistent": False}, pod="pod", boot="b0", sent_ns=1, answered_ns=2, status=200, answer="{}"
)


def filled(artifacts: Path) -> Recorder:
    """An open history with something of everything."""
    writer = Recorder.open(artifacts, meta())
    writer.observation(seen(1, '{"event":"boot","text":"ü\\u2028"}'))
    writer.observation(seen(2, "not JSON"))
    writer.gap(Gap(Stream.PODS, "", T0, T0 + 1, "the watch broke"))
    writer.fault(FAULT)
    writer.phase(Phase("load", T0, T0 + 5))
    writer.cycle(mark(0, ended_ns=0))
    writer.cycle(mark(0))
    load(writer.load_dir(0), record(1), record(0, Outcome.TIMEOUT), record(2, intended_ns=0))
    return writer


def same(one: History, other: History) -> None:
    """Both histories say the same."""
    for name in ("meta", "cycles", "faults", "phases", "gaps", "generators", "notes"):
        assert getattr(one, name) == getattr(other, name), name
    for name in ("observations", "requests", "answers"):
        assert getattr(one, name).equals(getattr(other, name)), name


def test_the_directory_is_named_by_time_and_id(tmp_path: Path) -> None:
    """artifacts/<scenario>/<time>-<id>/ with a place for raw logs and for each generator."""
    writer = Recorder.open(tmp_path, meta())
    assert writer.dir == tmp_path / "S1" / "20260528T202640Z-ab12"
    assert writer.raw_dir.is_dir()
    assert writer.load_dir(0) == writer.dir / "load" / "cycle-000"
    assert writer.load_dir(0).is_dir()


def test_open_and_closed_read_the_same(tmp_path: Path) -> None:
    """Closing changes the form of a history, not what it says."""
    writer = filled(tmp_path)
    running = read(writer.dir)
    writer.close()
    closed = read(writer.dir)
    same(running, closed)
    assert closed.observations["payload"].to_list() == [seen(1, '{"event":"boot","text":"ü\\u2028"}').payload, "not JSON"]
    assert closed.faults == (FAULT,)
    assert closed.cycles == (mark(0),)
    assert closed.generators[0].rate_rps == 50.0
    assert closed.answers.row(0, named=True) == {
        "cycle": 0,
        "index": 0,
        "status": 200,
        "body": "hello ü",
        "headers": '{"server": "envoy"}',
    }


def test_only_planned_requests_are_kept(tmp_path: Path) -> None:
    """A record whose intended time is 0 was never planned; the rest are rows in words."""
    with filled(tmp_path) as writer:
        pass
    requests = read(writer.dir).requests
    assert requests["seq"].to_list() == [0, 1]
    assert requests["outcome"].to_list() == ["timeout", "ok"]
    assert requests["lane"].unique().to_list() == ["post-keepalive"]
    assert requests["reused"].all()


def test_what_went_into_parquet_is_deleted_and_the_rest_kept(tmp_path: Path) -> None:
    """A closed run has one truth, the raw logs, and the generator's own words."""
    writer = filled(tmp_path)
    (writer.raw_dir / "queue-proxy.log").write_text("line\n", encoding="utf-8")
    writer.close()
    left = sorted(str(path.relative_to(writer.dir)) for path in writer.dir.rglob("*") if path.is_file())
    assert left == [
        "answers.parquet",
        "closed.json",
        "cycles.parquet",
        "faults.parquet",
        "gaps.parquet",
        "load/cycle-000/generator.json",
        "load/cycle-000/spec.json",
        "observations.parquet",
        "phases.parquet",
        "raw/queue-proxy.log",
        "requests.parquet",
        "run.json",
    ]


def test_close_is_idempotent(tmp_path: Path) -> None:
    """Closing again, sealing again, changes nothing."""
    writer = filled(tmp_path)
    writer.close()
    before = read(writer.dir)
    writer.close()
    seal(writer.dir)
    same(before, read(writer.dir))


def test_an_empty_run_closes(tmp_path: Path) -> None:
    """Interrupted before anything was seen: still a history."""
    with Recorder.open(tmp_path, meta()) as writer:
        pass
    empty = read(writer.dir)
    assert (empty.cycles, empty.observations.height, empty.requests.height) == ((), 0, 0)


def test_nothing_is_written_after_close(tmp_path: Path) -> None:
    """A late observer is told, not silently lost."""
    writer = filled(tmp_path)
    writer.close()
    with pytest.raises(HistoryError, match="after the history was closed"):
        writer.observation(seen(3))


def test_threads_may_write_at_once(tmp_path: Path) -> None:
    """No line is lost or mixed with another."""
    writer = Recorder.open(tmp_path, meta())
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: writer.observation(seen(number, "x" * 5_000)), range(400)))
    writer.close()
    assert sorted(read(writer.dir).observations["at_ns"].to_list()) == [T0 + number for number in range(400)]


def test_close_measures_the_clock_step(tmp_path: Path) -> None:
    """Whoever opened the history closes it with the step of the clock since then."""
    anchor = Anchor.take()
    head = replace(meta(step_ns=None), anchor_utc_ns=anchor.utc_ns - 7_000_000_000, anchor_mono_ns=anchor.mono_ns)
    with Recorder.open(tmp_path, head) as writer:
        assert read(writer.dir).meta.clock_step_ns is None
    step_ns = read(writer.dir).meta.clock_step_ns
    assert step_ns is not None
    assert abs(step_ns - 7_000_000_000) < 1_000_000_000


def test_the_head_can_be_rewritten(tmp_path: Path) -> None:
    """Why a run was interrupted is known only later."""
    writer = filled(tmp_path)
    writer.meta(replace(meta(), interrupted="Ctrl-C"))
    assert read(writer.dir).meta.interrupted == "Ctrl-C"


@pytest.mark.parametrize(("scenario", "run_id"), [("../x", "a"), ("S1", "a/b"), ("", "a"), ("S1", ".hidden")])
def test_names_that_leave_the_directory_are_refused(tmp_path: Path, scenario: str, run_id: str) -> None:
    """A scenario's name can not choose another place."""
    with pytest.raises(BadInput, match="cannot name a directory"):
        Recorder.open(tmp_path, meta(scenario, run_id))


def test_an_unwritable_place_is_bad_input(tmp_path: Path) -> None:
    """One clear line, the fix, exit code 3."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(BadInput, match=r"cannot be written: Not a directory.* Fix: ") as told:
        Recorder.open(tmp_path / "file" / "artifacts", meta())
    assert told.value.exit_code == 3


def test_a_run_is_never_written_over(tmp_path: Path) -> None:
    """The same id in the same second is refused."""
    Recorder.open(tmp_path, meta())
    with pytest.raises(BadInput, match="already there"):
        Recorder.open(tmp_path, meta())


KILLED = """
import os, sys
from pathlib import Path
from harness.history import Recorder
from tests.unit.history.kit import load, mark, meta, record, seen
writer = Recorder.open(Path(sys.argv[1]), meta(step_ns=None))
for number in range(100):
    writer.observation(seen(number))
load(writer.load_dir(0), record(0), record(1, done_ns=0), report=False)
os.write(1, str(writer.dir).encode())
os.kill(os.getpid(), 9)
"""


def test_a_kill_loses_nothing_that_was_written(tmp_path: Path) -> None:
    """SIGKILL of the writer: all rows, an unanswered request, an unknown step of the clock; sealing keeps that."""
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], capture_output=True, text=True, cwd=root, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    directory = Path(done.stdout)
    killed = read(directory)
    assert killed.observations.height == 100
    assert killed.requests["outcome"].to_list() == ["ok", "unanswered"]
    assert killed.generators == {}
    assert killed.meta.clock_step_ns is None
    seal(directory)
    same(killed, read(directory))


def test_a_torn_last_line_is_noted_also_after_sealing(tmp_path: Path) -> None:
    """Half a line is left out and said."""
    writer = filled(tmp_path)
    with (writer.dir / "observations.jsonl").open("ab") as lines:
        lines.write(b'{"stream":"po')
    for history in (read(writer.dir), read(writer.close())):
        assert history.observations.height == 2
        assert history.notes == ("observations.jsonl: a last line of 13 bytes was torn and is left out",)


def test_lone_surrogates_do_not_spoil_a_history(tmp_path: Path) -> None:
    """A log line that was decoded carelessly is kept as far as text goes."""
    with Recorder.open(tmp_path, meta()) as writer:
        writer.observation(seen(0, "\udc80 odd"))
    assert read(writer.dir).observations["payload"].to_list() == ["? odd"]


def test_a_failed_write_back_keeps_the_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When Parquet cannot be written, closing says so and the lines stay readable; closing again mends it."""
    writer = filled(tmp_path)
    before = read(writer.dir)

    def full(path: Path, rows: pl.DataFrame) -> None:
        raise HistoryError("No space left on device.")

    with monkeypatch.context() as patch:
        patch.setattr(recorder, "write_parquet", full)
        with pytest.raises(HistoryError, match="No space"):
            writer.close()
    same(before, read(writer.dir))
    writer.close()
    same(before, read(writer.dir))


def test_a_full_disk_is_told_and_half_a_line_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line that did not fit must not spoil the next one."""
    writer = Recorder.open(tmp_path, meta())
    real = os.write
    calls = iter([5, None])

    def short(fd: int, data: bytes) -> int:
        length = next(calls)
        if length is None:
            raise OSError(28, "No space left on device")
        return real(fd, data[:length])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", short)
        with pytest.raises(HarnessError, match="No space left"):
            writer.observation(seen(1))
    writer.observation(seen(2))
    assert read(writer.dir).observations["at_ns"].to_list() == [T0 + 2]


def test_latest_points_at_the_newest_run(tmp_path: Path) -> None:
    """A relative link, replaced in one step, for people and tools that want the last one."""
    first = Recorder.open(tmp_path, meta(run_id="a")).dir
    link = link_latest(tmp_path, "S1")
    assert link == tmp_path / "latest" / "S1"
    assert link.resolve() == first.resolve()
    second = Recorder.open(tmp_path, replace(meta(run_id="b"), anchor_utc_ns=T0 + 10**10)).dir
    assert link_latest(tmp_path, "S1").resolve() == second.resolve()
    assert not link.readlink().is_absolute()
    assert link_latest(tmp_path, "S1", first).resolve() == first.resolve()
    assert json.loads((link / "run.json").read_text(encoding="utf-8"))["meta"]["run_id"] == "a"


def test_no_run_no_link(tmp_path: Path) -> None:
    """Nothing to point at is said."""
    with pytest.raises(HistoryError, match="no run of S9"):
        link_latest(tmp_path, "S9")
