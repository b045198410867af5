"""Each real history in tests/data: the same bytes as ever, and what was seen on the cluster when it was made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from harness.model import Cause, CycleFindings, Observed, Ruling, Stream
from harness.run import Run
from tests.replay.replay import DATA, analysed, departures

Fact = Callable[[Run], bool]


@dataclass(frozen=True, slots=True)
class Shows:
    """The ruling of a recording, and the facts that tell it from all others: what it was made for."""

    ruling: Ruling
    facts: tuple[Fact, ...]


def passes(*facts: Fact) -> Shows:
    """As expected."""
    return Shows(Ruling.PASS, facts)


def regresses(*facts: Fact) -> Shows:
    """Not as expected."""
    return Shows(Ruling.REGRESSION, facts)


def undecided(*facts: Fact) -> Shows:
    """The evidence does not decide."""
    return Shows(Ruling.INCONCLUSIVE, facts)


def reason(words: str) -> Fact:
    """The verdict gives a reason with these words."""
    return lambda run: any(words in text for text in run.verdict.reasons)


def only(words: str) -> Fact:
    """The verdict gives reasons, each with these words."""
    return lambda run: bool(run.verdict.reasons) and all(words in text for text in run.verdict.reasons)


def claim(name: str, observed: Observed) -> Fact:
    """This was seen of that claim."""
    return lambda run: [result.observed for result in run.verdict.claims if result.claim.id == name] == [observed]


def edges(*names: str) -> Fact:
    """The anatomy of each cycle that counts has them."""
    return lambda run: all(set(names) <= set(cycle.anatomy) for cycle in counted(run))


def no_edges(*names: str) -> Fact:
    """No cycle that counts has any of them."""
    return lambda run: not any(set(names) & set(cycle.anatomy) for cycle in counted(run))


def restarts(number: int) -> Fact:
    """Of each cycle that counts, of which there is one at least."""
    return lambda run: {cycle.restarts for cycle in counted(run)} == {number}


def restarts_of_all(number: int) -> Fact:
    """Of each cycle, those that do not count included."""
    return lambda run: {cycle.restarts for cycle in run.findings.cycles} == {number}


def voided(*whether: bool) -> Fact:
    """Which cycles do not count because of their load."""
    return lambda run: tuple(bool(cycle.voided) for cycle in run.findings.cycles) == whether


def gap(stream: Stream) -> Fact:
    """That stream has one in a cycle."""
    return lambda run: any(one.stream is stream for one in run.findings.gaps)


def failures(least: int) -> Fact:
    """So many requests failed, each has a cause, and each refused line its request."""
    return lambda run: (
        run.findings.ledger.client_failures >= least
        and run.findings.ledger.unattributed == run.findings.ledger.unmatched == run.findings.ledger.censored == 0
    )


def cause(name: Cause, least: int = 1) -> Fact:
    """So many failed requests have this cause."""
    return lambda run: run.findings.ledger.by_cause.get(name, 0) >= least


def cycle_cause(name: Cause, least: int) -> Fact:
    """The same of each cycle, those that do not count included."""
    return lambda run: all(cycle.by_cause.get(name, 0) >= least for cycle in run.findings.cycles)


def refused_lines(least: int) -> Fact:
    """All failures are refusals, and so many of them lie in queue-proxy's log."""
    return lambda run: (
        run.findings.ledger.matched == run.findings.ledger.queue_proxy_refused_lines == run.findings.ledger.client_failures >= least
    )


def quiet(run: Run) -> bool:
    """Nothing failed and no line was refused."""
    ledger = run.findings.ledger
    return (ledger.client_failures, ledger.queue_proxy_refused_lines, run.findings.sent - run.findings.ok) == (0, 0, 0)


def landed(words: str) -> Fact:
    """The proof that the fault landed has these words, in each cycle that counts."""
    return lambda run: all(cycle.landed.proved and words in str(cycle.landed.parts) for cycle in counted(run))


def unattributed(least: int) -> Fact:
    """So many failed requests have no cause."""
    return lambda run: run.findings.ledger.unattributed >= least


def unmatched(number: int) -> Fact:
    """So many refused lines belong to no request, and each failed request has its cause."""
    return lambda run: (run.findings.ledger.unmatched, run.findings.ledger.unattributed) == (number, 0)


def hidden(least: int) -> Fact:
    """So many failed attempts were followed by another."""
    return lambda run: run.findings.ledger.hidden >= least


def given_up(words: str) -> Fact:
    """One cycle could not be finished, for this reason."""
    return lambda run: [words in cycle["given_up"] for cycle in run.summary["cycles"] if cycle["given_up"]] == [True]


