"""The kernel's OOM killer ends every process of the container: any program runs out of memory, whatever its limit is.

The node puts the limit below what the container uses, and back once no process is left. Nothing of the pod's spec is changed.
"""

from __future__ import annotations

from dataclasses import replace

from harness.faults.fault import Case, Ends, Lift, Part
from harness.faults.kernel import MEMORY
from harness.faults.kill import Killed
from harness.faults.node import NodeAct, NodeMemory, Shown, as_asked, container_restarted, ended_because, ended_by_sigkill, node_did
from harness.faults.sight import Sight
from harness.knative.lines import parsed
from harness.model import FaultSpec, ServiceSpec

OOM_KILLED = "OOMKilled"
"""The kubelet's reason for a container that ended after its control group had been out of memory."""


class OutOfMemory(Killed):
    """As `kill`, but the kernel decides. The limit is taken back at the end of the cycle, if an injection failed half-way."""

    name = "oom"
    done = "Every process of the container was ended by the kernel's OOM killer"
    kernel = (MEMORY,)

    def act(self, fault: FaultSpec, shown: Shown) -> NodeAct:  # noqa: ARG002
        """Until the container has ended."""
        return NodeMemory(shown.container_id)

    def ends(self, fault: FaultSpec, service: ServiceSpec) -> Ends:
        """As after any SIGKILL."""
        return replace(super().ends(fault, service), lift=Lift.LAST)

    def proof(self, case: Case, seen: Sight) -> tuple[Part, ...]:
        """The right limit, the kernel's count, the kubelet's reason, the exit code and the restart."""
        counted = (parsed(case.event.answer) or {}).get("oom_kills")
        kills = counted if isinstance(counted, int) else 0
        by_kernel: Part = ("the kernel counted an OOM kill in the container's control group", kills > 0, f"{kills}")
        ended = ended_by_sigkill(case, seen), ended_because(OOM_KILLED, case, seen)
        return (node_did(case), *as_asked(case, seen), by_kernel, *ended, container_restarted(case, seen))
