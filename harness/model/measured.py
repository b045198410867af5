"""What was measured: requests, faults, observations and gaps, and the history that holds them."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from harness.model.asked import Lane, RunSpec, Scalar
from harness.model.world import Route, Stack, SystemChange

if TYPE_CHECKING:
    import polars as pl


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
    GRPC_ERROR = "grpc-error"


LANES: tuple[Lane, ...] = tuple(Lane)
OUTCOMES: tuple[Outcome, ...] = tuple(Outcome)

RID_HEADER = "X-Rid"
"""In each request of the generator: its id."""

ATTEMPT_HEADER = "X-Attempt"
"""In each request of a lane that tries again: the number of the attempt, from 0."""

SPEC_FILE = "spec.json"
RECORDS_FILE = "records.bin"
ATTEMPTS_FILE = "attempts.bin"
ANSWERS_FILE = "answers.jsonl"
REPORT_FILE = "generator.json"
"""What lies in the directory of one generator: what it was told, and what it leaves. `harness.load.records` describes them."""

RECORD_FIELDS: tuple[tuple[str, str], ...] = (
    ("seq", "I"),
    ("lane", "B"),
    ("outcome", "B"),
    ("status", "H"),
    ("answer", "i"),
    ("flags", "I"),
    ("intended_ns", "q"),
    ("sent_ns", "q"),
    ("first_byte_ns", "q"),
    ("done_ns", "q"),
)
"""The fields of one request on disk, with their code in `struct`, which is also numpy's; little-endian, without padding.

lane, outcome: an index in LANES, in OUTCOMES. answer: index of the Answer, -1: none. Times are UTC, 0 where it never came to that.
A record whose intended_ns is 0 was never planned.
"""

RECORD = struct.Struct("<" + "".join(code for _, code in RECORD_FIELDS))
"""One request on disk, 48 bytes."""

FLAG_REUSED = 1
"""The connection had carried a request before."""

ATTEMPT_SHIFT = 8
"""Flags >> this is the number of the attempt, from 0. A request's own record is its last attempt; those before it lie apart."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One distinct answer of a cycle. Requests name it by index.

    body: first 512 bytes, decoded with replacement. headers: lower-case names, only those that are evidence
    (server, content-type, and those by which an app names itself), and "x-envoy-upstream-service-time" with the value "present".
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
    """What was done to one pod, and the answer to it. sent_ns..answered_ns brackets the moment it took effect.

    params: every parameter of the fault. boot: of the program that was hit, "" if it does not name itself. container: the name of
    the one that was hit; "": the whole pod, or the record is of an earlier release.
    """

    cycle: int
    kind: str
    params: Mapping[str, Scalar]
    pod: str
    boot: str
    sent_ns: int
    answered_ns: int
    status: int
    answer: str
    container: str = ""

    @property
    def persistent(self) -> bool:
        """Whether it survives a restart of the container."""
        return self.params.get("persistent") is True


