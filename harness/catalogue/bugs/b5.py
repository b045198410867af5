"""B5: queue-proxy panics in its drain when a request arrives at the wrong moment (#13488)."""

from __future__ import annotations

from harness.catalogue.bugs.b1 import LIVENESS_UNDER_LOAD
from harness.catalogue.bugs.bug import Bug, inconclusive, present
from harness.catalogue.bugs.reading import lines_of
from harness.model import BugState, Claimed, Decided, Seen, Stream, VersionRange

PANIC, PLACE = "http: panic serving", "resetTimer"
CONFIDENCE = 0.95


def signature(seen: Seen) -> Decided:
    """The panic and its place in queue-proxy's log. Without it: so many restarts under load, and the rate that they exclude."""
    if seen.findings is None:
        return inconclusive(seen.error or "nothing was measured")
    lines = lines_of(seen, Stream.QUEUE_PROXY)
    panicked = {one.pod for one in lines if PANIC in one.payload}
    placed = {one.pod for one in lines if PLACE in one.payload}
    counted = [one for one in seen.findings.cycles if not one.voided and one.landed.proved]
    attempts = sum(one.restarts or 0 for one in counted)
    if both := panicked & placed:
        return present(f"queue-proxy panicked in resetTimer, in {len(both)} of {len(seen.marks)} pods")
    if panicked:
        return inconclusive("queue-proxy panicked, but not in resetTimer")
    if not attempts:
        return inconclusive("no restart under load counts")
    upper = most(attempts)
    return Decided(BugState.ABSENT, f"no panic in {attempts} restarts under load", attempts=attempts, upper=upper)


def most(attempts: int) -> float:
    """The upper end of the exact two-sided interval (Clopper and Pearson) of a rate that never showed itself in these attempts."""
    from scipy.stats import binomtest  # noqa: PLC0415 - half a second that only a race pays for

    return float(binomtest(0, attempts).proportion_ci(CONFIDENCE, method="exact").high)


B5 = Bug(
    id="B5",
    title="Queue-proxy panics in its drain",
    source="knative/serving #13488",
    provoked_by=LIVENESS_UNDER_LOAD,
    signature=signature,
    claimed=Claimed(VersionRange.parse(">=1.7.0,<1.7.3 or 1.8.0"), "1.7.0 to 1.7.2 and 1.8.0, a race of microseconds"),
    maskers=("B2", "B3", "B4"),
    needs={BugState.ABSENT: (Stream.QUEUE_PROXY,)},
)
