"""Short ways of writing the claims people make most."""

from __future__ import annotations

from harness.model import Bounds, Claim, Expectation, Expected, Rate, RateOf, VersionRange

PREDICTED = "docs/predictions.md, committed before the run"
"""The source of bounds."""

STATEMENTS = {
    "requests-do-not-fail": "No request fails.",
    "no-request-is-refused": "No request is refused by the container's port.",
    "ready-pod-is-not-refused": "While its pod is Ready, no request is refused by the container's port.",
    "pod-stays-ready": "The pod is Ready throughout.",
    "failures-only-while-not-listening": "Requests fail only between the old listener's close and the new listener's start.",
    "container-restarts-once": "The container is restarted exactly once a cycle.",
    "no-restart": "No container is restarted.",
    "failed-requests": "As many requests fail, of these causes, as predicted.",
    "other-failures": "As many requests fail of other causes than these as predicted.",
    "refused-window": "Requests are refused for as long as predicted, from the first to the last one.",
    "slowest-answer": "The slowest good answer from the fault on takes as long as predicted.",
    "median-answer": "The median good answer from the fault on takes as long as predicted.",
    "p99-answer": "The good answer at the 99th percentile, from the fault on, takes as long as predicted.",
    "failed-or-slow": "As many requests fail or take longer than 1 s, from the fault on, as predicted.",
    "restarts": "As many containers are restarted as predicted.",
    "stopping": "From the kubelet's decision to kill the container until its old process is gone it takes as long as predicted.",
    "probe-phase": "The readiness probe comes as long after the liveness probe as predicted.",
    "activator-wait": "The activator holds a request for as long as predicted, the longest one.",
    "pods": "As many pods stand or come in the cycle as predicted.",
    "slow-answers": "As many good answers from the fault on take longer than 1 s as predicted.",
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


def within(number: str, lo: float, hi: float, source: str, *causes: str, versions: str = "any") -> Claim:
    """A claim that a number of each cycle lies in [lo, hi]: `within("failed-requests", 190, 225, "...", "timeout")`.

    The bounds are wider than the numbers of docs/predictions.md, which are for two calm cores: the lower one is what the scenario's
    own configuration forces, the upper one about twice the prediction. A slower machine must not break a claim about Knative.

    number: a name of `harness.judge.numbers`. causes: of a number of failures, those that it is about. Raises ValueError.
    """
    expected = Expected(VersionRange.parse(versions), Expectation.HOLDS, source, bounds=Bounds(lo, hi, causes))
    return Claim("-".join((number, *causes)), number, STATEMENTS.get(number, number), (expected,))


def holds(check: str, source: str = "the author of this scenario") -> Claim:
    """A claim that the good behaviour is to be seen in every cycle, on any version."""
    return claim(check, holds_on("any", source))


def broken(check: str, source: str) -> Claim:
    """A claim that the good behaviour is missing in every cycle, on any version, because of the open bug named by source."""
    return claim(check, broken_on("any", source))
