"""A literal history of liveness restarts, told in nouns, for tests to spoil.

Each cycle takes 60 s of which the generator runs 13: the fault comes 4 s after the load, the listener closes at 7.5 s, the new one
opens at 10 s. Every request takes 3 ms; queue-proxy logs a refused one 1 ms after it was sent.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from harness.history.layout import Table
from harness.history.tables import frame
from harness.model import (
    Arrivals,
    CycleMark,
    Expectation,
    FaultEvent,
    FaultSpec,
    Findings,
    Gap,
    GeneratorReport,
    History,
    Lane,
    LoadPlan,
    NodeCpu,
    Observation,
    Outcome,
    Probe,
    ResolvedClaim,
    RunMeta,
    RunSpec,
    ServiceSpec,
    Stream,
    SystemChange,
)

T0 = 1_780_000_000_000_000_000
MS = 1_000_000
S = 1_000 * MS
REFUSED = "dial tcp 127.0.0.1:8080: connect: connection refused"
OK, BAD = 0, 1
"""Indices of the two answers of each cycle (and the new boot's good one)."""
OK_NEW = 2

FAULT_S, FAILED_S, KILLING_S, ASKED_S, SIGTERM_S, CLOSED_S, GONE_S, CREATED_S, STARTED_S, BOOT_S, LISTENING_S, END_S = (
    4.0,
    4.3,
    6.4,
    7.4,
    7.49,
    7.5,
    7.51,
    7.8,
    8.0,
    8.1,
    10.0,
    13.0,
)

ONE_TURN = 1_000_003
"""A weight of a lane with which no story comes to the end of the first turn."""

UNSAMPLED = SystemChange("configmap knative-serving/config-logging", "zap-logger-config: sampling", None, "null", "no line is lost")


def at(cycle: int, seconds: float) -> int:
    """A moment of a cycle, nanoseconds."""
    return T0 + cycle * 60 * S + round(seconds * 1000) * MS


def stamp(ns: int) -> str:
    """As queue-proxy writes it."""
    return datetime.fromtimestamp(ns // S, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{ns % S:09d}Z"


def claim(check: str, expected: Expectation) -> ResolvedClaim:
    """A claim named by its check."""
    return ResolvedClaim(check, check, check, expected, "a test")


S1_CLAIMS = (
    claim("ready-pod-is-not-refused", Expectation.BROKEN),
    claim("failures-only-while-not-listening", Expectation.HOLDS),
    claim("container-restarts-once", Expectation.HOLDS),
)
N1_CLAIMS = (claim("requests-do-not-fail", Expectation.HOLDS), claim("no-restart", Expectation.HOLDS))


@dataclass
class Story:
    """The parts of a History, still to be changed. requests, answers: rows as in its tables."""

    meta: RunMeta
    cycles: list[CycleMark] = field(default_factory=list)
    faults: list[FaultEvent] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    generators: dict[int, GeneratorReport] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    attempts: list[dict[str, Any]] = field(default_factory=list)
    node_cpu: tuple[NodeCpu, ...] = ()
    _numbers: Counter[int] = field(default_factory=Counter)

    def history(self) -> History:
        """The parts put together."""
        observed = [
            {name: getattr(one, name) for name in Observation.__slots__} | {"stream": one.stream.value} for one in self.observations
        ]
        requests = frame(Table.REQUESTS, self.requests)
        meta, attempts = self.meta, frame(Table.ATTEMPTS, self.attempts) if self.attempts else None
        if not meta.spec.load.lanes:  # nobody asked for some: those that are used, in any order
            used = {str(row["lane"]) for row in self.requests} or {Lane.GET_KEEPALIVE}
            lanes = tuple((lane, ONE_TURN + number) for number, lane in enumerate(lane for lane in Lane if lane in used))
            meta = replace(meta, spec=replace(meta.spec, load=replace(meta.spec.load, lanes=lanes)))
            if attempts is None and Lane.GET_RETRYING in used:
                attempts = frame(Table.ATTEMPTS, [])
        return History(
            meta=meta,
            cycles=tuple(self.cycles),
            faults=tuple(self.faults),
            phases=(),
            gaps=tuple(self.gaps),
            observations=frame(Table.OBSERVATIONS, observed),
            requests=requests,
            answers=frame(Table.ANSWERS, self.answers),
            generators=dict(self.generators),
            notes=self.notes,
            attempts=attempts,
            node_cpu=self.node_cpu,
        )

    def spec(self, **changed: Any) -> None:
        """Ask for something else."""
        self.meta = replace(self.meta, spec=replace(self.meta.spec, **changed))

    def drop(self, spoil: Callable[[Observation], bool], most: int = 10**9) -> int:
        """Lose observations; returns how many."""
        kept, lost = [], 0
        for one in self.observations:
            if lost < most and spoil(one):
                lost += 1
            else:
                kept.append(one)
        self.observations = kept
        return lost

    def see(self, stream: Stream, pod: str, ns: int, payload: str | dict[str, Any], resolution_ns: int = 1) -> None:
        """One more observation, seen 2 ms later."""
        container = {Stream.APP: "user-container", Stream.QUEUE_PROXY: "queue-proxy"}.get(stream, "")
        text = payload if isinstance(payload, str) else json.dumps(payload)
        self.observations.append(Observation(stream, pod, container, -1, ns, resolution_ns, ns + 2 * MS, text))

    def app(self, pod: str, boot: str, ns: int, event: str, **more: Any) -> None:
        """One event of the app."""
        self.see(Stream.APP, pod, ns, {"t_ns": ns, "event": event, "pod": pod, "boot": boot, "pid": 1, **more})

    def containerd(self, pod: str, instance: int, ns: int, message: str) -> None:
        """A line of containerd's about the user container, which the journal receives a millisecond later, cut to a microsecond."""
        escaped = message.replace('"', '\\"')
        line = f'time="{stamp(ns)}" level=info msg="{escaped}"'
        self.observations.append(
            Observation(Stream.CONTAINERD, pod, "user-container", instance, (ns + MS) // 1000 * 1000, 1000, ns + 500 * MS, line)
        )

    def probe(self, pod: str, boot: str, ns: int, *, ok: bool) -> None:
        """A liveness probe in the app's log."""
        self.app(pod, boot, ns, "probe", which="liveness", via="http", ok=ok, status=200 if ok else 503)

    def pod(
        self,
        pod: str,
        ns: int,
        *,
        ready: bool | None = True,
        restarts: int = 0,
        since_ns: int = T0 - 20 * S,
        deleting: bool = False,
        revision: str = "",
        exit_code: int | None = None,
        reason: str = "Error",
    ) -> None:
        """A state of the pod. exit_code, reason: of the end of the user container before this one."""
        user = {"restarts": restarts, "ready": True, "id": f"containerd://{pod}-{restarts}", "running_since_ns": since_ns // S * S}
        if exit_code is not None:
            user["last_terminated"] = {"exit_code": exit_code, "reason": reason}
        state = {"ready": ready, "deleting": deleting, "containers": {"user-container": user}}
        self.see(Stream.PODS, pod, ns, state | ({"revision": revision} if revision else {}))

    def listed(self, ns: int, *pods: str, service: str = "toggle-00002-private") -> None:
        """An EndpointSlice that lists these pods as ready."""
        endpoints = [{"ip": "10.244.0.9", "pod": pod, "ready": True, "serving": True, "terminating": False} for pod in pods]
        self.see(Stream.ENDPOINTS, "", ns, {"slice": service, "service": service, "endpoints": endpoints})

    def refused_line(self, pod: str, ns: int, error: str = REFUSED) -> None:
        """A forwarding error of queue-proxy."""
        line = {
            "severity": "ERROR",
            "timestamp": stamp(ns),
            "logger": "queueproxy",
            "message": "error reverse proxying request",
            "error": error,
        }
        self.see(Stream.QUEUE_PROXY, pod, ns // MS * MS, line, resolution_ns=MS)

    def request(
        self, cycle: int, ns: int, outcome: Outcome = Outcome.OK, *, status: int = 200, answer: int = OK, took_ns: int = 3 * MS
    ) -> None:
        """One more request of the cycle, sent 50 us late; the generator's report, if there is one by now, tells of it too."""
        number = self._numbers[cycle]
        self._numbers[cycle] = number + 1
        if told := self.generators.get(cycle):
            self.generators[cycle] = replace(told, planned=told.planned + 1, sent=told.sent + 1)
        self.requests.append(
            {
                "cycle": cycle,
                "seq": number,
                "lane": "get-keepalive",
                "outcome": outcome.value,
                "status": status,
                "answer": answer,
                "reused": True,
                "intended_ns": ns - 50_000,
                "sent_ns": ns if outcome is not Outcome.NOT_SENT else 0,
                "first_byte_ns": 0,
                "done_ns": ns + took_ns,
            }
        )

    def answer(self, cycle: int, status: int, body: str, **headers: str) -> int:
        """One more distinct answer of this cycle; returns its index."""
        index = len([row for row in self.answers if row["cycle"] == cycle])
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append({"cycle": cycle, "index": index, "status": status, "body": body, "headers": json.dumps(named)})
        return index


def open_questions(findings: Findings) -> tuple[str, ...]:
    """Everything that keeps claims from being decided: the doubts about the run, and why facts of counted cycles are unknown."""
    counted = [cycle for cycle in findings.cycles if not cycle.voided]
    unknown = [(cycle.index, why) for cycle in counted for text in cycle.unknown.values() for why in text.split("; ")]
    return (*findings.doubts, *dict.fromkeys(f"cycle {index}: {why}" for index, why in unknown))


ENVOY = {"server": "envoy", "x_envoy_upstream_service_time": "present"}


def meta(claims: Sequence[ResolvedClaim], kind: str, cycles: int, rate: float) -> RunMeta:
    """The head of a run that ended in order. Its arrivals are random ones, so that a test may send more requests when it likes."""
    spec = RunSpec(
        scenario="S1" if kind != "none" else "N1",
        title="a story",
        service=ServiceSpec(liveness=Probe()),
        fault=FaultSpec(kind),
        claims=tuple(claims),
        load=LoadPlan(rate_rps=rate, arrivals=Arrivals.POISSON, lanes=()),
        cycles=cycles,
        after_s=0.6,
    )
    return RunMeta("id", spec, "module", {"knative": "v1.23.0"}, "kn", "ns", (UNSAMPLED,), {}, T0, 0, clock_step_ns=0)


def report(cycle: int, sent: int, rate: float) -> GeneratorReport:
    """A generator that was in time; its first request was sent 50 us late."""
    return GeneratorReport(rate, sent, sent, 0, 50.0, 50.0, 50.0, 0.0, 0.3, at(cycle, 0) - 50_000, at(cycle, END_S), "stop")


def restarts(cycles: int = 2, rate: float = 50.0, claims: Sequence[ResolvedClaim] = S1_CLAIMS) -> Story:
    """The failing of a liveness probe, once a cycle; all evidence is there."""
    story = Story(meta(claims, "liveness", cycles, rate))
    for cycle in range(cycles):
        pod, old, new = f"pod-{cycle}", f"old{cycle}", f"new{cycle}"
        _calm(story, cycle, pod, old)
        story.faults.append(
            FaultEvent(
                cycle,
                "liveness",
                {"persistent": False},
                pod,
                old,
                at(cycle, FAULT_S),
                at(cycle, FAULT_S) + MS,
                200,
                json.dumps({"boot": old}),
            )
        )
        for second in range(4):
            story.probe(pod, old, at(cycle, 0.3 + second), ok=True)
        for second in range(3):
            story.probe(pod, old, at(cycle, FAILED_S + second), ok=False)
        killing = {
            "reason": "Killing",
            "message": "Container user-container failed liveness probe, will be restarted",
            "container": "user-container",
        }
        story.see(Stream.EVENTS, pod, at(cycle, KILLING_S) // S * S, killing, S)
        story.app(pod, old, at(cycle, SIGTERM_S), "signal", signal="SIGTERM", action="exit")
        story.app(pod, old, at(cycle, CLOSED_S), "closed", port=8080)
        story.app(pod, old, at(cycle, CLOSED_S) + 1, "exit", code=0)
        story.containerd(pod, 0, at(cycle, ASKED_S), f'StopContainer for "{pod}-0" with timeout 299 (s)')
        story.containerd(pod, 0, at(cycle, SIGTERM_S - 0.01), f'Stop container "{pod}-0" with signal terminated')
        gone_ns = at(cycle, GONE_S)
        exited = f'container_id:"{pod}-0"  id:"{pod}-0"  pid:9  exited_at:{{seconds:{gone_ns // S}  nanos:{gone_ns % S}}}'
        story.containerd(pod, 0, gone_ns + MS, f"received exit event {exited}")
        within = 'CreateContainer within sandbox "box" for {}&ContainerMetadata{{Name:user-container,Attempt:1,}}'
        story.containerd(pod, 1, at(cycle, CREATED_S - 0.01), within.format("container "))
        story.containerd(pod, 1, at(cycle, CREATED_S), f'{within.format("")} returns container id "{pod}-1"')
        story.containerd(pod, 1, at(cycle, STARTED_S - 0.1), f'StartContainer for "{pod}-1"')
        story.containerd(pod, 1, at(cycle, STARTED_S), f'StartContainer for "{pod}-1" returns successfully')
        story.pod(pod, at(cycle, STARTED_S + 0.2), restarts=1, since_ns=at(cycle, STARTED_S))
        story.app(pod, new, at(cycle, BOOT_S), "boot")
        story.app(pod, new, at(cycle, LISTENING_S), "listening", port=8080)
        story.probe(pod, new, at(cycle, 11.0), ok=True)
        sent = 0
        for number in range(int(END_S * rate)):
            ns = at(cycle, 0) + int(number * S / rate)
            sent += 1
            if at(cycle, CLOSED_S) <= ns < at(cycle, LISTENING_S):
                story.request(cycle, ns, Outcome.HTTP_ERROR, status=502, answer=BAD)
                story.refused_line(pod, ns + MS)
            else:
                story.request(cycle, ns, answer=OK if ns < at(cycle, CLOSED_S) else OK_NEW)
        story.answer(cycle, 200, "hello", **ENVOY, x_toggle_pod=pod, x_toggle_boot=old)
        story.answer(cycle, 502, REFUSED + "\n", **ENVOY)
        story.answer(cycle, 200, "hello", **ENVOY, x_toggle_pod=pod, x_toggle_boot=new)
        story.generators[cycle] = report(cycle, sent, rate)
        story.cycles.append(
            CycleMark(
                cycle, pod, old, at(cycle, 0), at(cycle, 4), at(cycle, FAULT_S), at(cycle, 8.3), at(cycle, 12.9), at(cycle, END_S)
            )
        )
    return story


def calm(cycles: int = 2, rate: float = 50.0, claims: Sequence[ResolvedClaim] = N1_CLAIMS) -> Story:
    """No fault, nothing fails."""
    story = Story(meta(claims, "none", cycles, rate))
    for cycle in range(cycles):
        pod, boot = f"pod-{cycle}", f"old{cycle}"
        _calm(story, cycle, pod, boot)
        for second in range(13):
            story.probe(pod, boot, at(cycle, 0.3 + second), ok=True)
        for number in range(int(END_S * rate)):
            story.request(cycle, at(cycle, 0) + int(number * S / rate))
        story.answer(cycle, 200, "hello", **ENVOY, x_toggle_pod=pod, x_toggle_boot=boot)
        story.generators[cycle] = report(cycle, int(END_S * rate), rate)
        story.cycles.append(CycleMark(cycle, pod, boot, at(cycle, 0), at(cycle, 4), 0, 0, at(cycle, 12.9), at(cycle, END_S)))
    return story


def _calm(story: Story, cycle: int, pod: str, boot: str) -> None:
    """What every fresh pod shows before its load."""
    story.app(pod, boot, at(cycle, -10), "boot")
    story.app(pod, boot, at(cycle, -5), "listening", port=8080)
    story.see(
        Stream.QUEUE_PROXY, pod, at(cycle, -9), {"severity": "INFO", "logger": "queueproxy", "message": "Starting queue-proxy"}
    )
    story.see(
        Stream.QUEUE_PROXY,
        pod,
        at(cycle, -7),
        "aggressive probe error (failed 202 times): dial tcp 127.0.0.1:8080: connect: connection refused",
    )
    story.see(Stream.EVENTS, pod, at(cycle, -9), {"reason": "Started", "message": "Started container", "container": ""}, S)
    story.pod(pod, at(cycle, -9), ready=False)
    story.pod(pod, at(cycle, -4))
    endpoints = [{"ip": "10.244.0.9", "pod": pod, "ready": True, "serving": True, "terminating": False}]
    story.see(Stream.ENDPOINTS, "", at(cycle, -4), {"slice": "s", "service": "toggle-00001-private", "endpoints": endpoints})
