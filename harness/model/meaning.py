"""What it means: findings, ledger and verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Self

from harness.model.asked import ResolvedClaim
from harness.model.comparison import Change, Comparison, Design
from harness.model.measured import Block, Gap
from harness.model.world import Stack, id_of

SCHEMA = 2
"""Version of `summary.json`; raised only when a key changes its meaning. New keys do not raise it."""


class Cause(StrEnum):
    """Why a request failed, by evidence. UNKNOWN and AMBIGUOUS together are the unattributed.

    DIRECT: it was sent straight to the pod's own port, with nobody between: what the socket saw is the evidence.
    REFUSED_DIAL, RESET_IN_FLIGHT, DIAL_TIMEOUT, PROTOCOL, REQUEST_BODY, CANCELED: kinds of errors that queue-proxy answers and
    logs; QUEUE_PROXY: one of no kind named here. ACTIVATOR: the same of the activator, of any kind. OVERLOAD: a request queue was
    full, or the wait in it too long; ACTIVATOR_OVERLOAD: and the activator's log says that it was its own.
    """

    REFUSED_DIAL = "refused-dial"
    RESET_IN_FLIGHT = "reset-in-flight"
    DIAL_TIMEOUT = "dial-timeout"
    PROTOCOL = "protocol"
    REQUEST_BODY = "request-body"
    CANCELED = "canceled"
    QUEUE_PROXY = "queue-proxy"
    OVERLOAD = "overload"
    TIMEOUT = "timeout"
    ACTIVATOR = "activator"
    ACTIVATOR_OVERLOAD = "activator-overload"
    INGRESS = "ingress"
    APP = "app"
    CLIENT = "client"
    DIRECT = "direct"
    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"


class Fact(StrEnum):
    """What a claim can rest on, cycle by cycle.

    REQUESTS: what the clients saw. LEDGER: the cause of each failed request and the request of each refused line. LANDING: the
    fault took hold. READINESS: whether the pod was Ready throughout. RESTARTS: the container's restart count. LISTENER: when the
    app listened. PROBES: whether the new container's liveness probe did well. FAILING_POD: which pod failed each request.
    LATENCY: how long users waited for good answers. HOPS: in which hop requests spent their time.
    """

    REQUESTS = "requests"
    LEDGER = "ledger"
    LANDING = "landing"
    READINESS = "readiness"
    RESTARTS = "restarts"
    LISTENER = "listener"
    PROBES = "probes"
    FAILING_POD = "failing-pod"
    LATENCY = "latency"
    HOPS = "hops"


@dataclass(frozen=True, slots=True)
class Bracket:
    """An edge known to lie in [lo_ns, hi_ns]. evidence: what says so, in words. resolution_ns: of the clock that said so."""

    lo_ns: int
    hi_ns: int
    evidence: str
    resolution_ns: int


@dataclass(frozen=True, slots=True)
class Landed:
    """Whether the fault took hold, and each piece of the proof: (what must be seen, seen or not, evidence)."""

    proved: bool
    parts: tuple[tuple[str, bool, str], ...]


@dataclass(frozen=True, slots=True)
class HitPod:
    """What one pod that the fault hit showed, where it hit more than one. Fields as in CycleFindings."""

    pod: str
    landed: Landed
    anatomy: Mapping[str, Bracket]
    missing: tuple[str, ...]
    disputes: tuple[str, ...]
    restarts: int | None
    ready_throughout: bool | None


SLOW_S = 1.0
"""An answer that took longer is a slow one."""


@dataclass(frozen=True, slots=True)
class Latency:
    """How long users waited for the good answers from the fault on, in seconds from the intended time. slow: number above SLOW_S.

    Without a fault: for all good answers.
    """

    slowest_s: float
    median_s: float
    slow: int
    p99_s: float = 0.0


@dataclass(frozen=True, slots=True)
class OfMethod:
    """Requests of users of one method in one cycle, and how many of them failed."""

    sent: int
    failed: int


@dataclass(frozen=True, slots=True)
class HopPart:
    """What requests spent in one part of their way, in seconds. requests: how many have this part; total_s: the sum over them.

    A part is a difference of two clocks' durations: least_s may be a little less than 0.
    """

    name: str
    requests: int
    least_s: float
    median_s: float
    p99_s: float
    most_s: float
    total_s: float


@dataclass(frozen=True, slots=True)
class Hops:
    """The latency of requests of users, split by hop. The totals of the parts add up to that of the latency.

    latency: of the requests that are split, from their intended time; None without any. parts: in the order of the way. slowest:
    part -> seconds of the slowest of these requests. not_split: reason -> how many requests are not split.
    """

    latency: HopPart | None
    parts: tuple[HopPart, ...]
    slowest: Mapping[str, float]
    not_split: Mapping[str, int]

    def part(self, name: str) -> HopPart | None:
        """The part of this name, None if no request has it."""
        return next((one for one in self.parts if one.name == name), None)


@dataclass(frozen=True, slots=True)
class CycleFindings:
    """What one cycle showed. voided: why it does not count ("" if it counts).

    by_outcome: requests by what the client saw ("ok", "http-502", "reset", ...). by_cause: failed requests by Cause value.
    before_fault: those of by_cause that had failed before the fault was injected.
    refused_window: first to last request refused by the user container's port; None if there was none.
    ready_throughout: pod Ready was never seen False from the fault to the end; None if the streams do not tell.
    restarts: of the container that the fault hit in the cycle (the user container without a fault), None if unknown.
    outside_window: failed requests not overlapping [old listener close, new listener open] as the app itself reports, None without
    that report.
    restarted: of every pod of the cycle whose user container was restarted, hit or not, how often; of the pod that was hit the
    container that was, and by "POD/CONTAINER" its other containers but queue-proxy.
    probed_again: the app told of a good liveness probe of the new boot; None where it has no liveness probe it can tell of.
    missing: edges a fault of this kind must have and nobody saw. disputes: sources of one edge, or edges of a known order, that
    contradict each other by more than their error, in words. queue_proxy_window: first to last refused line of queue-proxy that
    belongs to a request; refused_window's counterpart.
    others_hit: the further pods that the fault hit, None if it hit one at most. anatomy and missing are of `pod`; landed, restarts,
    ready_throughout and outside_window are those of all pods that were hit: see `harness.analyse.hit`.
    unknown: Fact value -> why the evidence does not support it; a claim that rests on such a fact is undecided in this cycle.
    last_seen: of a cycle that does not count, what was last seen of its pod.
    latency: of a run with a claim about a number, and of a block of an experiment; None: of another run, or without such an answer.
    cpu_wait_us: mean wait of the node's daemons for a CPU, each time one could run, in the worst second; None: unknown.
    container: the sidecar that the fault was to hit, None if it was none. The anatomy and the restarts are then its own.
    pods: how many pods stood or came in the cycle; of a run with a claim about this number, else None.
    probe_phase_s: how long after a liveness probe the readiness probe comes, from 0 to less than their common period; of a run with
    a claim about a rate, and of a block of an experiment. None: of another run, or unknown.
    overtaken: refused lines of queue-proxy whose requests timed out before the refusal could be answered, None if there are none.
    by_method: requests of users by method ("GET", "POST", "GRPC"); of a run with a claim about a number, and of a block of an
    experiment; None: of another run.
    hops: of a run with the request log, else None.
    """

    index: int
    pod: str
    voided: str
    landed: Landed
    anatomy: Mapping[str, Bracket]
    sent: int
    ok: int
    by_outcome: Mapping[str, int]
    by_cause: Mapping[str, int]
    refused_window: tuple[int, int] | None
    ready_throughout: bool | None
    restarts: int | None
    outside_window: int | None
    pacing_p50_us: float
    pacing_p99_us: float
    pacing_max_us: float
    steal: float
    probed_again: bool | None = None
    missing: tuple[str, ...] = ()
    disputes: tuple[str, ...] = ()
    queue_proxy_window: tuple[int, int] | None = None
    others_hit: tuple[HitPod, ...] | None = None
    unknown: Mapping[str, str] = field(default_factory=dict)
    last_seen: tuple[str, ...] = ()
    restarted: Mapping[str, int] = field(default_factory=dict)
    before_fault: Mapping[str, int] = field(default_factory=dict)
    latency: Latency | None = None
    cpu_wait_us: float | None = None
    container: str | None = None
    probe_phase_s: float | None = None
    pods: int | None = None
    overtaken: int | None = None
    by_method: Mapping[str, OfMethod] | None = None
    hops: Hops | None = None


@dataclass(frozen=True, slots=True)
class Ledger:
    """Both columns of the account, over all cycles that count. unattributed = unknown + ambiguous.

    matched, unmatched: refused lines of queue-proxy with and without a request of the generator; another pod's are without one.
    interchangeable: matched pairs
    that could be exchanged among themselves without changing any cause. censored: refused lines known to be missing.
    hidden: failed attempts that a retrying lane's client followed by another; they are in no other count but the lines'.
    request_log_lines: lines of queue-proxy's request log, 0 without one; exact: those of them joined by id to a request of the
    generator; strangers: those of the others that are of nobody's request (the system's own and its probes' are not counted).
    """

    client_failures: int
    attributed: int
    unattributed: int
    ambiguous: int
    by_cause: Mapping[str, int]
    queue_proxy_refused_lines: int
    matched: int
    unmatched: int
    interchangeable: int
    censored: int
    hidden: int = 0
    request_log_lines: int = 0
    exact: int = 0
    strangers: int = 0


@dataclass(frozen=True, slots=True)
class NotCounted:
    """What the cycles that do not count saw: voided ones, and those given up. It is in no other total."""

    cycles: int = 0
    sent: int = 0
    ok: int = 0
    by_outcome: Mapping[str, int] = field(default_factory=dict)
    by_cause: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything analysis says of a history; the judge adds only claims and verdict.

    doubts: what keeps the whole of the evidence from deciding, in words; any doubt makes the verdict inconclusive. What leaves a
    single fact open is not among them but in `CycleFindings.unknown`. not_counted: of the cycles that are in no total.
    """

    cycles: tuple[CycleFindings, ...]
    ledger: Ledger
    sent: int
    ok: int
    by_outcome: Mapping[str, int]
    rate_rps: float
    pacing_p50_us: float
    pacing_p99_us: float
    gaps: tuple[Gap, ...]
    doubts: tuple[str, ...]
    not_counted: NotCounted = field(default_factory=NotCounted)


