"""The pods of a Knative Service, as far as a stage needs to know them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.adapters.documents import Obj
from harness.adapters.objects import Objects, Ref
from harness.knative.names import REVISION_LABEL
from harness.knative.pods import container_statuses, ready_condition, restarts_by_container, roles_of
from harness.model import Deployed, Pod

GRACE_S = 1
"""Of a pod deleted outside of what is measured: its own grace is timeoutSeconds, 300 by default."""


@dataclass(frozen=True, slots=True)
class PodState:
    """One pod at one moment. restarts: by container. containers: role to name.
    trouble: why it is not Ready, in words, "" if nothing says so.
    """

    name: str
    uid: str
    ip: str
    revision: str
    phase: str
    ready: bool
    deleting: bool
    restarts: Mapping[str, int]
    trouble: str
    node: str = ""
    containers: Mapping[str, str] = field(default_factory=dict)

    @property
    def total_restarts(self) -> int:
        """Of all its containers."""
        return sum(self.restarts.values())

    @property
    def stays(self) -> bool:
        """Whether it is neither on its way out nor ended."""
        return not self.deleting and self.phase not in {"Succeeded", "Failed"}

    def known(self, boot: str) -> Pod:
        """The pod as the other stages know it."""
        return Pod(self.name, self.uid, self.ip, self.node, boot, self.containers)

    def __str__(self) -> str:
        state = "Terminating" if self.deleting else "Ready" if self.ready else f"{self.phase}, not Ready"
        restarts = f", {self.total_restarts} restarts" if self.total_restarts else ""
        return f"pod {self.name} {state}{restarts}{f' ({self.trouble})' if self.trouble and not self.ready else ''}"


def pods_of(objects: Objects, deployed: Deployed) -> list[PodState]:
    """Every pod of the workload, those on their way out included. Raises ApiRefused."""
    return pods_at(objects, deployed.namespace, deployed.selector)


def pods_at(objects: Objects, namespace: str, selector: str) -> list[PodState]:
    """The same, for what does not stand yet. selector: of their labels."""
    return [state_of(pod) for pod in objects.find("v1", "Pod", namespace=namespace, labels=selector)]


def end_pods(objects: Objects, namespace: str, selector: str) -> list[str]:
    """Delete the pods with these labels, with a grace of `GRACE_S`; returns the names of those that were still there.

    To be called before what they belong to is deleted: that gives them their own grace, and once the kubelet runs queue-proxy's
    preStop hook (a drain of 30 s, longer while requests hang) a shorter grace comes too late.
    """
    found = objects.find("v1", "Pod", namespace=namespace, labels=selector)
    for pod in found:
        objects.delete(Ref.of(pod), grace_s=GRACE_S)
    return [str(pod["metadata"]["name"]) for pod in found]


def state_of(pod: Obj) -> PodState:
    """From the API's own words."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    listed = status.get("conditions") or []
    waiting = [
        f"{one.get('name')}: {one['state']['waiting'].get('reason')} {one['state']['waiting'].get('message') or ''}".strip()
        for one in container_statuses(pod)
        if (one.get("state") or {}).get("waiting")
    ]
    unmet = [str(one.get("message")) for one in listed if one.get("status") != "True" and one.get("message")]
    return PodState(
        name=str(metadata["name"]),
        uid=str(metadata.get("uid") or ""),
        ip=str(status.get("podIP") or ""),
        revision=str((metadata.get("labels") or {}).get(REVISION_LABEL) or ""),
        phase=str(status.get("phase") or "Pending"),
        ready=ready_condition(pod).get("status") == "True",
        deleting=bool(metadata.get("deletionTimestamp")),
        restarts=restarts_by_container(pod),
        trouble="; ".join([*waiting, *unmet])[:300],
        node=str((pod.get("spec") or {}).get("nodeName") or ""),
        containers=roles_of(pod),
    )
