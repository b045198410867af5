"""The shape of `summary.json`, typed. `docs/summary.schema.json` says the same for readers outside Python; a test compares the two.

Units stand in the names. Offsets (`*_s` of a cycle) count from the cycle's fault, or from the start of its load when it has none
(`origin` says which). None is "unknown"; an empty text is a known "no".
"""

from __future__ import annotations

from typing import TypedDict


class ClaimShape(TypedDict):
    """One claim beside what was seen. expected: holds or broken. observed: holds, broken or undecided."""

    id: str
    statement: str
    source: str
    expected: str
    observed: str
    why: str


class VersionsShape(TypedDict):
    """What ran. None: the history does not say."""

    kubernetes: str | None
    knative: str | None
    ingress: str | None
    harness: str | None
    toolchain: str | None


class FaultShape(TypedDict):
    """What was done to the app in a cycle, and its answer. answered_after_s: from the order to the answer."""

    kind: str
    persistent: bool
    pod: str
    boot: str
    status: int
    answer: str
    answered_after_s: float | None


class LandedPartShape(TypedDict):
    """One piece of the proof that a fault took hold."""

    what: str
    seen: bool
    evidence: str


class LandedShape(TypedDict):
    """Whether the fault took hold, and why one may believe it."""

    proved: bool
    parts: list[LandedPartShape]


class EdgeShape(TypedDict):
    """An edge in the life of the container: it lies within offset_s = [lo, hi]; None: there is no origin to count from."""

    offset_s: list[float] | None
    evidence: str
    resolution_s: float


class CycleRequestsShape(TypedDict):
    """Requests of one cycle. by_cause: failed ones only."""

    sent: int
    ok: int
    by_outcome: dict[str, int]
    by_cause: dict[str, int]


class CycleShape(TypedDict):
    """One cycle. voided: why it does not count, "" if it counts.

    replaces: index of the voided cycle it stands in for, -1 for none. missing: edges that must be there and that nobody saw.
    disputes: what the sources of the edges contradict each other in. queue_proxy_window_s: refused_window_s by queue-proxy's log.
    """

    index: int
    pod: str
    voided: str
    given_up: str
    replaces: int
    origin: str | None
    fault: FaultShape | None
    landed: LandedShape
    anatomy: dict[str, EdgeShape]
    refused_window_s: list[float] | None
    ready_throughout: bool | None
    restarts: int | None
    outside_window: int | None
    missing: list[str]
    disputes: list[str]
    queue_proxy_window_s: list[float] | None
    pacing_p50_us: float | None
    pacing_p99_us: float | None
    pacing_max_us: float | None
    steal: float | None
    requests: CycleRequestsShape


class RequestsShape(TypedDict):
    """Requests of all cycles that count."""

    sent: int
    ok: int
    by_outcome: dict[str, int]


class LedgerShape(TypedDict):
    """Both columns of the account: attributed + unattributed = client_failures, matched + unmatched = queue_proxy_refused_lines.

    hidden: failed attempts that a retrying client followed by another. request_log_lines, exact, strangers: of queue-proxy's
    request log, 0 without one.
    """

    client_failures: int
    attributed: int
    unattributed: int
    ambiguous: int
    by_cause: dict[str, int]
    queue_proxy_refused_lines: int
    matched: int
    unmatched: int
    interchangeable: int
    censored: int
    hidden: int
    request_log_lines: int
    exact: int
    strangers: int


class GeneratorShape(TypedDict):
    """How well the load kept its time. steal: the largest share of CPU time stolen from a cycle that counts."""

    rate: float | None
    pacing_p50_us: float | None
    pacing_p99_us: float | None
    steal: float | None


class PhaseShape(TypedDict):
    """One numbered step of the run. seconds None: it never ended."""

    name: str
    seconds: float | None


class GapShape(TypedDict):
    """A stretch in which a stream may have lost something. pod "": all pods. until_utc None: it was never closed."""

    stream: str
    pod: str
    from_utc: str | None
    until_utc: str | None
    reason: str


class ChangeShape(TypedDict):
    """A change to the system under test. was None: it was not set."""

    object: str
    what: str
    was: str | None
    now: str
    why: str


class Summary(TypedDict):
    """The whole of `summary.json`."""

    schema: int
    run_id: str
    scenario: str
    title: str
    started_utc: str | None
    verdict: str
    reasons: list[str]
    doubts: list[str]
    notes: list[str]
    interrupted: str
    clock_step_s: float | None
    claims: list[ClaimShape]
    versions: VersionsShape
    source: str
    cluster: str
    host: dict[str, str]
    request_log: bool
    cycles: list[CycleShape]
    requests: RequestsShape
    ledger: LedgerShape
    generator: GeneratorShape
    phases: list[PhaseShape]
    gaps: list[GapShape]
    system_changes: list[ChangeShape]
    artifacts: dict[str, str]