class ReasonKind(StrEnum):
    """What a reason is about.

    MACHINE: the machine that measured was too busy, or its clock was set. CONSEQUENCE: it only follows from other reasons.
    EVIDENCE: anything else.
    """

    EVIDENCE = "evidence"
    MACHINE = "machine"
    CONSEQUENCE = "consequence"


class Reason(str):
    """Why a cycle does not count or a run is not decided: words for people, and for programs the kind of reason.

    A summary and a record keep the words alone. A plain `str` in its place counts as EVIDENCE: a reason that nobody classified
    must not excuse a run.
    """

    __slots__ = ("kind",)
    kind: ReasonKind

    def __new__(cls, text: str, kind: ReasonKind = ReasonKind.EVIDENCE) -> Self:
        """These words, of this kind."""
        made = super().__new__(cls, text)
        made.kind = kind
        return made

    @staticmethod
    def kind_of(reason: str) -> ReasonKind:
        """The kind of any reason."""
        return reason.kind if isinstance(reason, Reason) else ReasonKind.EVIDENCE


def machine_alone(reasons: Iterable[str]) -> bool:
    """Whether one of these reasons is of the machine and every other one is too, or only follows from others."""
    kinds = {Reason.kind_of(reason) for reason in reasons}
    return ReasonKind.MACHINE in kinds and ReasonKind.EVIDENCE not in kinds


