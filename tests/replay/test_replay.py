"""A history on disk replays to what it showed; and the machinery that says so can say no."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.analyse import analyse
from harness.errors import HistoryError
from harness.history import Recorder, read
from harness.judge import judge
from harness.model import FLAG_REUSED, LANES, OUTCOMES, RECORD, Lane, Outcome, Ruling
from tests.replay.replay import EXPECTED, differences, keep, recordings, shown
from tests.unit.analyse.story import Story, calm, restarts


def recorded(artifacts: Path, story: Story) -> Recorder:
    """The story as a running harness and its generators would have left it; still open."""
    writer = Recorder.open(artifacts, story.history().meta)
    for seen in story.observations:
        writer.observation(seen)
    for gap in story.gaps:
        writer.gap(gap)
    for event in story.faults:
        writer.fault(event)
    for mark in story.cycles:
        writer.cycle(mark)
        place = writer.load_dir(mark.index)
        rows = [row for row in story.requests if row["cycle"] == mark.index]
        times = ("intended_ns", "sent_ns", "first_byte_ns", "done_ns")
        codes = [(LANES.index(Lane(row["lane"])), OUTCOMES.index(Outcome(row["outcome"]))) for row in rows]
        records = [
            RECORD.pack(row["seq"], *code, row["status"], row["answer"], FLAG_REUSED, *(row[name] for name in times))
            for row, code in zip(rows, codes, strict=True)
        ]
        (place / "records.bin").write_bytes(b"".join([*records, bytes(RECORD.size * 50)]))
        answers = [row | {"headers": json.loads(row["headers"])} for row in story.answers if row["cycle"] == mark.index]
        lines = [json.dumps({key: row[key] for key in ("index", "status", "body", "headers")}) for row in answers]
        (place / "answers.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        report = story.generators[mark.index]
        fields = {name: getattr(report, name) for name in type(report).__slots__}
        (place / "generator.json").write_text(json.dumps(fields), encoding="utf-8")
        (place / "spec.json").write_text("{}", encoding="utf-8")
    return writer


@pytest.mark.parametrize("story", [restarts(1), calm(1)], ids=["restarts", "calm"])
def test_a_history_shows_the_same_open_closed_and_in_memory(tmp_path: Path, story: Story) -> None:
    """The way over the disk, in either form, changes no finding."""
    writer = recorded(tmp_path, story)
    running = shown(writer.dir)
    closed = shown(writer.close())
    assert running == closed
    assert isinstance(closed["verdict"], dict)
    assert closed["verdict"]["ruling"] == "pass"
    there, back = story.history(), read(writer.dir)
    assert back.requests.sort("seq").equals(there.requests.sort("seq"))
    assert back.observations.equals(there.observations)
    assert (back.meta, back.cycles, back.faults, back.generators) == (there.meta, there.cycles, there.faults, there.generators)


def test_a_kept_recording_replays(tmp_path: Path) -> None:
    """What was kept is found and shows no difference; a directory without an expectation is no recording."""
    directory = recorded(tmp_path, restarts(1)).close()
    assert recordings(directory.parent) == []
    keep(directory)
    assert recordings(directory.parent) == [directory]
    assert differences(directory) == []


def test_a_changed_recording_is_told_by_place(tmp_path: Path) -> None:
    """One line fewer in the log, one different word in the expectation: each is named."""
    keep(recorded(tmp_path / "a", restarts(1)).close())
    (whole,) = recordings(tmp_path / "a" / "S1")
    story = restarts(1)
    story.drop(lambda one: '"error"' in one.payload, 1)
    spoilt = recorded(tmp_path / "b", story).close()
    (spoilt / EXPECTED).write_bytes((whole / EXPECTED).read_bytes())
    told = differences(spoilt)
    assert "findings.ledger.unattributed: expected 0, shown 1" in told
    assert "verdict.ruling: expected 'pass', shown 'inconclusive'" in told


def test_a_lost_table_is_not_replayed(tmp_path: Path) -> None:
    """A recording that is not whole is an error, not a difference."""
    directory = recorded(tmp_path, calm(1)).close()
    keep(directory)
    (directory / "requests.parquet").unlink()
    with pytest.raises(HistoryError, match=r"requests\.parquet is damaged or gone"):
        differences(directory)


def test_every_recording_shows_what_it_showed() -> None:
    """The real histories in tests/data, one of S1 and one of N1 at least: a comparison of nothing would always hold."""
    assert {read(directory).meta.spec.scenario for directory in recordings()} >= {"S1", "N1"}
    told = {directory.name: differences(directory) for directory in recordings()}
    assert {name: lines for name, lines in told.items() if lines} == {}


def test_the_recordings_show_what_the_scenarios_are_about() -> None:
    """Not only the same as before, but what was seen on the cluster: refusals without a restart of the pod, and nothing at all."""
    verdicts = {}
    for directory in recordings():
        history = read(directory)
        findings = analyse(history)
        verdicts[history.meta.spec.scenario] = judge(history.meta.spec, findings).ruling
        refused = findings.ledger.queue_proxy_refused_lines
        assert findings.ledger.matched == refused == findings.ledger.client_failures
        assert (refused > 200 * history.meta.spec.cycles) is (history.meta.spec.scenario != "N1")
        logged = findings.sent if history.meta.spec.request_log else 0
        assert (findings.ledger.request_log_lines, findings.ledger.exact) == (logged, logged)
    assert verdicts == {"S1": Ruling.PASS, "N1": Ruling.PASS, "S1-request-log": Ruling.PASS}
