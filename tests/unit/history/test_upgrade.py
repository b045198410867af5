"""A history of an older layout is upgraded, step by step, before it is decoded; one of a newer layout is refused."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from harness.errors import HistoryError
from harness.history import Recorder, read, seal, upgrade
from harness.history import reader as reading
from harness.history.layout import Table
from harness.history.rows import Format, answer
from harness.history.upgrade import Object, Step
from harness.model import LANES, OUTCOMES, FaultEvent, FaultSpec, Lane, Outcome, Stream
from tests.unit.history.kit import load, mark, meta, record, seen

TODAY = upgrade.STEPS
NEXT = len(TODAY) + 2
"""The first layout that is not there yet."""

FIRST = Step(
    name="a source has a prefix",
    meta=lambda given: given | {"source": f"from {given['source']}"},
    rows={
        Table.OBSERVATIONS: lambda given: given | {"payload": given["payload"] + "1"},
        Table.CYCLES: lambda given: given | {"pod": "q"},
    },
)
SECOND = Step(
    name="a source is in capitals",
    meta=lambda given: given | {"source": given["source"].upper()},
    rows={Table.OBSERVATIONS: lambda given: given | {"payload": given["payload"] + "2"}},
)


def later(monkeypatch: pytest.MonkeyPatch, *steps: Step) -> None:
    """From now on this is a release so many layouts later."""
    steps = (*TODAY, *steps)
    monkeypatch.setattr(upgrade, "STEPS", steps)
    monkeypatch.setattr(upgrade, "HISTORY_SCHEMA", 1 + len(steps))
    monkeypatch.setattr(reading, "HISTORY_SCHEMA", 1 + len(steps))


def killed(artifacts: Path) -> Path:
    """A run of today's layout whose writer was killed."""
    writer = Recorder.open(artifacts, meta())
    writer.observation(seen(1, payload="0"))
    writer.cycle(mark(0))
    load(writer.load_dir(0), record(0))
    return writer.dir


def closed(artifacts: Path) -> Path:
    """The same, closed."""
    run = killed(artifacts)
    seal(run)
    return run


def files(run: Path) -> dict[Path, bytes]:
    """What lies there."""
    return {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


@pytest.mark.parametrize("make", [killed, closed])
def test_an_older_layout_is_upgraded_step_by_step(
    make: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order of the steps; what no step names stays as it was, and so do the files."""
    run = make(tmp_path)
    before, today = files(run), read(run)
    later(monkeypatch, FIRST, SECOND)
    found = read(run)
    assert found.meta == replace(today.meta, source="FROM MODULE")
    assert found.observations["payload"].to_list() == ["012"]
    assert found.observations.drop("payload").equals(today.observations.drop("payload"))
    assert found.cycles == (replace(today.cycles[0], pod="q"),)
    assert found.requests.equals(today.requests)
    assert files(run) == before


def test_only_the_steps_from_its_own_layout_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is already so is not done again."""
    later(monkeypatch, FIRST)
    run = closed(tmp_path)
    assert json.loads((run / "run.json").read_text(encoding="utf-8"))["schema"] == NEXT
    later(monkeypatch, FIRST, SECOND)
    assert read(run).meta.source == "MODULE"
    assert read(run).observations["payload"].to_list() == ["02"]


def test_a_query_sees_the_upgraded_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that `read` gives, though its Parquet files hold others."""
    run = closed(tmp_path)
    later(monkeypatch, FIRST, SECOND)
    out = io.StringIO()
    answer([run], "SELECT payload, source FROM observations JOIN runs USING (run)", out, form=Format.CSV)
    assert out.getvalue() == "payload,source\n012,FROM MODULE\n"


def test_a_value_that_earlier_releases_refuse_has_a_layout_of_its_own() -> None:
    """They would call the file damaged, instead of naming the release that reads it. Another value here needs another step."""
    assert (upgrade.HISTORY_SCHEMA, LANES[-1], OUTCOMES[-1], len(Stream)) == (8, Lane.GRPC, Outcome.GRPC_ERROR, 14)


@pytest.mark.parametrize("layout", [NEXT + 1, 99, 0, -1, True, "1", None, 1.0])
def test_a_layout_that_is_not_known_is_refused(layout: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its layout and ours are named, and what to do."""
    run = closed(tmp_path)
    path = run / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | {"schema": layout}), encoding="utf-8")
    later(monkeypatch, FIRST)
    with pytest.raises(
        HistoryError, match=rf"layout {layout!r}; this release reads {NEXT} and older.*Fix: Read it with the release"
    ) as told:
        read(run)
    assert str(path) in str(told.value)


