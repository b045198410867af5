"""Faults of the toggle app: told through its control port, once, with the moment it took effect between two stamps."""

from __future__ import annotations

from harness.adapters.clock import now_ns
from harness.apps.toggle import FAULT_PATH
from harness.errors import FaultError
from harness.inject.control import Control, clear
from harness.model import ClusterHandle, FaultEvent, FaultSpec, Target


class Toggle:
    """The injector of the faults that the toggle app carries out on itself."""

    def inject(self, handle: ClusterHandle, target: Target, fault: FaultSpec, *, cycle: int) -> FaultEvent:
        """Tell the app in the target's pod to fail; returns what was done and its answer.

        The app is asked for its state first: that opens the connection, so that the bracket holds one short call only, and a pod
        that has restarted unnoticed is found before anything is done to it. The fault itself is sent once. Raises FaultError for
        any answer but a 200 from the target's pod and boot; the fault may then be in all the same.
        """
        control = Control(handle, target)
        _same_boot(control, target, control.state().boot, "before the fault")
        sent_ns = now_ns()
        status, text = control.ask("POST", FAULT_PATH, {"kind": fault.kind, "persistent": fault.persistent})
        answered_ns = now_ns()
        answer = control.understood(status, text)
        _same_boot(control, target, answer["boot"], "in the answer to the fault")
        if answer.get("kind") != fault.kind or answer.get("persistent") is not fault.persistent:
            raise FaultError(
                f"Asked for {fault.kind} (persistent: {fault.persistent}), the app did {answer.get('kind')} "
                f"(persistent: {answer.get('persistent')}).",
                where=control.where,
            )
        return FaultEvent(
            cycle=cycle,
            kind=fault.kind,
            persistent=fault.persistent,
            pod=target.pod,
            boot=target.boot,
            sent_ns=sent_ns,
            answered_ns=answered_ns,
            status=status,
            answer=text,
        )

    def take_back(self, handle: ClusterHandle, target: Target, fault: FaultSpec) -> None:  # noqa: ARG002 - all toggles are ours
        """Turn every toggle of the app off."""
        clear(handle, target)


def _same_boot(control: Control, target: Target, boot: str, when: str) -> None:
    if boot != target.boot:
        raise FaultError(
            f"The app's boot id {when} is {boot}, the cycle began with {target.boot}: it has restarted.",
            fix="See the log of the container's last start; this cycle does not count.",
            where=control.where,
        )
