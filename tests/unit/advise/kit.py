"""Services for the tests of the advice."""

from __future__ import annotations

from typing import Any

from harness.advise import Advice, Load, advice
from harness.advise.data import Model
from harness.knative.manifest.places import Obj
from harness.knative.manifest.settings import Settings
from harness.model import KnativeVersion
from tests.unit.advise.constants import RANGES

HTTP = {"httpGet": {"path": "/healthz"}}
LIVENESS = {**HTTP, "periodSeconds": 1, "failureThreshold": 3, "initialDelaySeconds": 10}
"""Of S1."""

READINESS = {**HTTP, "periodSeconds": 1, "failureThreshold": 1}
"""Of S6."""

STARTUP = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1, "failureThreshold": 30}
"""Of S10."""

ONE_POD = {"autoscaling.knative.dev/min-scale": "1", "autoscaling.knative.dev/max-scale": "1"}


def service(*containers: dict[str, Any], notes: dict[str, str] | None = None, **pod: Any) -> Obj:
    """A Service of these containers. notes: annotations of its template."""
    metadata = {"metadata": {"annotations": notes}} if notes else {}
    spec = {"containers": [{"image": "own:1", **one} for one in containers], **pod}
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "shop"},
        "spec": {"template": {**metadata, "spec": spec}},
    }


def advised(manifest: Obj, *, version: str = "1.23", probing: bool = True, constants: Model = RANGES, **load: Any) -> Advice:
    """The advice. load: the fields of `Load`."""
    return advice(manifest, Settings(KnativeVersion.parse(version), probing=probing), Load(**load), constants=constants)


def names(found: Advice) -> list[str]:
    """Of the risks."""
    return [one.name for one in found.risks]


def decisive(found: Advice) -> list[str]:
    """Why nothing is known of a restart."""
    return [one.what for one in found.not_judged if one.decisive]
