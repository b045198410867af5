"""The types of `summary.json`. `make schema` writes `docs/summary.schema.json` from them, for readers outside Python.

A docstring describes an object, `Meta` a key and what its value may be.
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypedDict

from msgspec import Meta

from harness.faults import FAULTS
from harness.model import SCHEMA, Behaviour, Cause, Expectation, Fact, Observed, Outcome, RateOf, Ruling, Stream, WorkloadKind

_OUTCOMES = (*(str(outcome) for outcome in Outcome if outcome is not Outcome.HTTP_ERROR), "http-[0-9]+")

Count = Annotated[int, Meta(ge=0)]
Least0 = Annotated[float, Meta(ge=0)]
Span = Annotated[list[float], Meta(min_length=2, max_length=2)]
"""[lo, hi]"""
Utc = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")]
Path = Annotated[str, Meta(pattern=r"^(?!/)(?!.*(^|/)\.\.(/|$)).+$")]
ByOutcome = dict[Annotated[str, Meta(pattern=f"^({'|'.join(_OUTCOMES)})$")], Count]
ByCause = Annotated[dict[str, Count], Meta(extra_json_schema={"propertyNames": {"enum": sorted(Cause)}})]


class ReadingShape(TypedDict):
    """What a claim's check read in one cycle that counts."""

    cycle: Annotated[Count, Meta(description="index of the cycle")]
    observed: Annotated[Observed, Meta(description="what the check saw in it")]
    why: Annotated[str, Meta(description="in words")]
    value: Annotated[float | None, Meta(description="the number that the check decided by; null: there is none")]
    unit: Annotated[str, Meta(description="of the value")]


class RateShape(TypedDict):
    """A claim about a share, and the share that was measured."""

    of: Annotated[RateOf, Meta(description="of what it is a share")]
    claimed: Annotated[Span, Meta(description="the share that is claimed: [least, most]")]
    share: Annotated[float | None, Meta(description="the measured share; null: it could not be told")]
    interval: Annotated[Span | None, Meta(description="the interval that the cycles support; null: it could not be told")]


class ClaimShape(TypedDict):
    """A claim beside what its check saw."""

    id: Annotated[str, Meta(description="unique in the scenario")]
    statement: Annotated[str, Meta(description="the good behaviour, in words")]
    source: Annotated[str, Meta(description="where the expectation comes from")]
    expected: Annotated[Expectation, Meta(description="whether the good behaviour is expected")]
    observed: Annotated[Observed, Meta(description="whether it was seen")]
    why: Annotated[str, Meta(description="what the check saw, in words")]
    readings: Annotated[list[ReadingShape], Meta(description="by cycle, of those that count")]
    rate: Annotated[RateShape | None, Meta(description="null: the claim is not about a share")]
    bounds: NotRequired[Annotated[Span, Meta(description="the prediction, of a claim about a number of each cycle: [least, most]")]]


class VersionsShape(TypedDict):
    """The versions that ran. null: the history does not say."""

    kubernetes: Annotated[str | None, Meta(description="of the API server")]
    knative: Annotated[str | None, Meta(description="of Knative Serving")]
    ingress: Annotated[str | None, Meta(description="of the ingress")]
    harness: Annotated[str | None, Meta(description="of this harness")]
    toolchain: Annotated[str | None, Meta(description="of Go, where images were built from source")]


class FaultShape(TypedDict):
    """What was done to the app in a cycle, and its answer."""

    kind: Annotated[str, Meta(description="which fault", extra_json_schema={"enum": sorted(FAULTS)})]
    params: Annotated[
        dict[str, bool | int | float | str], Meta(description="the fault's own parameters that differ from their defaults")
    ]
    pod: Annotated[str, Meta(description="the pod it was sent to")]
    boot: Annotated[str, Meta(description="the boot id with which the app answered")]
    container: NotRequired[Annotated[str, Meta(description="the sidecar that was hit, of a fault in one")]]
    status: Annotated[int, Meta(description="HTTP status of the app's answer")]
    answer: Annotated[str, Meta(description="body of the app's answer")]
    answered_after_s: Annotated[float | None, Meta(description="from the request to the answer; null: there was no answer")]


