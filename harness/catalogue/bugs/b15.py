"""B15: a request that its client cancelled is logged as an error and counted as 502."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.bugs.bug import Bug, absent, inconclusive, present
from harness.catalogue.bugs.reading import lines_of
from harness.catalogue.n5 import N5
from harness.knative.lines import parsed
from harness.model import BugState, Cause, Claimed, Decided, Observation, Seen, Stream, VersionRange

CLIENTS_CANCEL = replace(N5, name="clients-cancel", cycles=1)
"""N5 on any version; its claims expect the same of all."""

SPEAKERS = (Stream.QUEUE_PROXY, Stream.ACTIVATOR)


def signature(seen: Seen) -> Decided:
    """ERROR lines with `context canceled`; or clients that gave up, and no such line."""
    if seen.findings is None:
        return inconclusive(seen.error or "nothing was measured")
    logged = {stream: sum(map(_is_cancelled, lines_of(seen, stream))) for stream in SPEAKERS}
    counted = [one for one in seen.findings.cycles if not one.voided]
    gave_up = sum(one.by_cause.get(Cause.TIMEOUT.value, 0) for one in counted)
    words = ", ".join(f"{count} lines of {stream.value}" for stream, count in logged.items())
    if any(logged.values()):
        return present(f"ERROR with `context canceled`: {words}")
    if not gave_up:
        return inconclusive("no client gave up in a cycle that counts")
    return absent(f"{gave_up} clients gave up; neither queue-proxy nor the activator logged an error with `context canceled`")


def _is_cancelled(line: Observation) -> bool:
    told = parsed(line.payload) or {}
    severity = str(told.get("severity") or told.get("level") or "").lower()
    return severity == "error" and "context canceled" in str(told.get("error") or "")


B15 = Bug(
    id="B15",
    title="Cancelled requests are logged as errors",
    source="knative/serving, error handler of knative.dev/pkg",
    provoked_by=CLIENTS_CANCEL,
    signature=signature,
    claimed=Claimed(VersionRange.parse("<1.20"), "up to 1.19; from 1.20 on at debug level"),
    needs={BugState.ABSENT: (Stream.QUEUE_PROXY, Stream.ACTIVATOR)},
)
