"""Putting objects into the cluster: accepted, refused in words, or waited for; and what is said when something did not come."""

from __future__ import annotations

from harness.adapters.documents import Obj
from harness.adapters.objects import ApiRefused, Objects, Ref
from harness.adapters.wait import Look, wait_for
from harness.errors import DeployError, WaitTimeout
from harness.model import RUN_LABEL


def namespace_made(objects: Objects, namespace: str, run_id: str) -> None:
    """The namespace, with the run's label if it is ours; one of somebody else is used and never labelled, so never deleted."""
    ref = Ref("v1", "Namespace", namespace)
    found = objects.get(ref)
    if found is None or RUN_LABEL in (found["metadata"].get("labels") or {}):
        objects.apply(
            {
                "apiVersion": ref.api_version,
                "kind": ref.kind,
                "metadata": {"name": namespace, "labels": {RUN_LABEL: run_id}},
            }
        )


def accepted(objects: Objects, obj: Obj, *, within_s: float) -> None:
    """Apply; a webhook that is away for a moment is asked again, a refusal is final.

    A node port that a namespace on its way out still holds becomes free, one of a Service that stays does not. Raises DeployError.
    """
    ref = Ref.of(obj)
    ports = [int(one["nodePort"]) for one in (obj.get("spec") or {}).get("ports") or [] if one.get("nodePort")]

    def once() -> Look[bool]:
        try:
            objects.apply(obj)
        except ApiRefused as refused:
            if refused.status in {0, 429, 503} or "failed calling webhook" in refused.said:
                return Look(None, refused.said)
            if "already allocated" in refused.said and ports:
                return Look(None, _held(objects, ref, ports, refused))
            raise DeployError(
                f"{ref} was refused: {refused.said}", fix="Correct the Service, or ask for a Knative version that takes it."
            ) from refused
        return Look(value=True, seen="accepted")

    try:
        wait_for(f"{ref} is accepted", once, within_s=within_s, every_s=0.5)
    except WaitTimeout as timeout:
        raise failed(objects, ref, timeout) from timeout


def _held(objects: Objects, ref: Ref, ports: list[int], refused: ApiRefused) -> str:
    """Who holds the node ports, all on their way out. Raises DeployError for one that stays."""
    holders = {}
    for service in objects.find("v1", "Service"):
        for one in service["spec"].get("ports") or []:
            if one.get("nodePort") in ports and Ref.of(service) != ref:
                holders[Ref.of(service)] = one["nodePort"]
    for holder, port in holders.items():
        if not _going(objects, holder):
            raise DeployError(
                f"Node port {port} is taken by {holder}.",
                fix="Remove that Service, or leave out the lane or the workload that needs the port.",
                where=str(ref),
            ) from refused
    return f"node port {', '.join(map(str, ports))} is held by {', '.join(map(str, holders)) or 'nobody that can be seen'}"


def _going(objects: Objects, service: Ref) -> bool:
    """Whether it is being removed, or all of its namespace is."""
    seen = (objects.get(service), objects.get(Ref("v1", "Namespace", service.namespace)))
    return any(one is None or one["metadata"].get("deletionTimestamp") for one in seen)


def failed(objects: Objects, ref: Ref, timeout: WaitTimeout) -> DeployError:
    """The timeout with the namespace's last warnings, and what usually mends what was seen."""
    said = "; ".join(_warnings(objects, ref)) or "none"
    everything = f"{timeout.last_seen} {said}"
    fix = "Look at the conditions and events; a longer start-up needs probes that wait for it."
    if "Insufficient cpu" in everything:
        fix = "Lower the Service's CPU request, remove other pods, or give the machine more cores."
    elif "ImagePull" in everything or "ErrImage" in everything or "ErrImageNeverPull" in everything:
        fix = "Check the image's name; where no registry answers, it must be loaded into the cluster first."
    elif "Readiness probe failed" in said:
        fix = "Look into the program's log: it must listen on the port in $PORT, and its readiness probe must do well, by then."
    return DeployError(f"{timeout.what} Warnings: {said}.", where=f"{ref.kind} {ref.namespace}/{ref.name}", fix=fix)


def _warnings(objects: Objects, ref: Ref) -> list[str]:
    """The last warnings about the Service and what was made for it; the names of all those begin with its own."""
    try:
        events = objects.find("v1", "Event", namespace=ref.namespace)
    except ApiRefused:
        return []
    about = [
        one
        for one in events
        if one.get("type") == "Warning" and str((one.get("involvedObject") or {}).get("name")).startswith(ref.name)
    ]
    about.sort(key=lambda one: str(one.get("lastTimestamp") or one.get("eventTime") or one["metadata"].get("creationTimestamp")))
    said = [f"{one.get('reason')}: {' '.join(str(one.get('message')).split())[:300]}" for one in about]
    return list(dict.fromkeys(said))[-4:]
