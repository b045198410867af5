"""What a person reads at the end of a run."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.model import HopPart, Hops, OfMethod
from harness.report import terminal
from harness.report.summary import summary


class Tty(io.StringIO):
    """A terminal of sorts."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def made(case: Any) -> Any:
    """The summary of a case."""
    return summary(case.history, case.findings, case.verdict, artifacts={})


@pytest.mark.parametrize("name", ["s1", "n1", "troubled"])
def test_the_lines_are_those_on_file(name: str, request: pytest.FixtureRequest) -> None:
    """The whole text, as checked in."""
    expected = (Path(__file__).parent / "snapshots" / f"{name}.terminal.txt").read_text(encoding="utf-8")
    assert "\n".join(terminal.lines(made(request.getfixturevalue(name)), where="artifacts/S1/run")) + "\n" == expected


def test_no_colour_where_nobody_sees_it(s1: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log gets plain text even when the environment forces colours."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    out = io.StringIO()
    terminal.show(made(s1), file=out)
    assert "\x1b" not in out.getvalue()
    assert out.getvalue().startswith("REPRODUCED knative/serving #14980 in 5 of 5 cycles\nS1 ")


def test_colour_on_a_terminal(s1: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ruling stands out."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Tty()
    terminal.show(made(s1), file=out)
    assert "\x1b[1;32mREPRODUCED" in out.getvalue()


def part(name: str, most_s: float) -> HopPart:
    """Of 90 requests."""
    return HopPart(name, 90, least_s=-0.0007, median_s=0.001, p99_s=0.002, most_s=most_s, total_s=1.0)


def test_the_slowest_request_is_shown_by_hop(s1: Any) -> None:
    """Of all cycles that count; the parts are in the order of the way, and one that the request does not have is left out."""
    parts = (part("client", 0.1), part("client-and-ingress", 0.003), part("activator", 7.1), part("queue-proxy", 0.006))
    slow = Hops(part("latency", 7.31), parts, {"queue-proxy": 0.006, "client-and-ingress": 0.004, "activator": 7.3}, {"no line": 3})
    quick = replace(slow, latency=part("latency", 0.1), slowest={"activator": 0.1})
    cycles = [replace(s1.findings.cycles[0], hops=quick), replace(s1.findings.cycles[1], hops=slow)]
    cycles += [replace(s1.findings.cycles[2], hops=replace(slow, latency=part("latency", 9.9)), voided="late")]
    shown = dict(terminal.facts(made(replace(s1, findings=replace(s1.findings, cycles=tuple(cycles))))))
    assert shown["slowest"] == "7.310 s = client-and-ingress 0.004 + activator 7.300 + queue-proxy 0.006; 6 requests not split"
    unsplit = replace(s1.findings.cycles[0], hops=Hops(None, (), {}, {"no line": 3}))
    assert "slowest" not in dict(terminal.facts(made(replace(s1, findings=replace(s1.findings, cycles=(unsplit,))))))


def test_a_log_cannot_steer_the_terminal(troubled: Any) -> None:
    """Escape sequences, markup, line breaks and reversed text in a reason are shown, not obeyed."""
    shown = "\n".join(terminal.lines(made(troubled)))
    assert not any(char in shown for char in "\x1b\x00\u202e\udc80")
    assert "[bold]markup[/bold]" in shown


def test_an_encoding_that_lacks_a_character_does_not_end_the_run(troubled: Any) -> None:
    """A terminal that knows only ASCII gets question marks."""
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    terminal.show(made(troubled), file=out)
    out.flush()
    assert b"INCONCLUSIVE" in raw.getvalue()


def test_a_path_is_not_wrapped(s1: Any) -> None:
    """It is there to be copied."""
    where = "artifacts/" + "x" * 200 + "/report.html"
    assert any(where in line for line in terminal.lines(made(s1), where=where))


def test_a_ledger_that_does_not_add_up_is_said(s1: Any) -> None:
    """Nobody should have to add."""
    found = made(s1)
    found["ledger"]["attributed"] -= 1
    assert any("DOES NOT ADD UP" in line for line in terminal.lines(found))
    assert not any("DOES NOT ADD UP" in line for line in terminal.lines(made(s1)))


def test_the_overview_has_a_line_a_run(s1: Any, n1: Any) -> None:
    """Scenario, verdict and the three numbers that matter."""
    lines = terminal.overview([made(s1), made(n1)])
    assert [line.split()[:6] for line in lines if line.startswith(("S1", "N1"))] == [
        ["S1", "pass", "5", "1390", "0", "0"],
        ["N1", "pass", "2", "0", "0", "0"],
    ]


def test_what_was_not_seen_and_what_is_disputed_is_told(s1: Any) -> None:
    """Some of it, with the number of the rest; what a voided cycle lacks is left to the page."""
    first, second, *rest = s1.findings.cycles
    parted = replace(first, missing=("sigterm",), disputes=tuple(f"source {n} differs" for n in range(6)))
    voided = replace(second, voided="late", missing=("killing",), disputes=("of no matter",))
    ledger = replace(s1.findings.ledger, hidden=3, request_log_lines=5000, exact=4990, strangers=10)
    facts = dict(terminal.facts(made(replace(s1, findings=replace(s1.findings, cycles=(parted, voided, *rest), ledger=ledger)))))
    assert facts["missing"] == "cycle 0: app gets SIGTERM"
    assert facts["contradictions"].endswith("cycle 0: source 3 differs; and 2 more")
    assert facts["request log"] == "4990 of 5000 lines joined by id; 10 lines of unknown requests"
    assert facts["hidden"] == "3 failed attempts that a retrying client repeated"
    assert not {"missing", "contradictions", "request log", "hidden", "slowest"} & set(dict(terminal.facts(made(s1))))


def test_failures_by_method_are_summed_over_the_cycles_that_count(s1: Any) -> None:
    """Where they were counted; otherwise there is no such line."""
    assert not any(line.startswith("by method") for line in terminal.lines(made(s1)))
    cycles = [replace(one, by_method={"GET": OfMethod(80, 0), "POST": OfMethod(20, 3)}) for one in s1.findings.cycles]
    cycles[0] = replace(cycles[0], voided="late")
    found = summary(s1.history, replace(s1.findings, cycles=tuple(cycles)), s1.verdict, artifacts={})
    assert found["cycles"][1]["by_method"] == {"GET": {"sent": 80, "failed": 0}, "POST": {"sent": 20, "failed": 3}}
    counted = len(cycles) - 1
    told = f"by method GET: 0 of {80 * counted} failed; POST: {3 * counted} of {20 * counted} failed"
    assert told in [" ".join(line.split()) for line in terminal.lines(found)]
