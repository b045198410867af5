"""What was installed on this host is remembered by version, and a broken note costs nothing but the memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.adapters.files import State
from harness.model import InstalledStack, Stack
from harness.run import installed_before
from harness.run.installed import NOTE, Installed, note

STACK = Stack("1.16.0", "module", "v1.34.4", "net-kourier v0.48.0", "go1.26.8", (), ())
SEEN = InstalledStack("knative-serving", "kourier-system", "example.com", "HTTP 200", {}, (), STACK)


def test_each_version_keeps_its_latest(tmp_path: Path) -> None:
    """The other versions stay."""
    state = State(tmp_path)
    note(state, SEEN, 1)
    note(state, replace(SEEN, stack=replace(STACK, knative="1.17.0")), 2)
    note(state, SEEN, 3)
    assert installed_before(state) == {
        "1.16.0": Installed(3, "v1.34.4", "module", "go1.26.8"),
        "1.17.0": Installed(2, "v1.34.4", "module", "go1.26.8"),
    }


@pytest.mark.parametrize("text", ["", "[]", '{"1.16.0": {"other": 1}}', '{"1.16.0": 1}', "{"])
def test_a_broken_note_says_nothing_and_is_written_anew(tmp_path: Path, text: str) -> None:
    """Nobody is stopped by it."""
    state = State(tmp_path)
    (tmp_path / NOTE).write_text(text, encoding="utf-8")
    assert installed_before(state) == {}
    note(state, SEEN, 1)
    assert set(installed_before(state)) == {"1.16.0"}
