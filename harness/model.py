"""The nouns of the house: frozen, typed, without behaviour that touches the world.

    RunSpec -> Provision -> ClusterHandle -> InstalledStack -> Target -> (RequestRecord, FaultEvent, Observation, Gap)
            -> History -> Findings -> Verdict -> Report

Every time is an int of nanoseconds since the epoch in UTC (`*_ns`); a duration in seconds is `*_s`. Standard library only:
the load generator's process imports this module and nothing else of the harness.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

SCHEMA = 1
"""Version of `summary.json`; raised only when a key changes its meaning. New keys do not raise it."""

PREFIX = "knative-chaos-"
"""Each container, network and volume of ours starts with this."""

RUN_LABEL = "knative-chaos.dev/run"
"""Each object of ours inside a cluster carries this label."""


# --- what is asked for --------------------------------------------------------------------------------------------------


class Handler(StrEnum):
    """How a probe asks."""

    HTTP = "http"
    TCP = "tcp"
    EXEC = "exec"


@dataclass(frozen=True, slots=True)
class Probe:
    """One Kubernetes probe, as a user would write it. Seconds as in the Kubernetes API.

    path: of an HTTP probe; for EXEC the name the toggle app's probe command is asked with ("liveness", "readiness").
    port: 0 leaves it out (Knative fills in the user port).
    """

    handler: Handler = Handler.HTTP
    path: str = "/healthz"
    port: int = 0
    period_s: int = 1
    failure_threshold: int = 3
    timeout_s: int = 1
    initial_delay_s: int = 0


@dataclass(frozen=True, slots=True)
class AppSpec:
    """How the toggle app behaves. sigterm: "exit", "ignore" (keeps its listener) or "ignore-close" (closes it, lives on)."""

    startup_delay_s: float = 5.0
    sigterm: str = "exit"


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """The Knative Service under test."""

    name: str = "toggle"
    app: AppSpec = field(default_factory=AppSpec)
    liveness: Probe | None = None
    readiness: Probe | None = None
    startup: Probe | None = None
    min_scale: int = 1
    max_scale: int = 1
    timeout_s: int = 300
    container_concurrency: int = 0
    target_burst_capacity: int | None = None

    def with_probes(self, *, liveness: Probe | None = None, readiness: Probe | None = None) -> ServiceSpec:
        """The same Service with these probes in place of its own; None keeps what is there."""
        return replace(self, liveness=liveness or self.liveness, readiness=readiness or self.readiness)


class Lane(StrEnum):
    """One way of sending requests. The order is the code stored in a record.

    The first three and GET_H2C (HTTP/2 without TLS) go the way of every user: through the ingress. So does GET_RETRYING, a client
    that sends a failed request again and says so. GET_QUEUE_PROXY goes straight to the pod's queue-proxy, GET_POD to its own port.
    """

    GET_KEEPALIVE = "get-keepalive"
    POST_KEEPALIVE = "post-keepalive"
    GET_NEW = "get-new-connection"
    GET_H2C = "get-h2c"
    GET_RETRYING = "get-retrying"
    GET_QUEUE_PROXY = "get-queue-proxy"
    GET_POD = "get-pod"


class Arrivals(StrEnum):
    """How the times at which requests are due follow each other."""

    CONSTANT = "constant"
    RAMP = "ramp"
    STEP = "step"
    POISSON = "poisson"


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """Open-loop load. rate_rps: total over all lanes. lanes: weights; a lane left out gets nothing.

    deadline_s counts from the intended time and must exceed any buffering the scenario expects (the activator holds requests
    while no pod is ready); in_flight_cap 0 means the highest rate * deadline_s.
    arrivals: RAMP goes from rate_rps to to_rate_rps within over_s and stays there, STEP jumps to to_rate_rps after over_s; POISSON
    draws exponential intervals of mean 1/rate_rps from `seed`. body: of POST lanes. headers: added to each request, as given.
    retries: of GET_RETRYING, attempts after the first; retry_after_s: before the first of them, doubled for each further one.
    """

    rate_rps: float = 50.0
    lanes: tuple[tuple[Lane, int], ...] = ((Lane.GET_KEEPALIVE, 3), (Lane.POST_KEEPALIVE, 1), (Lane.GET_NEW, 1))
    deadline_s: float = 40.0
    in_flight_cap: int = 0
    arrivals: Arrivals = Arrivals.CONSTANT
    to_rate_rps: float = 0.0
    over_s: float = 0.0
    seed: int = 0
    body: str = "knative-chaos"
    headers: tuple[tuple[str, str], ...] = ()
    retries: int = 3
    retry_after_s: float = 0.1


class FaultKind(StrEnum):
    """What the toggle app can be told to do."""

    NONE = "none"
    LIVENESS = "liveness"
    READINESS = "readiness"
    HANG = "hang"
    EXIT = "exit"


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """persistent False: over with the next container restart. True: it survives the restart (kept in the pod)."""

    kind: FaultKind = FaultKind.NONE
    persistent: bool = False


class Expectation(StrEnum):
    """Whether the good behaviour a claim speaks of `holds` today or is `broken` (an open upstream bug)."""

    HOLDS = "holds"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Claim:
    """A good behaviour, and whether it is expected to hold.

    id: unique within a scenario. check: a name registered in `harness.judge.checks`. source: where the expectation comes from.
    """

    id: str
    check: str
    statement: str
    expected: Expectation
    source: str


@dataclass(frozen=True, slots=True)
class RunSpec:
    """All that decides a run, before anything of the world is known.

    steady_s: length of the fault-free baseline in which every request must be answered before the fault of each cycle.
    after_s: how long the service must answer well before a cycle counts as recovered; without a fault, the measured window.
    recovery_s: deadline for that. pacing_*: a cycle whose generator was later than this is voided (see docs/load.md).
    """

    scenario: str
    title: str
    service: ServiceSpec
    fault: FaultSpec
    claims: tuple[Claim, ...]
    load: LoadPlan = field(default_factory=LoadPlan)
    cycles: int = 5
    steady_s: float = 4.0
    after_s: float = 3.0
    recovery_s: float = 90.0
    pacing_p99_limit_us: int = 5_000
    pacing_max_limit_us: int = 250_000
    max_replacements: int = 3
    match_tolerance_s: float = 0.005
    request_log: bool = False


# --- what it runs on ----------------------------------------------------------------------------------------------------


class Recipe(StrEnum):
    """How an image is made when it must be made here."""

    GO = "go"
    NODE = "node"
    ENVOY = "envoy"
    TOGGLE = "toggle"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An image to make, and the reference that stands for it in a Provision until it is made.

    ref: "ko://MODULE/PACKAGE" as Knative's own manifests have it, or "build://NAME". module, package: of a GO recipe
    ("knative.dev/serving", "cmd/queue"). version: of the module, of Kubernetes (NODE), of Envoy; of TOGGLE the base image to
    build it on, "" for the small Debian base made here.
    """

    ref: str
    recipe: Recipe
    version: str = ""
    module: str = ""
    package: str = ""


