"""Knative onto a cluster, from whatever source its Provision came."""

from __future__ import annotations

from collections.abc import Mapping

from harness.adapters.kube import Kube
from harness.adapters.objects import Objects, Ref
from harness.adapters.progress import QUIET, Progress
from harness.errors import ClusterError, HarnessError, InstallError
from harness.install import record
from harness.install.apply import apply_all, established, parsed, rolled_out
from harness.install.changes import DOMAIN, changed, digest, images_of
from harness.install.proof import prove
from harness.knative.names import INGRESS_NAMESPACE, RELEASE_LABEL, SERVICES_CRD, SYSTEM_NAMESPACE, VERSION_LABEL
from harness.model import ClusterHandle, InstalledStack, Provision, Stack

BEFORE = "installed before"
"""What there was to do: nothing but the proof."""


def install(
    handle: ClusterHandle, provision: Provision, *, progress: Progress = QUIET, within_s: float = 300.0, proof_s: float = 120.0
) -> InstalledStack:
    """Apply the Provision with our changes and prove that a request is served; what is already there is only proved.

    provision: with its images made, so that every reference is an image name. within_s: for Knative's own pods, which a
    release pulls over the network. Raises ClusterError when another version or a stranger's Knative is there, InstallError
    when the manifests are refused or no request is served, WaitTimeout.
    """
    objects = Objects(Kube.of(handle))
    crds, given = parsed(provision)
    rest, changes = changed(given)
    mark = digest([*crds, *rest])
    before = record.read(objects)
    if before is not None and before.versions.get("knative") != provision.versions.get("knative"):
        raise ClusterError(
            f"The cluster {handle.name} has Knative {before.versions.get('knative')}, and "
            f"{provision.versions.get('knative')} was asked for; the version of a cluster never changes.",
            fix=f"knative-chaos down {handle.name}, then up again; or another name with --kn-cluster.",
        )
    if before is not None and before.complete and before.digest == mark:
        progress.say(f"Knative {provision.versions.get('knative')} is installed already, unchanged")
        installed = BEFORE
    else:
        installed = "new" if before is None else "again"
        with progress.step(
            f"install Knative {provision.versions.get('knative')}", work=f"install {provision.versions.get('knative')}, {installed}"
        ):
            apply_all(objects, crds, what="Knative's kinds are accepted", within_s=within_s)
            established(objects, crds)
            spaces = [obj for obj in rest if obj["kind"] == "Namespace"]
            apply_all(objects, spaces, what="Knative's namespaces are accepted", within_s=within_s)
            record.write(objects, mark, provision.versions, changes, complete=False)
            apply_all(objects, rest, what="Knative's manifests are accepted", within_s=within_s)
        rolled_out(
            objects,
            [Ref.of(obj) for obj in rest if obj["kind"] == "Deployment"],
            within_s=within_s,
            progress=progress,
            work=f"wait for the pods of {provision.versions.get('knative')}, {installed}",
        )
    proof = prove(
        objects, provision.app_image, handle.ports, within_s=proof_s, progress=progress, work=f"prove a request, {installed}"
    )
    seen = _seen_versions(objects, handle, provision)
    if installed != BEFORE:
        record.write(objects, mark, provision.versions, changes, complete=True)
    return InstalledStack(
        namespace=SYSTEM_NAMESPACE,
        ingress_namespace=INGRESS_NAMESPACE,
        domain=DOMAIN,
        proof=proof,
        versions=seen,
        changes=changes,
        stack=Stack(
            knative=provision.knative.text,
            source=provision.source,
            kubernetes=seen["kubernetes"],
            ingress=provision.versions.get("ingress", ""),
            toolchain=provision.versions.get("toolchain", ""),
            images=images_of(rest),
            changes=changes,
        ),
    )


def version_of(handle: ClusterHandle) -> str:
    """The text of the Knative that the harness installed there, if only in part; "" if none. Raises ClusterError for another's."""
    seen = record.read(Objects(Kube.of(handle)))
    return seen.versions.get("knative", "") if seen else ""


def is_whole(handle: ClusterHandle) -> bool:
    """Whether an installation on this cluster once served a request and was not begun anew since; also where nobody answers."""
    try:
        seen = record.read(Objects(Kube.of(handle)))
    except HarnessError:
        return True  # nothing is known that would justify the removal of a cluster
    return seen is not None and seen.complete


def _seen_versions(objects: Objects, handle: ClusterHandle, provision: Provision) -> Mapping[str, str]:
    """The versions as the cluster itself says them, beside what was asked for.

    "knative_label": the label of Serving's CRD. Raises InstallError when it names another version than the one applied.
    """
    kubernetes = Kube.of(handle, pool=1).server_version()
    crd = objects.get(Ref("apiextensions.k8s.io/v1", "CustomResourceDefinition", SERVICES_CRD)) or {}
    labels = (crd.get("metadata") or {}).get("labels") or {}
    label = str(labels.get(VERSION_LABEL) or labels.get(RELEASE_LABEL) or "").removeprefix("v")
    if label and label != provision.knative.text:
        raise InstallError(f"Serving's kinds say version {label}, applied was {provision.knative}.", fix="make down && make up")
    return {**provision.versions, "kubernetes": kubernetes, "knative_label": label}
