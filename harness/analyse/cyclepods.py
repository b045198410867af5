"""The pods of a cycle, and which of them had their logs followed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from harness.analyse.windows import Window
from harness.model import Stream

_LOGS = (Stream.QUEUE_PROXY, Stream.APP)
_LEAVING = r'"deleting": *true'
"""In the payload that `harness.knative.pods.pod` writes."""


@dataclass(frozen=True, slots=True)
class CyclePods:
    """there: pods that existed when the cycle began or appeared in it. followed: those of them with at least one line of a log.

    stood: pods of any cycle that were seen before this one began, without those that were being deleted.
    """

    there: frozenset[str]
    followed: frozenset[str]
    stood: frozenset[str] = frozenset()


class PodSights:
    """The observations of pods in a history, grouped once. heard: for each stream, the pods for which it delivered data."""

    def __init__(self, observations: pl.DataFrame, heard: Mapping[Stream, frozenset[str]]) -> None:
        leaving = pl.col("payload").str.contains(_LEAVING).alias("leaving")
        pods = observations.lazy().filter(pl.col("stream") == Stream.PODS.value).select("pod", "seen_ns", leaving)
        self._sights = pods.sort("seen_ns", maintain_order=True).collect()
        first = self._sights.group_by("pod").agg(pl.col("seen_ns").min())
        self._first: dict[str, int] = dict(first.iter_rows())
        self._heard = frozenset[str]().union(*(heard.get(stream, ()) for stream in _LOGS))

    def of(self, window: Window, since_ns: int) -> CyclePods:
        """The pods of the cycle with this window. since_ns: when the cycle before ended, 0 if there was none.

        A pod first seen by then belongs to an earlier cycle, and its logs were sealed at the end of that cycle. A pod that was
        already being deleted when this cycle began is left out.
        """
        seen = self._sights.filter(pl.col("seen_ns") <= window.until_ns)
        before = seen.filter(pl.col("seen_ns") < window.from_ns).group_by("pod").agg(pl.col("leaving").last())
        left = set(before.filter("leaving")["pod"].to_list())
        there = frozenset(pod for pod in seen["pod"].to_list() if self._first[pod] > since_ns) - left
        return CyclePods(there, there & self._heard, frozenset(before["pod"].to_list()) - left)
