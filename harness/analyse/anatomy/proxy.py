"""Queue-proxy's log as a source: when the kubelet began to stop the app, and when queue-proxy's own probe last failed."""

from __future__ import annotations

from collections.abc import Iterable

from harness.analyse.anatomy.sources import COMMAND, Source
from harness.knative.lines import DRAIN, is_failed_dial, parsed
from harness.knative.times import MILLISECOND_NS, stamp_ns
from harness.model import Observation


def sources(proxy: Iterable[Observation], since_ns: int) -> dict[str, Source]:
    """The kill was decided before the preStop hook reached queue-proxy."""
    for seen in proxy:
        if DRAIN not in seen.payload:
            continue
        own_ns = stamp_ns((parsed(seen.payload) or {}).get("timestamp"))
        hi_ns = seen.at_ns if own_ns is None else own_ns + MILLISECOND_NS - 1
        if hi_ns >= since_ns:
            resolution_ns = seen.resolution_ns if own_ns is None else MILLISECOND_NS
            return {"killing": Source(since_ns, hi_ns, COMMAND, "queue-proxy's log: the preStop hook reached it", resolution_ns)}
    return {}


def last_failed_probe_ns(proxy: Iterable[Observation], since_ns: int, until_ns: int) -> int:
    """When queue-proxy last said in [since, until] that its own probe of the app failed, in plain text; 0: it did not."""
    return max(
        (one.at_ns for one in proxy if is_failed_dial(one.payload) and since_ns <= one.at_ns <= until_ns),
        default=0,
    )
