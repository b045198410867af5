"""Rows that are taken together are what they are one by one; whatever is wrong with one of them is still named."""

from __future__ import annotations

import re
from typing import Any

import pytest
from polars.testing import assert_frame_equal

from harness.errors import HistoryError
from harness.history import tables
from harness.history.codec import encode
from harness.history.layout import Table
from harness.history.tables import checked, empty
from harness.model import CycleMark, FaultEvent, Gap, Observation, Phase, Stream

ROWS: dict[Table, object] = {
    Table.OBSERVATIONS: Observation(Stream.QUEUE_PROXY, "p", "c", -1, 1, 2, 3, "é\n"),
    Table.GAPS: Gap(Stream.PODS, "", 1, 2, "cut"),
    Table.FAULTS: FaultEvent(0, "liveness", {"persistent": True}, "p", "b", 1, 2, 200, "{}"),
    Table.PHASES: Phase("load", 1, 2),
    Table.CYCLES: CycleMark(0, "p", "b", 1, 2, 3, 4, 5, 6, "late", 3),
}


@pytest.mark.parametrize("table", list(ROWS))
def test_together_as_one_by_one(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every journal has such a row; with one that lacks what has a default, or has a key more, they are read one by one."""
    rows: list[Any] = [encode(ROWS[table])] * 3
    together = checked(table, rows, "here")
    monkeypatch.setattr(tables, "_whole", lambda *_: None)
    assert_frame_equal(together, checked(table, rows, "here"))
    assert_frame_equal(checked(table, [], "here"), empty(table))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("stream", "nowhere", "Invalid enum value 'nowhere' - at `$.stream`"),
        ("stream", 5, "Expected `str`, got `int` - at `$.stream`"),
        ("pod", None, "Expected `str`, got `null` - at `$.pod`"),
        ("pod", 5, "Expected `str`, got `int` - at `$.pod`"),
        ("at_ns", "5", "Expected `int`, got `str` - at `$.at_ns`"),
        ("at_ns", 5.0, "Expected `int`, got `float` - at `$.at_ns`"),
        ("at_ns", True, "Expected `int`, got `bool` - at `$.at_ns`"),
        ("payload", ["x"], "Expected `str`, got `array` - at `$.payload`"),
    ],
)
def test_one_wrong_value_among_many_is_named(key: str, value: object, words: str) -> None:
    """By its line, wherever it is."""
    good: Any = encode(ROWS[Table.OBSERVATIONS])
    with pytest.raises(HistoryError, match=rf"line 3 is damaged: .*{re.escape(words)}"):
        checked(Table.OBSERVATIONS, [good, good, good | {key: value}, good], "here")


def test_other_shapes() -> None:
    """A key too many is skipped, a row that is no object is damage, a value with a default may be missing."""
    good: Any = encode(ROWS[Table.CYCLES])
    short = {key: value for key, value in good.items() if key not in {"given_up", "replaces"}}
    assert checked(Table.CYCLES, [good, short | {"more": 1}], "here")["replaces"].to_list() == [3, -1]
    for wrong in ([good], "x", None, 5):
        with pytest.raises(HistoryError, match="line 2 is damaged"):
            checked(Table.CYCLES, [good, wrong], "here")
