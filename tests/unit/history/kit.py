"""Small literal values the history tests share."""

from __future__ import annotations

import json
from pathlib import Path

from harness.model import (
    LANES,
    OUTCOMES,
    RECORD,
    CycleMark,
    FaultSpec,
    Lane,
    Observation,
    Outcome,
    RunMeta,
    RunSpec,
    ServiceSpec,
    Stream,
)

T0 = 1_780_000_000_000_000_000
"""A moment in 2026."""


def meta(scenario: str = "S1", run_id: str = "ab12", step_ns: int | None = 0) -> RunMeta:
    """The head of a run that was asked for nothing special."""
    spec = RunSpec(scenario=scenario, title="t", service=ServiceSpec(), fault=FaultSpec("liveness"), claims=())
    return RunMeta(
        run_id=run_id,
        spec=spec,
        source="module",
        versions={"knative": "v1.23.0"},
        cluster="kn",
        namespace="ns",
        changes=(),
        host={"cpus": "2"},
        anchor_utc_ns=T0,
        anchor_mono_ns=0,
        clock_step_ns=step_ns,
    )


def seen(number: int, payload: str = "{}") -> Observation:
    """The number-th line of the app's log."""
    return Observation(Stream.APP, "pod", "user-container", 0, T0 + number, 1, T0 + number + 5, payload)


def mark(index: int, ended_ns: int = T0 + 9) -> CycleMark:
    """A cycle that went well."""
    return CycleMark(index, "pod", "b0", T0, T0 + 1, T0 + 2, T0 + 3, T0 + 8, ended_ns)


def record(seq: int, outcome: Outcome = Outcome.OK, *, intended_ns: int = T0, done_ns: int = T0 + 3, answer: int = 0) -> bytes:
    """One request as the generator writes it."""
    return RECORD.pack(
        seq, LANES.index(Lane.POST_KEEPALIVE), OUTCOMES.index(outcome), 200, answer, 1, intended_ns, T0 + 1, T0 + 2, done_ns
    )


REPORT = {
    "rate_rps": 50.0,
    "planned": 2,
    "sent": 2,
    "not_sent": 0,
    "pacing_p50_us": 40.0,
    "pacing_p99_us": 90.0,
    "pacing_max_us": 100.0,
    "steal": 0.0,
    "busy": 0.5,
    "t0_ns": T0,
    "ended_ns": T0 + 9,
    "ended_by": "stdin",
}


def load(place: Path, *records: bytes, report: bool = True) -> None:
    """What a generator leaves: these records in a map longer than needed, one answer, its report."""
    (place / "records.bin").write_bytes(b"".join(records) + bytes(RECORD.size * 3))
    answer = {"index": 0, "status": 200, "body": "hello ü", "headers": {"server": "envoy"}}
    (place / "answers.jsonl").write_text(json.dumps(answer) + "\n", encoding="utf-8")
    (place / "spec.json").write_text("{}", encoding="utf-8")
    if report:
        (place / "generator.json").write_text(json.dumps(REPORT), encoding="utf-8")
