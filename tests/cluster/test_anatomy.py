"""The anatomy of real restarts: complete, ordered, consistent with the app's own log, and disputed when a witness lies."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fixtures.experiment import Experiment
from harness.analyse import analyse
from harness.catalogue import holds
from harness.faults import FAULTS
from harness.history import read
from harness.judge import judge
from harness.knative.times import SECOND_NS, stamp_ns
from harness.model import Bracket, CycleFindings, FaultSpec, Handler, History, LoadPlan, Probe, Ruling, Stream
from harness.run import Run
from tests.cluster.quick import N1, S1

pytestmark = pytest.mark.cluster

RESTART = {"fault", "listener-closed", "process-gone", "container-created", "container-started", "listening", "first-ok"}
KILLED = {"first-failed-probe", "killing", "sigterm", "first-good-probe"}
SHIFT_NS = 3 * SECOND_NS


def told(run: Run, pod: str) -> list[dict[str, Any]]:
    """The app's own log of this pod as the kubelet kept it, read without the analysis: by the app's clock."""
    lines = [line for path in Path(run.directory).glob(f"raw/{pod}/user-container.*.log") for line in path.read_text().splitlines()]
    events = [json.loads(line.partition(" ")[2]) for line in lines if line.partition(" ")[2].startswith('{"t_ns"')]
    return sorted(events, key=lambda event: int(event["t_ns"]))


def ordered(edges: Mapping[str, Bracket], kind: str) -> None:
    """Each pair of the order may hold: the first's earliest moment is not after the second's latest."""
    for earlier, later in FAULTS[kind].order:
        if earlier in edges and later in edges:
            assert edges[earlier].lo_ns <= edges[later].hi_ns, (earlier, later)


def consistent(run: Run, cycle: CycleFindings) -> None:
    """What the app wrote of itself lies where the anatomy says; each edge's bracket holds the app's or ends with it."""
    events = told(run, cycle.pod)
    boot = next(event["boot"] for event in events if event["event"] == "fault")
    new = next(event["boot"] for event in events if event["boot"] != boot)

    def first(name: str, of: str, **more: object) -> dict[str, Any]:
        after_ns = cycle.anatomy["fault"].lo_ns
        return next(
            event
            for event in events
            if (event["event"], event["boot"]) == (name, of) and event["t_ns"] >= after_ns and more.items() <= event.items()
        )

    brackets = {"listener-closed": first("closed", boot), "listening": first("listening", new)}
    if "sigterm" in cycle.anatomy:
        brackets["sigterm"] = first("signal", boot)
        failed = first("probe", boot, which="liveness", ok=False)
        assert cycle.anatomy["first-failed-probe"].hi_ns == failed["t_ns"]
        assert cycle.anatomy["first-good-probe"].hi_ns == first("probe", new, which="liveness", ok=True)["t_ns"]
        assert cycle.anatomy["killing"].lo_ns >= failed["t_ns"]
    for edge, event in brackets.items():
        bracket = cycle.anatomy[edge]
        assert bracket.lo_ns <= event["t_ns"], edge
        assert bracket.hi_ns >= event["before_ns"], edge
    last_ns = max(int(event["t_ns"]) for event in events if event["boot"] == boot)
    booted_ns = min(int(event["t_ns"]) for event in events if event["boot"] == new)
    for edge in ("process-gone", "container-created", "container-started"):
        assert last_ns <= cycle.anatomy[edge].hi_ns, edge
        assert cycle.anatomy[edge].lo_ns <= booted_ns, edge


def moved(history: History, stream: Stream, edit: Callable[[str], str]) -> History:
    """The history with one witness's lines edited, each edited one stamped three seconds later too."""
    rows = history.observations
    payload = pl.Series(
        [edit(text) if name == stream.value else text for name, text in rows.select("stream", "payload").iter_rows()]
    )
    at_ns = pl.when(payload != rows["payload"]).then(pl.col("at_ns") + SHIFT_NS).otherwise(pl.col("at_ns"))
    return replace(history, observations=rows.with_columns(at_ns.alias("at_ns"), payload.alias("payload")))


def containerd_later(line: str) -> str:
    """Its own stamp, three seconds later."""

    def later(found: re.Match[str]) -> str:
        whole, rest = divmod((stamp_ns(found.group(1)) or 0) + SHIFT_NS, SECOND_NS)
        text = pl.Series([whole * 1000]).cast(pl.Datetime("ms")).dt.strftime("%Y-%m-%dT%H:%M:%S")[0]
        return f'time="{text}.{rest:09d}Z"'

    return re.sub(r'time="([^"]+)"', later, line)


def app_listens_later(line: str) -> str:
    """It says of its new listener alone that it came three seconds later."""
    if '"event":"listening"' not in line:
        return line
    return re.sub(r'"(t_ns|before_ns)":(\d+)', lambda found: f'"{found.group(1)}":{int(found.group(2)) + SHIFT_NS}', line)


