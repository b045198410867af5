"""The observations of one cycle's pod, of the slices that list it, and of the node."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from harness.knative import containerd, kubelet
from harness.model import CycleMark, Observation, Stream

_LOGS = (Stream.QUEUE_PROXY.value, Stream.ACTIVATOR.value, Stream.INGRESS.value)
_OF_FAULTS = (Stream.NODE.value, Stream.OTHER_PODS.value)
"""Of whichever pod a fault hit, the workload's or not."""

_JOURNALS = (Stream.KUBELET.value, Stream.CONTAINERD.value)
_SEEN = (Stream.PODS.value, Stream.ENDPOINTS.value, Stream.OTHER_PODS.value)
"""The time of a state is when it was seen; the time of a line is its own."""

_STREAMS = {stream.value: stream for stream in Stream}
"""A look into it costs a tenth of making the member from its value, once for each observation."""


class Sights:
    """The observations of a history, grouped once: not the logs of the proxies, and of the journals the lines of kills and acts."""

    def __init__(self, observations: pl.DataFrame) -> None:
        stream = pl.col("stream")
        at = pl.when(stream.is_in(_SEEN)).then("seen_ns").otherwise("at_ns").alias("known_ns")
        rest = observations.with_row_index("row").filter(~stream.is_in(_LOGS)).with_columns(at)
        tells = pl.col("payload").str.contains_any([*kubelet.WORDS, *containerd.WORDS])
        self._journals = rest.filter(stream.is_in(_JOURNALS) & tells)
        self._slices = rest.filter(stream == Stream.ENDPOINTS.value)
        self._of_faults = rest.filter(stream.is_in(_OF_FAULTS))
        own = rest.filter(~stream.is_in([*_JOURNALS, *_OF_FAULTS, Stream.ENDPOINTS.value]))
        self._of_pods = {str(key[0]): rows for key, rows in own.partition_by("pod", as_dict=True).items()}
        self._none = own.clear()

    def of(self, mark: CycleMark, end_ns: int) -> list[Observation]:
        """In the order seen: of the mark's pod, of the slices once they list it, of the pods that faults hit, of
        the node's journals since the load began.

        Excludes what was seen after the end of the cycle, when its pod is deleted.
        """
        payload = pl.col("payload")
        # JSON may spell a name with escapes; such a slice is looked at too.
        lists = payload.str.contains(mark.pod, literal=True) | payload.str.contains("\\u", literal=True)
        parts = (
            self._of_pods.get(mark.pod, self._none),
            self._slices.filter(lists.cum_sum() > 0),
            self._of_faults,
            self._journals.filter(pl.col("at_ns") + pl.col("resolution_ns") >= mark.load_started_ns),
        )
        in_time = [rows.filter(pl.col("known_ns") <= end_ns) for rows in parts]
        return rows_to_observations(pl.concat(in_time).sort("row"))

    def states(self, pods: Collection[str], end_ns: int) -> list[Observation]:
        """The states of these pods until the cycle's end, in the order seen."""
        rows = [self._of_pods[pod] for pod in sorted(pods) if pod in self._of_pods]
        if not rows:
            return []
        states = pl.concat(rows).filter((pl.col("stream") == Stream.PODS.value) & (pl.col("known_ns") <= end_ns))
        return rows_to_observations(states.sort("row"))


def rows_to_observations(rows: pl.DataFrame) -> list[Observation]:
    """Rows of a History as Observations, in order."""
    columns = ("stream", "pod", "container", "instance", "at_ns", "resolution_ns", "seen_ns", "payload")
    return [Observation(_STREAMS[stream], *rest) for stream, *rest in rows.select(columns).iter_rows()]
