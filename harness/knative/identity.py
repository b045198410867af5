"""Which pod and container a journal line speaks of: what is known of the pods' names, uids and container ids so far."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

from harness.knative import containerd, kubelet
from harness.knative.objects import Object, name_of, uid_of
from harness.knative.pods import bare_id, container_statuses

HELD = 2_000
"""Lines with an unknown id kept until somebody says whose it is: the runtime starts a container before the API tells."""


@dataclass(frozen=True, slots=True)
class Owner:
    """container "": the pod as a whole (its sandbox). instance: restart count, -1 if the line does not tell."""

    pod: str
    container: str = ""
    instance: int = -1


L = TypeVar("L")


class Identity(Generic[L]):
    """Learns from pod objects and from the container runtime's own lines. Safe to use from several threads.

    L: whatever the caller wants back when the owner of a held line becomes known.
    """

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._pod = kubelet.pod_pattern(namespace)
        self._guard = threading.Lock()
        self._ids: dict[str, Owner] = {}
        self._uids: dict[str, str] = {}
        self._news = False
        self._held: deque[tuple[str, L]] = deque(maxlen=HELD)

    def learn(self, obj: Object) -> None:
        """A pod object of the namespace."""
        name = name_of(obj)
        with self._guard:
            self._news = True
            self._uids[uid_of(obj)] = name
            for container in container_statuses(obj):
                found = bare_id(container.get("containerID"))
                if found:
                    self._ids[found] = Owner(name, str(container.get("name")), int(container.get("restartCount") or 0))

    def place(self, message: str, item: L) -> Owner | None:
        """Whose line this is. None: nobody's of this namespace, or not known yet: then `item` may come back from `settled`."""
        with self._guard:
            owner = self._owner(message)
            if owner is not None:
                self._learn_line(message, owner)
            elif containerd.container_ids(message) or kubelet.pod_uids(message):
                self._held.append((message, item))
            return owner

    def settled(self) -> list[tuple[Owner, L]]:
        """Held lines whose owner has become known, oldest first; each is given out once."""
        with self._guard:
            out: list[tuple[Owner, L]] = []
            while self._news:
                self._news = False
                kept: list[tuple[str, L]] = []
                for message, item in self._held:
                    owner = self._owner(message)
                    if owner is None:
                        kept.append((message, item))
                    else:
                        self._learn_line(message, owner)
                        out.append((owner, item))
                self._held.clear()
                self._held.extend(kept)
            return out

    def _owner(self, message: str) -> Owner | None:
        owner: Owner | None = None
        for found in containerd.container_ids(message):
            known = self._ids.get(found)
            if known is not None and (owner is None or known.container):
                owner = known
        if owner is not None and owner.container:
            return owner
        pod = owner.pod if owner is not None else self._pod_named(message)
        if not pod:
            return None
        made = containerd.container_attempt(message)
        return Owner(pod, *made) if made is not None else Owner(pod, kubelet.container_named(message))

    def _pod_named(self, message: str) -> str:
        box = containerd.sandbox(message)
        if box is not None and box.namespace == self._namespace:
            self._news = self._news or box.uid not in self._uids
            self._uids[box.uid] = box.pod
            return box.pod
        name = self._pod.search(message)
        if name is not None:
            return name.group(1)
        return next((self._uids[uid] for uid in kubelet.pod_uids(message) if uid in self._uids), "")

    def _learn_line(self, message: str, owner: Owner) -> None:
        made, within = containerd.id_made(message), containerd.id_of_sandbox(message)
        for found, whose in ((made, owner), (within, Owner(owner.pod))):
            if found and found not in self._ids:
                self._ids[found] = whose
                self._news = True
