"""Faults planted in the harness and in what it watches, on the real cluster: none may end in a pass it did not earn."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from fixtures.experiment import Experiment
from harness import inject
from harness.adapters.wait import Look, wait_for
from harness.catalogue import holds
from harness.inject import outsider
from harness.load.process import Generator
from harness.model import (
    Cause,
    Deployed,
    FaultEvent,
    Handler,
    LoadPlan,
    Observed,
    Pod,
    Probe,
    Ruling,
    Stream,
)
from harness.run import Planted, Run, World
from tests.cluster.quick import N1, S1

pytestmark = pytest.mark.cluster


def doubted(run: Run, words: str) -> bool:
    """Whether the run is inconclusive, and for this reason among others."""
    return run.verdict.ruling is Ruling.INCONCLUSIVE and any(words in reason for reason in run.verdict.reasons)


def observed(run: Run, claim: str) -> Observed:
    """What was seen of one claim."""
    return next(result.observed for result in run.verdict.claims if result.claim.id == claim)


@pytest.mark.ci
def test_a_fault_that_does_not_land_is_inconclusive(experiment: Experiment) -> None:
    """The app says yes to the fault and is cured at once: no restart comes, and nothing is claimed of it."""

    def told_and_cured(access: inject.ClusterAccess, deployed: Deployed, pod: Pod, cycle: int) -> FaultEvent:
        event = inject.inject(access, deployed, pod, S1.fault, cycle=cycle)
        inject.clear(access.handle, deployed, pod)
        return event

    run = experiment(S1, name="planted-not-landed", claims=S1.claims, cycles=1, planted=Planted(inject=told_and_cured))
    assert not run.findings.cycles[0].landed.proved
    assert doubted(run, "not proved to have landed")
    assert run.summary["host"]["planted"] == "inject"


def stall(generator: Generator) -> None:
    """A second in which the generator does nothing."""
    os.kill(generator.pid, signal.SIGSTOP)
    threading.Event().wait(1.0)
    os.kill(generator.pid, signal.SIGCONT)


@pytest.mark.ci
@pytest.mark.busy_on_purpose
def test_a_stalled_generator_voids_its_cycle_and_a_replacement_counts(experiment: Experiment) -> None:
    """A second without a request sent is a hole in the measurement, not a second without failures."""
    stalled: list[str] = []

    def once(deployed: Deployed, generator: Generator) -> None:
        if not stalled:
            stalled.append(deployed.pods[0].name)
            stall(generator)

    run = experiment(N1, name="planted-stall", claims=N1.claims, cycles=1, planted=Planted(before_fault=once))
    assert [bool(cycle.voided) for cycle in run.findings.cycles] == [True, False]
    assert "pacing" in run.findings.cycles[0].voided
    assert run.verdict.ruling is Ruling.PASS


@pytest.mark.busy_on_purpose
def test_a_generator_that_always_stalls_leaves_nothing_to_rule_on(experiment: Experiment) -> None:
    """The replacements are few and fixed beforehand; then the run says that it does not know."""

    def always(_deployed: Deployed, generator: Generator) -> None:
        stall(generator)

    spec = replace(N1, max_replacements=1, after_s=2.0)
    run = experiment(spec, name="planted-stalls", cycles=1, planted=Planted(before_fault=always))
    assert [bool(cycle.voided) for cycle in run.findings.cycles] == [True, True]
    assert doubted(run, "0 of 1 cycles count")


def test_n1_with_a_fault_nobody_asked_for_is_a_regression(experiment: Experiment, world: World) -> None:
    """The negative control can fail: a restart behind its back breaks both of its claims."""

    def secretly(deployed: Deployed, _generator: Generator) -> None:
        inject.inject(inject.ClusterAccess(world.handle), deployed, deployed.pods[0], S1.fault, cycle=0)

    patient = replace(N1, after_s=15.0)
    run = experiment(patient, name="planted-n1", claims=N1.claims, cycles=1, planted=Planted(before_fault=secretly))
    assert [result.observed for result in run.verdict.claims] == [Observed.BROKEN, Observed.BROKEN]
    assert run.verdict.ruling is Ruling.REGRESSION
    assert all(reason.startswith("worse") for reason in run.verdict.reasons)


def test_s1_with_the_bug_gone_is_a_regression_that_says_fixed(experiment: Experiment) -> None:
    """Readiness that asks the same and gives up earlier keeps clients away: what S1 expects to be broken is then seen to hold."""
    service = S1.service.with_probes(
        liveness=replace(S1.service.liveness or Probe(), failure_threshold=6), readiness=Probe(path="/healthz", failure_threshold=1)
    )
    run = experiment(S1, name="planted-fixed", service=service, claims=S1.claims, cycles=1)
    assert observed(run, "ready-pod-is-not-refused") is Observed.HOLDS
    assert run.verdict.ruling is Ruling.REGRESSION
    assert any(reason.startswith("fixed") for reason in run.verdict.reasons)


def test_a_request_of_somebody_else_leaves_a_line_unmatched(experiment: Experiment) -> None:
    """Each refused line belongs to one request of the generator; one more line is one too many, and is said."""
    sent: list[int] = []

    def intrude(deployed: Deployed, generator: Generator) -> None:
        def refused() -> Look[bool]:
            failed = generator.failed_so_far()
            return Look(True if failed >= 3 else None, f"{failed} failed requests")

        wait_for("The refusals", refused, within_s=40, every_s=0.05)
        sent.append(outsider.send(deployed).status)

    run = experiment(S1, name="planted-outsider", claims=S1.claims, cycles=1, planted=Planted(after_fault=intrude))
    assert sent == [502]
    assert run.findings.ledger.unmatched == 1
    assert run.findings.ledger.unattributed == 0
    assert doubted(run, "1 refused lines of queue-proxy belong to no request")


def refusal(line: bytes) -> bool:
    """A request's refusal, as queue-proxy logs it; its own probe of an app that is not up yet is told in the same words."""
    return b"connection refused" in line and b'"logger":"queueproxy"' in line


