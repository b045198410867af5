"""A scenario on one version of Knative."""

from __future__ import annotations

from dataclasses import fields

from harness.errors import BadInput
from harness.model import Claim, KnativeVersion, Procedure, ResolvedClaim, RunSpec, Scenario


def resolve(scenario: Scenario, version: KnativeVersion) -> RunSpec:
    """The scenario on this version: each claim with the one expectation that it has there.

    Raises BadInput for a claim that expects nothing of this version, with the ranges it has: what nobody predicted proves nothing.
    """
    procedure = {field.name: getattr(scenario, field.name) for field in fields(Procedure)}
    claims = tuple(_on(claim, version, scenario.name) for claim in scenario.claims)
    return RunSpec(scenario=scenario.name, claims=claims, **procedure)


def _on(claim: Claim, version: KnativeVersion, scenario: str) -> ResolvedClaim:
    for one in claim.expected:
        if one.versions.contains(version):
            return ResolvedClaim(claim.id, claim.check, claim.statement, one.expectation, one.source, one.rate, one.bounds)
    there = "; ".join(f"{one.versions} ({one.expectation})" for one in claim.expected) or "none"
    raise BadInput(
        f"The claim {claim.id!r} of {scenario} has no expectation for Knative {version}; it has: {there}.",
        fix="Name a version of these with --kn-version, or measure with claims of your own (docs/evidence.md, Claims).",
    )
