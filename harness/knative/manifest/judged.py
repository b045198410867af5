"""One answer for a whole Service: who refuses it, or the pods that are made of it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.knative.manifest import admission, kinds, pods, schema
from harness.knative.manifest import notes as n
from harness.knative.manifest.defaults import HANDLERS, defaulted, is_served, without_nulls
from harness.knative.manifest.mending import Mended, mended
from harness.knative.manifest.places import By, Obj, Place, Problem, at, shown, text_of
from harness.knative.manifest.rendering import Rendered, Unrenderable, rendered
from harness.knative.manifest.settings import Settings
from harness.knative.manifest.words import duration_ns

POD = ("spec", "template", "spec")


@dataclass(frozen=True, slots=True)
class Judged:
    """found: the problems in the order of the steps that refuse, those of a later step only where no earlier problem can be their
    cause; and the manifest with fixes made, for further checks.

    service: with its defaults; None where its fields are wrong. rendered: None where it is refused.
    """

    found: Mended
    service: Obj | None = None
    rendered: Rendered | None = None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Of all steps."""
        return self.found.problems


def judged(manifest: Obj, settings: Settings, unsure: Sequence[Place] = ()) -> Judged:
    """Of a Knative Service, as plain JSON values. unsure: places whose value is not known, such as those of a key written twice."""
    fields = mended(
        manifest, lambda obj: schema.problems(obj, kinds.SERVICE, version=settings.version, leftovers=kinds.LEFTOVERS), unsure
    )
    if fields.obj is None:
        return Judged(fields)
    service = defaulted(fields.obj)
    found = fields.then(_admitted(service, settings))
    made = None
    asked = _renderable(service) if found.problems else service
    if asked is not None:
        made, later = _made(asked, settings)
        found = found.then(later)
    return Judged(found, None if fields.problems else service, None if found.problems else made)


def _renderable(service: Obj) -> Obj | None:
    """A refused Service as far as pods can be made of it; None where it is not clear which container gets the requests.

    A readiness probe that asks nothing is left out, or asks what Knative's default asks.
    """
    made: Obj = copy.deepcopy(service)
    containers = at(made, *POD, "containers")
    if sum(is_served(one, containers) for one in containers) != 1:
        return None
    for one in containers:
        probe = one.get("readinessProbe")
        if probe is not None and not any(name in probe for name in HANDLERS):
            if is_served(one, containers):
                probe["tcpSocket"] = {}
            else:
                del one["readinessProbe"]
    return made


def _admitted(service: Obj, settings: Settings) -> Iterator[Problem]:
    yield from admission.refused(service, settings)
    yield from pods.metadata(service.get("metadata") or {}, ("metadata",))


def _made(service: Obj, settings: Settings) -> tuple[Rendered | None, tuple[Problem, ...]]:
    """The pods of a Service, and why Kubernetes refuses them."""
    try:
        made = rendered(service, settings)
    except Unrenderable as error:
        place = (*POD, "containers", error.container, "readinessProbe")
        what = f"{text_of(place)} names no port; Knative's controller makes no Deployment: {error}."
        return None, (Problem(place, what, "Write port, or ask for 1.18 or later.", By.DEPLOYMENT),)
    inner = ("spec", "template", "metadata")
    return made, (
        *pods.refused(made.pod, POD),
        *pods.metadata(service["spec"]["template"]["metadata"], inner),
        *_deadline(service, settings),
    )


def _deadline(service: Obj, settings: Settings) -> Iterator[Problem]:
    """An empty or zero progress-deadline passes the webhook; Kubernetes wants more than 0 s."""
    text = n.template_note(service, n.PROGRESS_DEADLINE)
    if text is not None and settings.since("1.4") and not duration_ns(text):
        place = (*n.TEMPLATE_NOTES, n.PROGRESS_DEADLINE)
        what = f"{text_of(place)} is {shown(text)}; Kubernetes refuses the Deployment: progressDeadlineSeconds 0."
        yield Problem(place, what, 'Write one such as "120s", or leave it out.', By.DEPLOYMENT)


def judged_deployment(manifest: Obj, settings: Settings, unsure: Sequence[Place] = ()) -> Judged:
    """Of a Deployment of Kubernetes: what the API server refuses of it. rendered: never."""
    fields = mended(manifest, lambda obj: schema.problems(obj, kinds.DEPLOYMENT, version=settings.version, leftovers={}), unsure)
    if fields.obj is None:
        return Judged(fields)
    template = at(without_nulls(fields.obj), "spec", "template") or {}
    if (template.get("spec") or {}).get("containers"):
        return Judged(fields.then(pods.refused(template["spec"], POD)))
    place = (*POD, "containers")
    what = f"{text_of(place)}: there is no container."
    return Judged(fields.then([Problem(("spec", "template"), what, "Write one.", By.SCHEMA)]))
