"""What is asked for: the scenario, its Service, load, fault and claims."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum


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


LANES_PAST_INGRESS = (Lane.GET_QUEUE_PROXY, Lane.GET_POD)
"""The lanes that leave out the ingress. Claims speak of the others, the way of every user."""


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


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """The fault that is asked for. kind: its name in `harness.faults.FAULTS`.

    persistent False: over with the next container restart. True: it survives the restart (kept in the pod).
    """

    kind: str = "none"
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
    max_replacements: voided cycles that may be replaced; None: as `replacements` says. A run records the number it begins with.
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
    max_replacements: int | None = None
    match_tolerance_s: float = 0.005
    request_log: bool = False

    @property
    def replacements(self) -> int:
        """How many voided cycles may be replaced: one for every two asked for, and 3 at least.

        A share and not a number, for each cycle has its own chance of being voided: where every fifth cycle is, a run of 1 to 100
        cycles finds its number nine times in ten; with 3 replacements whatever the number, one of 10 cycles three times in four,
        one of 20 three times in ten.
        """
        return max(3, -(-self.cycles // 2)) if self.max_replacements is None else self.max_replacements
