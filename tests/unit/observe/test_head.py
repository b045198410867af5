"""Whether a log was rotated under its stream, and what the stream passed over."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.knative.times import SECOND_NS
from harness.observe.head import Head


@dataclass(frozen=True)
class Line:
    """A line that is its time and a text."""

    stamp_ns: int
    text: str = ""


def lines(*stamps: int) -> list[Line]:
    """Lines at these seconds."""
    return [Line(stamp * SECOND_NS, str(stamp)) for stamp in stamps]


def test_the_first_line_is_known_by_its_time_though_it_comes_cut() -> None:
    """Only so many bytes of it are asked for."""
    head = Head[Line]()
    whole = Line(5, "a very long line")
    assert head.take(whole)
    assert head.same(Line(5, "a very"))
    assert not head.same(Line(6, "a very"))
    assert not head.same(None), "an empty file is another one"


def test_nothing_can_be_said_before_the_first_line() -> None:
    """A silent container's log has no beginning."""
    assert Head[Line]().same(Line(5))
    assert Head[Line]().mark is None


def test_the_mark_moves_with_each_look_that_finds_the_same_file() -> None:
    """Lines that come while the look is on its way are not covered by it."""
    head = Head[Line]()
    one, two, three = lines(1, 2, 3)
    head.take(one)
    head.take(two)
    had = head.had
    head.take(three)
    head.confirm(had)
    assert (head.mark, head.had) == (two, 1)


def test_lines_of_the_rotated_files_that_never_came_are_missing() -> None:
    """Those after the mark that the stream did not bring."""
    head = Head[Line]()
    for line in lines(1, 2, 9):
        head.take(line)
    assert head.turn(Line(9 * SECOND_NS), head.had, lines(1, 2, 3, 4)) == lines(3, 4)
    assert (head.first, head.mark) == (Line(9 * SECOND_NS), lines(9)[0])


def test_a_stream_that_lags_brings_what_was_read_back_and_it_is_not_taken_twice() -> None:
    """The look was ahead of the stream."""
    head = Head[Line]()
    for line in lines(1, 2):
        head.take(line)
    assert head.turn(Line(9 * SECOND_NS), head.had, lines(1, 2, 3, 4)) == lines(3, 4)
    assert head.mark == lines(4)[0]
    assert [head.take(line) for line in lines(3, 4, 9)] == [False, False, True]


def test_what_cannot_be_told_is_none() -> None:
    """No files, files without the mark, or a new file whose own beginning did not come."""
    for rotated, stream in ((None, (1, 2, 9)), ([], (1, 2, 9)), (lines(5, 6), (1, 2, 9)), (lines(1, 2, 3), (1, 2, 12))):
        head = Head[Line]()
        for line in lines(*stream):
            head.take(line)
        assert head.turn(Line(9 * SECOND_NS), head.had, rotated) is None
        assert head.first == Line(9 * SECOND_NS)


@settings(deadline=None)  # how long a busy machine takes says nothing
@given(
    files=st.lists(st.integers(min_value=1, max_value=8), min_size=1, max_size=6),
    skips=st.lists(st.integers(min_value=0, max_value=8), min_size=6, max_size=6),
    looks=st.lists(st.booleans(), min_size=6, max_size=6),
    empty=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_any_rotations_that_keep_their_files_deliver_each_line_once(
    files: list[int], skips: list[int], looks: list[bool], empty: list[bool]
) -> None:
    """The stream loses the end of any file, or all of it; a look now and then, also at an empty file, and at the end finds all."""
    at, written = 0, []
    for count in files:
        written.append(lines(*range(at + 1, at + count + 1)))
        at += count
    head, got = Head[Line](), []

    def look(number: int) -> None:
        """At the file of that number; one that is not there is empty."""
        had, found = head.had, written[number][0] if number < len(written) and written[number] else None
        if head.mark is None or head.same(found):
            head.confirm(had)
            return
        missing = head.turn(found, had, [line for file in written[:number] for line in file])
        assert missing is not None
        got.extend(missing)

    for number, file in enumerate(list(written)):
        last = number + 1 == len(files)
        keep = len(file) if last else max(0 if number else 1, len(file) - skips[number])
        got.extend(line for line in file[:keep] if head.take(line))
        if (looks[number] and keep) or last:
            look(number)
        if empty[number]:
            written.insert(number + 1, [])
            look(number + 1)
            del written[number + 1]
    assert sorted(got, key=lambda line: line.stamp_ns) == [line for file in written for line in file]
