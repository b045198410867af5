"""Text of others, before a terminal sees it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.adapters.text import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("a line\n\tof plain text, é 漢 🙂", "a line\n\tof plain text, é 漢 🙂"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x9b2J", r"\x9b2J"),
        ("50 %\r100 %\x08\x07\x00\x7f", r"50 %\r100 %\x08\x07\x00\x7f"),
        ("safe\u202etxt.exe", r"safe\u202etxt.exe"),
        ("half \udc80", r"half \udc80"),
    ],
)
def test_what_prints_nothing_is_shown_as_its_escape(text: str, shown: str) -> None:
    """Colours, bells, overwriting, writing backwards; what can be read stays as it is."""
    assert printable(text) == shown


@settings(deadline=None)  # how long a busy machine takes says nothing
@given(st.text())
def test_no_control_character_is_left(text: str) -> None:
    """Whatever it was, it can also be written as UTF-8 then."""
    left = printable(text)
    assert not {one for one in left if unicodedata.category(one) in {"Cc", "Cf", "Cs"}} - {"\n", "\t"}
    assert printable(left) == left
    left.encode()
