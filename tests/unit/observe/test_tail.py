"""Whether what was delivered is whole."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.knative.times import SECOND_NS
from harness.observe.tail import DISORDER_NS, Tail


@dataclass(frozen=True)
class Line:
    """A line that is its time and a text."""

    stamp_ns: int
    text: str = ""


def file_of(*stamps: int) -> list[Line]:
    """Lines at these times."""
    return [Line(stamp, str(index)) for index, stamp in enumerate(stamps)]


def test_after_a_break_the_last_line_is_met_again_and_nothing_comes_twice() -> None:
    """The resent part is passed over up to the line delivered last."""
    got: list[Line] = []
    tail = Tail(got.append)
    lines = file_of(1, 2, 3, 4, 5)
    assert all(tail.offer(line) for line in lines[:3])
    tail.reopened()
    assert all(tail.offer(line) for line in lines)
    assert got == lines


def test_if_the_last_line_does_not_come_again_that_is_said() -> None:
    """Lines beyond the last one's time without it: the log was rotated or is another one."""
    got: list[Line] = []
    tail = Tail(got.append)
    tail.offer(Line(SECOND_NS))
    tail.reopened()
    late = Line(SECOND_NS + DISORDER_NS + 1)
    assert not tail.offer(late)
    assert got == [Line(SECOND_NS)]
    assert tail.concede() == late.stamp_ns
    assert got == [Line(SECOND_NS), late]


def test_lines_out_of_order_by_a_little_do_not_look_like_loss() -> None:
    """Two writers stamp before they meet in one file."""
    got: list[Line] = []
    tail = Tail(got.append)
    lines = [Line(SECOND_NS + 500, "a"), Line(SECOND_NS, "b"), Line(SECOND_NS + 900, "c")]
    assert all(tail.offer(line) for line in lines[:2])
    tail.reopened()
    assert all(tail.offer(line) for line in lines)
    assert got == lines


def test_a_second_reading_adds_what_the_stream_has_not_brought_once() -> None:
    """And the stream, when it brings the same lines late, is passed over."""
    got: list[Line] = []
    tail = Tail(got.append)
    lines = file_of(1, 2, 3, 4, 5)
    tail.offer(lines[0])
    assert tail.splice(lines[:4], lines[0])
    assert got == lines[:4]
    assert all(tail.offer(line) for line in lines[1:])
    assert got == lines


def test_a_reading_the_stream_has_overtaken_proves_and_adds_nothing() -> None:
    """Lines came while the reading was on its way."""
    got: list[Line] = []
    tail = Tail(got.append)
    lines = file_of(1, 2, 3)
    tail.offer(lines[0])
    reading = lines[:2]
    for line in lines[1:]:
        tail.offer(line)
    assert tail.splice(reading, lines[0])
    assert got == lines


def test_a_reading_the_stream_has_overtaken_joins_though_it_began_in_a_file_that_was_rotated_away() -> None:
    """The last line when the reading was asked for is in no file any more; the stream went on past the end of the reading."""
    got: list[Line] = []
    tail = Tail(got.append)
    lines = file_of(*range(SECOND_NS, 9 * SECOND_NS, SECOND_NS))
    tail.offer(lines[0])
    for line in lines[3:7]:
        assert tail.offer(line)
    assert tail.splice(lines[3:6], lines[0])
    assert not tail.splice([Line(5 * SECOND_NS, "of somebody else")], lines[0])
    assert tail.offer(lines[7])
    assert got == [lines[0], *lines[3:]]


def test_a_reading_without_the_last_line_proves_nothing_but_keeps_what_is_new() -> None:
    """Evidence after a loss is still evidence."""
    got: list[Line] = []
    tail = Tail(got.append)
    tail.offer(Line(1, "old"))
    assert not tail.splice([Line(7, "new")], Line(1, "old"))
    assert got == [Line(1, "old"), Line(7, "new")]