class Ruling(StrEnum):
    """pass: as expected. regression: not as expected. inconclusive: the evidence does not decide."""

    PASS = "pass"  # noqa: S105 - a ruling, not a password
    REGRESSION = "regression"
    INCONCLUSIVE = "inconclusive"


class Observed(StrEnum):
    """What a claim's check saw."""

    HOLDS = "holds"
    BROKEN = "broken"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a check read in one cycle. value, unit: the number it decided by, for comparisons; None where there is none."""

    observed: Observed
    why: str
    value: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """A measured share with the interval that its cycles support."""

    value: float
    lo: float
    hi: float


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """One claim beside what was seen. why: in words, for people. readings: by cycle, of those that count.

    share: of a claim about a rate, None where it could not be told.
    """

    claim: ResolvedClaim
    observed: Observed
    why: str
    readings: Mapping[int, Reading] = field(default_factory=dict)
    share: Share | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The ruling over a run with its reasons. It has no truth value: compare `ruling`."""

    ruling: Ruling
    reasons: tuple[str, ...]
    claims: tuple[ClaimResult, ...]

    @property
    def machine_alone(self) -> bool:
        """Whether the run is inconclusive and nothing but the machine made it so: the same run elsewhere may be decided."""
        return self.ruling is Ruling.INCONCLUSIVE and machine_alone(self.reasons)

    def __bool__(self) -> bool:
        raise TypeError("a Verdict is neither true nor false: compare `verdict.ruling` with Ruling.PASS")


