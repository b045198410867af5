"""Runs of any size with everything a page can show, and with hostile text wherever a pod can put some. No randomness, no clock."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from harness.model import Gap, Observation, Stream
from tests.unit.report.conftest import HOSTILE, MS, Case, S, s1

REFUSED_NS, OPEN_NS = 3_400 * MS, 8_600 * MS
"""From the fault on, requests are refused in this stretch."""

ERROR = {"severity": "error", "logger": "queueproxy", "error": "dial tcp 127.0.0.1:8080: connect: connection refused"}


def large(*, cycles: int, requests: int) -> Case:
    """S1 with so many cycles of so many requests, 25 s each, each with its probes, logs, pod, endpoints and journal."""
    base = s1()
    period = 25 * S // requests
    marks, faults, found, tables = [], [], [], []
    seen: list[Observation] = []
    for index in range(cycles):
        load_ns = base.history.cycles[0].load_started_ns + index * 60 * S
        fault_ns = load_ns + 6 * S + index * 7 * MS
        first = -(-(fault_ns + REFUSED_NS + index * 20 * MS - load_ns) // period)
        last = -(-(fault_ns + OPEN_NS + index * 30 * MS - load_ns) // period)
        pod = f"toggle-{index}"
        tables.append(table(index, load_ns, requests, period, range(first, last)))
        refused = last - first
        mark = replace(
            base.history.cycles[0],
            index=index,
            pod=pod,
            boot=f"old-{index}",
            load_started_ns=load_ns,
            fault_ns=fault_ns,
            ended_ns=load_ns + 25 * S,
        )
        marks.append(mark)
        faults.append(replace(base.history.faults[0], cycle=index, pod=pod, sent_ns=fault_ns, answered_ns=fault_ns + 2 * MS))
        shift = fault_ns - base.history.cycles[0].fault_ns
        edges = {
            name: replace(edge, lo_ns=edge.lo_ns + shift, hi_ns=edge.hi_ns + shift)
            for name, edge in base.findings.cycles[0].anatomy.items()
        }
        found.append(
            replace(
                base.findings.cycles[0],
                index=index,
                pod=pod,
                anatomy=edges,
                sent=requests,
                ok=requests - refused,
                by_outcome={"ok": requests - refused, "http-502": refused},
                by_cause={"refused-dial": refused},
                refused_window=(load_ns + first * period, load_ns + (last - 1) * period),
                queue_proxy_window=(load_ns + first * period + MS, load_ns + (last - 1) * period + MS),
            )
        )
        seen += sights(pod, load_ns, fault_ns)
    total, refused = cycles * requests, sum(cycle.by_outcome["http-502"] for cycle in found)
    lines = pl.concat([refused_lines(mark.pod, rows) for mark, rows in zip(marks, tables, strict=True)])
    book = replace(
        base.findings.ledger,
        client_failures=refused,
        attributed=refused,
        by_cause={"refused-dial": refused},
        queue_proxy_refused_lines=refused,
        matched=refused,
        interchangeable=0,
    )
    findings = replace(
        base.findings,
        cycles=tuple(found),
        ledger=book,
        sent=total,
        ok=total - refused,
        by_outcome={"ok": total - refused, "http-502": refused},
        rate_rps=S / period,
    )
    history = replace(
        base.history,
        cycles=tuple(marks),
        faults=tuple(faults),
        requests=pl.concat(tables),
        observations=pl.concat([rows_of(seen), lines]),
    )
    return replace(base, history=history, findings=findings)


def table(index: int, load_ns: int, number: int, period: int, refused: range) -> pl.DataFrame:
    """The requests of one cycle, those of `refused` answered with 502."""
    seq = np.arange(number, dtype=np.int64)
    failed = (seq >= refused.start) & (seq < refused.stop)
    at = load_ns + seq * period
    done = at + 1_200_000 + (seq * 7919 % 13) * 70_000
    lanes = np.array(["get-keepalive", "get-keepalive", "get-keepalive", "post-keepalive", "get-new-connection"])
    return pl.DataFrame(
        {
            "cycle": np.full(number, index, dtype=np.int32),
            "seq": seq,
            "lane": lanes[seq % 5],
            "outcome": np.where(failed, "http-error", "ok"),
            "status": np.where(failed, 502, 200).astype(np.int32),
            "answer": failed.astype(np.int32),
            "reused": seq > 4,
            "intended_ns": at,
            "sent_ns": at + 40_000,
            "first_byte_ns": done,
            "done_ns": done,
        }
    )


def refused_lines(pod: str, requests: pl.DataFrame) -> pl.DataFrame:
    """A line of queue-proxy for each refused request."""
    bad = requests.filter(pl.col("status") == 502)
    return bad.select(
        stream=pl.lit(Stream.QUEUE_PROXY.value),
        pod=pl.lit(pod),
        container=pl.lit("queue-proxy"),
        instance=pl.lit(0, pl.Int32),
        at_ns=pl.col("done_ns") - 200_000,
        resolution_ns=pl.lit(1, pl.Int64),
        seen_ns=pl.col("done_ns"),
        payload=pl.lit(json.dumps(ERROR)),
    )


def rows_of(seen: list[Observation]) -> pl.DataFrame:
    """Observations as a History holds them."""
    schema = s1().history.observations.schema
    rows = [(o.stream.value, o.pod, o.container, o.instance, o.at_ns, o.resolution_ns, o.seen_ns, o.payload) for o in seen]
    return pl.DataFrame(rows, schema=schema, orient="row")


def sights(pod: str, load_ns: int, fault_ns: int) -> list[Observation]:
    """What the observers see of one restart: probes, listener, container, pod, endpoint, events, other lines."""
    return list(_app(pod, load_ns, fault_ns)) + list(_around(pod, load_ns, fault_ns))


def note(
    stream: Stream, pod: str, at_ns: int, payload: str | Mapping[str, Any], *, container: str = "", true_to: int = 1
) -> Observation:
    """One observation, seen a millisecond later."""
    said = payload if isinstance(payload, str) else json.dumps(payload)
    return Observation(stream, pod, container, 0, at_ns, true_to, at_ns + MS, said)


def _app(pod: str, load_ns: int, fault_ns: int) -> Iterator[Observation]:
    def told(at_ns: int, event: str, boot: str, **more: object) -> Observation:
        line = {"t_ns": at_ns, "event": event, "pod": pod, "boot": boot, "pid": 1, **more}
        return note(Stream.APP, pod, at_ns + 30_000, line, container="user-container")

    yield told(load_ns - 20 * S, "boot", "old")
    yield told(load_ns - 15 * S, "listening", "old", port=8080)
    for n in range(-5, 3):
        at = fault_ns + n * S + 380 * MS
        yield told(at, "probe", "old", which="liveness", ok=n < 0, status=200 if n < 0 else 503)
    yield told(fault_ns + 3_390 * MS, "signal", "old", signal="SIGTERM", action="exit")
    yield told(fault_ns + 3_391 * MS, "closed", "old", port=8080, why="signal")
    yield told(fault_ns + 3_600 * MS, "boot", "new")
    yield told(fault_ns + 8_600 * MS, "listening", "new", port=8080)
    yield told(fault_ns + 13 * S, "probe", "new", which="liveness", ok=True, status=200)


def pod_object(
    *, ready: bool, since_ns: int, restarts: int = 0, deleting: bool = False, queue_proxy: bool = True
) -> dict[str, Any]:
    """The payload of a sight of a pod."""
    app = {"restarts": restarts, "ready": ready, "id": "c", "running_since_ns": since_ns, "waiting": None}
    return {
        "uid": "u",
        "phase": "Running",
        "ready": ready,
        "ip": "10.0.0.1",
        "deleting": deleting,
        "revision": "r",
        "containers": {"user-container": app, "queue-proxy": {**app, "ready": queue_proxy}},
    }


def endpoints(pod: str, *, ready: bool) -> dict[str, Any]:
    """The payload of a sight of the Revision's private slice."""
    listed = [{"ip": "10.0.0.1", "pod": pod, "ready": ready, "serving": ready, "terminating": False}]
    return {"slice": "toggle-private-x", "service": "toggle-private", "endpoints": listed}


