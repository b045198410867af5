"""Which pod and container a journal line speaks of: what is known of the pods' names, uids and container ids so far."""

from __future__ import annotations

import re
import threading
from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

from harness.observe.payload import Object, bare_id

HELD = 2_000
"""Lines with an unknown id kept until somebody says whose it is: the runtime starts a container before the API tells."""

_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_UID = re.compile(r"[0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}(?![0-9a-f])")
_MADE = re.compile(r'returns (?:sandbox|container) id \\*"([0-9a-f]{64})')
_WITHIN = re.compile(r'within sandbox \\*"([0-9a-f]{64})')
_CONTAINER = re.compile(r"ContainerMetadata\{Name:([^,]+),Attempt:(\d+),")
_NAMED = re.compile(r'container(?:Name)?="([a-z0-9-]+)"')
_SANDBOX = re.compile(r"PodSandboxMetadata\{Name:([^,]+),Uid:([^,]+),Namespace:([^,]+),")


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
        self._pod = re.compile(rf'pods?=\[?"{re.escape(namespace)}/([^"]+)"')
        self._guard = threading.Lock()
        self._ids: dict[str, Owner] = {}
        self._uids: dict[str, str] = {}
        self._news = False
        self._held: deque[tuple[str, L]] = deque(maxlen=HELD)

    def learn(self, obj: Object) -> None:
        """A pod object of the namespace."""
        meta, status = obj.get("metadata") or {}, obj.get("status") or {}
        name = str(meta.get("name") or "")
        with self._guard:
            self._news = True
            self._uids[str(meta.get("uid"))] = name
            for container in status.get("containerStatuses") or []:
                found = bare_id(container.get("containerID"))
                if found:
                    self._ids[found] = Owner(name, str(container.get("name")), int(container.get("restartCount") or 0))

    def place(self, message: str, item: L) -> Owner | None:
        """Whose line this is. None: nobody's of this namespace, or not known yet: then `item` may come back from `settled`."""
        with self._guard:
            owner = self._owner(message)
            if owner is not None:
                self._learn_line(message, owner)
            elif _ID.search(message) or _UID.search(message):
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
        for found in _ID.findall(message):
            known = self._ids.get(found)
            if known is not None and (owner is None or known.container):
                owner = known
        if owner is not None and owner.container:
            return owner
        pod = owner.pod if owner is not None else self._pod_named(message)
        if not pod:
            return None
        made = _CONTAINER.search(message)
        if made is not None:
            return Owner(pod, made.group(1), int(made.group(2)))
        named = _NAMED.search(message)
        return Owner(pod, named.group(1) if named else "")

    def _pod_named(self, message: str) -> str:
        box = _SANDBOX.search(message)
        if box is not None and box.group(3) == self._namespace:
            self._news = self._news or box.group(2) not in self._uids
            self._uids[box.group(2)] = box.group(1)
            return box.group(1)
        name = self._pod.search(message)
        if name is not None:
            return name.group(1)
        return next((self._uids[uid] for uid in (u.replace("_", "-") for u in _UID.findall(message)) if uid in self._uids), "")

    def _learn_line(self, message: str, owner: Owner) -> None:
        made = _MADE.search(message)
        if made is not None and made.group(1) not in self._ids:
            self._ids[made.group(1)] = owner
            self._news = True
        within = _WITHIN.search(message)
        if within is not None and within.group(1) not in self._ids:
            self._ids[within.group(1)] = Owner(owner.pod)
            self._news = True