class LandedPartShape(TypedDict):
    """One piece of the proof that a fault took hold."""

    what: Annotated[str, Meta(description="what must be seen")]
    seen: Annotated[bool, Meta(description="whether it was seen")]
    evidence: Annotated[str, Meta(description="what shows it")]


class LandedShape(TypedDict):
    """Whether the fault took hold, and the proof."""

    proved: Annotated[bool, Meta(description="all parts were seen")]
    parts: Annotated[list[LandedPartShape], Meta(description="the proof")]


class EdgeShape(TypedDict):
    """An edge in the life of the container, known to lie between two times."""

    offset_s: Annotated[Span | None, Meta(description="[lo, hi] from the cycle's origin; null: the cycle has no origin")]
    evidence: Annotated[str, Meta(description="what shows it")]
    resolution_s: Annotated[Least0, Meta(description="resolution of the clock that stamped it")]


class RequestsShape(TypedDict):
    """Requests of users, in all cycles that count."""

    sent: Annotated[Count, Meta(description="requests sent")]
    ok: Annotated[Count, Meta(description="requests with a good answer")]
    by_outcome: Annotated[ByOutcome, Meta(description="requests by what the client saw")]


class CycleRequestsShape(RequestsShape):
    """Requests of users in one cycle."""

    by_cause: Annotated[ByCause, Meta(description="failed requests by cause")]


class OfMethodShape(TypedDict):
    """Requests of users of one method in one cycle."""

    sent: Annotated[Count, Meta(description="requests sent")]
    failed: Annotated[Count, Meta(description="requests that failed")]


class NotCountedShape(CycleRequestsShape):
    """What the cycles that do not count saw: voided ones, and those given up. It is in no other total."""

    cycles: Annotated[Count, Meta(description="cycles that do not count")]


class HopPartShape(TypedDict):
    """What requests spent in one part of their way. A part is a difference of two durations: least_s may be a little below 0."""

    name: Annotated[
        str, Meta(description="generator, client, ingress, client-and-ingress, activator, queue-proxy, app or queue-proxy-and-app")
    ]
    requests: Annotated[Count, Meta(description="requests that have this part")]
    least_s: Annotated[float, Meta(description="the least of them, in seconds")]
    median_s: Annotated[float, Meta(description="the median")]
    p99_s: Annotated[float, Meta(description="the 99th percentile")]
    most_s: Annotated[float, Meta(description="the most")]
    total_s: Annotated[float, Meta(description="the sum")]


class HopsShape(TypedDict):
    """The latency of requests of users, split by hop. The totals of the parts add up to that of the latency."""

    latency: Annotated[
        HopPartShape | None, Meta(description="of the requests that are split, from their intended time; null: none is")
    ]
    parts: Annotated[list[HopPartShape], Meta(description="in the order of the way")]
    slowest: Annotated[dict[str, float], Meta(description="seconds of the slowest of these requests, by part")]
    not_split: Annotated[dict[str, Count], Meta(description="requests that are not split, by the reason")]