def _around(pod: str, load_ns: int, fault_ns: int) -> Iterator[Observation]:
    yield note(Stream.PODS, pod, load_ns - 5 * S, pod_object(ready=True, since_ns=load_ns - 20 * S), true_to=S)
    yield note(Stream.ENDPOINTS, "", load_ns - 5 * S, endpoints(pod, ready=True), true_to=S)
    killing = {"reason": "Killing", "message": "failed liveness probe", "type": "Normal", "count": 1, "container": "user-container"}
    yield note(Stream.EVENTS, pod, fault_ns + 2 * S, killing, container="user-container", true_to=S)
    unfit = {"reason": "Unhealthy", "message": "Readiness probe failed", "type": "Warning", "count": 3, "container": "queue-proxy"}
    yield note(Stream.EVENTS, pod, fault_ns + 5 * S, unfit, container="queue-proxy", true_to=S)
    yield note(Stream.QUEUE_PROXY, pod, fault_ns + 2_400 * MS, {"severity": "info", "message": "drain"}, container="queue-proxy")
    for after, text in (
        (3_386, 'StopContainer for \\"c\\" with timeout 299 (s)'),
        (3_403, 'received exit event container_id:"c"  id:"c"  pid:7'),
        (3_447, 'CreateContainer within sandbox "b" for container &ContainerMetadata{Name:user-container,Attempt:1,}'),
        (3_543, 'StartContainer for \\"d\\" returns successfully'),
    ):
        line = f'time="x" level=info msg="{text}"'
        yield note(Stream.CONTAINERD, pod, fault_ns + after * MS, line, container="user-container", true_to=1000)