def interrupted(words: str) -> Fact:
    """The run ended early, for this reason."""
    return lambda run: words in run.summary["interrupted"]


def logged(run: Run) -> bool:
    """Each attempt has its line in queue-proxy's request log."""
    ledger = run.findings.ledger
    return run.spec.request_log and ledger.exact == ledger.request_log_lines > 0 == ledger.strangers


def counted(run: Run) -> list[CycleFindings]:
    """Cycles whose load was as planned."""
    return [cycle for cycle in run.findings.cycles if not cycle.voided]


KILLED = ("first-failed-probe", "killing", "sigterm", "container-started", "first-good-probe")

SHOWS: Mapping[str, Shows] = {
    "s1-knative-1.23": passes(refused_lines(1000), restarts(1), edges(*KILLED)),
    "n1-knative-1.23": passes(quiet, restarts(0)),
    "s1-request-log-knative-1.23": passes(refused_lines(200), logged, restarts(1)),
    "hang": passes(failures(100), cause(Cause.RESET_IN_FLIGHT, 50), edges(*KILLED), landed("left hanging")),
    "exit": passes(refused_lines(10), restarts(1), no_edges("first-failed-probe", "killing", "sigterm")),
    "readiness": passes(edges("pod-unready", "pod-ready-again"), restarts(0)),
    "exec-startup": passes(refused_lines(10), edges(*KILLED, "first-good-startup-probe"), restarts(1)),
    "exec-readiness": undecided(claim("ready-pod-is-not-refused", Observed.UNDECIDED), reason("did not stay Ready")),
    "not-landed": undecided(reason("not proved to have landed"), restarts_of_all(0)),
    "cut-stream": undecided(gap(Stream.QUEUE_PROXY), reason("log:queue-proxy has a gap"), unattributed(10)),
    "outsider": undecided(unmatched(1), only("belong to no request")),
    "lost-line": undecided(reason("unattributed"), unattributed(1), voided(True, False)),
    "fixed": regresses(claim("ready-pod-is-not-refused", Observed.HOLDS), only("fixed")),
    "secret-fault": regresses(claim("no-restart", Observed.BROKEN), claim("requests-do-not-fail", Observed.BROKEN), only("worse")),
    "stalled-once": passes(voided(True, True, False, False), quiet),
    "stalled-always": undecided(voided(True, True), reason("0 of 1 cycles count")),
    "given-up": undecided(
        given_up("the recovery: not seen within 10 s"), restarts_of_all(2), claim("container-restarts-once", Observed.UNDECIDED)
    ),
    "request-log-retries": passes(logged, hidden(30), failures(40)),
    "all-lanes": passes(cause(Cause.DIRECT, 10), cause(Cause.REFUSED_DIAL, 50), hidden(20)),
    "tcp-exit": undecided(refused_lines(20), restarts(1), only("did not stay Ready")),
    "interrupted": undecided(reason("interrupted"), interrupted("KeyboardInterrupt")),
    "killed": undecided(reason("its history was never closed"), reason("the run ended in it")),
    "pod-gone": undecided(gap(Stream.APP), gap(Stream.QUEUE_PROXY)),
    "clock-stepped": undecided(gap(Stream.CLOCK), only("clock has a gap")),
    "queue-full": undecided(
        given_up("the fault's landing: not seen within 34 s"), gap(Stream.APP), cycle_cause(Cause.OVERLOAD, 600)
    ),
    "activator": passes(refused_lines(10)),
    "scaled-up": undecided(reason("another pod served it too"), cause(Cause.OVERLOAD, 50), failures(100)),
    "probe-refusals": passes(refused_lines(40), restarts(1)),
}


def test_each_directory_of_recordings_is_in_the_table() -> None:
    """None is forgotten, and none is gone: a comparison of nothing would always hold."""
    assert {place.name for place in DATA.iterdir() if place.is_dir()} == set(SHOWS)


@pytest.mark.parametrize("name", sorted(SHOWS))
def test_a_recording_shows_what_it_showed(name: str) -> None:
    """Findings, verdict, each byte of the summary; and not only the same as before, but what the recording was made for."""
    run, summary = analysed(DATA / name)
    if told := departures(DATA / name, run, summary):
        pytest.fail("\n".join([f"{name} shows something else than it did:", *told]), pytrace=False)
    shows = SHOWS[name]
    assert run.verdict.ruling is shows.ruling, run.verdict.reasons
    assert [at for at, fact in enumerate(shows.facts) if not fact(run)] == []
