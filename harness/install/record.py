"""What is installed, written down in the cluster itself: one ConfigMap of ours beside Knative."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.adapters.objects import Objects, Ref
from harness.errors import ClusterError
from harness.knative.names import SYSTEM_NAMESPACE
from harness.model import SystemChange

REF = Ref("v1", "ConfigMap", "knative-chaos", SYSTEM_NAMESPACE)


@dataclass(frozen=True, slots=True)
class Record:
    """digest: of all objects as applied. complete: True once it served a request; False until then, also when it was cut."""

    digest: str
    versions: Mapping[str, str]
    changes: tuple[SystemChange, ...]
    complete: bool


def read(objects: Objects) -> Record | None:
    """What was installed by us, None if nothing was. Raises ClusterError when Knative is there without our record."""
    found = objects.get(REF)
    if found is None:
        stranger = objects.get(Ref("apps/v1", "Deployment", "controller", SYSTEM_NAMESPACE))
        if stranger is not None:
            raise ClusterError(
                "This cluster has a Knative Serving that this harness did not install.",
                where=f"Deployment {SYSTEM_NAMESPACE}/controller",
                fix="make down && make up, or name a cluster of our own with --kn-cluster.",
            )
        return None
    data = found.get("data") or {}
    try:
        return Record(
            digest=str(data["digest"]),
            versions=dict(json.loads(data["versions"])),
            changes=tuple(SystemChange(**change) for change in json.loads(data["changes"])),
            complete=data.get("complete") == "true",
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ClusterError(
            f"The record of what is installed cannot be read: {type(error).__name__}: {error}.",
            where=str(REF),
            fix="make down && make up",
        ) from error


def write(objects: Objects, digest: str, versions: Mapping[str, str], changes: Sequence[SystemChange], *, complete: bool) -> None:
    """Put the record in place of the one before."""
    objects.apply(
        {
            "apiVersion": REF.api_version,
            "kind": REF.kind,
            "metadata": {"name": REF.name, "namespace": REF.namespace},
            "data": {
                "digest": digest,
                "versions": json.dumps(dict(versions), sort_keys=True),
                "changes": json.dumps([dataclasses.asdict(change) for change in changes], sort_keys=True),
                "complete": "true" if complete else "false",
            },
        }
    )
