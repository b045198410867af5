"""Lines of the kubelet's journal: which pod and container one is about, and what it says of a kill."""

from __future__ import annotations

import re

from harness.knative.names import USER_CONTAINER

_UID = re.compile(r"[0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}(?![0-9a-f])")
_KILLS, _FAILED = "Killing container", "failed liveness probe"
WORDS = (_KILLS, _FAILED)
"""A line that tells of a kill has one of these in it."""

_CONTAINER = re.compile(r'container(?:Name)?="([a-z0-9-]+)"')


def pod_pattern(namespace: str) -> re.Pattern[str]:
    """Finds the name of a pod of this namespace as the kubelet writes it: `pod="ns/name"` or `pods=["ns/name"]`."""
    return re.compile(rf'pods?=\[?"{re.escape(namespace)}/([^"]+)"')


def pod_uids(message: str) -> list[str]:
    """The pod uids in a line; a cgroup's path spells them with underscores."""
    return [found.replace("_", "-") for found in _UID.findall(message)]


def container_named(message: str) -> str:
    """The container a line names, "" if it names none."""
    found = _CONTAINER.search(message)
    return found.group(1) if found else ""


def kills(message: str) -> bool:
    """Whether the kubelet begins to kill a container."""
    return _KILLS in message


def kills_for_liveness(message: str, pod: str, container: str = USER_CONTAINER) -> bool:
    """Whether the kubelet kills this container because its liveness probe failed."""
    return all(words in message for words in (pod, container, _FAILED))