def hostile() -> Case:
    """One cycle in which everything that can say something says something hostile, with gaps in two streams."""
    case = large(cycles=2, requests=1250)
    old = case.history
    pod, fault_ns = old.cycles[0].pod, old.cycles[0].fault_ns
    # A data frame holds no lone surrogate; the texts of the findings do.
    lines = (
        HOSTILE.replace("\udc80", ""),
        "</script><script>alert(1)</script>",
        "<img src=x onerror=alert(2)>",
        "\u202e\u2066drow\u2069",
        "\u2028]]>&lt;b&gt;",
    )
    seen = [
        note(stream, pod, fault_ns + (place * 400 + n * 30 - 4000) * MS, line, container="user-container")
        for place, line in enumerate(lines)
        for n, stream in enumerate((Stream.APP, Stream.QUEUE_PROXY, Stream.KUBELET, Stream.CONTAINERD))
    ]
    for place, line in enumerate(lines):
        told = {"reason": line, "message": line, "type": "Warning", "count": 2, "container": line}
        seen.append(note(Stream.EVENTS, pod, fault_ns + place * S, told, container=line, true_to=S))
        probe = {
            "t_ns": fault_ns + place * 100 * MS,
            "event": "probe",
            "boot": line,
            "which": "liveness",
            "ok": False,
            "status": line,
        }
        seen.append(note(Stream.APP, pod, fault_ns + place * 100 * MS, probe, container="user-container"))
        odd = {"t_ns": fault_ns, "event": line, "boot": line, "message": line}
        seen.append(note(Stream.APP, pod, fault_ns + place * 130 * MS, odd, container="user-container"))
    gaps = (
        Gap(Stream.APP, pod, fault_ns + 4 * S, fault_ns + 6 * S, f"stream ended {HOSTILE}"),
        Gap(Stream.PODS, "", fault_ns + 9 * S, 0, "watch expired <b>410</b>"),
    )
    one = case.findings.cycles[0]
    edges = {**one.anatomy, '<b onclick="alert(3)">': replace(one.anatomy["sigterm"], evidence="".join(lines))}
    cycle = replace(one, anatomy=edges, missing=("killing", lines[1]), disputes=lines, voided="", pod=pod)
    answers = pl.DataFrame([(0, 0, 200, lines[1], "{}")], schema=old.answers.schema, orient="row")
    meta = replace(old.meta, spec=replace(old.meta.spec, title=lines[1], scenario="S1"))
    history = replace(
        old,
        meta=meta,
        gaps=gaps,
        answers=answers,
        observations=pl.concat([old.observations, rows_of(seen)]),
        faults=(replace(old.faults[0], answer=lines[1]), *old.faults[1:]),
    )
    findings = replace(case.findings, cycles=(cycle, *case.findings.cycles[1:]), doubts=lines, gaps=gaps)
    return replace(case, history=history, findings=findings, verdict=replace(case.verdict, reasons=lines))
