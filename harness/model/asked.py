"""What is asked for: versions, the scenario, its Service, load, fault and claims."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import combinations
from typing import Literal

MODULE_OFFSET = 27
"""Knative 1.N is the Go module v0.(N+27): since 1.0 the release has a number of its own, the modules kept counting."""

Scalar = bool | int | float | str
"""A parameter's value."""

_SPELLING = r"(?:knative-)?v?\d+\.\d+(?:\.\d+)?"
_VERSION = re.compile(r"(?:knative-)?v?(?P<major>\d+)\.(?P<minor>\d+)(?:\.(?P<patch>\d+))?", re.ASCII)
_SPAN = re.compile(rf"(?P<first>{_SPELLING})\s*-\s*(?P<last>{_SPELLING})", re.ASCII)
_COMPARISON = re.compile(rf"(?P<sign>>=|<=|>|<|)\s*(?P<version>{_SPELLING})", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class KnativeVersion:
    """A version of Knative Serving, by the numbers of its Go module, which go further back than 1.0. Ordered by age."""

    module_minor: int
    patch: int = 0

    @staticmethod
    def parse(text: str) -> KnativeVersion:
        """From "1.23", "v1.23.0", "knative-v1.23.0" or "v0.50.0"; a missing patch is 0. Raises ValueError for anything else."""
        match = _VERSION.fullmatch(text.strip())
        if match is not None:
            major, minor, patch = int(match["major"]), int(match["minor"]), int(match["patch"] or 0)
            if major == 1:
                return KnativeVersion(minor + MODULE_OFFSET, patch)
            if major == 0:
                return KnativeVersion(minor, patch)
        raise ValueError(f"{text!r} is not a Knative version")

    @property
    def text(self) -> str:
        """The canonical form, such as "1.23.0"; a version before 1.0 keeps its module's number, "0.26.0"."""
        return f"{self.minor_text}.{self.patch}"

    @property
    def minor_text(self) -> str:
        """The minor release it belongs to: "1.23"."""
        released = self.module_minor >= MODULE_OFFSET
        return f"1.{self.module_minor - MODULE_OFFSET}" if released else f"0.{self.module_minor}"

    @property
    def module(self) -> str:
        """The Go module's version, such as "v0.50.0"."""
        return f"v0.{self.module_minor}.{self.patch}"

    @property
    def tag(self) -> str:
        """The release's tag, such as "knative-v1.23.0"; before 1.0 "v0.26.0"."""
        return f"knative-v{self.text}" if self.module_minor >= MODULE_OFFSET else self.module

    @property
    def next_patch(self) -> KnativeVersion:
        """The version right after it: no version lies between the two."""
        return KnativeVersion(self.module_minor, self.patch + 1)

    @property
    def next_minor(self) -> KnativeVersion:
        """The first version of the next minor release."""
        return KnativeVersion(self.module_minor + 1)

    def __str__(self) -> str:
        return self.text


_Span = tuple[KnativeVersion, KnativeVersion | None]
_OLDEST = KnativeVersion(0)


@dataclass(frozen=True, slots=True)
class VersionRange:
    """A set of Knative versions.

    spans: half-open [first, end), end None: no newest version. Kept in order, disjoint and not adjacent, so that two ranges of the
    same versions are equal. Build one with `parse`.
    """

    spans: tuple[_Span, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "spans", _joined(self.spans))
        if not self.spans:
            raise ValueError("a version range without any version")

    @staticmethod
    def parse(text: str) -> VersionRange:
        """From "any", "1.7", "1.7.3", ">=1.7", "<1.7", "1.14-1.17", ">=1.1,<1.7", "1.0-1.3 or >=1.7".

        A version without a patch stands for its whole minor release: "<=1.17" and "1.14-1.17" contain 1.17.3, ">1.17" does not.
        "," means both, " or " either. Raises ValueError for anything else, and for a range that contains no version.
        """
        found: list[_Span] = []
        for alternative in text.split(" or "):
            both: _Span = (_OLDEST, None)
            for part in alternative.split(","):
                both = _common(both, _one_span(part.strip(), text))
            found.append(both)
        try:
            return VersionRange(tuple(found))
        except ValueError as error:
            raise ValueError(f"{text!r} contains no Knative version") from error

    def contains(self, version: KnativeVersion) -> bool:
        """Whether the version is one of the range."""
        return any(first <= version and (end is None or version < end) for first, end in self.spans)

    def overlaps(self, other: VersionRange) -> bool:
        """Whether there is a version that both contain."""
        return any(not _is_empty(_common(one, another)) for one in self.spans for another in other.spans)

    @property
    def text(self) -> str:
        """The canonical form; `parse` gives this range again."""
        return " or ".join(map(_span_text, self.spans))

    def __str__(self) -> str:
        return self.text


def _one_span(part: str, whole: str) -> _Span:
    if part == "any":
        return _OLDEST, None
    if span := _SPAN.fullmatch(part):
        last = _span_of(span["last"], whole)
        return _span_of(span["first"], whole)[0], last[1]
    comparison = _COMPARISON.fullmatch(part)
    if comparison is None:
        raise ValueError(f"{whole!r} is not a range of Knative versions")
    first, end = _span_of(comparison["version"], whole)
    return {"": (first, end), ">=": (first, None), ">": (end, None), "<": (_OLDEST, first), "<=": (_OLDEST, end)}[
        comparison["sign"]
    ]


def _span_of(text: str, whole: str) -> tuple[KnativeVersion, KnativeVersion]:
    """Of a minor release when no patch is written, else of that version alone."""
    try:
        version = KnativeVersion.parse(text)
    except ValueError as error:
        raise ValueError(f"{whole!r} is not a range of Knative versions: {error}") from error
    return version, version.next_patch if text.count(".") == 2 else version.next_minor


def _common(one: _Span, other: _Span) -> _Span:
    ends = [end for end in (one[1], other[1]) if end is not None]
    return max(one[0], other[0]), min(ends) if ends else None


def _is_empty(span: _Span) -> bool:
    return span[1] is not None and span[1] <= span[0]


def _joined(spans: tuple[_Span, ...]) -> tuple[_Span, ...]:
    joined: list[_Span] = []
    for first, end in sorted((span for span in spans if not _is_empty(span)), key=lambda span: span[0]):
        before = joined[-1] if joined else None
        if before is None or (before[1] is not None and before[1] < first):
            joined.append((first, end))
        elif before[1] is not None:
            joined[-1] = (before[0], None if end is None else max(before[1], end))
    return tuple(joined)


def _span_text(span: _Span) -> str:
    first, end = span
    if end is None:
        return "any" if first == _OLDEST else f">={_short(first)}"
    if first == _OLDEST:
        return f"<{_short(end)}"
    if end == first.next_patch:
        return first.text
    if first.patch == end.patch == 0:
        last = KnativeVersion(end.module_minor - 1)
        return first.minor_text if last == first else f"{first.minor_text}-{last.minor_text}"
    return f">={_short(first)},<{_short(end)}"


def _short(version: KnativeVersion) -> str:
    return version.text if version.patch else version.minor_text


class Handler(StrEnum):
    """How a probe asks."""

    HTTP = "http"
    TCP = "tcp"
    EXEC = "exec"
    GRPC = "grpc"


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
    """The program under test. image: as the manifest names it; `harness.apps.known.app_of` says what it can do.

    The others are of the toggle app. sigterm: "exit", "ignore" (keeps its listener) or "ignore-close" (closes it, lives on).
    asks: the port of another container of the pod, which it asks before it answers a request; 0: it asks nobody.
    answer_delay_s: how long it lets a user's request wait. ready_delay_s: for how long it listens and is not ready: it answers its
    readiness path and users with 503. logs_requests: each request that is no probe leaves a line in its log.
    """

    startup_delay_s: float = 5.0
    sigterm: str = "exit"
    image: str = "toggle"
    asks: int = 0
    answer_delay_s: float = 0.0
    ready_delay_s: float = 0.0
    logs_requests: bool = False


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A further container of the pod, which gets no requests from outside. name: of the container. port: where its program listens,
    and of those of its probes that name none.
    """

    name: str = "sidecar"
    port: int = 8090
    app: AppSpec = field(default_factory=AppSpec)
    liveness: Probe | None = None
    readiness: Probe | None = None
    startup: Probe | None = None

    @property
    def probes(self) -> tuple[Probe, ...]:
        """Those it has."""
        return tuple(one for one in (self.liveness, self.readiness, self.startup) if one is not None)


class WorkloadKind(StrEnum):
    """What kind of thing serves. DEPLOYMENT: a Deployment and a NodePort Service of Kubernetes, the control arm without Knative."""

    KNATIVE_SERVICE = "knative-service"
    DEPLOYMENT = "deployment"


@dataclass(frozen=True, slots=True)
class Workload:
    """What is deployed. documents: YAML, the only truth of it: applied as they are, but for what belongs to one run.

    That is the namespace, the run's label, the app's token, and the run's image where the image is named after an app of ours.
    """

    kind: WorkloadKind
    documents: str


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """The Service under test, in few words: rendered to the documents of a Workload, and read back from them.

    max_scale: 0: no maximum. initial_scale, window_s: None leaves them to Knative (1 pod, 60 s).
    target_rps: requests a second for each pod by which the autoscaler counts; None: it counts requests in flight, as by default.
    min_scale 0 with initial_scale 0: it stands without a pod, and the first request makes one.
    app, liveness, readiness, startup: of the container that gets the requests; sidecars: the others, which stand after it.
    """

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
    initial_scale: int | None = None
    window_s: int | None = None
    target_rps: int | None = None
    sidecars: tuple[Sidecar, ...] = ()

    def with_probes(
        self, *, liveness: Probe | None = None, readiness: Probe | None = None, startup: Probe | None = None
    ) -> ServiceSpec:
        """The same Service with these probes in place of its own; None keeps what is there."""
        return replace(
            self,
            liveness=liveness or self.liveness,
            readiness=readiness or self.readiness,
            startup=startup or self.startup,
        )


class Behaviour(StrEnum):
    """What a client does. RETRYING: it sends a failed request again and says so. H2C: HTTP/2 without TLS. GRPC: unary calls."""

    GET_KEEPALIVE = "get-keepalive"
    POST_KEEPALIVE = "post-keepalive"
    GET_NEW = "get-new-connection"
    H2C = "h2c"
    RETRYING = "retrying"
    GRPC = "grpc"

    @property
    def method(self) -> str:
        """As in a UserRequest: "GET", "POST" or "GRPC"."""
        return {Behaviour.POST_KEEPALIVE: "POST", Behaviour.GRPC: "GRPC"}.get(self, "GET")


USERS_ROUTE = "users"
"""The route of every user, whatever is on it. Claims speak of the requests that took it."""

QUEUE_PROXY_ROUTE = "queue-proxy"
"""Straight to the pods' queue-proxy, past ingress and activator."""

POD_ROUTE = "pod"
"""Straight to the pods' own port, with nobody between."""


class Lane(StrEnum):
    """A client's behaviour on a route. The order is the code stored in a record."""

    GET_KEEPALIVE = "get-keepalive"
    POST_KEEPALIVE = "post-keepalive"
    GET_NEW = "get-new-connection"
    GET_H2C = "get-h2c"
    GET_RETRYING = "get-retrying"
    GET_QUEUE_PROXY = "get-queue-proxy"
    GET_POD = "get-pod"
    GRPC = "grpc"

    @property
    def behaviour(self) -> Behaviour:
        """What its client does."""
        return _LANES[self][0]

    @property
    def route(self) -> str:
        """Name of the route its requests take."""
        return _LANES[self][1]


_LANES: Mapping[Lane, tuple[Behaviour, str]] = {
    Lane.GET_KEEPALIVE: (Behaviour.GET_KEEPALIVE, USERS_ROUTE),
    Lane.POST_KEEPALIVE: (Behaviour.POST_KEEPALIVE, USERS_ROUTE),
    Lane.GET_NEW: (Behaviour.GET_NEW, USERS_ROUTE),
    Lane.GET_H2C: (Behaviour.H2C, USERS_ROUTE),
    Lane.GET_RETRYING: (Behaviour.RETRYING, USERS_ROUTE),
    Lane.GET_QUEUE_PROXY: (Behaviour.GET_KEEPALIVE, QUEUE_PROXY_ROUTE),
    Lane.GET_POD: (Behaviour.GET_KEEPALIVE, POD_ROUTE),
    Lane.GRPC: (Behaviour.GRPC, USERS_ROUTE),
}


class Arrivals(StrEnum):
    """How the times at which requests are due follow each other."""

    CONSTANT = "constant"
    RAMP = "ramp"
    STEP = "step"
    POISSON = "poisson"


@dataclass(frozen=True, slots=True)
class UserRequest:
    """What one user sends, and which answers are good.

    method: "GET", "POST", or "GRPC" for a unary call of the method that path names; its message, in base64, is the body. expect:
    the good statuses; (): every status from 200 to 299. Of a call they do not decide, its trailers do.
    """

    method: str = "GET"
    path: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    expect: tuple[int, ...] = ()

    def good(self, status: int) -> bool:
        """Whether an answer with this status is good. 0: there was no answer."""
        return status in self.expect if self.expect else 200 <= status <= 299


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """Open-loop load. rate_rps: total over all lanes. lanes: weights; a lane left out gets nothing.

    deadline_s counts from the intended time and must exceed any buffering the scenario expects (the activator holds requests
    while no pod is ready); in_flight_cap 0 means the highest rate * deadline_s.
    arrivals: RAMP goes from rate_rps to to_rate_rps within over_s and stays there, STEP jumps to to_rate_rps after over_s; POISSON
    draws exponential intervals of mean 1/rate_rps from `seed`. body: of POST lanes. headers: added to each request, as given.
    path: with or without a query; of GRPC lanes the method, "/package.Service/Method". expect: the statuses that are good; ():
    every status below 400. message: of GRPC lanes, in base64.
    retries: of RETRYING clients, attempts after the first; retry_after_s: before the first of them, doubled for each further one.
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
    path: str = "/"
    expect: tuple[int, ...] = ()
    message: str = ""

    @property
    def request(self) -> UserRequest:
        """The request by which its users' route is proved: that of its lanes."""
        asked = {lane.behaviour for lane, weight in self.lanes if weight and lane.route == USERS_ROUTE}
        if asked == {Behaviour.GRPC}:
            return UserRequest("GRPC", self.path, self.headers, self.message)
        if asked == {Behaviour.POST_KEEPALIVE}:
            return UserRequest("POST", self.path, self.headers, self.body, self.expect)
        return UserRequest("GET", self.path, self.headers, "", self.expect)


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """The fault that is asked for. kind: its name in `harness.faults.FAULTS`.

    params: those of the fault's own parameters that shall differ from their defaults (`Fault.params`). pods: whether it hits one
    pod, which is drawn, the first or the last one by address as the activator orders them (as text), or all that stand. role: of
    the container it hits.
    """

    kind: str = "none"
    params: Mapping[str, Scalar] = field(default_factory=dict)
    pods: Literal["one", "first", "last", "all"] = "one"
    role: str = "user"

    @property
    def persistent(self) -> bool:
        """Whether it survives a restart of the container; False for a fault that has no such parameter."""
        return self.params.get("persistent") is True

    @property
    def hits_all(self) -> bool:
        """Whether it is injected into every pod that stands; else into one."""
        return self.pods == "all"


@dataclass(frozen=True, slots=True)
class Course:
    """What a cycle does, as its mark must show it. `harness.run.courses` does it.

    milestones: in this order. A CycleMark has a time for each, but for those in `maybe`. from_zero: the load begins without a pod.
    A course without the milestone `fault` measures a window of after_s once the steady state is proved.
    """

    name: str
    milestones: tuple[str, ...]
    maybe: frozenset[str] = frozenset()
    from_zero: bool = False


_ENDS = ("recovered", "ended")

COURSES: Mapping[str, Course] = {
    course.name: course
    for course in (
        Course("disturb", ("load_started", "steady", "fault", "landed", *_ENDS)),
        Course("idle", ("load_started", "steady", *_ENDS)),
        Course("from-zero", ("load_started", "steady", *_ENDS), from_zero=True),
        Course(
            "roll-out",
            ("load_started", "steady", "fault", "second_fault", "second_landed", "landed", *_ENDS),
            maybe=frozenset({"second_fault", "second_landed"}),
        ),
        Course("scale-down", ("load_started", "steady", "fault", "landed", *_ENDS)),
    )
}
"""Every course by its name."""


class Expectation(StrEnum):
    """Whether the good behaviour a claim speaks of `holds` today or is `broken` (an open upstream bug)."""

    HOLDS = "holds"
    BROKEN = "broken"


class RateOf(StrEnum):
    """Of what a claim about a rate is a share."""

    CYCLES = "cycles"
    REQUESTS = "requests"


@dataclass(frozen=True, slots=True)
class Rate:
    """A share in [lo, hi]: of the cycles in which the good behaviour is broken, or of the requests that its check counts.

    For what luck decides, such as a race at the kill or which pod is hit: "broken in every cycle" cannot say it.
    Raises ValueError for what is no part of [0, 1], and for all of it.
    """

    of: RateOf
    lo: float
    hi: float

    def __post_init__(self) -> None:
        if not 0 <= self.lo <= self.hi <= 1:
            raise ValueError(f"a share from {self.lo} to {self.hi} is no part of [0, 1]")
        if (self.lo, self.hi) == (0, 1):
            raise ValueError("every outcome has a share from 0 to 1")


@dataclass(frozen=True, slots=True)
class Bounds:
    """A number of each cycle that was predicted to lie in [lo, hi].

    causes: of a number of failures, the causes that it is about (values of `Cause`); (): of all. Raises ValueError if no number
    lies between them, or one of them is infinite.
    """

    lo: float
    hi: float
    causes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.lo <= self.hi < float("inf"):
            raise ValueError(f"from {self.lo} to {self.hi} is no prediction")


@dataclass(frozen=True, slots=True)
class Expected:
    """What a claim expects of the versions in a range. source: where that comes from (an issue, code read, a measurement)."""

    versions: VersionRange
    expectation: Expectation
    source: str
    rate: Rate | None = None
    bounds: Bounds | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A good behaviour, and whether it is expected to hold, by version.

    id: unique within a scenario. check: a name registered in `harness.judge.checks`, or with bounds in `harness.judge.numbers`.
    expected: by ranges that do not overlap; a version that lies in none of them cannot be measured with this claim. Raises
    ValueError for ranges that overlap.
    """

    id: str
    check: str
    statement: str
    expected: tuple[Expected, ...]

    def __post_init__(self) -> None:
        for one, other in combinations(self.expected, 2):
            if one.versions.overlaps(other.versions):
                raise ValueError(f"the claim {self.id!r} expects two things: {one.versions} and {other.versions} overlap")


@dataclass(frozen=True, slots=True)
class ResolvedClaim:
    """A claim on one version of Knative: whether the good behaviour is expected to hold there, and where that comes from.

    rate: the claim is about a share, and holds if the share lies in it. bounds: it is about a number of each cycle, likewise.
    """

    id: str
    check: str
    statement: str
    expected: Expectation
    source: str
    rate: Rate | None = None
    bounds: Bounds | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """What is done in a run, on whichever version.

    steady_s: length of the fault-free baseline in which every request must be answered before the fault of each cycle.
    after_s: how long the service must answer well before a cycle counts as recovered; without a fault, the measured window.
    recovery_s: deadline for that. pacing_*: a cycle whose generator was later than this is voided (see docs/load.md).
    hold_s: how long a fault that does not end by itself lasts after it has landed; so does a persistent one, which without a hold_s
    is never taken back.
    course: see COURSES; "": see `course_name`. second: of a roll-out, a fault in a pod of the old revision while the new one comes.
    max_replacements: voided cycles that may be replaced; None: as `replacements` says. A run records the number it begins with.
    workload: what `service` is deployed as. kubelet_readiness: of a plain Deployment, the TCP readiness that Knative gives a
    Service without one (period 10 s, threshold 3, timeout 1 s) is added, asked by the kubelet.
    """

    title: str
    service: ServiceSpec
    fault: FaultSpec
    load: LoadPlan = field(default_factory=LoadPlan)
    workload: WorkloadKind = WorkloadKind.KNATIVE_SERVICE
    kubelet_readiness: bool = False
    cycles: int = 5
    steady_s: float = 4.0
    after_s: float = 3.0
    recovery_s: float = 90.0
    pacing_p99_limit_us: int = 5_000
    pacing_max_limit_us: int = 250_000
    max_replacements: int | None = None
    match_tolerance_s: float = 0.005
    request_log: bool = False
    hold_s: float = 0.0
    course: str = ""
    second: FaultSpec | None = None

    @property
    def course_name(self) -> str:
        """The course that is taken: the one that is named, else disturb with a fault and idle without."""
        return self.course or ("idle" if self.fault.kind == FaultSpec().kind else "disturb")

    @property
    def replacements(self) -> int:
        """How many voided cycles may be replaced: one for every two asked for, and 3 at least.

        A share and not a number, for each cycle has its own chance of being voided: where every fifth cycle is, a run of 1 to 100
        cycles finds its number nine times in ten; with 3 replacements whatever the number, one of 10 cycles three times in four,
        one of 20 three times in ten.
        """
        return max(3, -(-self.cycles // 2)) if self.max_replacements is None else self.max_replacements


@dataclass(frozen=True, slots=True)
class Scenario(Procedure):
    """An entry of the catalogue, or a user's own: of no version. `harness.catalogue.resolve` makes a RunSpec of it on one."""

    name: str
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class RunSpec(Procedure):
    """A scenario on one version of Knative: all that decides a run, before anything of the world is known.

    scenario: its name. Recorded with each run.
    """

    scenario: str
    claims: tuple[ResolvedClaim, ...]
