"""Short ways of writing the claims people make most."""

from __future__ import annotations

from harness.model import Claim, Expectation

STATEMENTS = {
    "requests-do-not-fail": "No request fails.",
    "ready-pod-is-not-refused": "While its pod is Ready, no request is refused by the container's port.",
    "failures-only-while-not-listening": "Requests fail only between the old listener's close and the new listener's start.",
    "container-restarts-once": "The container is restarted exactly once a cycle.",
    "no-restart": "No container is restarted.",
}
"""The good behaviour each check of `harness.judge` speaks of, in words."""


def holds(check: str, source: str = "the author of this scenario") -> Claim:
    """A claim that the good behaviour is to be seen in every cycle."""
    return _claim(check, Expectation.HOLDS, source)


def broken(check: str, source: str) -> Claim:
    """A claim that the good behaviour is missing in every cycle, because of the open bug named by source."""
    return _claim(check, Expectation.BROKEN, source)


def _claim(check: str, expected: Expectation, source: str) -> Claim:
    return Claim(id=check, check=check, statement=STATEMENTS.get(check, check), expected=expected, source=source)