def test_a_reading_that_adds_what_the_stream_was_holding_back_does_not_stop_the_stream() -> None:
    """The stream had brought the line, but not yet the one that proves it."""
    got: list[Line] = []
    tail = Tail(got.append)
    tail.offer(Line(10, "a"))
    tail.reopened()
    tail.offer(Line(9, "before a"))
    assert tail.splice([Line(9, "before a"), Line(10, "a"), Line(11, "b")], Line(10, "a"))
    assert tail.offer(Line(10, "a"))
    assert tail.offer(Line(11, "b"))
    assert tail.offer(Line(SECOND_NS, "c"))
    assert [line.text for line in got] == ["a", "b", "c"]


def test_a_source_that_begins_again_without_a_word_is_passed_over() -> None:
    """Also twice, and where the last line had just been met; another line of the same time is another line."""
    got: list[Line] = []
    tail = Tail(got.append)
    lines = file_of(*range(SECOND_NS, 9 * SECOND_NS, SECOND_NS // 4))
    for sent in (lines[:9], lines[4:12], lines[4:12], lines[4:], lines[-1:], [Line(lines[-1].stamp_ns, "another")]):
        assert all(tail.offer(line) for line in sent)
    assert got == [*lines, Line(lines[-1].stamp_ns, "another")]


def test_a_clock_that_was_set_back_is_no_beginning_again() -> None:
    """Lines of an earlier time that were never seen are new."""
    got: list[Line] = []
    tail = Tail(got.append)
    lines = [Line(9 * SECOND_NS, "a"), Line(SECOND_NS, "b"), Line(2 * SECOND_NS, "c")]
    assert all(tail.offer(line) for line in lines)
    assert got == lines


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log may be of any length; who begins again from before what is remembered is taken for new lines."""
    monkeypatch.setattr("harness.observe.tail.REMEMBERED", 3)
    got: list[Line] = []
    tail = Tail(got.append)
    lines = file_of(*range(SECOND_NS, 9 * SECOND_NS, SECOND_NS))
    for sent in (lines, lines[-3:], lines[:1]):
        assert all(tail.offer(line) for line in sent)
    assert got == [*lines, lines[0]]


@settings(deadline=None)  # how long a busy machine takes says nothing
@given(
    steps=st.lists(st.integers(min_value=1, max_value=SECOND_NS), min_size=1, max_size=40),
    acts=st.lists(
        st.tuples(st.sampled_from(["take", "break", "again", "read"]), st.integers(min_value=0, max_value=12)), max_size=30
    ),
)
def test_any_breaks_and_readings_deliver_each_line_once_and_in_order(steps: list[int], acts: list[tuple[str, int]]) -> None:
    """As long as the source keeps its lines, no interleaving loses, doubles, swaps or suspects one."""
    at, lines = SECOND_NS, []
    for index, step in enumerate(steps):
        at += step
        lines.append(Line(at, str(index)))
    got: list[Line] = []
    tail = Tail(got.append)
    position = 0

    def resumed() -> int:
        if tail.last is None:
            return 0
        floor = tail.last.stamp_ns // SECOND_NS * SECOND_NS
        return next(index for index, line in enumerate(lines) if line.stamp_ns >= floor)

    def take(amount: int) -> None:
        nonlocal position
        for line in lines[position : position + amount]:
            assert tail.offer(line)
        position = min(len(lines), position + amount)

    for act, amount in acts:
        if act == "take":
            take(amount)
        elif act == "break":
            tail.reopened()
            position = resumed()
        elif act == "again":
            position = max(0, position - amount)  # of its own accord, and without a word
        else:
            before, start = tail.last, resumed()
            reading = lines[start : max(start + amount, len(got))]
            take(amount // 2)  # the stream goes on while the reading is on its way
            assert tail.splice(reading, before)
    for line in lines[position:]:
        assert tail.offer(line)
    assert got == lines
