"""Ends a wait for a workload as soon as the cluster has refused it for good, with the cluster's own words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.adapters.clock import mono_s
from harness.adapters.documents import Obj
from harness.adapters.objects import ApiRefused, NoSuchKind, Objects, Ref
from harness.deploy.kind import Kind
from harness.errors import DeployError
from harness.knative.refusals import Refusal, refusals

EVERY_S = 2.0
"""A look is some lists of the API and at most one log: not for each look of a wait."""


class RefusalWatch:
    """What the cluster refuses of one workload while it is waited for.

    `require_none` is called by each look of the wait that found it not standing yet, and reads the cluster every EVERY_S.
    """

    def __init__(self, objects: Objects, kind: Kind, docs: Sequence[Obj], *, clock: Callable[[], float] = mono_s) -> None:
        self._objects, self._kind, self._docs, self._clock = objects, kind, docs, clock
        self._looked_s = clock()
        self._first_s: dict[tuple[str, str], float] = {}

    def require_none(self) -> None:
        """Raises DeployError for a refusal that is final (see `Refusal.after_s`); what cannot be read is read again later."""
        now_s = self._clock()
        if now_s - self._looked_s < EVERY_S:
            return
        self._looked_s = now_s
        try:
            found = refusals(self._kind.evidence(self._objects, self._docs))
        except (ApiRefused, NoSuchKind):
            return
        for one in found:
            since_s = self._first_s.setdefault((one.about, one.fix), now_s)
            if now_s - since_s >= one.after_s:
                raise self._error(one)

    def _error(self, refusal: Refusal) -> DeployError:
        ref = Ref.of(self._docs[0])
        return DeployError(
            f"The cluster refused {ref.kind} {ref.name}: {refusal}.",
            where=f"{ref.kind} {ref.namespace}/{ref.name}",
            fix=refusal.fix,
        )
