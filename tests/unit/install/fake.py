"""A cluster of plain objects in memory, in place of the API server."""

from __future__ import annotations

import copy
from collections.abc import Callable

from harness.adapters.documents import Obj
from harness.adapters.objects import Objects, Ref

OPEN = {"status": {"conditions": [{"type": "Established", "status": "True"}]}}


class FakeObjects(Objects):
    """refuse: asked before each apply; raises what the server would. after: changes the stored object, as controllers do."""

    def __init__(self, refuse: Callable[[Ref], None] | None = None, after: Callable[[Ref, Obj], None] | None = None) -> None:
        self.stored: dict[Ref, Obj] = {}
        self.applied: list[Ref] = []
        self.deleted: list[Ref] = []
        self._refuse = refuse or (lambda _ref: None)
        self._after = after or (lambda _ref, _obj: None)

    def apply(self, obj: Obj, *, dry_run: bool = False) -> Obj:
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
        """By kind and namespace; labels as equalities."""
        wanted = dict(part.split("=", 1) for part in labels.split(",") if part)
        return [
            obj
            for ref, obj in self.stored.items()
            if (ref.api_version, ref.kind) == (api_version, kind)
            and namespace in {"", ref.namespace}
            and wanted.items() <= (obj["metadata"].get("labels") or {}).items()
        ]

    def delete(self, ref: Ref, *, grace_s: int | None = None) -> bool:
        """Gone at once, a namespace with all in it."""
        self.deleted.append(ref)
        there = self.stored.pop(ref, None) is not None
        if ref.kind == "Namespace":
            self.stored = {one: obj for one, obj in self.stored.items() if one.namespace != ref.name}
        return there