class CycleShape(TypedDict):
    """One cycle: a fresh pod, a steady state, the fault, the recovery. It counts if `voided` and `given_up` are empty."""

    index: Annotated[Count, Meta(description="from 0")]
    pod: Annotated[str, Meta(description="the fresh pod of this cycle")]
    voided: Annotated[str, Meta(description="why the cycle does not count, empty if it does")]
    given_up: Annotated[str, Meta(description="why the cycle could not be finished, empty if it was")]
    replaces: Annotated[int, Meta(ge=-1, description="index of the voided cycle that it replaces, -1 for none")]
    origin: Annotated[
        Literal["fault", "load"] | None,
        Meta(description="what the cycle's offsets count from: its fault, or the start of its load; null: neither is known"),
    ]
    fault: Annotated[FaultShape | None, Meta(description="null: there was none")]
    landed: Annotated[LandedShape, Meta(description="whether the fault took hold")]
    anatomy: Annotated[dict[str, EdgeShape], Meta(description="the edges of the restart, by name")]
    refused_window_s: Annotated[Span | None, Meta(description="first to last refused request; null: none was refused")]
    ready_throughout: Annotated[bool | None, Meta(description="the pod was never seen not Ready from the fault to the end")]
    restarts: Annotated[
        Count | None, Meta(description="restarts of the container that the fault hit; without a fault, of the user container")
    ]
    outside_window: Annotated[
        Count | None, Meta(description="failed requests outside [old listener closed, new listener open]; null: that is not known")
    ]
    missing: Annotated[list[str], Meta(description="edges that a fault of this kind must have and that nobody saw")]
    disputes: Annotated[list[str], Meta(description="where sources of the edges contradict each other by more than their error")]
    queue_proxy_window_s: Annotated[
        Span | None, Meta(description="first to last refused line of queue-proxy that belongs to a request; null: there was none")
    ]
    pacing_p50_us: Annotated[Least0 | None, Meta(description="how late requests were sent: median")]
    pacing_p99_us: Annotated[Least0 | None, Meta(description="how late requests were sent: 99th percentile")]
    pacing_max_us: Annotated[Least0 | None, Meta(description="how late requests were sent: maximum")]
    steal: Annotated[Least0 | None, Meta(description="share of the machine's CPU time that was stolen")]
    cpu_wait_us: Annotated[
        Least0 | None,
        Meta(description="mean wait of the node's daemons for a CPU, in the worst second"),
    ]
    requests: Annotated[CycleRequestsShape, Meta(description="requests of this cycle")]
    unknown: Annotated[
        dict[str, str],
        Meta(
            description="facts that the evidence does not support, and why; claims that rest on one are undecided in this cycle",
            extra_json_schema={"propertyNames": {"enum": sorted(Fact)}},
        ),
    ]
    probe_phase_s: NotRequired[
        Annotated[
            Least0,
            Meta(
                description="how long after a liveness probe the readiness probe comes, less than their common period; of a run "
                "with a claim about a rate, and of a block of an experiment, where the app saw both"
            ),
        ]
    ]
    by_method: NotRequired[
        Annotated[
            dict[str, OfMethodShape],
            Meta(
                description="requests of users by method; of a run with a claim about a number, and of a block of an experiment",
                extra_json_schema={"propertyNames": {"enum": sorted({one.method for one in Behaviour})}},
            ),
        ]
    ]
    hops: NotRequired[Annotated[HopsShape, Meta(description="where requests spent their time; of a run with the request log")]]
    last_seen: Annotated[list[str], Meta(description="of a cycle that does not count: what was last seen of its pod")]


class ArmShape(TypedDict):
    """What was measured on what."""

    label: Annotated[str, Meta(description="of the arm in its experiment, empty for a run by itself")]
    experiment: Annotated[str, Meta(description="id of the experiment, empty for a run by itself")]
    workload: Annotated[WorkloadKind, Meta(description="the kind of what was deployed")]
    stack: Annotated[str | None, Meta(description="id of what was installed; null: a record of an earlier release")]


class LedgerShape(TypedDict):
    """Failed requests and refused lines of queue-proxy, over all cycles that count.

    attributed + unattributed = client_failures; matched + unmatched = queue_proxy_refused_lines.
    """

    client_failures: Annotated[Count, Meta(description="failed requests")]
    attributed: Annotated[Count, Meta(description="failed requests with a cause by evidence")]
    unattributed: Annotated[Count, Meta(description="failed requests whose cause is unknown or ambiguous")]
    ambiguous: Annotated[
        Count, Meta(description="failed requests that share their possible lines with others, and lines are fewer")
    ]
    by_cause: Annotated[ByCause, Meta(description="failed requests by cause")]
    queue_proxy_refused_lines: Annotated[Count, Meta(description="refused dials in queue-proxy's log")]
    matched: Annotated[Count, Meta(description="refused lines that belong to a request of the load")]
    unmatched: Annotated[Count, Meta(description="refused lines that do not")]
    interchangeable: Annotated[Count, Meta(description="matched pairs that could be exchanged without changing a cause")]
    censored: Annotated[Count, Meta(description="refused lines known to be missing")]
    hidden: Annotated[
        Count, Meta(description="failed attempts that a retrying client followed by another; in no other count of requests")
    ]
    request_log_lines: Annotated[Count, Meta(description="lines of queue-proxy's request log, 0 without one")]
    exact: Annotated[Count, Meta(description="request log lines joined by id to a request of the load")]
    strangers: Annotated[Count, Meta(description="request log lines of no request of the load, the system's own left out")]


