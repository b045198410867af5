"""The state directory, atomic writes and locks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.adapters.files import State, locked, write_atomic, write_json
from harness.errors import BadInput, HostError

HOLD = (
    "import sys; from pathlib import Path; from harness.adapters.files import locked\n"
    "with locked(Path(sys.argv[1]), within_s=5, holder='another run'): print('held', flush=True); sys.stdin.read()"
)


@pytest.mark.parametrize(
    ("env", "root"),
    [
        ({"KNATIVE_CHAOS_HOME": "/a", "XDG_STATE_HOME": "/b", "HOME": "/c"}, "/a"),
        ({"XDG_STATE_HOME": "/b", "HOME": "/c"}, "/b/knative-chaos"),
        ({"HOME": "/c"}, "/c/.local/state/knative-chaos"),
    ],
)
def test_the_state_directory_is_the_most_particular_one_named(env: dict[str, str], root: str) -> None:
    """Our own variable beats the desktop's, which beats the home directory."""
    assert State.default(env).root == Path(root)


def test_a_state_directory_that_cannot_be_made_is_bad_input(tmp_path: Path) -> None:
    """A file where the directory should be is told, with the variable that mends it."""
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="cannot be made") as refusal:
        _ = State(tmp_path / "file").cache
    assert "KNATIVE_CHAOS_HOME" in refusal.value.fix


def test_an_atomic_write_leaves_the_old_text_or_the_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that breaks off changes nothing and leaves nothing beside it."""
    place = tmp_path / "deep" / "file"
    write_atomic(place, "old")

    def broken(self: Path, target: Path) -> Path:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", broken)
    with pytest.raises(OSError, match="disk full"):
        write_atomic(place, "new")
    assert place.read_text(encoding="utf-8") == "old"
    assert [entry.name for entry in place.parent.iterdir()] == ["file"]


def test_json_is_written_with_sorted_keys(tmp_path: Path) -> None:
    """Two runs can be compared line by line."""
    write_json(tmp_path / "a.json", {"b": 1, "a": "ü"})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"a": "ü", "b": 1} and text.index('"a"') < text.index('"b"') and "ü" in text


def test_a_lock_names_its_holder_and_dies_with_its_process(tmp_path: Path) -> None:
    """Who waits in vain is told for whom; a killed holder leaves the lock free."""
    place = tmp_path / "a.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        with pytest.raises(HostError, match=rf"held by another run \(pid {other.pid}\)"), locked(place, within_s=0.05, holder="me"):
            pytest.fail("the lock was had twice")
        other.kill()
        other.wait()
    with locked(place, within_s=5, holder="me"):
        assert place.with_suffix(".holder").read_text(encoding="utf-8").startswith("me (pid ")
    assert not place.with_suffix(".holder").exists()


def test_a_holder_that_lets_go_while_it_is_asked_for_is_somebody(tmp_path: Path) -> None:
    """The lock is held, its note is gone: what is said is that, and not that a file is missing."""
    place = tmp_path / "a.lock"
    with locked(place, within_s=5, holder="one"):
        place.with_suffix(".holder").unlink()
        with pytest.raises(HostError, match="held by somebody unknown"), locked(place, within_s=0.05, holder="me"):
            pytest.fail("the lock was had twice")
