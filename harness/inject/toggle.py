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
from harness.knative.names import USER_ROLE
from harness.model import Deployed, FaultEvent, FaultSpec, Pod

ANSWERS_S = 10.0
"""Within this time an app that runs can be told that a fault is over; it may be between two starts."""

LONGEST_BACK_OFF_S = 330.0
"""The kubelet's longest wait before it starts a container again, 300 s, and the start itself."""


class Toggle(Injector):
    """The injector of the faults that the toggle app carries out on itself."""

    def inject(self, access: ClusterAccess, deployed: Deployed, pod: Pod, fault: FaultSpec, *, cycle: int) -> FaultEvent:
        """Tell the app in the container to fail; returns what was done and its answer.

        The app is asked for its state first: that opens the connection, so that the bracket holds one short call only, and a pod
        that has restarted unnoticed is found before anything is done to it. The boot of a sidecar is the one that it names then.
        The fault itself is sent once. Raises FaultError for any answer but a 200 from this pod and boot; the fault may then be in
        all the same.
        """
        control = Control(access.handle, deployed, pod, fault.role)
        boot = control.state().boot
        if fault.role == USER_ROLE:
            _same_boot(control, pod.boot, boot, "before the fault")
        kind = fault_named(fault.kind)
        params, told = kind.filled(fault.params), kind.toggle or fault.kind
        sent_ns = now_ns()
        status, text = control.ask("POST", FAULT_PATH, {"kind": told, **params})
        answered_ns = now_ns()
        answer = control.understood(status, text)
        _same_boot(control, boot, answer["boot"], "in the answer to the fault")
        if answer.get("kind") != told or any(answer.get(name) != value for name, value in params.items()):
            did = {name: answer.get(name) for name in params}
            raise FaultError(
                f"Asked for {told} ({_listed(params)}), the app did {answer.get('kind')} ({_listed(did)}).",
                where=control.where,
            )
        return FaultEvent(
            cycle=cycle,
            kind=fault.kind,
            params=params,
            pod=pod.name,
            boot=boot,
            sent_ns=sent_ns,
            answered_ns=answered_ns,
            status=status,
            answer=text,
            container=pod.containers.get(fault.role, ""),
        )

    def take_back(self, access: ClusterAccess, deployed: Deployed, pod: Pod, fault: FaultSpec) -> None:
        """Turn every toggle of the app off.

        One that survives restarts may keep the app in a restart loop: it can be told only between the kubelet's waits.
        """
        within_s = LONGEST_BACK_OFF_S if fault.persistent else ANSWERS_S
        clear(access.handle, deployed, pod, role=fault.role, within_s=within_s)


def _listed(params: Mapping[str, object]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in params.items())


def _same_boot(control: Control, expected: str, boot: str, when: str) -> None:
    if boot != expected:
        raise FaultError(
            f"The app's boot id {when} is {boot}, the cycle began with {expected}: it has restarted.",
            fix="See the log of the container's last start; this cycle does not count.",
            where=control.where,
        )