class GeneratorShape(TypedDict):
    """How well the load kept its times, in the cycles that count. null: it was not measured."""

    rate: Annotated[Least0 | None, Meta(description="requests a second")]
    pacing_p50_us: Annotated[Least0 | None, Meta(description="how late requests were sent: median")]
    pacing_p99_us: Annotated[Least0 | None, Meta(description="how late requests were sent: 99th percentile")]
    steal: Annotated[Least0 | None, Meta(description="largest share of CPU time stolen from a cycle")]
    cpu_wait_us: Annotated[
        Least0 | None,
        Meta(description="mean wait of the node's daemons for a CPU, in the worst second; null: unknown in a cycle"),
    ]


class PhaseShape(TypedDict):
    """One step of the run."""

    name: Annotated[str, Meta(description="which step")]
    seconds: Annotated[Least0 | None, Meta(description="how long it took; null: it never ended")]


class GapShape(TypedDict):
    """A stretch of time in which a stream may have lost something."""

    stream: Annotated[Stream, Meta(description="which stream")]
    pod: Annotated[str, Meta(description="of which pod; empty: of all, -: of none that is known")]
    from_utc: Annotated[Utc | None, Meta(description="start")]
    until_utc: Annotated[Utc | None, Meta(description="end; null: it was never closed")]
    reason: Annotated[str, Meta(description="what happened, in words")]


class ChangeShape(TypedDict):
    """A change to the system under test that observation or the host needed."""

    object: Annotated[str, Meta(description="what in the cluster was changed")]
    what: Annotated[str, Meta(description="which of its settings")]
    was: Annotated[str | None, Meta(description="value before; null: it was not set")]
    now: Annotated[str, Meta(description="value during the run")]
    why: Annotated[str, Meta(description="what needed it")]


class Summary(TypedDict):
    """One run in one small file. Keys are only ever added; `schema` is raised when one changes its meaning.

    Units stand in the names. null: unknown; an empty text: known not to be. Offsets (`*_s` of a cycle) count from its `origin`.
    """

    schema: Annotated[int, Meta(description="version of this shape", extra_json_schema={"const": SCHEMA})]
    run_id: Annotated[str, Meta(description="names the run; its directory ends in it")]
    scenario: Annotated[str, Meta(description="id in the catalogue")]
    title: Annotated[str, Meta(description="the scenario in words")]
    started_utc: Annotated[Utc | None, Meta(description="when the history was opened")]
    verdict: Annotated[Ruling, Meta(description="the ruling over the run")]
    reasons: Annotated[list[str], Meta(description="why the verdict is not a pass")]
    doubts: Annotated[list[str], Meta(description="what keeps the run as a whole from being decided")]
    notes: Annotated[list[str], Meta(description="what could not be read from the files")]
    interrupted: Annotated[str, Meta(description="why the run ended early, empty if it did not")]
    clock_step_s: Annotated[float | None, Meta(description="how far the machine's clock was set during the run")]
    claims: Annotated[list[ClaimShape], Meta(description="each claim beside what was seen")]
    versions: Annotated[VersionsShape, Meta(description="what ran")]
    source: Annotated[str, Meta(description="where this Knative came from")]
    cluster: Annotated[str, Meta(description="the cluster it ran on")]
    host: Annotated[dict[str, str], Meta(description="the machine")]
    request_log: Annotated[bool, Meta(description="queue-proxy's request log was on, which changes the system under test")]
    cycles: Annotated[list[CycleShape], Meta(description="every cycle, voided ones included")]
    requests: Annotated[RequestsShape, Meta(description="requests of all cycles that count")]
    not_counted: Annotated[NotCountedShape, Meta(description="requests of the cycles that do not count")]
    arm: Annotated[ArmShape, Meta(description="what was measured on what")]
    ledger: Annotated[LedgerShape, Meta(description="causes of failed requests, and the lines that explain them")]
    generator: Annotated[GeneratorShape, Meta(description="how well the load kept its times")]
    phases: Annotated[list[PhaseShape], Meta(description="the steps of the run in order")]
    gaps: Annotated[list[GapShape], Meta(description="breaks of the streams")]
    system_changes: Annotated[list[ChangeShape], Meta(description="what observation or the host needed")]
    artifacts: Annotated[dict[str, Path], Meta(description="name -> path relative to the run directory")]
