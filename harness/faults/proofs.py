"""Pieces of proof that several faults share: (what must be seen, whether it was, the evidence or what is missing)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.apps.toggle import AppEvent
from harness.faults.fault import Case, Part
from harness.faults.sight import Sight
from harness.knative import kubelet
from harness.knative.lines import parsed
from harness.knative.pods import restarts_since
from harness.model import Stream


def after(case: Case, seen: Sight) -> Sequence[AppEvent]:
    """The events in the log of the app that the fault hit, from the fault on."""
    return [event for event in seen.app(case.event.pod, case.container) if event.t_ns >= case.after_ns]


def app_answered(case: Case, seen: Sight) -> Part:
    """The app took the order: 200, from the boot that the fault was put into."""
    name, event = "the app answered that it is done", case.event
    if event.status != 200:
        return name, False, f"it answered {event.status}: {event.answer[:80]}"
    answer = parsed(event.answer.strip())
    boot = answer.get("boot") if answer is not None else None
    if boot is None and any(line.event == "fault" and line.boot == event.boot for line in after(case, seen)):
        boot = event.boot
    if boot != event.boot:
        return name, False, f"the answer is of boot {boot or 'unknown'}, not {event.boot}"
    return name, True, f"200 from boot {event.boot}"


def api_answered(case: Case) -> Part:
    """The API server took the call."""
    name, event = "the API server took the call", case.event
    return name, event.status in {200, 202}, f"{event.status}: {event.answer[:80]}"


def pod_left(case: Case, seen: Sight) -> Part:
    """The pod is being deleted."""
    name, at_ns = "the pod was seen being deleted", seen.left_ns(case.event.pod, case.after_ns)
    return name, at_ns > 0, f"{case.event.pod} at {at_ns}" if at_ns else "not since the fault"


def another_ready(case: Case, seen: Sight) -> Part:
    """A pod that came after the fault became Ready: one that stood before takes nobody's place."""
    name = "another pod became Ready"
    for pod in sorted(seen.beside(case.event.pod)):
        if seen.came_ns(pod) >= case.after_ns and (at_ns := seen.became_ready_ns(pod, case.after_ns)):
            return name, True, f"{pod} at {at_ns}"
    return name, False, "none since the fault"


def failed_probe(which: str, case: Case, seen: Sight) -> Part:
    """A probe of this name was answered badly. which: "liveness" or "readiness"."""
    name = f"a failed {which} probe in the app's log"
    for line in after(case, seen):
        failed = line.event == "probe" and line.more.get("which") == which and line.more.get("ok") is False
        if failed and line.boot == case.event.boot:
            return name, True, f"at {line.t_ns} by {line.more.get('via', 'unknown')}"
    return name, False, "none by this boot after the fault"


def hung_probe(case: Case, seen: Sight) -> Part:
    """A liveness probe got no answer."""
    name = "a liveness probe left hanging in the app's log"
    for line in after(case, seen):
        if line.event == "hang" and line.boot == case.event.boot and line.more.get("which") == "liveness":
            return name, True, f"at {line.t_ns} by {line.more.get('via', 'unknown')}"
    return name, False, "none by this boot after the fault"


def fault_line(case: Case, seen: Sight) -> Part:
    """The app logged the fault."""
    name = "the fault in the app's log"
    for line in after(case, seen):
        if line.event == "fault" and line.boot == case.event.boot:
            return name, True, f"at {line.t_ns}"
    return name, False, "not there"


def killed_for_liveness(case: Case, seen: Sight) -> Part:
    """The kubelet decided to kill the container because its liveness probe failed, by its event or by its journal.

    An event of the API is true to a second, so it counts if it may have been after the fault.
    """
    name, pod = "the kubelet kills the container for its liveness", case.event.pod
    for one in (*seen.events(pod), *seen.kubelet()):
        if one.at_ns + max(one.resolution_ns, 1) <= case.after_ns:
            continue
        if one.stream is Stream.KUBELET:
            if kubelet.kills_for_liveness(one.payload, pod, case.container):
                return name, True, "kubelet: failed liveness probe"
        elif "Killing" in one.payload:
            event = parsed(one.payload) or {}
            if event.get("reason") == "Killing" and event.get("container") in {case.container, "", None}:
                message = str(event.get("message", ""))
                # A pod that is being deleted is also killed ("Stopping container ..."): that is not the fault's doing.
                if "liveness" in message:
                    return name, True, f"Killing: {message}"
    return name, False, "no Killing event and nothing in the kubelet's journal"


def pod_unready(case: Case, seen: Sight) -> Part:
    """The pod was not Ready after the fault."""
    name = "the pod was seen not Ready"
    for state in seen.states(case.event.pod):
        if state.ready is False and state.seen_ns >= case.after_ns:
            return name, True, f"at {state.seen_ns}"
    return name, False, "not since the fault"


def restarted(case: Case, seen: Sight) -> tuple[Part, Part]:
    """The kubelet counted a restart of the container, and a new process said so itself."""
    grown = restarts_since([state.about(case.container) for state in seen.states(case.event.pod)], case.after_ns)
    count: Part = ("restartCount grew", False, "the pod was not seen before the fault")
    if grown is not None:
        count = ("restartCount grew", grown >= 1, f"by {grown}")
    return count, _new_boot(case.event.boot, after(case, seen))


def _new_boot(boot: str, lines: Iterable[AppEvent]) -> Part:
    name = "a new boot in the app's log"
    for line in lines:
        if line.boot != boot and line.event in {"boot", "listening"}:
            return name, True, f"{line.boot} at {line.t_ns}"
    return name, False, f"only {boot}"
