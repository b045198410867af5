"""The rules: each is one risk, the scenario that measured it, when a Service runs it, and what helps.

A rule warns only if its scenario has a result (measured.toml); a change is offered only if its own scenario has one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.advise.case import Case, Container
from harness.advise.patching import Put
from harness.advise.window import Window
from harness.knative.manifest import notes as n
from harness.knative.manifest.places import Obj, at
from harness.knative.manifest.plan import ProbePlan
from harness.knative.names import MIN_SCALE, TARGET_BURST_CAPACITY

FAST = {"periodSeconds": 1, "failureThreshold": 1}
"""Of the readiness probes of S6 and S31: one failed check takes the pod out."""

STARTUP_BUDGET_S = 300
"""Of the startup probe that is proposed: the app has so long to start."""

PODS = 3
"""Of S12."""


@dataclass(frozen=True, slots=True)
class Found:
    """A rule applies. at: the probe it is about, None where it is about what is not there. why: with the Service's own numbers."""

    container: Container
    probe: ProbePlan | None
    why: str


@dataclass(frozen=True, slots=True)
class Option:
    """What helps. scenario: that measured it. but: what it costs."""

    scenario: str
    what: str
    but: str
    puts: tuple[Put, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One risk. what: in one sentence. instead: what to do where no option is left."""

    name: str
    scenario: str
    what: str
    applies: Callable[[Case], Iterator[Found]]
    options: Callable[[Case, Found], Iterator[Option]]
    instead: str = ""


def late(window: Window, case: Case) -> bool:
    """Whether requests are refused for longer than the endpoint needs to go."""
    return (window.at_most_s or window.refused_s).hi > case.model.propagation.hi


def _served_late(case: Case) -> Iterator[Container]:
    """The served container, if a restart of it by its liveness probe refuses requests."""
    found = case.window
    if found is not None and late(found, case):
        yield case.served


def _liveness_alone(case: Case) -> Iterator[Found]:
    for one in _served_late(case):
        if one.startup is None and one.kept is None and (one.asked is None or one.asked.at is None):
            yield Found(
                one,
                one.liveness,
                "No readiness probe is written. Knative's default one takes the pod out of its Service after "
                f"{_seconds(case)} s of failures; until then queue-proxy sends requests to a port on which nobody listens.",
            )


def _readiness_too_slow(case: Case) -> Iterator[Found]:
    for one in _late_by_readiness(case, race=False):
        yield Found(
            one,
            one.asked,
            f"The readiness probe needs {_seconds(case)} s to take the pod out of its Service. A restart does not make the pod "
            "unready by itself: queue-proxy does not restart.",
        )


def _readiness_race(case: Case) -> Iterator[Found]:
    for one in _late_by_readiness(case, race=True):
        yield Found(
            one,
            one.asked,
            f"Both probes fail for the same reason, and readiness needs {_seconds(case)} s: the phase of the two decides in each "
            "restart whether the pod is out before the listener closes.",
        )


def _late_by_readiness(case: Case, *, race: bool) -> Iterator[Container]:
    """The served container, if its own readiness probe is what takes the pod out, too late in each restart or in some of them."""
    for one in _served_late(case):
        found = case.window
        if one.startup is None and one.kept is None and one.asked is not None and one.asked.at is not None and found is not None:
            least = min(found.refused_s.lo, (found.at_most_s or found.refused_s).lo)
            if race is (least <= 0):
                yield one


def _started_late(case: Case) -> Iterator[Found]:
    for one in _served_late(case):
        if one.startup is not None and one.kept is None:
            low, high = case.model.restart_noticed.lo, case.model.restart_noticed.hi
            yield Found(
                one,
                one.startup,
                f"The startup probe makes the pod unready, but only {low} to {high} s after the port is closed.",
            )


def _seconds(case: Case) -> str:
    timing = case.kubelet_readiness
    return f"{(timing.failure_threshold - 1) * timing.period_s} to {timing.failure_threshold * timing.period_s}"


def _for_the_window(case: Case, found: Found) -> Iterator[Option]:
    """What makes the refused window of a restart shorter, the most effective first."""
    one = found.container
    yield Option(
        "S6",
        "add a readiness probe with the same check, every second, with failureThreshold 1"
        if one.asked is None or one.asked.at is None
        else "ask the readiness probe every second, with failureThreshold 1",
        "one failed check takes the pod out of its Service; its requests then wait, or go to other pods; a request that waits for "
        f"timeoutSeconds ({case.setting('timeoutSeconds')} s) is answered 504 (S23)",
        _fast_readiness(case, one),
    )
    if one.startup is None and case.settings.since("1.15"):
        yield Option(
            "S10",
            f"add a startup probe with the same check, every second; the app gets {STARTUP_BUDGET_S} s to start",
            "requests are still refused until the kubelet reports that the new container has not started",
            (Put((*one.place, "startupProbe"), _startup(case, one)),),
        )
    if case.pods == 1 and case.setting("max-scale") in {"0 (no limit)", "0"}:
        notes = n.TEMPLATE_NOTES
        to_zero = case.setting("min-scale") == "0"
        written = at(case.manifest, *notes)
        scale = (*notes, n.spelling(written, MIN_SCALE) or MIN_SCALE)
        burst = (*notes, n.spelling(written, TARGET_BURST_CAPACITY) or TARGET_BURST_CAPACITY)
        yield Option(
            "S12",
            f"run {PODS} pods, without the activator in the path: the window stays, but only a third of the requests fall into it",
            f"it takes {PODS - 1} more pods; without the activator a burst is not buffered while pods are ready"
            + ("; the Service no longer scales to zero" if to_zero else ""),
            (Put(scale, str(PODS)), Put(burst, "0")),
        )


def _fast_readiness(case: Case, one: Container) -> tuple[Put, ...]:
    """The readiness probe of this container, asked as S6 does it; the same check as liveness where none is written."""
    place = (*one.place, "readinessProbe")
    if at(case.manifest, *place) is None or one.asked is None or one.asked.at is None:
        return (Put(place, {**_check(case, one), **FAST}),)
    return tuple(Put((*place, name), value) for name, value in FAST.items())


def _check(case: Case, one: Container) -> Obj:
    """What the liveness probe asks, without a port where that is the served one."""
    probe = one.liveness
    if probe is None or probe.at is None:
        raise ValueError("a container without a liveness probe has no check")
    way = next(name for name in ("httpGet", "tcpSocket", "grpc") if at(case.manifest, *probe.at, name) is not None)
    action = {key: value for key, value in at(case.manifest, *probe.at, way).items() if key != "port"}
    if probe.port.value != case.plan.port.value:
        action["port"] = probe.port.value
    return {way: action}


def _startup(case: Case, one: Container) -> Obj:
    """The same check as startup probe; its port must be written out, for Knative fills in none (B16)."""
    check = _check(case, one)
    (way,) = check
    port = one.liveness.port.value if one.liveness else case.plan.port.value
    return {way: {**check[way], "port": port}, "periodSeconds": 1, "failureThreshold": STARTUP_BUDGET_S}


def _blind_liveness(case: Case) -> Iterator[Found]:
    one = case.served
    if one.liveness is not None and one.liveness.way == "TCP":
        yield Found(
            one, one.liveness, "The kernel accepts connections for a process that hangs, so a TCP probe goes on succeeding."
        )


def _nobody_asks(case: Case) -> Iterator[Found]:
    one = case.served
    if one.liveness is None and one.kept is None and one.asked is not None and one.asked.way == "TCP":
        yield Found(
            one, one.asked if one.asked.at else None, "No liveness probe is written, and readiness only connects to the port."
        )


def _ask_the_app(case: Case, found: Found) -> Iterator[Option]:
    """An HTTP check in place of a TCP one, of a path that the user or another probe of the container names."""
    one = found.container
    http = at(case.manifest, *one.place, "readinessProbe", "httpGet")
    # Knative asks liveness at the served port: what readiness asks at another port may not be there.
    asked: Obj = http if http and one.asked and one.asked.port.value == case.plan.port.value else {}
    if case.load.check_path:
        check: Obj = {"httpGet": {"path": case.load.check_path}}
    elif asked.get("path"):
        check = {"httpGet": {name: asked[name] for name in ("path", "scheme", "httpHeaders") if name in asked}}
    else:
        return
    path = check["httpGet"]["path"]
    liveness: Obj = at(case.manifest, *one.place, "livenessProbe") or {}
    timing = {name: value for name, value in liveness.items() if name not in {"tcpSocket", "httpGet", "exec", "grpc"}}
    puts = [Put((*one.place, "livenessProbe"), {**check, **timing})]
    readiness = at(case.manifest, *one.place, "readinessProbe")
    if http is None:
        puts.append(Put((*one.place, "readinessProbe"), {**check, **FAST}))
    elif readiness is not None:
        puts += [Put((*one.place, "readinessProbe", name), value) for name, value in FAST.items()]
    yield Option(
        "S24B",
        f"ask {path} by HTTP in the liveness probe, and as readiness probe every second: a restart ends a hang that would not end "
        "by itself",
        "a hang that ends by itself may cost fewer requests without a restart: about 300 in 15 s in S23, 384 with a restart in "
        "S24B. The process of S24B did not answer SIGTERM and was killed after timeoutSeconds, which is "
        f"{case.setting('timeoutSeconds')} s here",
        tuple(puts),
    )


def _sidecar_liveness_alone(case: Case) -> Iterator[Found]:
    for one in case.sidecars():
        if one.liveness is not None and one.asked is None and one.kept is None:
            yield Found(
                one, one.liveness, "Nobody asks the sidecar whether it is ready, so the pod stays Ready while the sidecar restarts."
            )


def _sidecar_timing(case: Case) -> Iterator[Found]:
    served = case.kubelet_readiness
    for one in case.sidecars():
        if one.asked is None or one.asked.at is None:
            continue
        written = at(case.manifest, *one.asked.at)
        own = (int(written.get("periodSeconds") or 10), int(written.get("failureThreshold") or 3))
        if own[0] * own[1] < served.period_s * served.failure_threshold:
            yield Found(
                one,
                one.asked,
                f"It is asked every {served.period_s} s with failureThreshold {served.failure_threshold}, as the readiness probe "
                f"of the container that gets the requests; its own timing ({own[0]} s, failureThreshold {own[1]}) has no effect.",
            )


def _sidecar_exec(case: Case) -> Iterator[Found]:
    for one in case.sidecars():
        if one.kept is not None and case.setting("min-scale") == "0":
            yield Found(one, one.kept, "The kubelet alone asks it: neither queue-proxy nor the activator waits for the sidecar.")


def _sidecar_exec_restart(case: Case) -> Iterator[Found]:
    for one in case.sidecars():
        if one.kept is not None and one.liveness is not None:
            yield Found(
                one,
                one.liveness,
                "The exec readiness probe makes the pod unready, but the activator then asks queue-proxy, which answers well.",
            )


def _ask_the_sidecar(case: Case, found: Found) -> Iterator[Option]:
    """The sidecar's liveness check as its readiness probe, with the served container's readiness every second."""
    one = found.container
    if one.liveness is None or one.liveness.way == "exec":
        return
    check = _check(case, one)
    (way,) = check
    puts = [Put((*one.place, "readinessProbe"), {way: {**check[way], "port": one.liveness.port.value}, **FAST})]
    yield Option(
        "S26",
        "add a readiness probe with its liveness check to the sidecar, and ask the readiness probe of the container that gets the "
        "requests every second",
        "one failed check of either takes the pod out of its Service",
        (*puts, *_fast_served(case)),
    )


def _fast_served(case: Case) -> tuple[Put, ...]:
    """The served container's readiness every second, with what it asks now."""
    one = case.served
    place = (*one.place, "readinessProbe")
    if at(case.manifest, *place) is None:
        return (Put(place, {"tcpSocket": {}, **FAST}),)
    return tuple(Put((*place, name), value) for name, value in FAST.items())


def _speed_up_served(case: Case, found: Found) -> Iterator[Option]:
    del found
    yield Option(
        "S26",
        "ask the readiness of the container that gets the requests every second, with failureThreshold 1",
        "one failed check of either container takes the pod out of its Service",
        _fast_served(case),
    )


def _ask_its_port(case: Case, found: Found) -> Iterator[Option]:
    """A TCP readiness probe in place of the exec one, where another probe of the sidecar names its port."""
    one = found.container
    port = one.liveness.port.value if one.liveness is not None else 0
    if not port:
        return
    written: Obj = at(case.manifest, *one.place, "readinessProbe") or {}
    timing = {name: value for name, value in written.items() if name != "exec"}
    yield Option(
        "S35C",
        "ask the sidecar's port by tcpSocket in place of its exec readiness probe",
        "an open port says less than the command; its timing is that of the container that gets the requests",
        (Put((*one.place, "readinessProbe"), {"tcpSocket": {"port": port}, **timing}),),
    )


RULES: tuple[Rule, ...] = (
    Rule(
        "liveness-alone",
        "S1",
        "While the liveness probe restarts the container, the pod stays Ready and requests are refused (knative/serving #14980).",
        _liveness_alone,
        _for_the_window,
    ),
    Rule(
        "readiness-too-slow",
        "S7",
        "The liveness probe restarts the container before the readiness probe takes the pod out, and requests are refused.",
        _readiness_too_slow,
        _for_the_window,
    ),
    Rule(
        "readiness-race",
        "S5B",
        "In a share of the restarts by the liveness probe, the readiness probe does not take the pod out in time.",
        _readiness_race,
        _for_the_window,
    ),
    Rule(
        "startup-probe-too-late",
        "S10",
        "While the liveness probe restarts the container, requests are refused until the pod is unready.",
        _started_late,
        _for_the_window,
    ),
    Rule(
        "tcp-liveness",
        "S23",
        "The liveness probe does not notice an app that hangs: its requests time out and nothing restarts it.",
        _blind_liveness,
        _ask_the_app,
        "Name a path that answers well only if the app can serve, with --check-path.",
    ),
    Rule(
        "no-check",
        "S23",
        "No probe notices an app that hangs: its requests time out, the pod stays Ready and nothing restarts it.",
        _nobody_asks,
        _ask_the_app,
        "Name a path that answers well only if the app can serve, with --check-path.",
    ),
    Rule(
        "sidecar-liveness-alone",
        "S25",
        "While its liveness probe restarts the sidecar, the pod stays Ready; requests that need the sidecar fail.",
        _sidecar_liveness_alone,
        _ask_the_sidecar,
        "Write a readiness probe for the sidecar.",
    ),
    Rule(
        "sidecar-readiness-timing",
        "S27",
        "The sidecar's readiness probe is asked with the timing of the container that gets the requests, later than written.",
        _sidecar_timing,
        _speed_up_served,
        "Write the timing at the readiness probe of the container that gets the requests.",
    ),
    Rule(
        "sidecar-exec-readiness",
        "S35A",
        "From zero, requests reach the pod before the sidecar's exec readiness probe has succeeded.",
        _sidecar_exec,
        _ask_its_port,
        "Ask the sidecar's port by tcpSocket or httpGet.",
    ),
    Rule(
        "sidecar-exec-restart",
        "S35B",
        "While its liveness probe restarts the sidecar, requests that need it fail although the pod is not Ready.",
        _sidecar_exec_restart,
        _ask_the_sidecar,
        "Ask the sidecar by httpGet.",
    ),
)
"""In the order in which they are shown."""

OF_A_RESTART = frozenset(rule.name for rule in RULES if rule.options is _for_the_window)
"""Risks of a restart of the served container by its liveness probe."""
