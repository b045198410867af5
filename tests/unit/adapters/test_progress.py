"""What a person reads while a long step runs."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

import pytest

from harness.adapters.progress import MOST_RECORDS, Progress, elapsed, work_of


def durations(tmp_path: Path, **known: float) -> Path:
    """A file of recorded times."""
    place = tmp_path / "durations.json"
    place.write_text(json.dumps(known), encoding="utf-8")
    return place


def still_running(place: Path, name: str, work: str | None) -> list[str]:
    """All lines of a step that lasts until it has said once that it still runs."""
    said: list[str] = []
    alive = threading.Event()

    def speak(text: str) -> None:
        said.append(text)
        if " elapsed" in text:
            alive.set()

    with Progress(speak, place, every_s=0.01).step(name, work=work):
        assert alive.wait(60)
    return said


def test_a_step_announces_its_start_and_its_end_and_is_recorded(tmp_path: Path) -> None:
    """The next step of the same work says at its start how long the last one took."""
    said: list[str] = []
    progress = Progress(said.append, durations(tmp_path, build=42.0), every_s=3600)
    with progress.step("build"):
        pass
    assert said[0] == "build ... (took 42 s last time)"
    assert re.fullmatch(r"build: \d+\.\d s", said[1])
    recorded = progress.expected_s("build")
    assert recorded is not None
    assert recorded < 42.0
    assert progress.expected_s("other") is None


def test_a_record_is_used_for_the_same_work_alone(tmp_path: Path) -> None:
    """The label may be the same, or another: a build of 26 images says nothing about a build of one."""
    said: list[str] = []
    progress = Progress(
        said.append, durations(tmp_path, **{"26 images": 500.0, "1 image": 20.0, "S1": 300.0, "images": 7.0}), every_s=3600
    )
    for name, work in (("images", "26 images"), ("images", "1 image"), ("images", "2 images"), ("cycle 3", "S1")):
        with progress.step(name, work=work):
            pass
    assert [line for line in said if "..." in line] == [
        "images ... (took 500 s last time)",
        "images ... (took 20 s last time)",
        "images ...",
        "cycle 3 ... (took 300 s last time)",
    ]


def test_a_step_of_unknown_work_expects_nothing_and_records_nothing(tmp_path: Path) -> None:
    """Its name alone does not say what there will be to do: the quick run before must not be what the long one is measured by."""
    place = durations(tmp_path, images=2.0)
    said = still_running(place, "images", None)
    assert said[0] == "images ..."
    assert not [line for line in said if "last time" in line]
    assert json.loads(place.read_text(encoding="utf-8")) == {"images": 2.0}


@pytest.mark.parametrize("recorded", [0.0, 0.1, 0.9])
def test_a_time_too_short_to_wait_for_is_not_shown(tmp_path: Path, recorded: float) -> None:
    """Never "of about 0"."""
    said = still_running(durations(tmp_path, build=recorded), "build", "")
    assert said[0] == "build ..."
    assert re.fullmatch(r"build: \d+ s elapsed", said[1])


@pytest.mark.parametrize(
    ("seconds", "expected", "line"),
    [
        (30.0, None, "30 s elapsed"),
        (30.0, 45.0, "30 s elapsed; took 45 s last time"),
        (45.0, 45.0, "45 s elapsed; took 45 s last time"),
        (90.0, 45.0, "90 s elapsed, longer than the 45 s of last time"),
    ],
)
def test_a_running_step_is_compared_with_the_last_one(seconds: float, expected: float | None, line: str) -> None:
    """Past the expected time it says that it is longer, and promises no end."""
    assert elapsed(seconds, expected) == line


def test_work_has_the_same_name_in_every_process() -> None:
    """It is a key in a file; another detail is another work."""
    assert work_of("cycle", ("a", 1), None) == "cycle a4609ddbc03f"
    assert work_of("cycle", ("a", 2), None) != work_of("cycle", ("a", 1), None)
    assert work_of("cycle", "\udc80")


def test_the_file_does_not_grow_for_ever(tmp_path: Path) -> None:
    """It starts anew when it is full; a work that is in it stays."""
    place = durations(tmp_path, **{f"work {n}": 1.0 for n in range(MOST_RECORDS)})
    progress = Progress(lambda _text: None, place)
    with progress.step("build", work="work 7"):
        pass
    assert len(json.loads(place.read_text(encoding="utf-8"))) == MOST_RECORDS
    with progress.step("build", work="one more"):
        pass
    assert list(json.loads(place.read_text(encoding="utf-8"))) == ["one more"]


def test_a_failed_step_says_so_and_is_not_recorded(tmp_path: Path) -> None:
    """The time until a failure says nothing about the next run."""
    said: list[str] = []
    progress = Progress(said.append, tmp_path / "durations.json")
    with pytest.raises(ValueError, match="no"), progress.step("build"):
        raise ValueError("no")
    assert said[-1].startswith("build: failed after ")
    assert progress.expected_s("build") is None


def test_a_long_step_says_that_it_still_runs(tmp_path: Path) -> None:
    """By itself, with the time elapsed."""
    assert re.fullmatch(r"build: \d+ s elapsed", still_running(tmp_path / "none.json", "build", "")[1])


@pytest.mark.parametrize("text", ['{"build": ', "[1]", '{"build": "long"}'])
def test_a_damaged_file_is_read_as_empty(tmp_path: Path, text: str) -> None:
    """And is written anew."""
    place = tmp_path / "durations.json"
    place.write_text(text, encoding="ascii")
    progress = Progress(lambda _text: None, place)
    assert progress.expected_s("build") is None
    with progress.step("build"):
        pass
    assert progress.expected_s("build") is not None


def test_a_name_cannot_steer_a_terminal() -> None:
    """Names of steps and texts of programs come from elsewhere."""
    said: list[str] = []
    progress = Progress(said.append, every_s=3600)
    progress.say("app: \x1b]0;renamed\x07")
    with progress.step("build \x1b[2J"):
        pass
    assert said[0] == r"app: \x1b]0;renamed\x07"
    assert all(line.startswith(r"build \x1b[2J") for line in said[1:])
    assert len(said) == 3
