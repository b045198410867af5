"""B1: while a container is restarted for its liveness probe, requests are refused although the pod is Ready (#14980)."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.bugs.bug import Bug, absent, inconclusive, present
from harness.catalogue.claims import broken, holds
from harness.catalogue.s1 import S1
from harness.model import Claimed, Decided, Observed, Seen, VersionRange

LIVENESS_UNDER_LOAD = replace(
    S1,
    name="liveness-under-load",
    # The expectations of S1 begin with 1.7. A signature reads what was observed and no expectation: any version may be measured.
    claims=(
        broken("ready-pod-is-not-refused", "knative/serving #14980"),
        holds("failures-only-while-not-listening"),
        holds("container-restarts-once"),
    ),
    cycles=3,
)
"""S1 on any version; its log is searched for B5, too."""


def signature(seen: Seen) -> Decided:
    """What S1's claims observed in the counted cycles."""
    if seen.verdict is None or seen.findings is None:
        return inconclusive(seen.error or "nothing was measured")
    observed = {one.claim.id: one for one in seen.verdict.claims}
    refused, restarts = observed["ready-pod-is-not-refused"], observed["container-restarts-once"]
    cycles = sum(1 for one in seen.findings.cycles if not one.voided)
    if not cycles:
        said = next((mark.given_up for mark in seen.marks if mark.given_up), "") or seen.error or "each was voided"
        return inconclusive(f"no cycle counts: {said}")
    if refused.observed is Observed.BROKEN:
        return present(f"in {cycles} cycles: {refused.why}")
    if seen.findings.doubts:
        return inconclusive(f"the evidence has a doubt: {seen.findings.doubts[0]}")
    if refused.observed is Observed.HOLDS and restarts.observed is Observed.HOLDS:
        return absent(f"in {cycles} cycles the container was restarted and {refused.why}")
    return inconclusive(refused.why)


B1 = Bug(
    id="B1",
    title="Failing liveness probe: a Ready pod refuses requests",
    source="knative/serving #14980",
    provoked_by=LIVENESS_UNDER_LOAD,
    signature=signature,
    claimed=Claimed(VersionRange.parse(">=1.7"), "1.7.0 and later, open"),
    maskers=("B2", "B3", "B4"),
)
