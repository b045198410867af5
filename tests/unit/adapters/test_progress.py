"""What people are told while something long runs."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from harness.adapters.progress import Progress


def test_a_step_tells_its_start_and_its_end_and_is_remembered(tmp_path: Path) -> None:
    """The second time, it also says how long the first took."""
    said: list[str] = []
    progress = Progress(said.append, tmp_path / "expected.json", every_s=3600)
    for _ in range(2):
        with progress.step("build"):
            pass
    assert said[0] == "build ..." and said[1].startswith("build: ") and said[2].startswith("build ... (took ")
    assert progress.expected_s("build") is not None and progress.expected_s("other") is None


def test_a_failed_step_says_so_and_is_not_remembered(tmp_path: Path) -> None:
    """A failure's time says nothing about the next one's."""
    said: list[str] = []
    progress = Progress(said.append, tmp_path / "expected.json")
    with pytest.raises(ValueError, match="no"), progress.step("build"):
        raise ValueError("no")
    assert said[-1].startswith("build: failed after ") and progress.expected_s("build") is None


def test_a_long_step_gives_signs_of_life(tmp_path: Path) -> None:
    """They come by themselves, with the time gone."""
    alive = threading.Event()

    def speak(text: str) -> None:
        if " gone" in text:
            alive.set()

    with Progress(speak, every_s=0.01).step("build"):
        assert alive.wait(60)


def test_a_damaged_memory_is_no_memory(tmp_path: Path) -> None:
    """Half a file is not read, and is written anew."""
    place = tmp_path / "expected.json"
    place.write_text('{"build": ', encoding="ascii")
    progress = Progress(lambda _text: None, place)
    assert progress.expected_s("build") is None
    with progress.step("build"):
        pass
    assert progress.expected_s("build") is not None


def test_nothing_said_can_command_a_terminal() -> None:
    """Names of steps and texts of programs come from elsewhere."""
    said: list[str] = []
    progress = Progress(said.append, every_s=3600)
    progress.say("app: \x1b]0;renamed\x07")
    with progress.step("build \x1b[2J"):
        pass
    assert said[0] == r"app: \x1b]0;renamed\x07"
    assert all(line.startswith(r"build \x1b[2J") for line in said[1:]) and len(said) == 3