@dataclass(frozen=True, slots=True)
class Provision:
    """What a Knative version consists of, wherever it came from. From here on, every source is treated alike.

    A source fills `wanted` and names images by their refs; the images room makes them and answers with a Provision in which
    each ref is an image name of the container engine (in node_image, app_image and the manifests) and `images` lists those
    the cluster must be given (empty: it pulls).
    node_image: for kind; "" means kind's own default. manifests: (name, YAML text) in the order of application; those whose
    name starts with "crd" come first and must be Established before the rest. app_image: the toggle app.
    versions: "knative", "ingress", "kubernetes" (the version asked for, or ""), "toolchain".
    """

    source: str
    node_image: str
    images: tuple[str, ...]
    manifests: tuple[tuple[str, str], ...]
    app_image: str
    versions: Mapping[str, str]
    wanted: tuple[Wanted, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HostPorts:
    """Loopback ports of this host, found free when the cluster was created.

    ingress: Kourier. direct, control: NodePorts 31081, 31082 for a direct arm and a control arm. api: the API server.
    """

    ingress: int
    direct: int
    control: int
    api: int


@dataclass(frozen=True, slots=True)
class ClusterHandle:
    """A cluster that answers. kubeconfig: path of a file of ours. node: container name of its node, "" where none of them is ours.

    address: where `ports` are reached; loopback for a cluster of ours.
    """

    name: str
    context: str
    kubeconfig: str
    ports: HostPorts
    node: str
    engine: str
    node_image: str
    kubernetes_version: str
    created: bool
    address: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class SystemChange:
    """A change to the system under test that observation or the host needed. was: None if it was not set."""

    object: str
    what: str
    was: str | None
    now: str
    why: str


@dataclass(frozen=True, slots=True)
class InstalledStack:
    """Knative that has served a request. proof: that request, in words."""

    namespace: str
    ingress_namespace: str
    domain: str
    proof: str
    versions: Mapping[str, str]
    changes: tuple[SystemChange, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """What the load is sent to and the fault is put into: a Service and the one pod of this cycle.

    host: value of the Host header. address, port: where to connect. boot: the app's boot id when the cycle began.
    queue_proxy_port, pod_port: at the same address, for the lanes that leave out the ingress; 0: there is no such way.
    """

    namespace: str
    service: str
    revision: str
    pod: str
    pod_ip: str
    boot: str
    host: str
    address: str
    port: int
    user_port: int = 8080
    control_port: int = 8099
    token: str = field(default="", repr=False)
    queue_proxy_port: int = 0
    pod_port: int = 0


# --- what was measured --------------------------------------------------------------------------------------------------


class Outcome(StrEnum):
    """What the client saw, and nothing of why. The order is the code stored in a record."""

    OK = "ok"
    HTTP_ERROR = "http-error"
    REFUSED = "refused"
    RESET = "reset"
    CLOSED = "closed"
    TRUNCATED = "truncated"
    TIMEOUT = "timeout"
    MALFORMED = "malformed"
    NOT_SENT = "not-sent"
    UNANSWERED = "unanswered"


LANES: tuple[Lane, ...] = tuple(Lane)
OUTCOMES: tuple[Outcome, ...] = tuple(Outcome)

RECORD = struct.Struct("<IBBHiIqqqq")
"""One request on disk, 48 bytes: seq, lane code, outcome code, status, answer index (-1: none), flags,
intended_ns, sent_ns, first_byte_ns, done_ns (0 where it never came to that). A record whose intended_ns is 0 was never planned."""

FLAG_REUSED = 1
"""The connection had carried a request before."""

ATTEMPT_SHIFT = 8
"""Flags >> this is the number of the attempt, from 0. A request's own record is its last attempt; those before it lie apart."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One distinct answer of a cycle. Requests name it by index.

    body: first 512 bytes, decoded with replacement. headers: lower-case names, only those that are evidence
    (server, content-type, x-toggle-pod, x-toggle-boot), and "x-envoy-upstream-service-time" with the value "present".
    """

    index: int
    status: int
    body: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class GeneratorReport:
    """What the generator says of itself at its end. steal, busy: shares of the machine's CPU time while it ran.

    ended_by: "stop", "max_s", "eof" (its standard input closed), "sigterm", "parent" (which died), or "running" (it was killed).
    pinned_cpu: -1 if it could not be pinned to one. niceness: what it was granted, -20 (asked for) to 19. realtime: whether it
    was also put before all ordinary work.
    """

    rate_rps: float
    planned: int
    sent: int
    not_sent: int
    pacing_p50_us: float
    pacing_p99_us: float
    pacing_max_us: float
    steal: float
    busy: float
    t0_ns: int
    ended_ns: int
    ended_by: str
    pinned_cpu: int = -1
    niceness: int = 0
    realtime: bool = False


@dataclass(frozen=True, slots=True)
class FaultEvent:
    """What was done to the app, and the answer to it. sent_ns..answered_ns brackets the moment it took effect."""

    cycle: int
    kind: FaultKind
    persistent: bool
    pod: str
    boot: str
    sent_ns: int
    answered_ns: int
    status: int
    answer: str


class Stream(StrEnum):
    """Where an observation came from. CLOCK observes nothing: its gaps are the host's clock being set."""

    PODS = "pods"
    ENDPOINTS = "endpointslices"
    EVENTS = "events"
    QUEUE_PROXY = "log:queue-proxy"
    APP = "log:user-container"
    ACTIVATOR = "log:activator"
    KUBELET = "journal:kubelet"
    CONTAINERD = "journal:containerd"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing an observer saw.

    at_ns: the source's own time, true to resolution_ns. seen_ns: when it reached the harness. instance: the container's restart
    count, as far as the observer knew it (-1: unknown). payload: a log line as it was, or for PODS, ENDPOINTS and EVENTS one
    JSON object:
      PODS       {uid, phase, ready: bool|null, ip, deleting: bool, revision, containers: {name: C}}
                 C = {restarts, ready, id, running_since_ns|null, waiting|null, terminated: T|null, last_terminated: T|null}
                 T = {exit_code, signal, reason, started_ns, finished_ns}
      ENDPOINTS  {slice, service, endpoints: [{ip, pod, ready, serving, terminating}]}
      EVENTS     {reason, message, type, count, container, first_ns, last_ns}
    """

    stream: Stream
    pod: str
    container: str
    instance: int
    at_ns: int
    resolution_ns: int
    seen_ns: int
    payload: str


NOBODY = "-"
"""The pod of a Gap in which nothing about a pod that is known was lost: others may have come and gone unseen."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which a stream may have lost something. pod "" means all pods, NOBODY none that is known."""

    stream: Stream
    pod: str
    from_ns: int
    until_ns: int
    reason: str


@dataclass(frozen=True, slots=True)
class Phase:
    """One numbered step of a run and how long it took."""

    name: str
    started_ns: int
    ended_ns: int


@dataclass(frozen=True, slots=True)
class CycleMark:
    """The scenario's own record of one cycle: what it did when. 0 where it did not come to that.

    pod, boot: the fresh pod. steady_ns: when the steady state was proved. ended_ns: after recovery, or when it was given up.
    given_up: why the cycle could not be finished ("" if it was). replaces: index of the voided cycle it stands in for, or -1.
    """

    index: int
    pod: str
    boot: str
    load_started_ns: int
    steady_ns: int
    fault_ns: int
    landed_ns: int
    recovered_ns: int
    ended_ns: int
    given_up: str = ""
    replaces: int = -1


@dataclass(frozen=True, slots=True)
class RunMeta:
    """The head of a history: what was asked, of what, when, on what.

    anchor_utc_ns, anchor_mono_ns: the two clocks read together when the history was opened; clock_step_ns: how far they had
    parted when it was closed (a clock step), None while open. host: {cpus, kernel, engine, ...}.
    interrupted: why the run ended early, "" if it did not.
    """

    run_id: str
    spec: RunSpec
    source: str
    versions: Mapping[str, str]
    cluster: str
    namespace: str
    changes: tuple[SystemChange, ...]
    host: Mapping[str, str]
    anchor_utc_ns: int
    anchor_mono_ns: int
    clock_step_ns: int | None = None
    interrupted: str = ""
    user_port: int = 8080


@dataclass(frozen=True, slots=True)
class History:
    """A finished run as analysis sees it; built by `harness.history`, which is the only one to know the files.

    observations: one row an Observation, columns named as its fields (stream: str), in the order seen.
    requests: one row a planned request: cycle i32, seq i64, lane str, outcome str, status i32, answer i32, reused bool,
    intended_ns, sent_ns, first_byte_ns, done_ns i64 (0: never). answers: cycle i32, index i32, status i32, body str,
    headers str (JSON object). attempts: what a retrying lane's requests came to before their last attempt, one row a superseded
    attempt, columns as `requests` and attempt i32 (from 0); None: there are none.
    generators: by cycle; a cycle whose generator left no report is missing.
    notes: what reading had to leave out (a line torn by a kill), in words.
    """

    meta: RunMeta
    cycles: tuple[CycleMark, ...]
    faults: tuple[FaultEvent, ...]
    phases: tuple[Phase, ...]
    gaps: tuple[Gap, ...]
    observations: pl.DataFrame
    requests: pl.DataFrame
    answers: pl.DataFrame
    generators: Mapping[int, GeneratorReport]
    notes: tuple[str, ...] = ()
    attempts: pl.DataFrame | None = None


# --- what it means ------------------------------------------------------------------------------------------------------


class Cause(StrEnum):
    """Why a request failed, by evidence. UNKNOWN and AMBIGUOUS together are the unattributed.

    DIRECT: it was sent straight to the pod's own port, with nobody between: what the socket saw is the evidence.
    """

    REFUSED_DIAL = "refused-dial"
    RESET_IN_FLIGHT = "reset-in-flight"
    TIMEOUT = "timeout"
    ACTIVATOR = "activator"
    INGRESS = "ingress"
    APP = "app"
    CLIENT = "client"
    DIRECT = "direct"
    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"


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
class CycleFindings:
    """What one cycle showed. voided: why it does not count ("" if it counts).

    by_outcome: requests by what the client saw ("ok", "http-502", "reset", ...). by_cause: failed requests by Cause value.
    refused_window: first to last request refused by the user container's port; None if there was none.
    ready_throughout: pod Ready was never seen False from the fault to the end; None if the streams do not tell.
    restarts: of the user container in the cycle, None if unknown. outside_window: failed requests not overlapping
    [old listener close, new listener open] as the app itself reports, None without that report.
    probed_again: the app told of a good liveness probe of the new boot; None where it has no liveness probe it can tell of.
    missing: edges a fault of this kind must have and nobody saw. disputes: sources of one edge, or edges of a known order, that
    contradict each other by more than their error, in words. queue_proxy_window: first to last refused line of queue-proxy that
    belongs to a request; refused_window's counterpart.
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
class Findings:
    """Everything analysis says of a history; the judge adds only claims and verdict.

    doubts: what keeps the evidence from deciding, in words; any doubt makes the verdict inconclusive.
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
class ClaimResult:
    """One claim beside what was seen. why: in words, for people."""

    claim: Claim
    observed: Observed
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The ruling over a run with its reasons. It has no truth value: compare `ruling`."""

    ruling: Ruling
    reasons: tuple[str, ...]
    claims: tuple[ClaimResult, ...]

    def __bool__(self) -> bool:
        raise TypeError("a Verdict is neither true nor false: compare `verdict.ruling` with Ruling.PASS")
