"""The last words of a session name each run's verdict and page."""

from __future__ import annotations

from fixtures.options import verdict_lines


def test_each_run_is_one_line_with_its_verdict_and_page() -> None:
    """Two runs of one test are two lines; a test without a run is none; a report of set-up and call counts once."""
    of_one = [
        ("S1.verdict", "pass"),
        ("S1.run", "artifacts/S1/a"),
        ("mine.verdict", "inconclusive"),
        ("mine.run", "artifacts/mine/b"),
    ]
    assert verdict_lines([of_one, [("other", 1)], [], of_one]) == [
        "inconclusive  mine  artifacts/mine/b/report.html",
        "pass          S1  artifacts/S1/a/report.html",
    ]


def test_nothing_measured_is_nothing_said() -> None:
    """`make test` ends as any test session does."""
    assert verdict_lines([[], [("a", "b")]]) == []
