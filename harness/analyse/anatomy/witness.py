"""The witnesses that a fault brings along as sources: observations that match a pattern (`harness.faults.edges.Witness`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from harness.analyse.anatomy.sources import COMMAND, Source
from harness.faults.edges import Witness
from harness.model import FaultEvent, Observation


def sources(seen: Sequence[Observation], witnesses: Iterable[Witness], event: FaultEvent) -> dict[str, Source]:
    """The first match of each witness after the fault. seen: of the pod and of the node."""
    found: dict[str, Source] = {}
    for one in witnesses:
        lo_ns, last = event.sent_ns, COMMAND
        for line in seen:
            if line.stream is not one.stream or line.seen_ns < event.sent_ns or line.pod not in {"", event.pod}:
                continue
            if re.search(one.pattern, line.payload):
                found.setdefault(one.edge, Source(lo_ns, max(lo_ns, line.seen_ns), last, one.says, 1_000))
                break
            if one.sampled:
                lo_ns, last = line.at_ns, one.says
    return found
