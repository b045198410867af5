"""Short ways of writing the claims people make most."""

from __future__ import annotations

from harness.model import Claim, Expectation, Expected, Rate, RateOf, VersionRange

STATEMENTS = {
    "requests-do-not-fail": "No request fails.",
    "ready-pod-is-not-refused": "While its pod is Ready, no request is refused by the container's port.",
    "pod-stays-ready": "The pod is Ready throughout.",
    "failures-only-while-not-listening": "Requests fail only between the old listener's close and the new listener's start.",
    "container-restarts-once": "The container is restarted exactly once a cycle.",
    "no-restart": "No container is restarted.",
}
"""The good behaviour each check of `harness.judge` speaks of, in words."""


def claim(check: str, *expected: Expected) -> Claim:
    """A claim with an expectation for each range of versions: `claim("no-restart", holds_on(">=1.7", "..."), ...)`.

    Raises ValueError for ranges that overlap.
    """
    return Claim(id=check, check=check, statement=STATEMENTS.get(check, check), expected=expected)


def holds_on(versions: str, source: str) -> Expected:
    """The good behaviour is to be seen in every cycle on these versions ("any", ">=1.7", "1.14-1.17"). Raises ValueError."""
    return Expected(VersionRange.parse(versions), Expectation.HOLDS, source)


def broken_on(versions: str, source: str) -> Expected:
    """The good behaviour is missing in every cycle on these versions, because of the bug named by source. Raises ValueError."""
    return Expected(VersionRange.parse(versions), Expectation.BROKEN, source)


def share_on(versions: str, of: str, lo: float, hi: float, source: str) -> Expected:
    """On these versions the share of cycles in which the behaviour is broken, or of requests, lies in [lo, hi]. Raises ValueError.

    of: "cycles" or "requests".
    """
    return Expected(VersionRange.parse(versions), Expectation.HOLDS, source, Rate(RateOf(of), lo, hi))


def holds(check: str, source: str = "the author of this scenario") -> Claim:
    """A claim that the good behaviour is to be seen in every cycle, on any version."""
    return claim(check, holds_on("any", source))


def broken(check: str, source: str) -> Claim:
    """A claim that the good behaviour is missing in every cycle, on any version, because of the open bug named by source."""
    return claim(check, broken_on("any", source))
