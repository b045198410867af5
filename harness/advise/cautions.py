"""What goes wrong by the rules of Knative and Kubernetes, whatever was measured: probes that end a container again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness.advise.case import Case, Container, timing
from harness.advise.shape import ProbeWarning
from harness.knative.manifest.places import Place
from harness.knative.manifest.plan import ProbePlan
from harness.knative.manifest.rendering import port_number

KEPT = "With multi-container-probing enabled (--sidecar-probes), Knative keeps the port from 1.22 on."


def warnings_of(case: Case, line_of: Callable[[Place], int]) -> tuple[ProbeWarning, ...]:
    """Of a Service, in the order in which its probes act."""
    return tuple(
        ProbeWarning(name, container, what, fix, (line_of(probe.at) or None) if probe.at is not None else None)
        for name, container, probe, what, fix in (*_ports_by_name(case), *_ended(case), *_replaced(case))
    )


_Found = tuple[str, str, ProbePlan, str, str]
"""Name, container, the probe, what goes wrong, and the fix."""


def names_its_port(one: Container) -> bool:
    """Whether a startup probe asks a port by a name. The kubelet finds none: Knative calls the served port user-port."""
    return one.startup is not None and isinstance(one.startup.port.value, str) and not port_number(one.startup.port.value)


def _ports_by_name(case: Case) -> Iterator[_Found]:
    for one in case.containers:
        if one.startup is not None and names_its_port(one):
            what = (
                f"The startup probe asks the port {one.startup.port.value}, and Knative renames it to user-port: the probe never "
                "succeeds, the kubelet restarts the container again and again, and the Service never becomes ready."
            )
            yield "startup-port-by-name", one.name, one.startup, what, "Write the port's number."


def ends_at_once(case: Case) -> bool:
    """Whether the first failed check after its start ends a container."""
    probe = case.ender
    return probe is not None and probe.way != "exec" and not case.lives_s


def _ended(case: Case) -> Iterator[_Found]:
    """A startup probe, or a liveness probe without one, that does not wait for the app. A command may succeed before it listens."""
    probe, boot = case.ender, case.load.boot_s
    if probe is None or probe.way == "exec" or names_its_port(case.served):
        return
    last = case.lives_s + timing(probe).period_s
    if boot is None and ends_at_once(case):
        what = (
            f"The {probe.kind} probe ends the container at its first failed check, 0 to {last} s after its start: an app that does "
            "not listen by then is restarted again and again."
        )
    elif boot is not None and boot > case.lives_s:
        surely = "is restarted again and again" if case.never_listens else "may be restarted several times"
        ends = "ends" if case.never_listens else "may end"
        what = (
            f"The {probe.kind} probe {ends} the container {case.lives_s} to {last} s after its start, before the app listens "
            f"({boot:g} s): it {surely}."
        )
    else:
        return
    fix = f"Raise failureThreshold or initialDelaySeconds of the {probe.kind} probe"
    if probe.kind == "liveness" and case.settings.since("1.15"):
        fix += ", or add a startup probe"
    yield "restart-loop", case.served.name, probe, what, f"{fix}: it must allow more than the app needs to start."


def _replaced(case: Case) -> Iterator[_Found]:
    """A liveness probe that is written for another port than the served one; the other probes keep theirs, or are refused."""
    one, served = case.served, case.plan.port.value
    probe, port = one.liveness, case.replaced_port
    if probe is None or not port:
        return
    if probe.way == "TCP":
        what = f"The liveness probe is written for port {port}, and Knative connects to {served}: nothing asks port {port}."
        fix = "Leave the port out."
    else:
        what = (
            f"The liveness probe is written for port {port}, and Knative asks {probe.target.value} at port {served}: if the app "
            "does not answer it well there (404), the kubelet restarts the container again and again."
        )
        fix = f"Ask a path that the app answers at port {served}."
    yield "port-replaced", one.name, probe, what, f"{fix} {KEPT}"
