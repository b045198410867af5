"""What Knative's webhook refuses unless its configuration permits it: permitted for one run, waited for, and given back."""

from __future__ import annotations

from dataclasses import dataclass

from harness.adapters.documents import Obj
from harness.adapters.kube import Kube
from harness.adapters.objects import ApiRefused, Objects
from harness.adapters.progress import QUIET, Progress
from harness.adapters.wait import Look, wait_for
from harness.errors import InstallError, WaitTimeout
from harness.install.apply import not_yet
from harness.install.scoped import Scoped
from harness.knative.names import SERVING_API
from harness.model import ClusterHandle, SystemChange


@dataclass(frozen=True, slots=True)
class Permission:
    """One such permission. scoped: the keys that give it. of: what is permitted, for messages. tried: a Service that needs it.

    settles_s: how long a version may take until it accepts that Service. 0: as long as `switch_on` may take, and one that does not
    accept it is an error. Else a version that does not know the keys refuses it always, and that may be what is examined.
    """

    scoped: Scoped
    of: str
    tried: Obj
    settles_s: float = 0.0

    def switch_on(
        self, handle: ClusterHandle, *, run_id: str, progress: Progress = QUIET, within_s: float = 60.0
    ) -> tuple[SystemChange, ...]:
        """Set the keys, wait until Knative's webhook accepts the Service, and answer with what was changed.

        Raises like `Scoped.set_for`; without `settles_s` also InstallError for a refusal of another kind, and WaitTimeout.
        """
        objects = Objects(Kube.of(handle))
        changes = self.scoped.set_for(objects, run_id, within_s=within_s)
        progress.say(f"{self.of} is permitted for this run; the change is recorded")

        def look() -> Look[bool]:
            try:
                objects.apply(self.tried, dry_run=True)
            except ApiRefused as refused:
                # The webhook has not read the change yet, or is away.
                if self.settles_s or refused.status == 400 or not_yet(refused) is not None:
                    return Look(None, refused.said)
                raise InstallError(f"{self.of[0].upper()}{self.of[1:]} is refused: {refused.what}") from refused
            return Look(value=True, seen="accepted")

        what = f"{self.of} is accepted"
        try:
            wait_for(what, look, within_s=self.settles_s or within_s, every_s=0.5, fix="make down && make up")
        except WaitTimeout as late:
            if not self.settles_s:
                raise
            progress.say(f"{self.of} is refused: {late.last_seen}")
        return changes

    def give_back(self, handle: ClusterHandle, *, progress: Progress = QUIET, within_s: float = 60.0) -> bool:
        """Put the keys back; no Revision is rolled for it. True if there was something to give back.

        Raises like `Scoped.give_back`.
        """
        given = self.scoped.give_back(Objects(Kube.of(handle)), within_s=within_s)
        if given:
            progress.say(f"{self.of} is as it was before")
        return given


def service(name: str, *containers: Obj, annotations: dict[str, str] | None = None) -> Obj:
    """A Service to be sent as a dry run: nothing of it is stored. Its containers need no image of their own."""
    made = [{"image": "dev.local/none:none", **container} for container in containers]
    return {
        "apiVersion": SERVING_API,
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"template": {"metadata": {"annotations": dict(annotations or {})}, "spec": {"containers": made}}},
    }
