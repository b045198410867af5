"""Keys of one of Knative's objects, mostly a ConfigMap, that a single run sets and gives back.

Such a change is to the system under test, so it is asked for, recorded, and undone. What the keys were stands in an annotation of
the object itself: the next `up` or `run` gives back what a killed run could not. Called under the measure lock.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.adapters.documents import Obj
from harness.adapters.objects import ApiRefused, Objects, Ref
from harness.adapters.wait import Look, wait_for
from harness.errors import ClusterError, InstallError
from harness.install.apply import not_yet
from harness.model import SystemChange


@dataclass(frozen=True, slots=True)
class Scoped:
    """One such change. ref: the object. what: its name, for messages. why: what a run needs it for.

    annotation: of the object, while the change stands: {"run": id, "was": {key: value or null}}. section: where the keys are:
    "data" of a ConfigMap, "spec" of others.
    """

    ref: Ref
    annotation: str
    wanted: Mapping[str, str]
    what: str
    why: str
    section: str = "data"

    def set_for(self, objects: Objects, run_id: str, *, within_s: float) -> tuple[SystemChange, ...]:
        """Set the keys, keep what they were in the annotation, and answer with what was changed.

        What a dead run left must have been given back before. Raises ClusterError when there is no such object, InstallError
        when the change is refused.
        """
        was: dict[str, str | None] = {}

        def change(found: Obj) -> Obj | None:
            text = self._text(found)
            if text is not None:
                if was and text == _mark(run_id, was):
                    return None  # it was stored although the answer was lost
                self._kept(found)
                raise InstallError(
                    f"{self.ref} carries the mark of another run's {self.what}.", where=self.annotation, fix="knative-chaos up"
                )
            data = found.get(self.section) or {}
            was.update({key: data.get(key) for key in self.wanted})
            return self._patch(self.wanted, _mark(run_id, was))

        if not self._changed(objects, change, within_s=within_s):
            raise ClusterError(
                f"There is no {self.ref}; Knative Serving is not installed as we know it.", fix="make down && make up"
            )
        return tuple(
            SystemChange(str(self.ref), key, was[key], now, self.why) for key, now in self.wanted.items() if was[key] != now
        )

    def give_back(self, objects: Objects, *, within_s: float) -> bool:
        """Put the keys back to what the annotation says they were. True if there was something to give back.

        Without the annotation nothing is touched. Raises InstallError when the change is refused or the annotation cannot be read.
        """
        given = False

        def change(found: Obj) -> Obj | None:
            nonlocal given
            was = self._kept(found)
            given = given or was is not None
            return None if was is None else self._patch(was, None)

        self._changed(objects, change, within_s=within_s)
        return given

    def _text(self, config: Obj) -> str | None:
        text = (config["metadata"].get("annotations") or {}).get(self.annotation)
        return None if text is None else str(text)

    def _kept(self, config: Obj) -> dict[str, str | None] | None:
        """What the keys were before, None without our annotation. Raises InstallError when it is not what we wrote."""
        text = self._text(config)
        if text is None:
            return None
        try:
            was = json.loads(text)["was"]
            return {key: None if was[key] is None else str(was[key]) for key in self.wanted}
        except (ValueError, KeyError, TypeError) as error:
            raise InstallError(
                f"What the {self.what} was before cannot be read from its annotation: {type(error).__name__}: {error}.",
                where=f"{self.ref}, annotation {self.annotation}",
                fix=f"Set {', '.join(self.wanted)} of that {self.ref.kind} as you want them and remove the annotation, "
                "or make down && make up.",
            ) from error

    def _patch(self, data: Mapping[str, str | None], annotation: str | None) -> Obj:
        return {"metadata": {"annotations": {self.annotation: annotation}}, self.section: dict(data)}

    def _changed(self, objects: Objects, change: Callable[[Obj], Obj | None], *, within_s: float) -> bool:
        """Change keys and annotation together, on what is there at that moment; False when there is no such object.

        change: the patch for the object as read, None when there is nothing to do. Somebody else's change in between, or a
        webhook that is away for a moment, makes it read again. Raises InstallError for any other refusal.
        """

        def once() -> Look[bool]:
            found = objects.get(self.ref)
            if found is None:
                return Look(value=False, seen="not there")
            patch = change(found)
            if patch is None:
                return Look(value=True, seen="as it should be")
            patch["metadata"]["resourceVersion"] = found["metadata"].get("resourceVersion")
            try:
                objects.merge(self.ref, patch)
            except ApiRefused as refused:
                reason = "somebody else changed it" if refused.status == 409 else not_yet(refused)
                if reason is None:
                    raise InstallError(
                        f"The {self.what} could not be switched: {refused.what}", where=str(self.ref), fix="knative-chaos up"
                    ) from refused
                return Look(None, reason)
            return Look(value=True, seen="changed")

        return wait_for(f"{self.ref} is changed", once, within_s=within_s, every_s=0.5, fix="knative-chaos up")


def _mark(run_id: str, was: Mapping[str, str | None]) -> str:
    return json.dumps({"run": run_id, "was": dict(was)}, sort_keys=True)
