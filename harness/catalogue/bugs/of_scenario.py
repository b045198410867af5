"""A claim of any scenario as something to search for: present while the good behaviour is broken, absent while it holds."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.bugs.bug import Bug, absent, inconclusive, present
from harness.errors import BadInput
from harness.model import Claim, Claimed, Decided, Expected, Observed, Scenario, Seen, VersionRange

ANY = VersionRange.parse("any")


def on_any_version(scenario: Scenario) -> Scenario:
    """The scenario under another name, with the first expectation of each claim on any version.

    What a claim observes does not depend on what is expected, so no range of versions can decide what is found.
    """
    claims = tuple(replace(claim, expected=(_anywhere(claim),)) for claim in scenario.claims)
    return replace(scenario, name=f"{scenario.name}-any-version", claims=claims)


def _anywhere(claim: Claim) -> Expected:
    return replace(claim.expected[0], versions=ANY)


def of_scenario(scenario: Scenario, claim: str = "") -> Bug:
    """One claim of a scenario, the first one without a name. Raises BadInput with the claims there are."""
    ids = [one.id for one in scenario.claims]
    if not ids:
        raise BadInput(f"{scenario.name} has no claim to search for.", fix="Name another scenario.")
    chosen = claim or ids[0]
    if chosen not in ids:
        raise BadInput(f"{scenario.name} has no claim {claim!r}; it has: {', '.join(ids)}.", fix="Name one of them with --claim.")

    def signature(seen: Seen) -> Decided:
        if seen.verdict is None or seen.findings is None:
            return inconclusive(seen.error or "nothing was measured")
        result = next(one for one in seen.verdict.claims if one.claim.id == chosen)
        if not any(not one.voided for one in seen.findings.cycles):
            said = next((mark.given_up for mark in seen.marks if mark.given_up), "") or seen.error or "each was voided"
            return inconclusive(f"no cycle counts: {said}")
        if seen.findings.doubts:
            return inconclusive(f"the evidence has a doubt: {seen.findings.doubts[0]}")
        if result.observed is Observed.BROKEN:
            return present(str(result.why))
        if result.observed is Observed.HOLDS:
            return absent(str(result.why))
        return inconclusive(str(result.why))

    return Bug(
        id=f"{scenario.name}.{chosen}",
        title=f"{scenario.title}: {chosen}",
        source="the catalogue",
        provoked_by=on_any_version(scenario),
        signature=signature,
        claimed=Claimed(None, "not a bug of the corpus"),
        maskers=("B2", "B3", "B4"),
    )
