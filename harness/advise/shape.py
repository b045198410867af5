"""What `knative-chaos advise` answers. `--json` prints these types; docs/advice.schema.json is made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Interval = tuple[float, float]
"""[at least, at most]."""


@dataclass(frozen=True, slots=True)
class Duration:
    """Seconds, at least and at most. plus_boot: on top of D, the start-up time of the app, which is not known."""

    seconds: Interval
    plus_boot: bool


@dataclass(frozen=True, slots=True)
class Requests:
    """Number of requests, at least and at most. per_boot_second: so many more for each second of D, the app's start-up time."""

    number: Interval
    per_boot_second: Interval


@dataclass(frozen=True, slots=True)
class Cost:
    """What one restart by the liveness probe costs.

    killed_s: from the first failed check to the kubelet's decision. refused: for how long requests of the pod are refused, or
    refused_at_most, whichever is less. waits: how long the slowest of the other requests waits, none if that is below 0; null: none
    waits.
    requests: how many are refused, or requests_at_most, whichever is less.
    """

    killed_s: Interval
    refused: Duration
    refused_at_most: Duration | None
    waits: Duration | None
    requests: Requests
    requests_at_most: Requests | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """The scenario that measured it. run: its id in docs/findings.md. saw: what it showed."""

    scenario: str
    run: str
    cycles: int
    saw: str


@dataclass(frozen=True, slots=True)
class Change:
    """A change that helps. what: in words. but: what it makes worse. patch: for the Service, as patch_type says: "json", the
    operations of a JSON Patch (RFC 6902), or "merge", a merge patch (RFC 7396).

    cost: of a restart after it; null where the window of a restart does not change or is not judged.
    """

    what: str
    but: str
    evidence: Evidence
    patch_type: Literal["json", "merge"]
    patch: tuple[dict[str, Any], ...] | dict[str, Any]
    cost: Cost | None


@dataclass(frozen=True, slots=True)
class Risk:
    """A risk that the Service runs. line: of the probe in the file, null where there is none. changes: the smallest first.

    instead: what to do where no change can be named.
    """

    name: str
    container: str
    what: str
    why: str
    line: int | None
    evidence: Evidence
    changes: tuple[Change, ...]
    instead: str


@dataclass(frozen=True, slots=True)
class ProbeWarning:
    """A probe that ends a container again and again, or asks what was not written, by the rules of Knative and Kubernetes.

    No scenario measured it. line: of the probe in the file.
    """

    name: str
    container: str
    what: str
    fix: str
    line: int | None


@dataclass(frozen=True, slots=True)
class NotJudged:
    """What cannot be said, and why. decisive: without it nothing is known of a restart of this Service."""

    what: str
    because: str
    decisive: bool


@dataclass(frozen=True, slots=True)
class Restart:
    """One measured restart; null: the evidence does not decide it.

    failed: requests. refused_s: from the first refused request to the last, 0 for none. slowest_s: the slowest good answer.
    boot_s: D, from the start of the container until its port was listened on.
    """

    failed: int | None
    refused_s: float | None
    slowest_s: float | None
    boot_s: float | None


@dataclass(frozen=True, slots=True)
class Verified:
    """The Service before and after a change of a risk, measured on a cluster. change: its number, from 1.

    boot_s: the median D of all restarts, null if none showed it. experiment: its directory. predicted_before, predicted_after: what
    a restart costs with that D.
    """

    risk: str
    change: int
    experiment: str
    boot_s: float | None
    before: tuple[Restart, ...]
    after: tuple[Restart, ...]
    predicted_before: Cost | None
    predicted_after: Cost | None


@dataclass(frozen=True, slots=True)
class Advice:
    """The whole answer. namespace: "" where the manifest names none. knative: the version it is for. measured_on: that of the
    measurements.

    pods: that stand at least. boot_s: D, the start-up time of the app as given; null: not known. cost: of one restart of the served
    container by its liveness probe; null: there is none, or it is not judged. verified: null without --verify.
    """

    kind: str
    name: str
    namespace: str
    knative: str
    measured_on: str
    rate_rps: float
    boot_s: float | None
    pods: int
    cost: Cost | None
    warnings: tuple[ProbeWarning, ...]
    risks: tuple[Risk, ...]
    not_judged: tuple[NotJudged, ...]
    verified: Verified | None