@dataclass(frozen=True, slots=True)
class ArmResult:
    """What an experiment says of one of its arms, over the counted cycles of all its blocks.

    id: of the Arm. scenario: what was measured on it. stopped: why the arm could not go on, "" if it could.
    """

    label: str
    id: str
    scenario: str
    stack: Stack
    stopped: str = ""
    ruling: Ruling = Ruling.INCONCLUSIVE
    reasons: tuple[str, ...] = ()
    claims: tuple[ClaimResult, ...] = ()


RULINGS: Mapping[Change, Ruling] = {
    Change.WORSE: Ruling.REGRESSION,
    Change.INCONCLUSIVE: Ruling.INCONCLUSIVE,
    Change.SAME: Ruling.PASS,
    Change.BETTER: Ruling.PASS,
}
"""The ruling over a comparison of two builds."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """Several arms, measured in turn: what `experiment.json` holds. blocks: in the order of measuring, fixed before the first.

    seed: of that order. interrupted: why it ended early, "" if it did not. ruling: inconclusive if one arm's is, else regression if
    one arm's is, else pass. design: of a comparison of two builds, None of any other experiment. comparisons: one for each look
    that was reached; the last one decides, and the ruling is its: regression if head is worse, inconclusive, else pass.
    """

    id: str
    name: str
    title: str
    started_ns: int
    seed: int
    arms: tuple[ArmResult, ...]
    blocks: tuple[Block, ...]
    interrupted: str = ""
    design: Design | None = None
    comparisons: tuple[Comparison, ...] = ()

    @property
    def plan(self) -> str:
        """Id of what is fixed before the first block: the seed, of which the blocks are drawn, and the design."""
        return id_of({"id": self.id, "seed": self.seed, "design": asdict(self.design) if self.design else None})

    @property
    def change(self) -> Change:
        """What head is compared with base."""
        return self.comparisons[-1].change if self.comparisons else Change.INCONCLUSIVE

    @property
    def ruling(self) -> Ruling:
        """Over all arms, or of the comparison."""
        if self.design is not None:
            return RULINGS[self.change]
        rulings = {arm.ruling for arm in self.arms}
        return next((one for one in (Ruling.INCONCLUSIVE, Ruling.REGRESSION) if one in rulings), Ruling.PASS)
