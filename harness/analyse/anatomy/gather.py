"""The observations of one cycle's pod, by source. Request and error lines are dropped before they are parsed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from harness.analyse.sights import rows_to_observations
from harness.apps.toggle import AppEvent
from harness.knative.endpoints import SliceState, listing
from harness.knative.lines import DRAIN, INFO_HEADS
from harness.knative.pods import PodState
from harness.model import Observation, Stream


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of one pod until the end of its cycle, each in the order of its own stamps.

    told: the app's events. sights: of the pod. slices: every sight of an EndpointSlice. events: of the pod. runtime: containerd's
    lines about the pod. kubelet: its lines that name the pod. proxy: queue-proxy's lines that are about no request.
    all: every observation but queue-proxy's, in the order seen.
    """

    told: Sequence[AppEvent]
    sights: Sequence[PodState]
    slices: Sequence[Observation]
    events: Sequence[Observation]
    runtime: Sequence[Observation]
    kubelet: Sequence[Observation]
    proxy: Sequence[Observation]
    all: Sequence[Observation] = ()

    def listing(self, pod: str) -> list[tuple[int, SliceState]]:
        """The sights of the slice that lists this pod."""
        return listing(((seen.seen_ns, seen.payload) for seen in self.slices), pod)

    def followed(self, pod: str) -> bool:
        """Whether a slice that follows its pods lists this pod."""
        return any(shown.follows_pods for _, shown in self.listing(pod))


def about_no_request(observations: pl.DataFrame) -> pl.DataFrame:
    """Queue-proxy's lines that are about no request, of all pods: its own failed probes, in plain text, and the drain's line.

    Called once for a run, so that each cycle searches only a few lines.
    """
    payload = pl.col("payload")
    begins = f"^(?:{'|'.join(map(pl.escape_regex, INFO_HEADS))}|[^{{]|$)"
    # In two steps, so that not every error line is searched.
    few = observations.filter((pl.col("stream") == Stream.QUEUE_PROXY.value) & payload.str.contains(begins))
    return few.filter(~payload.str.starts_with("{") | payload.str.contains(DRAIN, literal=True))


def gather(
    pod: str, seen: Sequence[Observation], told: Sequence[AppEvent], sights: Sequence[PodState], proxy: pl.DataFrame, end_ns: int
) -> Seen:
    """What was seen of this pod until end_ns.

    seen: of the pod, of EndpointSlices and of the node, until end_ns. told, sights: the app's events and the pod's states among
    them. proxy: queue-proxy's lines of any pod and time that are about no request; see `about_no_request`.
    """
    lines = rows_to_observations(proxy.filter((pl.col("pod") == pod) & (pl.col("at_ns") <= end_ns)))

    def of(stream: Stream) -> list[Observation]:
        return [one for one in seen if one.stream is stream]

    return Seen(
        told=told,
        sights=sights,
        slices=sorted(of(Stream.ENDPOINTS), key=lambda one: one.seen_ns),
        events=_by_stamp(one for one in of(Stream.EVENTS) if one.pod == pod),
        runtime=_by_stamp(one for one in of(Stream.CONTAINERD) if one.pod == pod),
        kubelet=_by_stamp(one for one in of(Stream.KUBELET) if pod in one.payload),
        proxy=_by_stamp(lines),
        all=seen,
    )


def _by_stamp(observations: Iterable[Observation]) -> list[Observation]:
    return sorted(observations, key=lambda one: one.at_ns)
