"""What cannot be judged of a Service, and why."""

from __future__ import annotations

from collections.abc import Iterator

from harness.advise.case import RESTARTING, Case, timing
from harness.advise.data import measured
from harness.advise.rules import late
from harness.advise.shape import NotJudged
from harness.knative.manifest.places import at
from harness.knative.manifest.plan import ProbePlan

MEASURED_ON = "1.23"
"""The version of Knative on which every run of measured.toml was made."""

DEPLOYMENT = NotJudged(
    "a plain Deployment",
    "the rules are about what Knative makes of probes. N4A and N4B measured a Deployment: its clients meet refused connections "
    "for as long as in S1, or wait up to 20 s",
    decisive=True,
)


def of_the_stack(case: Case) -> Iterator[NotJudged]:
    """Why nothing at all can be said: no scenario measured such a Service or such a version."""
    if not case.settings.since("1.7"):
        yield NotJudged(
            f"a restart on Knative {case.plan.version}",
            "up to 1.6 another bug (B3 or B4, docs/corpus.md) keeps the Service from coming back",
            decisive=True,
        )
    if at(case.manifest, *case.served.place, "ports", 0, "name") == "h2c":
        yield NotJudged("a port named h2c", "no scenario sends HTTP/2 to the app", decisive=True)


def of_the_window(case: Case) -> Iterator[NotJudged]:
    """Why the window of a restart by the served container's liveness probe is not known."""
    one = case.served
    if one.liveness is None:
        return
    if one.liveness.way not in RESTARTING:
        why = "a TCP probe fails only once the port is closed" if one.liveness.way == "TCP" else "S1 restarts by an HTTP probe"
        yield NotJudged(
            f"a restart by a liveness probe of kind {one.liveness.way}",
            f"no scenario measures one; {why}",
            decisive=one.liveness.way != "TCP",
        )
        return
    found = case.window
    if one.kept is not None and found is not None and late(found, case):
        asked = timing(one.kept)
        yield NotJudged(
            f"exec readiness every {asked.period_s} s, failureThreshold {asked.failure_threshold}",
            "S31 measured it every second with failureThreshold 1",
            decisive=True,
        )
    boot = case.load.boot_s
    if boot is not None and boot > lives_s(case):
        yield NotJudged(
            f"an app that needs {boot:g} s to start",
            f"its {_ender(case).kind} probe ends it after {lives_s(case)} s; no scenario measures that",
            decisive=True,
        )


def lives_s(case: Case) -> int:
    """For how long a new container may not listen before a probe may end it."""
    probe = _ender(case)
    delay = int(probe.delay_s.value or 0)
    asked = timing(probe)
    return delay + (asked.failure_threshold - 1) * asked.period_s


def _ender(case: Case) -> ProbePlan:
    probe = case.served.startup or case.served.liveness
    if probe is None:
        raise ValueError("no probe of this container can end it")
    return probe


def of_the_rest(case: Case) -> Iterator[NotJudged]:
    """What the manifest does not say, and what no scenario of findings.md shows."""
    one = case.served
    if case.plan.version != MEASURED_ON:
        yield NotJudged(
            f"numbers on Knative {case.plan.version}",
            f"they were measured on {MEASURED_ON}; that a Ready pod refuses requests was seen from 1.7 on (B1, docs/corpus.md)",
            decisive=False,
        )
    if not case.direct:
        yield NotJudged(
            f"the share of requests that meet one of {case.pods} pods",
            "the activator may be on the way (target-burst-capacity is not 0), which S12 leaves out",
            decisive=False,
        )
    if one.liveness is not None and case.load.boot_s is None:
        yield NotJudged(
            f"an app that needs more than {lives_s(case)} s to start",
            f"the {_ender(case).kind} probe may end it before it listens; --boot-seconds says how long it needs",
            decisive=False,
        )
    if one.liveness is not None:
        yield NotJudged(
            "a program that does not end on SIGTERM",
            "whether it does is not in the manifest. If not, the kubelet waits for timeoutSeconds "
            f"({case.setting('timeoutSeconds')} s) before it kills it (S24B)"
            + ("; if it closes its port at SIGTERM, requests are refused through that time (S17B)" if "S17B" in measured() else ""),
            decisive=False,
        )
    if case.setting("min-scale") == "0" and one.kept is None and one.asked is not None and one.asked.way == "TCP":
        yield NotJudged(
            "an app that binds its port before it can answer, from zero",
            "S28A and S28B measured an app that binds it when it can answer",
            decisive=False,
        )
    sidecars = [other.name for other in case.sidecars()]
    if sidecars:
        yield NotJudged(
            f"requests that need {', '.join(sidecars)}",
            "which requests need another container is not in the manifest",
            decisive=False,
        )
