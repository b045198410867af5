"""What cannot be judged of a Service, and why."""

from __future__ import annotations

from collections.abc import Iterator

from harness.advise.case import RESTARTING, Case, timing
from harness.advise.cautions import ends_at_once, names_its_port
from harness.advise.data import measured
from harness.advise.rules import late
from harness.advise.shape import NotJudged
from harness.knative.manifest.places import at

MEASURED_ON = "1.23"
"""The version of Knative on which every run of measured.toml was made."""

DEPLOYMENT = NotJudged(
    "a plain Deployment",
    "the rules are about what Knative makes of probes. N4A and N4B measured a Deployment with the liveness probe of S1: "
    "without a readiness probe 262 to 279 requests were refused in 5.2 to 5.6 s; with a TCP readiness probe every 10 s, 37 to 77 "
    "were refused and the others waited up to 20 s",
    decisive=True,
)


def of_the_stack(case: Case) -> Iterator[NotJudged]:
    """Why nothing at all can be said: no scenario measured such a Service or such a version."""
    if any(names_its_port(one) for one in case.containers):
        yield NotJudged("a restart", "the Service never becomes ready: its startup probe names the port", decisive=True)
    if not case.settings.since("1.7"):
        yield NotJudged(
            f"a restart on Knative {case.plan.version}",
            "up to 1.6 another bug (B3 or B4, docs/corpus.md) keeps the Service from coming back",
            decisive=True,
        )
    if at(case.manifest, *case.served.place, "ports", 0, "name") == "h2c":
        yield NotJudged(
            "a port named h2c",
            "the scenarios behind the rules send HTTP/1.1 to the app. Nine cycles of a gRPC server with a gRPC liveness probe were "
            "measured (docs/your-own-service.md): 8 to 12 requests refused in a restart of a program that listens at once",
            decisive=True,
        )


def of_the_window(case: Case) -> Iterator[NotJudged]:
    """Why the window of a restart by the served container's liveness probe is not known."""
    one = case.served
    if one.liveness is None:
        return
    if one.liveness.way not in RESTARTING:
        why = {
            "TCP": "no scenario measures one; a TCP probe fails only once the port is closed",
            "gRPC": "no scenario measures one; three restarts of a gRPC server by it were (docs/your-own-service.md)",
        }
        yield NotJudged(
            f"a restart by a liveness probe of kind {one.liveness.way}",
            why.get(one.liveness.way, "no scenario measures one; S1 restarts by an HTTP probe"),
            decisive=one.liveness.way != "TCP",
        )
        return
    if port := case.replaced_port:
        yield NotJudged(
            f"a restart by a liveness probe that is written for port {port}",
            f"Knative asks port {case.plan.port.value}; whether the app answers {one.liveness.target.value} there is not "
            "in the manifest",
            decisive=True,
        )
        return
    found = case.window
    if one.kept is not None and found is not None and late(found, case):
        asked = timing(one.kept)
        yield NotJudged(
            f"exec readiness every {asked.period_s} s, failureThreshold {asked.failure_threshold}",
            "S31 measured it only every second with failureThreshold 1",
            decisive=True,
        )
    boot = case.load.boot_s
    ender = case.ender
    if ender is not None and boot is not None and boot > case.lives_s:
        yield NotJudged(
            f"an app that needs {boot:g} s to start",
            f"its {ender.kind} probe may end it from {case.lives_s} s on; no scenario measures that",
            decisive=True,
        )


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
            f"the share of requests that go to one of {case.pods} pods",
            "the activator may be in the path (target-burst-capacity is not 0); S12 measured without it",
            decisive=False,
        )
    ender = case.ender
    if one.liveness is not None and ender is not None and case.load.boot_s is None and not ends_at_once(case):
        yield NotJudged(
            f"an app that needs more than {case.lives_s} s to start",
            f"the {ender.kind} probe may end it before it listens; --boot-seconds checks that",
            decisive=False,
        )
    if one.liveness is not None:
        yield NotJudged(
            "a program that does not end on SIGTERM",
            "the manifest does not say how the program reacts. The kubelet kills it after timeoutSeconds "
            f"({case.setting('timeoutSeconds')} s, S24B)"
            + (
                "; if it closes its port at SIGTERM, requests are refused during all that time (S17B)"
                if "S17B" in measured()
                else ""
            ),
            decisive=False,
        )
    if case.setting("min-scale") == "0" and one.kept is None and one.asked is not None and one.asked.way == "TCP":
        yield NotJudged(
            "an app that opens its port before it can answer, when it starts from zero",
            "S28A and S28B measured an app that opens it when it can answer",
            decisive=False,
        )
    if one.liveness is None and (one.kept is not None or (one.asked is not None and one.asked.way != "TCP")):
        yield NotJudged(
            "an app that hangs",
            "no liveness probe restarts it. Its readiness probe can take the pod out of the Service; no scenario measures that",
            decisive=False,
        )
    sidecars = [other.name for other in case.sidecars()]
    if sidecars:
        yield NotJudged(
            f"requests that need {', '.join(sidecars)}",
            "the manifest does not say which requests need another container",
            decisive=False,
        )
