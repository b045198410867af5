"""What the observers saw of pods, as states in the order seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from harness.analyse.lines import parsed
from harness.model import Observation, Stream

USER_CONTAINER = "user-container"
"""Knative's name for the only container of a Service that names none."""

QUEUE_PROXY = "queue-proxy"


@dataclass(frozen=True, slots=True)
class PodState:
    """One sight of a pod. ready, restarts: None where the API said nothing. ready is False for a pod that is being deleted.

    finished_ns: when the user container ended, if it is terminated now; last_finished_ns: when the one before it did. Both, and
    running_since_ns, are true to a second. queue_proxy_ready: of the queue-proxy container, None where there is none.
    """

    seen_ns: int
    ready: bool | None
    restarts: int | None
    container_id: str
    running_since_ns: int | None
    resolution_ns: int
    finished_ns: int | None = None
    last_finished_ns: int | None = None
    queue_proxy_ready: bool | None = None


def states(observations: Iterable[Observation], pod: str) -> tuple[PodState, ...]:
    """The sights of this pod in the order seen; observations of other kinds and pods are skipped."""
    found = []
    for seen in observations:
        if seen.stream is not Stream.PODS or seen.pod != pod or (told := parsed(seen.payload)) is None:
            continue
        containers = told.get("containers")
        user, proxy = _container(containers, USER_CONTAINER), _container(containers, QUEUE_PROXY)
        ready, restarts, since = told.get("ready"), user.get("restarts"), user.get("running_since_ns")
        found.append(
            PodState(
                seen_ns=seen.seen_ns,
                ready=False if told.get("deleting") else ready if isinstance(ready, bool) else None,
                restarts=restarts if isinstance(restarts, int) else None,
                container_id=str(user.get("id") or ""),
                running_since_ns=since if isinstance(since, int) else None,
                resolution_ns=seen.resolution_ns,
                finished_ns=_finished(user.get("terminated")),
                last_finished_ns=_finished(user.get("last_terminated")),
                queue_proxy_ready=asked if isinstance(asked := proxy.get("ready"), bool) else None,
            )
        )
    return tuple(sorted(found, key=lambda state: state.seen_ns))


def is_ready(observations: Iterable[Observation], pod: str) -> bool:
    """Whether the pod was Ready when it was last seen."""
    sights = states(observations, pod)
    return bool(sights) and sights[-1].ready is True


def _container(containers: object, name: str) -> Mapping[str, Any]:
    told = containers.get(name) if isinstance(containers, dict) else None
    return told if isinstance(told, dict) else {}


def _finished(ended: object) -> int | None:
    finished = ended.get("finished_ns") if isinstance(ended, dict) else None
    return finished if isinstance(finished, int) and finished > 0 else None


def restarts_since(sights: Iterable[PodState], after_ns: int, until_ns: int | None = None) -> int | None:
    """By how much the user container's restart count grew after this moment, None if it was not seen by then.

    A watch tells only changes: not seen again means not changed.
    """
    before: int | None = None
    last: int | None = None
    for state in sights:
        if state.restarts is None or (until_ns is not None and state.seen_ns > until_ns):
            continue
        if state.seen_ns <= after_ns:
            before = state.restarts
        last = state.restarts
    return None if before is None or last is None else last - before


def ready_throughout(sights: Iterable[PodState], from_ns: int, until_ns: int) -> bool | None:
    """True: seen Ready before, and never seen otherwise until the end. False: seen not Ready. None: the sights do not tell."""
    before: PodState | None = None
    later: list[PodState] = []
    for state in sights:
        if state.seen_ns <= from_ns:
            before = state
        elif state.seen_ns <= until_ns:
            later.append(state)
    if any(state.ready is False for state in later):
        return False
    if before is None or before.ready is None or any(state.ready is None for state in later):
        return None
    return before.ready


def rows_to_observations(rows: pl.DataFrame) -> list[Observation]:
    """Rows of a History as the nouns they were, in order."""
    columns = ("stream", "pod", "container", "instance", "at_ns", "resolution_ns", "seen_ns", "payload")
    return [Observation(Stream(row[0]), *row[1:]) for row in rows.select(columns).iter_rows()]
