"""Literal runs of the shape of S1 and N1: every number below is chosen here, so each expectation can be checked by hand."""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl
import pytest

from harness.model import (
    Bracket,
    ClaimResult,
    CycleFindings,
    CycleMark,
    Expectation,
    FaultEvent,
    FaultSpec,
    Findings,
    Gap,
    GeneratorReport,
    History,
    Landed,
    Lane,
    Ledger,
    Observed,
    Phase,
    ResolvedClaim,
    Ruling,
    RunMeta,
    RunSpec,
    ServiceSpec,
    Stream,
    SystemChange,
    Verdict,
)

S = 1_000_000_000
MS = 1_000_000
T0 = 1_795_000_000 * S
PERIOD = 20 * MS
PLANNED = 1000
LANES = (Lane.GET_KEEPALIVE, Lane.GET_KEEPALIVE, Lane.GET_KEEPALIVE, Lane.POST_KEEPALIVE, Lane.GET_NEW)

HOSTILE = '<script>alert("x")</script> | `rm` \x1b[31mred\x1b[0m \x00 \u202egnp\udc80 [bold]markup[/bold] @all'
"""What a log line may contain when somebody wants to steer a terminal, a page, a table or an XML reader."""


@dataclass(frozen=True)
class Case:
    """A run, what analysis says of it, and the ruling."""

    history: History
    findings: Findings
    verdict: Verdict


def requests(cycle: int, load_ns: int, window: range | None) -> list[tuple[object, ...]]:
    """PLANNED requests at 50 rps; those whose seq lies in window got a refused 502, the one before it a reset."""
    rows: list[tuple[object, ...]] = []
    for seq in range(PLANNED):
        at = load_ns + seq * PERIOD
        outcome, status, answer = "ok", 200, 0
        if window is not None and seq in window:
            outcome, status, answer = "http-error", 502, 1
        elif window is not None and seq == window.start - 1:
            outcome, status, answer = "reset", 0, -1
        took = 1_200_000 + (seq * 7919 % 13) * 70_000
        rows.append((cycle, seq, LANES[seq % 5].value, outcome, status, answer, seq > 4, at, at + 40_000, at + took, at + took))
    return rows


