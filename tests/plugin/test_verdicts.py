"""A session ends with the headline and the page of each run."""

from __future__ import annotations

from fixtures.options import verdict_lines


def test_each_run_is_one_line_with_its_headline_and_page() -> None:
    """Two runs of one test are two lines; a test without a run has none; the reports of its set-up and call count once."""
    of_one = [
        ("S1.verdict", "pass"),
        ("S1.headline", "REPRODUCED knative/serving #14980 in 5 of 5 cycles"),
        ("S1.run", "artifacts/S1/a"),
        ("mine.headline", "INCONCLUSIVE because no cycle counts"),
        ("mine.run", "artifacts/mine/b"),
    ]
    assert verdict_lines([of_one, [("other", 1)], [], of_one]) == [
        "S1  REPRODUCED knative/serving #14980 in 5 of 5 cycles  artifacts/S1/a/report.html",
        "mine  INCONCLUSIVE because no cycle counts  artifacts/mine/b/report.html",
    ]


def test_nothing_measured_is_nothing_said() -> None:
    """`make test` ends as any test session does."""
    assert verdict_lines([[], [("a", "b")]]) == []
