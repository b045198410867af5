"""A history on disk replays to what it showed; and the machinery that says so can say no."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from harness.errors import HistoryError
from harness.history import Recorder, read
from harness.model import FLAG_REUSED, LANES, OUTCOMES, RECORD, Lane, Outcome
from tests.replay.replay import EXPECTED, SUMMARY, analysed, differences, keep, recordings, shown
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
    running = shown(analysed(writer.dir)[0])
    closed = shown(analysed(writer.close())[0])
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
    for name in (EXPECTED, SUMMARY):
        (spoilt / name).write_bytes((whole / name).read_bytes())
    told = differences(spoilt)
    assert "findings.ledger.unattributed: expected 0, shown 1" in told
    assert "verdict.ruling: expected 'pass', shown 'inconclusive'" in told
    assert "+++ summary.json as shown" in told
    assert re.fullmatch(r"\.\.\. \d+ lines more", told[-1])


def test_one_byte_of_a_summary_is_a_difference(tmp_path: Path) -> None:
    """Also where findings and verdict are the same: a unified diff of the line, and no other."""
    directory = recorded(tmp_path, restarts(1)).close()
    keep(directory)
    kept = (directory / SUMMARY).read_bytes()
    (directory / SUMMARY).write_bytes(kept.replace(b'"schema": 2', b'"schema": 3'))
    told = differences(directory)
    assert [line for line in told if line.startswith(("-  ", "+  "))] == ['-  "schema": 3,', '+  "schema": 2,']
    assert told[:2] == ["--- summary.json as kept", "+++ summary.json as shown"]
    (directory / SUMMARY).write_bytes(kept.replace(b"\n", b"\r\n"))
    assert differences(directory) != []


def test_a_replay_leaves_its_recording_alone(tmp_path: Path) -> None:
    """Neither a page nor a summary is written beside a recording that is compared."""
    directory = recorded(tmp_path, calm(1)).close()
    keep(directory)
    before = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    assert differences(directory) == []
    assert {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()} == before


def test_a_lost_table_is_not_replayed(tmp_path: Path) -> None:
    """A recording that is not whole is an error, not a difference."""
    directory = recorded(tmp_path, calm(1)).close()
    keep(directory)
    (directory / "requests.parquet").unlink()
    with pytest.raises(HistoryError, match=r"requests\.parquet is damaged or gone"):
        differences(directory)