class _Cut:
    """A log source whose queue-proxy stream ends at the first refusal and never comes back."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self._cut = False

    def follow(self, *args: Any, **kwargs: Any) -> Iterator[bytes]:
        if self._cut:
            raise ConnectionError("planted: the stream does not come back")
        for line in self._real.follow(*args, **kwargs):
            if refusal(line):
                self._cut = True
                return
            yield line

    def read(self, *args: Any, **kwargs: Any) -> Any:
        if self._cut:
            raise ConnectionError("planted: the log cannot be read")
        return self._real.read(*args, **kwargs)


def test_a_cut_log_stream_is_a_gap_and_inconclusive(experiment: Experiment) -> None:
    """A stream that ended in the middle knows nothing of what came after."""
    run = experiment(S1, name="planted-cut", claims=S1.claims, cycles=1, planted=Planted(wrap_source=_Cut))
    assert any(gap.stream is Stream.QUEUE_PROXY for gap in run.findings.gaps)
    assert doubted(run, "log:queue-proxy has a gap")


class _Forgetful:
    """A log source that loses one refused line, in the stream and in every later reading of it."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self._lost: bytes = b""

    def _keep(self, line: bytes) -> bool:
        if not self._lost and refusal(line):
            self._lost = line
        return line != self._lost

    def follow(self, *args: Any, **kwargs: Any) -> Iterator[bytes]:
        return (line for line in self._real.follow(*args, **kwargs) if self._keep(line))

    def read(self, *args: Any, **kwargs: Any) -> list[bytes]:
        return [line for line in self._real.read(*args, **kwargs) if self._keep(line)]


@pytest.mark.ci
def test_a_failed_request_without_evidence_is_unattributed(experiment: Experiment) -> None:
    """The request says it was refused, no line says so: the account does not close and the claim does not pass."""
    run = experiment(S1, name="planted-lost-line", claims=S1.claims, cycles=1, planted=Planted(wrap_source=_Forgetful))
    ledger = run.findings.ledger
    assert ledger.unattributed >= 1
    assert ledger.matched < ledger.client_failures
    assert doubted(run, "unattributed")


def test_refusals_of_queue_proxys_own_probe_are_not_counted(experiment: Experiment) -> None:
    """Queue-proxy probes the app each second here; its refusals stand in the same log and belong to no request."""
    service = S1.service.with_probes(readiness=Probe(path="/readyz", period_s=1, failure_threshold=30))
    run = experiment(S1, name="planted-probe-refusals", service=service, claims=[holds("container-restarts-once")], cycles=1)
    raw = [path.read_text(encoding="utf-8") for path in run.directory.glob("raw/*/queue-proxy*")]
    lines = [line for text in raw for line in text.splitlines() if "connection refused" in line]
    probes = [line for line in lines if '"logger":"queueproxy' not in line]
    assert probes, "queue-proxy wrote no refusal of its own: this test would prove nothing"
    ledger = run.findings.ledger
    assert ledger.queue_proxy_refused_lines == len(lines) - len(probes)
    assert (ledger.unmatched, ledger.unattributed) == (0, 0)


def test_three_hundred_refusals_a_second_lose_no_line_or_say_so(experiment: Experiment) -> None:
    """At this rate Knative's own loggers drop lines unless their sampling is switched off."""
    run = experiment(S1, name="planted-300rps", claims=S1.claims, cycles=1, load=LoadPlan(rate_rps=300))
    ledger = run.findings.ledger
    assert ledger.by_cause.get(Cause.REFUSED_DIAL, 0) >= 300
    if ledger.censored:
        assert doubted(run, "refused lines are missing")
    else:
        assert run.verdict.ruling is Ruling.PASS
        assert (ledger.unattributed, ledger.unmatched) == (0, 0)
        assert ledger.matched == ledger.queue_proxy_refused_lines


def test_with_exec_readiness_the_claim_of_s1_is_not_made(experiment: Experiment) -> None:
    """Exec readiness stays with the kubelet: the pod is un-Readied at once, so refusals there are another failure than S1's."""
    service = S1.service.with_probes(readiness=Probe(Handler.EXEC, path="readiness", period_s=1, failure_threshold=3))
    run = experiment(S1, name="planted-exec-readiness", service=service, claims=S1.claims, cycles=2)
    assert observed(run, "ready-pod-is-not-refused") is Observed.UNDECIDED
    assert doubted(run, "did not stay Ready")
