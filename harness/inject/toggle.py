"""Faults of the toggle app: told through its control port, once, with the moment it took effect between two stamps."""

from __future__ import annotations

from collections.abc import Mapping

from harness.adapters.clock import now_ns
from harness.apps.toggle import FAULT_PATH
from harness.errors import FaultError
from harness.faults import fault_named
from harness.inject.access import ClusterAccess
from harness.inject.control import Control, clear
from harness.inject.door import Injector
from harness.model import Deployed, FaultEvent, FaultSpec, Pod


class Toggle(Injector):
    """The injector of the faults that the toggle app carries out on itself."""

    def inject(self, access: ClusterAccess, deployed: Deployed, pod: Pod, fault: FaultSpec, *, cycle: int) -> FaultEvent:
        """Tell the app in the pod to fail; returns what was done and its answer.

        The app is asked for its state first: that opens the connection, so that the bracket holds one short call only, and a pod
        that has restarted unnoticed is found before anything is done to it. The fault itself is sent once. Raises FaultError for
        any answer but a 200 from this pod and boot; the fault may then be in all the same.
        """
        control = Control(access.handle, deployed, pod)
        _same_boot(control, pod, control.state().boot, "before the fault")
        params = fault_named(fault.kind).filled(fault.params)
        sent_ns = now_ns()
        status, text = control.ask("POST", FAULT_PATH, {"kind": fault.kind, **params})
        answered_ns = now_ns()
        answer = control.understood(status, text)
        _same_boot(control, pod, answer["boot"], "in the answer to the fault")
        if answer.get("kind") != fault.kind or any(answer.get(name) != value for name, value in params.items()):
            did = {name: answer.get(name) for name in params}
            raise FaultError(
                f"Asked for {fault.kind} ({_listed(params)}), the app did {answer.get('kind')} ({_listed(did)}).",
                where=control.where,
            )
        return FaultEvent(
            cycle=cycle,
            kind=fault.kind,
            params=params,
            pod=pod.name,
            boot=pod.boot,
            sent_ns=sent_ns,
            answered_ns=answered_ns,
            status=status,
            answer=text,
        )

    def take_back(self, access: ClusterAccess, deployed: Deployed, pod: Pod, fault: FaultSpec) -> None:  # noqa: ARG002 - all toggles are ours
        """Turn every toggle of the app off."""
        clear(access.handle, deployed, pod)


def _listed(params: Mapping[str, object]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in params.items())


def _same_boot(control: Control, pod: Pod, boot: str, when: str) -> None:
    if boot != pod.boot:
        raise FaultError(
            f"The app's boot id {when} is {boot}, the cycle began with {pod.boot}: it has restarted.",
            fix="See the log of the container's last start; this cycle does not count.",
            where=control.where,
        )
