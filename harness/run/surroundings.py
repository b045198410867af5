"""What stood around Knative while a cell of the corpus was examined: a search over releases may change nothing of it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from harness import history as history_room
from harness.catalogue.bugs.reading import container, stored_spec, template
from harness.errors import HistoryError
from harness.history import corpus
from harness.history.layout import RUN
from harness.knative.names import USER_CONTAINER
from harness.model import RunMeta, Seen, Stack

NODE_IMAGE = "node_image"
"""In `RunMeta.host`."""

RELEASE = "release"
"""Of `Stack.source`."""

_INGRESS = ("kourier", "envoy")
"""Parts of the names of the ingress' images; every other image of a stack is Knative Serving's and changes with its version."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """All but Knative that decides what is seen; "" where the evidence does not say it.

    source: "release", or "built here" whatever the sources were: the toolchain of a release is not known.
    """

    source: str = ""
    kubernetes: str = ""
    node_image: str = ""
    ingress: str = ""
    ingress_images: str = ""
    toolchain: str = ""
    app: str = ""


def surroundings_of(evidence: Path) -> Surroundings:
    """Of a run directory, or of one with evidence.json. Evidence that cannot be read says nothing."""
    try:
        if (evidence / RUN).is_file():
            return surroundings_of_run(history_room.read_meta(evidence))
        stored = corpus.read_evidence(evidence)
    except HistoryError:
        return Surroundings()
    return _around(stored.stack, stored.node_image, stored.seen)


def surroundings_of_run(meta: RunMeta) -> Surroundings:
    """Of a run, from its head."""
    return _around(meta.stack, meta.host.get(NODE_IMAGE, ""), Seen(template=meta.pod_spec))


def differences(one: Surroundings, other: Surroundings) -> tuple[str, ...]:
    """In what two examinations differ, Knative aside: "kubernetes: v1.34.4 and v1.33.1". What one of them does not say is none."""
    pairs = ((field.name.replace("_", " "), getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    return tuple(f"{name}: {was} and {now}" for name, was, now in pairs if was and now and was != now)


def _around(stack: Stack | None, node_image: str, seen: Seen) -> Surroundings:
    app = str((container(template(seen), USER_CONTAINER) or container(stored_spec(seen), USER_CONTAINER)).get("image") or "")
    if stack is None:
        return Surroundings(node_image=node_image, app=app)
    images = ", ".join(sorted(image for image in stack.images if any(part in image for part in _INGRESS)))
    source = RELEASE if stack.source == RELEASE else "built here"
    return Surroundings(source, stack.kubernetes, node_image, stack.ingress, images, stack.toolchain, app)