def table(rows: list[tuple[object, ...]]) -> pl.DataFrame:
    """Rows as the history room hands them over."""
    schema = {
        "cycle": pl.Int32,
        "seq": pl.Int64,
        "lane": pl.String,
        "outcome": pl.String,
        "status": pl.Int32,
        "answer": pl.Int32,
        "reused": pl.Boolean,
        "intended_ns": pl.Int64,
        "sent_ns": pl.Int64,
        "first_byte_ns": pl.Int64,
        "done_ns": pl.Int64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def generator(t0_ns: int) -> GeneratorReport:
    """A generator that kept its time."""
    return GeneratorReport(
        rate_rps=50.0,
        planned=PLANNED,
        sent=PLANNED,
        not_sent=0,
        pacing_p50_us=42.0,
        pacing_p99_us=180.5,
        pacing_max_us=640.0,
        steal=0.001,
        busy=0.41,
        t0_ns=t0_ns,
        ended_ns=t0_ns + PLANNED * PERIOD,
        ended_by="asked",
    )


def claim(name: str, statement: str, expected: Expectation, source: str, observed: Observed, why: str) -> ClaimResult:
    """One judged claim; its check is named as it."""
    return ClaimResult(ResolvedClaim(name, name, statement, expected, source), observed, why)


def history(spec: RunSpec, marks: list[CycleMark], faults: list[FaultEvent], rows: list[tuple[object, ...]]) -> History:
    """A run of spec with everything known that can be known."""
    ended = max((mark.ended_ns for mark in marks), default=T0)
    return History(
        meta=RunMeta(
            run_id="20261118T110640Z-4f1c2a",
            spec=spec,
            source="module v0.50.0, built with go1.26.1",
            versions={
                "kubernetes": "v1.34.4",
                "knative": "1.23.0",
                "ingress": "kourier 1.21.0",
                "harness": "0.1.0",
                "toolchain": "go1.26.1",
            },
            cluster="kind-knative-chaos",
            namespace="kn-chaos-4f1c2a",
            changes=(
                SystemChange("ConfigMap knative-serving/config-logging", "sampling", None, "null", "or refused lines are dropped"),
            ),
            host={"cpus": "2", "kernel": "6.1.0", "engine": "podman 4.3.1"},
            anchor_utc_ns=T0 - 60 * S,
            anchor_mono_ns=12 * S,
            clock_step_ns=0,
        ),
        cycles=tuple(marks),
        faults=tuple(faults),
        phases=(
            Phase("check the host", T0 - 60 * S, T0 - 59 * S - 600 * MS),
            Phase("cluster", T0 - 59 * S - 600 * MS, T0 - 46 * S),
            Phase("deploy", T0 - 46 * S, T0 - S),
            Phase("cycles", T0, ended),
        ),
        gaps=(),
        observations=pl.DataFrame(
            schema={
                "stream": pl.String,
                "pod": pl.String,
                "container": pl.String,
                "instance": pl.Int32,
                "at_ns": pl.Int64,
                "resolution_ns": pl.Int64,
                "seen_ns": pl.Int64,
                "payload": pl.String,
            }
        ),
        requests=table(rows),
        answers=pl.DataFrame(
            schema={"cycle": pl.Int32, "index": pl.Int32, "status": pl.Int32, "body": pl.String, "headers": pl.String}
        ),
        generators={mark.index: generator(mark.load_started_ns) for mark in marks},
    )


def anatomy(fault_ns: int, refused_ns: int, open_ns: int) -> dict[str, Bracket]:
    """The edges of one restart: three failed probes, the kill, the new listener."""
    return {
        "fault": Bracket(fault_ns, fault_ns + 2 * MS, "the app answered the order", 1000),
        "first-failed-probe": Bracket(fault_ns - 300 * MS, fault_ns + 700 * MS, "the app's log: the first answered 500", 1000),
        "killing": Bracket(fault_ns + 2 * S, fault_ns + 3 * S, "event Killing", S),
        "sigterm": Bracket(refused_ns - 30 * MS, refused_ns - 30 * MS, "signal 15 in the app's log", 1000),
        "listener-closed": Bracket(refused_ns - 20 * MS, refused_ns, "close in the app's log", 1000),
        "container-started": Bracket(refused_ns + 400 * MS, refused_ns + 460 * MS, "containerd journal: StartContainer", 1000),
        "listening": Bracket(open_ns - 20 * MS, open_ns, "the app's log: listening", 1000),
        "first-ok": Bracket(open_ns - 20 * MS, open_ns + 2 * MS, "requests: the first OK of the new boot", 1),
    }


def s1() -> Case:
    """Five cycles of S1: fault 6 s into the load, refused for 5.48 to 5.56 s, one reset each, one restart each, always Ready."""
    spec = RunSpec(
        scenario="S1",
        title="Liveness probe only, failing under load",
        service=ServiceSpec(),
        fault=FaultSpec("liveness"),
        claims=(),
    )
    marks, faults, found = [], [], []
    rows: list[tuple[object, ...]] = []
    for index in range(5):
        load_ns = T0 + index * 60 * S
        fault_ns = load_ns + 6 * S + index * 7 * MS
        window = range(485 + index, 760 + 2 * index)
        first, last = load_ns + window.start * PERIOD, load_ns + (window.stop - 1) * PERIOD
        pod, boot = f"toggle-00001-deployment-7c9f{index}", f"boot-{index}"
        rows += requests(index, load_ns, window)
        marks.append(
            CycleMark(index, pod, boot, load_ns, load_ns + 4 * S, fault_ns, first, last + 3 * S, load_ns + PLANNED * PERIOD)
        )
        faults.append(
            FaultEvent(
                index, "liveness", {"persistent": False}, pod, boot, fault_ns, fault_ns + 2 * MS, 200, '{"liveness": "failing"}'
            )
        )
        refused = len(window)
        found.append(
            CycleFindings(
                index=index,
                pod=pod,
                voided="",
                landed=Landed(
                    True,
                    (
                        ("the app took the order", True, "answer 200 after 2 ms"),
                        ("a probe was answered 500", True, "3 in the app's log"),
                        ("the container was restarted", True, "restartCount 0 -> 1"),
                    ),
                ),
                anatomy=anatomy(fault_ns, first, last + PERIOD),
                sent=PLANNED,
                ok=PLANNED - refused - 1,
                by_outcome={"ok": PLANNED - refused - 1, "http-502": refused, "reset": 1},
                by_cause={"refused-dial": refused, "reset-in-flight": 1},
                refused_window=(first, last),
                ready_throughout=True,
                restarts=1,
                outside_window=0,
                pacing_p50_us=42.0,
                pacing_p99_us=180.5,
                pacing_max_us=640.0,
                steal=0.001 * index,
            )
        )
    refused = sum(cycle.by_outcome["http-502"] for cycle in found)
    findings = Findings(
        cycles=tuple(found),
        ledger=Ledger(refused + 5, refused + 5, 0, 0, {"refused-dial": refused, "reset-in-flight": 5}, refused, refused, 0, 12, 0),
        sent=5 * PLANNED,
        ok=5 * PLANNED - refused - 5,
        by_outcome={"ok": 5 * PLANNED - refused - 5, "http-502": refused, "reset": 5},
        rate_rps=50.0,
        pacing_p50_us=42.0,
        pacing_p99_us=180.5,
        gaps=(),
        doubts=(),
    )
    verdict = Verdict(
        Ruling.PASS,
        (),
        (
            claim(
                "ready-pod-is-not-refused",
                "While its pod is Ready, no request is refused by the container's port.",
                Expectation.BROKEN,
                "knative/serving #14980, open at 1.23",
                Observed.BROKEN,
                f"{refused} requests were refused in 5 of 5 cycles while the pod stayed Ready.",
            ),
            claim(
                "container-restarts-once",
                "The container is restarted exactly once a cycle.",
                Expectation.HOLDS,
                "the kubelet restarts a container whose liveness probe failed",
                Observed.HOLDS,
                "restartCount went from 0 to 1 in 5 of 5 cycles.",
            ),
        ),
    )
    return Case(history(spec, marks, faults, rows), findings, verdict)


def n1() -> Case:
    """Two cycles of N1: no fault, nothing fails, nothing restarts."""
    spec = RunSpec(
        scenario="N1", title="No fault under the same load", service=ServiceSpec(), fault=FaultSpec(), claims=(), cycles=2
    )
    marks, found = [], []
    rows: list[tuple[object, ...]] = []
    for index in range(2):
        load_ns = T0 + index * 40 * S
        rows += requests(index, load_ns, None)
        marks.append(
            CycleMark(index, f"toggle-{index}", f"boot-{index}", load_ns, load_ns + 4 * S, 0, 0, 0, load_ns + PLANNED * PERIOD)
        )
        found.append(
            CycleFindings(
                index=index,
                pod=f"toggle-{index}",
                voided="",
                landed=Landed(proved=True, parts=(("no fault asked", True, "nothing was to be done"),)),
                anatomy={},
                sent=PLANNED,
                ok=PLANNED,
                by_outcome={"ok": PLANNED},
                by_cause={},
                refused_window=None,
                ready_throughout=True,
                restarts=0,
                outside_window=0,
                pacing_p50_us=40.0,
                pacing_p99_us=150.0,
                pacing_max_us=410.0,
                steal=0.0,
                cpu_wait_us=95.5,
            )
        )
    findings = Findings(
        cycles=tuple(found),
        ledger=Ledger(0, 0, 0, 0, {}, 0, 0, 0, 0, 0),
        sent=2 * PLANNED,
        ok=2 * PLANNED,
        by_outcome={"ok": 2 * PLANNED},
        rate_rps=50.0,
        pacing_p50_us=40.0,
        pacing_p99_us=150.0,
        gaps=(),
        doubts=(),
    )
    held = claim(
        "requests-do-not-fail",
        "No request fails.",
        Expectation.HOLDS,
        "negative control",
        Observed.HOLDS,
        "0 of 2000 requests failed.",
    )
    return Case(history(spec, marks, [], rows), findings, Verdict(Ruling.PASS, (), (held,)))


def troubled() -> Case:
    """S1 gone wrong in every way at once, with hostile text wherever a log can put some.

    Cycle 1 is voided, cycle 5 stands in for it and was given up, has no origin, no generator and no requests; one failure is
    without a cause; the log of queue-proxy broke off; one claim is worse, one fixed, one open.
    """
    base = s1()
    cycles = list(base.findings.cycles)
    cycles[1] = replace(cycles[1], voided=f"pacing p99 912000 us {HOSTILE}")
    cycles[2] = replace(
        cycles[2],
        pod=f"toggle {HOSTILE}",
        landed=Landed(False, (("a probe was answered 500", False, HOSTILE),)),
        by_outcome={"ok": 720, "http-502": 276, "http-503": 1, "reset": 3},
        by_cause={"refused-dial": 276, "unknown": 1, "reset-in-flight": 3},
        anatomy={**cycles[2].anatomy, HOSTILE: Bracket(0, 1, HOSTILE, S)},
    )
    lost = replace(
        cycles[0],
        index=5,
        voided=f"given up: no pod {HOSTILE}",
        anatomy={"fault": Bracket(T0, T0, "no origin", 1000)},
        refused_window=None,
        ready_throughout=None,
        restarts=None,
        outside_window=None,
        sent=0,
        ok=0,
        by_outcome={},
        by_cause={},
        pacing_p50_us=float("nan"),
        pacing_p99_us=float("nan"),
        pacing_max_us=float("inf"),
        steal=float("nan"),
    )
    gap = Gap(Stream.QUEUE_PROXY, "", T0 + 126 * S, 0, f"stream ended {HOSTILE}")
    ledger = Ledger(1110, 1109, 1, 0, {"refused-dial": 1100, "reset-in-flight": 9, "unknown": 1}, 1101, 1100, 1, 0, 40)
    findings = replace(
        base.findings, cycles=(*cycles[::-1], lost), ledger=ledger, gaps=(gap,), doubts=(f"queue-proxy's log has a gap: {HOSTILE}",)
    )
    old = base.history
    mark = CycleMark(5, "", "", 0, 0, 0, 0, 0, 0, given_up=f"no pod {HOSTILE}", replaces=1)
    changed = replace(old.faults[2], answer=HOSTILE)
    hist = replace(
        old,
        meta=replace(
            old.meta, versions={"knative": HOSTILE}, source=HOSTILE, interrupted="", spec=replace(old.meta.spec, title=HOSTILE)
        ),
        cycles=(*old.cycles, mark),
        faults=(*old.faults[:2], changed, *old.faults[3:]),
        gaps=(gap,),
        notes=(f"a torn line: {HOSTILE}",),
        phases=(*old.phases, Phase(HOSTILE, T0, 0)),
    )
    good, worse = base.verdict.claims
    claims = (
        replace(good, observed=Observed.HOLDS, why=HOSTILE),
        replace(worse, observed=Observed.BROKEN, why="2 restarts in cycle 2"),
        replace(worse, claim=replace(worse.claim, id="open", statement=HOSTILE), observed=Observed.UNDECIDED, why="a gap"),
    )
    return Case(
        hist,
        findings,
        Verdict(Ruling.INCONCLUSIVE, (f"queue-proxy's log has a gap: {HOSTILE}", "cycle 2: fault not proved"), claims),
    )


@pytest.fixture(name="s1", scope="session")
def s1_case() -> Case:
    """The S1-like run."""
    return s1()


@pytest.fixture(name="n1", scope="session")
def n1_case() -> Case:
    """The N1-like run."""
    return n1()


@pytest.fixture(name="troubled", scope="session")
def troubled_case() -> Case:
    """The run with hostile text and every kind of trouble."""
    return troubled()


@pytest.fixture(name="hostile")
def hostile_text() -> str:
    """Text that tries to break out of whatever shows it."""
    return HOSTILE