class Stream(StrEnum):
    """Where an observation came from. NODE: what a fault's door on the node shows of the fault, while it is in.
    OTHER_PODS: pods that are not the workload's and that a fault hits, such as the activator's. LISTENERS: the listening sockets of
    a pod, sampled in its network. SIDECAR: the log of each sidecar, which the observation names. INGRESS: the access log of the
    ingress, of a run with the request log.

    CLOCK observes nothing: its gaps are the host's clock being set.
    """

    PODS = "pods"
    ENDPOINTS = "endpointslices"
    EVENTS = "events"
    QUEUE_PROXY = "log:queue-proxy"
    APP = "log:user-container"
    ACTIVATOR = "log:activator"
    INGRESS = "log:ingress"
    KUBELET = "journal:kubelet"
    CONTAINERD = "journal:containerd"
    NODE = "node"
    OTHER_PODS = "pods:other"
    LISTENERS = "listeners"
    SIDECAR = "log:sidecar"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing an observer saw.

    at_ns: the source's own time, true to resolution_ns. seen_ns: when it reached the harness. instance: the container's restart
    count, as far as the observer knew it (-1: unknown). payload: a line as it was (of LISTENERS: the sampler's), or for PODS,
    ENDPOINTS and EVENTS one JSON object:
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


LISTENER_HOLE = 3
"""Two looks at the listening sockets that are more intervals apart than this have a Gap between them."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One numbered step of a run and how long it took."""

    name: str
    started_ns: int
    ended_ns: int


@dataclass(frozen=True, slots=True)
class NodeCpu:
    """How long the threads of our node ran and waited for a CPU between two looks at them.

    cpus: of the machine. ran_ns: of all threads of the node. threads, waited_ns, turns: of its daemons, those outside of the pods:
    how many there are, how long they could run and had no CPU, how often one got a CPU.
    The kernel counts a wait when it ends. No thread counts for more than the interval, and one that came and went between two looks
    for nothing.
    """

    from_ns: int
    until_ns: int
    cpus: int
    ran_ns: int
    threads: int
    waited_ns: int
    turns: int


_OF_EVERY_COURSE = frozenset({"load_started", "steady", "fault", "landed", "recovered", "ended"})
"""Milestones that have a field, and a column, of their own."""


@dataclass(frozen=True, slots=True)
class CycleMark:
    """The scenario's own record of one cycle: what it did when. 0 where it did not come to that.

    pod, boot: the fresh pod. steady_ns: when the steady state was proved. ended_ns: after recovery, or when it was given up.
    given_up: why the cycle could not be finished ("" if it was). replaces: index of the voided cycle it stands in for, or -1.
    at: the times of further milestones, those that only some courses have; `when` knows all.
    pods: those that stood when the load began. pod is the one of them that the fault hit, the first one if it hit all.
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
    pods: tuple[str, ...] = ()
    at: Mapping[str, int] = field(default_factory=dict)

    def when(self, milestone: str) -> int:
        """When the cycle came to this milestone of its course, UTC ns; 0: it did not."""
        if milestone in _OF_EVERY_COURSE:
            return int(getattr(self, f"{milestone}_ns"))
        return self.at.get(milestone, 0)

    def reached(self, milestone: str, at_ns: int) -> CycleMark:
        """This mark, with the time of one more milestone."""
        if milestone in _OF_EVERY_COURSE:
            return replace(self, **{f"{milestone}_ns": at_ns})  # type: ignore[arg-type]  # each of these is an int
        return replace(self, at={**self.at, milestone: at_ns})

    @property
    def began_with(self) -> tuple[str, ...]:
        """The pods that stood when the load began: `pods`, else the one that a history of one pod a cycle names."""
        return self.pods or ((self.pod,) if self.pod else ())


@dataclass(frozen=True, slots=True)
class RunMeta:
    """The head of a history: what was asked, of what, when, on what.

    anchor_utc_ns, anchor_mono_ns: the two clocks read together when the history was opened; clock_step_ns: how far they had
    parted when it was closed (a clock step), None while open. host: {cpus, kernel, engine, ...}.
    interrupted: why the run ended early, "" if it did not. stack: what was installed, None in a record of an earlier release.
    documents: what was deployed, as YAML, but for namespace, label and token. pod_spec: what its pods were really made from, as
    JSON, the token left out. routes: those of the load; () in a record of an earlier release.
    experiment: id of the experiment this run is a block of, arm: the label of its arm there; "" for a run by itself.
    listeners_every_ms: the interval at which the listening sockets of each pod were to be sampled, 0: they were not.
    slots: names of the workloads that were measured at the same time, each with cycles and pods of its own; () where one workload
    was measured, under the name in its documents.
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
    documents: str = ""
    pod_spec: str = ""
    routes: tuple[Route, ...] = ()
    stack: Stack | None = None
    experiment: str = ""
    arm: str = ""
    listeners_every_ms: int = 0
    slots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """Some cycles of one arm, measured in one session. Blocks of the arms of an experiment alternate.

    number: its place among the blocks of its arm, from 1. seed: of the injection phases. run: name of its run directory within the
    experiment's, "" if nothing was begun. ended: why it was not measured to its end, "" if it was, or if its turn has not come.
    Of a comparison of two builds: look: the look for which it is measured, from 1; placement: which arm is on which cluster, 1 or
    2; cluster: the name of its cluster. Else 0 and "".
    """

    arm: str
    number: int
    cycles: int
    seed: int
    run: str = ""
    ended: str = ""
    look: int = 0
    placement: int = 0
    cluster: str = ""

    @property
    def name(self) -> str:
        """What its run directory is called."""
        return f"{self.arm}-{self.number}"


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
    node_cpu: by time; (): the node is not ours, does not show, or the record is of an earlier release.
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
    node_cpu: tuple[NodeCpu, ...] = ()