def test_a_column_may_get_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys of a row that are no column are dropped; a column that a step left out is damage."""
    run = closed(tmp_path)

    def renamed(given: Object) -> Object:
        return {"stream": given.pop("stream"), "was": given.pop("payload"), **given, "payload": "new"}

    later(monkeypatch, Step("the payload is new", rows={Table.OBSERVATIONS: renamed}))
    assert read(run).observations["payload"].to_list() == ["new"]

    def short(given: Object) -> Object:
        return {key: value for key, value in given.items() if key != "payload"}

    later(monkeypatch, Step("the payload is lost", rows={Table.OBSERVATIONS: short}))
    with pytest.raises(HistoryError, match="1 rows have no payload"):
        read(run)


@pytest.mark.parametrize("part", ["meta", "rows"])
def test_a_step_that_cannot_be_taken_is_named(part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged file of an old layout says which step could not read it."""
    run = closed(tmp_path)

    def wants(given: Object) -> Object:
        return given | {"x": given["gone"]}

    later(monkeypatch, Step("it has x", meta=wants) if part == "meta" else Step("it has x", rows={Table.CYCLES: wants}))
    with pytest.raises(HistoryError, match="The step 'it has x' from an older layout cannot be taken: KeyError: 'gone'"):
        read(run)


def test_a_head_that_is_no_object_is_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step is given objects alone."""
    run = closed(tmp_path)
    path = run / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | {"meta": []}), encoding="utf-8")
    later(monkeypatch, FIRST)
    with pytest.raises(HistoryError, match=r"'a source has a prefix' .* list is no object"):
        read(run)


def test_requests_of_a_killed_run_are_not_upgraded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They lie in the generator's own files; those of a closed run are rows like any."""
    step = Step("lanes", rows={Table.REQUESTS: lambda given: given | {"lane": "get-pod"}})
    open_run, closed_run = killed(tmp_path / "open"), closed(tmp_path / "closed")
    later(monkeypatch, step)
    assert read(closed_run).requests["lane"].to_list() == ["get-pod"]
    with pytest.raises(HistoryError, match="never closed, and its layout is too old to read requests"):
        read(open_run)


def test_an_older_layout_is_not_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its Parquet files would be of this layout, its head of the old one."""
    run = killed(tmp_path)
    later(monkeypatch, FIRST)
    before = files(run)
    with pytest.raises(HistoryError, match="older layout is not closed"):
        seal(run)
    assert files(run) == before


def test_layout_2_gives_a_fault_parameters(tmp_path: Path) -> None:
    """`persistent` of layout 1 is one of them, in the head and in the table, closed or not."""
    writer = Recorder.open(tmp_path, meta())
    writer.dir.joinpath("faults.jsonl").write_text(
        '{"cycle":0,"kind":"liveness","persistent":true,"pod":"p","boot":"b","sent_ns":1,"answered_ns":2,"status":200,"answer":"{}"}\n',
        encoding="utf-8",
    )
    head = json.loads((writer.dir / "run.json").read_text(encoding="utf-8"))
    head["schema"] = 1
    head["meta"]["spec"]["fault"] = {"kind": "liveness", "persistent": True}
    (writer.dir / "run.json").write_text(json.dumps(head), encoding="utf-8")
    found = read(writer.dir)
    assert found.meta.spec.fault == FaultSpec("liveness", {"persistent": True})
    assert found.faults == (FaultEvent(0, "liveness", {"persistent": True}, "p", "b", 1, 2, 200, "{}"),)


def test_layout_3_gives_a_mark_pods_and_further_milestones(tmp_path: Path) -> None:
    """There were none in a layout before: it reads as it was."""
    run = closed(tmp_path)
    today = read(run)
    cycles = run / "cycles.parquet"
    pl.read_parquet(cycles).drop("pods", "at").write_parquet(cycles)
    head = json.loads((run / "run.json").read_text(encoding="utf-8")) | {"schema": 2}
    (run / "run.json").write_text(json.dumps(head), encoding="utf-8")
    told = json.loads((run / "closed.json").read_text(encoding="utf-8"))
    told["sha256"].pop("cycles")
    (run / "closed.json").write_text(json.dumps(told), encoding="utf-8")
    assert read(run).cycles == today.cycles
    assert read(run).cycles[0].pods == ()
