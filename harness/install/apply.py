"""Puts objects into the API server in an order that works, again where it says "not yet", and waits until they took."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.adapters.documents import Document, Obj, YAMLError, documents, why_not_yaml
from harness.adapters.objects import ApiRefused, NoSuchKind, Objects, Ref, condition, conditions
from harness.adapters.progress import Progress
from harness.adapters.wait import Look, wait_for
from harness.errors import InstallError
from harness.model import Provision

CRD = "CustomResourceDefinition"

TIERS: tuple[frozenset[str], ...] = (
    frozenset({"Namespace"}),
    frozenset({"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}),
    frozenset({"ConfigMap", "Secret"}),
    frozenset({"Service"}),
    frozenset({"Deployment"}),
    frozenset({"HorizontalPodAutoscaler", "PodDisruptionBudget"}),
    frozenset({"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}),
)
"""Configuration before what reads it, webhooks last: a registered webhook without its pod refuses the others. What is named in
no tier (custom resources) goes before the webhooks."""

NOT_YET: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("the webhook's pod does not listen yet", re.compile(r"failed calling webhook.*connection refused", re.DOTALL)),
    ("the webhook has no endpoints yet", re.compile(r"failed calling webhook.*no endpoints available", re.DOTALL)),
    ("the webhook has no certificate yet", re.compile(r"failed calling webhook.*(x509|certificate|tls:)", re.DOTALL)),
    (
        "the webhook does not answer yet",
        re.compile(r"failed calling webhook.*(deadline exceeded|timeout|EOF|reset by peer|no route|not found)", re.DOTALL),
    ),
    ("its kind is not served yet", re.compile(r"no matches for kind")),
)


def parsed(provision: Provision) -> tuple[list[Obj], list[Obj]]:
    """(CRDs, the rest) of the manifests; of an object given twice the later one counts. Raises InstallError for what is no YAML."""
    found: dict[Ref, Obj] = {}
    for name, text in provision.manifests:
        try:
            listed = documents(text)
        except YAMLError as error:
            said = why_not_yaml(error, name)
            raise InstallError(f"The manifest {name} is not YAML: {said}", fix="Ask for another version.") from error
        for one in listed:
            if not (one.kind and one.api_version and one.name):
                raise InstallError(f"The manifest {name} holds something without kind, apiVersion or name.")
            found[Ref.of(one.value)] = one.value
    objects = list(found.values())
    unmade = sorted({ref for obj in objects for ref in Document("", obj).strings() if ref.startswith(("ko://", "build://"))})
    if unmade or provision.app_image.startswith("build://"):
        raise InstallError(f"These images were not made: {', '.join(unmade) or provision.app_image}.", fix="make up")
    crds = [obj for obj in objects if obj["kind"] == CRD]
    rest = sorted((obj for obj in objects if obj["kind"] != CRD), key=_tier)
    return crds, rest


def _tier(obj: Obj) -> int:
    for index, kinds in enumerate(TIERS):
        if obj["kind"] in kinds:
            return index
    return len(TIERS) - 2


def apply_all(objects: Objects, todo: Sequence[Obj], *, what: str, within_s: float, dry_run: bool = False) -> None:
    """Apply each; those the server is not ready for are tried again. Raises InstallError (refused), WaitTimeout."""
    pending = list(todo)

    def once() -> Look[bool]:
        left: list[Obj] = []
        why = ""
        for obj in pending:
            try:
                objects.apply(obj, dry_run=dry_run)
            except (ApiRefused, NoSuchKind) as error:
                reason = not_yet(error)
                if reason is None:
                    raise InstallError(
                        f"{Ref.of(obj)} was refused: {error.what}", fix="make down && make up, or ask for another version."
                    ) from error
                left.append(obj)
                why = f"{Ref.of(obj)}: {reason}"
        pending[:] = left
        return Look(None if left else True, f"{len(left)} of {len(todo)} objects to go; {why}" if left else "all applied")

    wait_for(what, once, within_s=within_s, every_s=0.5, fix="make down && make up")


def not_yet(error: ApiRefused | NoSuchKind) -> str | None:
    """The named reason why this may pass a moment later; None if it will not."""
    for reason, pattern in NOT_YET:
        if pattern.search(error.what):
            return reason
    if isinstance(error, ApiRefused) and error.status in {0, 429, 503}:
        return "the API server is busy"
    return None


def established(objects: Objects, crds: Sequence[Obj], *, within_s: float = 60.0) -> None:
    """Wait until the API server serves each kind. Raises WaitTimeout."""
    refs = [Ref.of(crd) for crd in crds]

    def once() -> Look[bool]:
        for ref in refs:
            seen = objects.get(ref)
            if seen is None or not condition(seen, "Established"):
                return Look(None, f"{ref.name}: {conditions(seen)}")
        return Look(value=True, seen="all Established")

    wait_for("Knative's kinds are Established", once, within_s=within_s, fix="make down && make up")


def rolled_out(objects: Objects, deployments: Sequence[Ref], *, within_s: float, progress: Progress, work: str = "") -> None:
    """Wait until each Deployment runs its current template and nothing older. Raises WaitTimeout with the pods that do not."""

    def once() -> Look[bool]:
        for ref in deployments:
            seen = objects.get(ref)
            if seen is None or not _current(seen):
                return Look(None, f"{ref}: {conditions(seen)}; {_pods(objects, ref)}")
        return Look(value=True, seen="all rolled out")

    with progress.step("wait for Knative's own pods", work=work):
        wait_for("Knative's own pods run", once, within_s=within_s, every_s=0.5, fix="make down && make up")


def _current(deployment: Obj) -> bool:
    status = deployment.get("status") or {}
    wanted = int((deployment.get("spec") or {}).get("replicas", 1))
    return status.get("observedGeneration") == deployment["metadata"].get("generation") and all(
        int(status.get(count) or 0) == wanted for count in ("replicas", "updatedReplicas", "availableReplicas")
    )


def _pods(objects: Objects, deployment: Ref) -> str:
    """What keeps the pods of a Deployment, in a few words."""
    said = []
    for pod in objects.find("v1", "Pod", namespace=deployment.namespace):
        if not pod["metadata"]["name"].startswith(f"{deployment.name}-"):
            continue
        status = pod.get("status") or {}
        waiting = [
            f"{one['name']} {one['state']['waiting'].get('reason')}"
            for one in status.get("containerStatuses") or []
            if "waiting" in (one.get("state") or {})
        ]
        said.append(f"pod {pod['metadata']['name']} {status.get('phase')} {', '.join(waiting) or conditions(pod)}"[:300])
    return "; ".join(said[:3]) or "no pods"
