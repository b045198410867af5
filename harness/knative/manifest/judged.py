"""One answer for a whole Service: who refuses it, or the pods that are made of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.knative.manifest import admission, kinds, pods, schema
from harness.knative.manifest import notes as n
from harness.knative.manifest.defaults import defaulted, without_nulls
from harness.knative.manifest.places import By, Obj, Problem, shown, text_of
from harness.knative.manifest.rendering import Rendered, Unrenderable, rendered
from harness.knative.manifest.settings import Settings
from harness.knative.manifest.words import duration_ns

POD = ("spec", "template", "spec")


@dataclass(frozen=True, slots=True)
class Judged:
    """problems: in the order in which they would be met; those of a later step only where no earlier step refuses.

    service: with its defaults; None where its fields are wrong. rendered: None where it is refused.
    """

    problems: tuple[Problem, ...]
    service: Obj | None = None
    rendered: Rendered | None = None


def judged(manifest: Obj, settings: Settings) -> Judged:
    """Of a Knative Service, as plain JSON values."""
    found = tuple(schema.problems(manifest, kinds.SERVICE, version=settings.version, leftovers=kinds.LEFTOVERS))
    if found:
        return Judged(found)
    service = defaulted(manifest)
    found = (*admission.refused(service, settings), *pods.metadata(service.get("metadata") or {}, ("metadata",)))
    if found:
        return Judged(found, service)
    try:
        made = rendered(service, settings)
    except Unrenderable as error:
        place = (*POD, "containers", error.container, "readinessProbe")
        what = f"{text_of(place)} names no port; Knative's controller makes no Deployment: {error}."
        return Judged((Problem(place, what, "Write port, or ask for 1.18 or later.", By.DEPLOYMENT),), service)
    inner = ("spec", "template", "metadata")
    found = (
        *pods.refused(made.pod, POD),
        *pods.metadata(service["spec"]["template"]["metadata"], inner),
        *_deadline(service, settings),
    )
    return Judged(found, service, None if found else made)


def _deadline(service: Obj, settings: Settings) -> Iterator[Problem]:
    """An empty or zero progress-deadline passes the webhook; Kubernetes wants more than 0 s."""
    text = n.template_note(service, n.PROGRESS_DEADLINE)
    if text is not None and settings.since("1.4") and not duration_ns(text):
        place = (*n.TEMPLATE_NOTES, n.PROGRESS_DEADLINE)
        what = f"{text_of(place)} is {shown(text)}; Kubernetes refuses the Deployment: progressDeadlineSeconds 0."
        yield Problem(place, what, 'Write one such as "120s", or leave it out.', By.DEPLOYMENT)


def judged_deployment(manifest: Obj, settings: Settings) -> Judged:
    """Of a Deployment of Kubernetes: what the API server refuses of it. rendered: never."""
    found = tuple(schema.problems(manifest, kinds.DEPLOYMENT, version=settings.version, leftovers={}))
    if found:
        return Judged(found)
    plain = without_nulls(manifest)
    template = plain["spec"]["template"]
    if not (template.get("spec") or {}).get("containers"):
        place = (*POD, "containers")
        return Judged((Problem(("spec", "template"), f"{text_of(place)}: there is no container.", "Write one.", By.SCHEMA),), plain)
    return Judged(tuple(pods.refused(template["spec"], POD)), plain)