def test_the_anatomy_of_a_liveness_restart(experiment: Experiment) -> None:
    """Every edge, by clocks finer than a second, in order, as the app's own log has it; a witness with a wrong clock is told."""
    run = experiment(S1, name="anatomy", claims=S1.claims, cycles=2, load=LoadPlan(rate_rps=100))
    for cycle in run.findings.cycles:
        assert cycle.missing == ()
        assert cycle.disputes == ()
        assert set(cycle.anatomy) >= RESTART | KILLED
        assert all(cycle.anatomy[edge].resolution_ns < SECOND_NS for edge in RESTART | KILLED)
        ordered(cycle.anatomy, "liveness")
        consistent(run, cycle)
    history = read(run.directory)
    for shown in analyse(moved(history, Stream.CONTAINERD, containerd_later)).cycles:
        about = {edge for dispute in shown.disputes for edge in dispute.partition(": ")[0].split(", ")}
        assert about >= {"container-created", "container-started"}
    lied = moved(history, Stream.APP, app_listens_later)
    findings = analyse(lied)
    assert all(any(dispute.startswith("listening") for dispute in cycle.disputes) for cycle in findings.cycles)
    verdict = judge(lied.meta.spec, findings)
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert any("the evidence contradicts itself: the app's log" in reason for reason in verdict.reasons)


def test_the_anatomy_of_an_exit(experiment: Experiment) -> None:
    """No probe fails and nothing is killed; the rest is there as for any restart."""
    run = experiment(
        S1,
        name="anatomy-exit",
        fault=FaultSpec("exit"),
        claims=[holds("container-restarts-once")],
        cycles=1,
    )
    (cycle,) = run.findings.cycles
    assert (cycle.missing, cycle.disputes) == ((), ())
    assert set(cycle.anatomy) >= RESTART
    assert not {"first-failed-probe", "killing", "sigterm"} & set(cycle.anatomy)
    ordered(cycle.anatomy, "exit")
    consistent(run, cycle)


def test_the_anatomy_of_a_hang_that_the_liveness_probe_ends(experiment: Experiment) -> None:
    """Nobody is answered, so the probes end by their timeouts; queue-proxy holds the stop back until the pod's grace is over."""
    run = experiment(
        S1,
        name="anatomy-hang",
        service=replace(S1.service, timeout_s=8),
        fault=FaultSpec("hang"),
        claims=[holds("container-restarts-once")],
        load=LoadPlan(rate_rps=20),
        cycles=1,
    )
    (cycle,) = run.findings.cycles
    assert cycle.landed.proved, cycle.landed.parts
    assert (cycle.missing, cycle.disputes) == ((), ())
    assert set(cycle.anatomy) >= RESTART | KILLED
    assert "left hanging" in cycle.anatomy["first-failed-probe"].evidence
    ordered(cycle.anatomy, "hang")


def test_the_anatomy_of_exec_probes_behind_a_startup_probe(experiment: Experiment) -> None:
    """Each of the three is told from the others, and the startup probe does well first."""
    service = replace(
        S1.service,
        startup=Probe(Handler.EXEC, path="liveness", period_s=1, failure_threshold=60, timeout_s=5),
        liveness=Probe(Handler.EXEC, path="liveness", period_s=2, failure_threshold=2, timeout_s=5),
        readiness=Probe(Handler.EXEC, path="readiness", period_s=2, failure_threshold=2, timeout_s=5),
    )
    run = experiment(S1, name="anatomy-exec", service=service, claims=[holds("container-restarts-once")], cycles=1)
    (cycle,) = run.findings.cycles
    assert (cycle.missing, cycle.disputes) == ((), ())
    assert set(cycle.anatomy) >= RESTART | KILLED | {"first-good-startup-probe", "first-good-readiness-probe"}
    assert cycle.anatomy["first-good-startup-probe"].hi_ns < cycle.anatomy["first-good-probe"].hi_ns
    ordered(cycle.anatomy, "liveness")


def test_the_anatomy_of_a_readiness_failure(experiment: Experiment) -> None:
    """Nothing is restarted: pod, endpoint and queue-proxy become unready, and ready again once the fault is taken back."""
    service = S1.service.with_probes(readiness=Probe(path="/readyz", period_s=1, failure_threshold=1))
    run = experiment(
        replace(S1, hold_s=3.0),
        name="anatomy-readiness",
        service=service,
        fault=FaultSpec("readiness"),
        claims=[holds("no-restart")],
        cycles=1,
    )
    (cycle,) = run.findings.cycles
    assert cycle.landed.proved, cycle.landed.parts
    assert (cycle.missing, cycle.disputes) == ((), ())
    back = {f"{who}-{what}" for who in ("pod", "queue-proxy", "endpoint") for what in ("unready", "ready-again")}
    all_of_it = {"fault", "first-failed-probe", "first-good-readiness-probe"} | back
    # The endpoint follows the pod, and the cycle need not wait for it.
    assert all_of_it - {"endpoint-ready-again"} <= set(cycle.anatomy) <= all_of_it
    ordered(cycle.anatomy, "readiness")
    assert run.verdict.ruling is Ruling.PASS


def test_without_a_fault_nothing_is_missing(experiment: Experiment) -> None:
    """The negative control has no edge that a fault has, and contradicts nothing."""
    run = experiment(N1, name="anatomy-n1", claims=N1.claims, cycles=1)
    (cycle,) = run.findings.cycles
    assert (cycle.missing, cycle.disputes, dict(cycle.anatomy)) == ((), (), {})
