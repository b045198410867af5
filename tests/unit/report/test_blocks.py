"""The part of a page that a command writes."""

from __future__ import annotations

from harness.report.blocks import cell, written


def test_only_what_lies_between_the_marks_is_written() -> None:
    """Twice is as once; a page without marks gets them."""
    page = "# Title\n\nwords\n"
    once = written(page, ["a", "b"], "corpus")
    assert once.startswith(page.rstrip())
    assert written(once, ["a", "b"], "corpus") == once
    assert written(once + "after\n", ["c"], "corpus").endswith("<!-- corpus: begin -->\nc\n<!-- corpus: end -->\nafter\n")


def test_two_blocks_of_one_page_do_not_meet() -> None:
    """Each is found by its own name."""
    page = written(written("# Title\n", ["a"], "one"), ["b"], "two")
    assert written(page, ["c"], "one") == page.replace("\na\n", "\nc\n")


def test_a_bar_does_not_end_a_cell() -> None:
    """Nor does a line."""
    assert cell("a | b\n c") == "a \\| b c"
