"""A cluster of plain objects in memory, in place of the API server."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from harness.adapters.documents import Obj
from harness.adapters.objects import ApiRefused, Objects, Ref

OPEN = {"status": {"conditions": [{"type": "Established", "status": "True"}]}}


class FakeObjects(Objects):
    """refuse: asked before each apply; raises what the server would. after: changes the stored object, as controllers do."""

    def __init__(self, refuse: Callable[[Ref], None] | None = None, after: Callable[[Ref, Obj], None] | None = None) -> None:
        self.stored: dict[Ref, Obj] = {}
        self.applied: list[Ref] = []
        self.deleted: list[Ref] = []
        self._refuse = refuse or (lambda _ref: None)
        self._after = after or (lambda _ref, _obj: None)

    def apply(self, obj: Obj, *, dry_run: bool = False, strict: bool = False) -> Obj:
        """Store it, settled at once as far as install looks."""
        ref = Ref.of(obj)
        self._refuse(ref)
        self.applied.append(ref)
        if dry_run:
            return obj
        stored = copy.deepcopy(obj)
        stored["metadata"]["generation"] = 1
        if ref.kind == "CustomResourceDefinition":
            stored.update(copy.deepcopy(OPEN))
        if ref.kind == "Deployment":
            stored["status"] = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
        self._after(ref, stored)
        self.stored[ref] = stored
        return stored

    def get(self, ref: Ref) -> Obj | None:
        """What was stored."""
        return self.stored.get(ref)

    def find(self, api_version: str, kind: str, *, namespace: str = "", labels: str = "") -> list[Obj]:
        """By kind and namespace; labels as equalities, or a label's name alone where it need only be there."""
        wanted = [part.partition("=") for part in labels.split(",") if part]

        def fits(carried: dict[str, str]) -> bool:
            return all(key in carried and (not equal or carried[key] == value) for key, equal, value in wanted)

        return [
            obj
            for ref, obj in self.stored.items()
            if (ref.api_version, ref.kind) == (api_version, kind)
            and namespace in {"", ref.namespace}
            and fits(obj["metadata"].get("labels") or {})
        ]

    def merge(self, ref: Ref, patch: Obj) -> Obj:
        """RFC 7386 on what is stored; another resourceVersion than the stored one is a conflict."""
        stored = self.stored.get(ref)
        if stored is None:
            raise ApiRefused(f"PATCH {ref}", status=404, said="not found")
        if (patch.get("metadata") or {}).get("resourceVersion", seen := stored["metadata"].get("resourceVersion")) != seen:
            raise ApiRefused(f"PATCH {ref}", status=409, said="the object has been modified")
        merged: Obj = _merged(stored, patch)
        merged["metadata"]["resourceVersion"] = str(int(seen or 0) + 1)
        self.stored[ref] = merged
        return merged

    def delete(self, ref: Ref, *, grace_s: int | None = None) -> bool:
        """Gone at once, a namespace with all in it."""
        self.deleted.append(ref)
        there = self.stored.pop(ref, None) is not None
        if ref.kind == "Namespace":
            self.stored = {one: obj for one, obj in self.stored.items() if one.namespace != ref.name}
        return there


def _merged(old: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    new = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            new.pop(key, None)
        else:
            new[key] = _merged(new.get(key), value)
    return new
