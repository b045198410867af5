"""Histories of any size: twenty liveness restarts as a real run leaves them, for timing the analysis.

A quarter of the requests fails while nobody listens, nearly all with a refused 502 and one line of queue-proxy each, the last ones
before that with a connection that ended. Payloads are as long as on a cluster (a forwarding error with its stack trace: 1.4 kB).
The same numbers give the same bytes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from harness.adapters.files import write_json
from harness.catalogue import SCENARIOS, resolve
from harness.history.codec import encode
from harness.history.layout import CLOSED, RUN, Table, load_dir, parquet
from harness.history.reader import head_of
from harness.history.tables import empty, frame, write_parquet
from harness.knative.requestlog import MARK
from harness.model import (
    REPORT_FILE,
    CycleMark,
    FaultEvent,
    GeneratorReport,
    KnativeVersion,
    Lane,
    LoadPlan,
    Outcome,
    RunMeta,
    Stream,
    SystemChange,
)

Times = npt.NDArray[np.int64]

CYCLES = 20
T0 = 1_780_000_000_000_000_000
US, MS, S = 1_000, 1_000_000, 1_000_000_000
NAMESPACE = "knative-chaos-sizes"
REFUSED = "dial tcp 127.0.0.1:8080: connect: connection refused"
CUT = "EOF"
FAILING = 0.25
CUT_SHORT = 3
"""Requests a cycle whose connection ended with the app."""

CHATTER = 0.05
"""Share of the observations that is neither an error line nor a request-log line."""

_UNSAMPLED = SystemChange(
    "ConfigMap knative-serving/config-logging", "zap-logger-config: sampling", None, "null", "no line is lost"
)
_STACK = "\\n".join(
    f"{function}\\n\\t{place}"
    for function, place in (
        (
            "knative.dev/pkg/network.ErrorHandler.func1",
            "knative.dev/pkg@v0.0.0-20260727151759-521cb33b33dd/network/error_handler.go:39",
        ),
        ("net/http/httputil.(*ReverseProxy).ServeHTTP", "net/http/httputil/reverseproxy.go:569"),
        (
            "knative.dev/serving/pkg/queue.(*appRequestMetricsHandler).ServeHTTP",
            "knative.dev/serving@v0.50.0/pkg/queue/request_metric.go:114",
        ),
        (
            "knative.dev/serving/pkg/queue/sharedmain.mainHandler.ProxyHandler.func3",
            "knative.dev/serving@v0.50.0/pkg/queue/handler.go:62",
        ),
        ("net/http.HandlerFunc.ServeHTTP", "net/http/server.go:2286"),
        (
            "knative.dev/serving/pkg/queue/sharedmain.mainHandler.ForwardedShimHandler.func4",
            "knative.dev/serving@v0.50.0/pkg/queue/forwarded_shim.go:54",
        ),
        ("net/http.HandlerFunc.ServeHTTP", "net/http/server.go:2286"),
        (
            "knative.dev/serving/pkg/http/handler.(*timeoutHandler).ServeHTTP.func4",
            "knative.dev/serving@v0.50.0/pkg/http/handler/timeout.go:121",
        ),
    )
)
_SOCKSTAT = (
    "error reverse proxying request; sockstat: sockets: used 9\\nTCP: inuse 0 orphan 0 tw 16 alloc 298 mem 0\\n"
    "UDP: inuse 0 mem 0\\nUDPLITE: inuse 0\\nRAW: inuse 0\\nFRAG: inuse 0 memory 0\\n"
)


@dataclass(frozen=True, slots=True)
class Clock:
    """When things happen in one cycle, UTC ns. The load runs from start to end; from closed to listening nobody listens."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """Of the load."""
        return self.end - self.start

    @property
    def fault(self) -> int:
        """The app is told to fail its liveness probe."""
        return self.start + self.length // 5

    @property
    def failed(self) -> tuple[int, int, int]:
        """The three failed probes, a second apart."""
        first = self.fault + 300 * MS
        return first, first + S, first + 2 * S

    @property
    def closed(self) -> int:
        """The old listener is gone, 30 ms after the last failed probe."""
        return self.failed[2] + 30 * MS

    @property
    def started(self) -> int:
        """The new container runs."""
        return self.closed + 180 * MS

    @property
    def listening(self) -> int:
        """The new listener is there: a quarter of the load later."""
        return self.closed + int(self.length * FAILING)


@dataclass(frozen=True, slots=True)
class Split:
    """How many observations of each kind a cycle has. logged: requests with a line in the request log."""

    requests: int
    observations: int
    failing: int
    logged: int
    chatter: int

    @property
    def direct(self) -> int:
        """Requests that leave out queue-proxy, so that lines and requests fit."""
        return self.requests - self.logged


LANES_USED = tuple(
    (lane, 1_000_003 + at) for at, lane in enumerate((Lane.GET_KEEPALIVE, Lane.POST_KEEPALIVE, Lane.GET_NEW, Lane.GET_POD))
)
"""Those of the requests by code, with weights of which no history comes to the end of the first turn."""


def split(requests: int, observations: int, failing: int, story: int) -> Split:
    """Divide one cycle's observations. failing: requests, each with an error line. story: what tells what happened at any size.

    Raises ValueError when they are too few for a line for each failed request and the story.
    """
    free = observations - failing - story
    logged = min(requests, free - int(observations * CHATTER))
    if logged < failing:
        raise ValueError(f"{observations} observations a cycle are too few for {requests} requests")
    return Split(requests, observations, failing, logged, free - logged)


def build(requests: int, observations: int, directory: Path) -> Path:
    """A closed run directory of about so many requests and observations (whole cycles) in `directory`, which must not be there yet.

    Everything is attributed (unattributed and unmatched are 0), the verdict is pass. Raises ValueError for sizes that do not fit.
    """
    a_cycle, seen = requests // CYCLES, observations // CYCLES
    rate = min(500.0, a_cycle / 10)
    length = int(a_cycle / rate * S)
    spec = resolve(SCENARIOS["S1"], KnativeVersion.parse("1.23"))
    directory.mkdir(parents=True)
    parts = [_cycle(index, a_cycle, seen, rate, length) for index in range(CYCLES)]
    logged = any(part.split.logged for part in parts)
    meta = RunMeta(
        run_id="sizes",
        # A cycle is 10 s long at least, and its users must have been well for after_s at its end.
        spec=replace(spec, cycles=CYCLES, after_s=1.0, load=LoadPlan(rate_rps=rate, lanes=LANES_USED), request_log=logged),
        source="synthetic",
        versions={"knative": "v1.23.0", "kubernetes": "v1.34.0"},
        cluster="none",
        namespace=NAMESPACE,
        changes=(_UNSAMPLED,),
        host={},
        anchor_utc_ns=T0,
        anchor_mono_ns=0,
        clock_step_ns=0,
    )
    tables = {table: empty(table) for table in Table}
    tables[Table.REQUESTS] = pl.concat([part.requests for part in parts])
    tables[Table.OBSERVATIONS] = pl.concat([part.observations for part in parts])
    tables[Table.ANSWERS] = frame(Table.ANSWERS, [row for part in parts for row in part.answers])
    tables[Table.FAULTS] = frame(Table.FAULTS, [_row(part.fault) for part in parts])
    tables[Table.CYCLES] = frame(Table.CYCLES, [_row(part.mark) for part in parts])
    write_json(directory / RUN, head_of(meta))
    for table, rows in tables.items():
        write_parquet(parquet(directory, table), rows)
    for part in parts:
        place = load_dir(directory, part.mark.index)
        place.mkdir(parents=True)
        write_json(place / REPORT_FILE, encode(part.report))
    write_json(directory / CLOSED, {"rows": {table.value: rows.height for table, rows in tables.items()}, "notes": []})
    return directory


@dataclass(frozen=True, slots=True)
class _Part:
    split: Split
    mark: CycleMark
    fault: FaultEvent
    report: GeneratorReport
    requests: pl.DataFrame
    answers: Sequence[dict[str, Any]]
    observations: pl.DataFrame


@dataclass(frozen=True, slots=True)
class _Names:
    """What is called how in one cycle."""

    cycle: int

    @property
    def pod(self) -> str:
        return f"toggle-00001-deployment-7c5ccf7fc5-{self.cycle:05d}"

    @property
    def uid(self) -> str:
        return f"6b53bc48-e150-49bc-bb50-{self.cycle:012d}"

    def boot(self, restarts: int) -> str:
        return f"{restarts:04x}{self.cycle:08x}"

    def container(self, restarts: int) -> str:
        return f"{self.cycle:060x}{restarts:04x}"


def _cycle(index: int, requests: int, observations: int, rate: float, length: int) -> _Part:
    names = _Names(index)
    begin = T0 + index * (length + 60 * S) + 20 * S
    clock = Clock(begin, begin + length)
    story = _story(names, clock)
    load = _requests(index, clock, requests, rate)
    shares = split(requests, observations, int((load["status"] != 200).sum()), len(story))
    load = _lanes(load, shares.direct)
    seen = pl.concat(
        [
            _frame(story),
            _error_lines(names, load),
            _request_log(names, load),
            _chatter(names, clock, shares.chatter),
        ]
    ).sort("seen_ns", maintain_order=True)
    via = {"server": "envoy", "x-envoy-upstream-service-time": "present"}
    good = [{"content-type": "text/plain", **via, "x-toggle-boot": names.boot(one), "x-toggle-pod": names.pod} for one in (0, 1)]
    plain = {"content-type": "text/plain; charset=utf-8", **via}
    said = (
        (200, f"toggle {names.pod} {names.boot(0)}\n", good[0]),
        (200, f"toggle {names.pod} {names.boot(1)}\n", good[1]),
        (502, REFUSED + "\n", plain),
        (502, CUT + "\n", plain),
    )
    answers = [
        {"cycle": index, "index": number, "status": status, "body": body, "headers": json.dumps(headers)}
        for number, (status, body, headers) in enumerate(said)
    ]
    boot = names.boot(0)
    answer = json.dumps(
        {"kind": "liveness", "t_ns": clock.fault + MS, "persistent": False, "pod": names.pod, "boot": boot, "pid": 1}
    )
    schema = empty(Table.REQUESTS).schema
    return _Part(
        split=shares,
        mark=CycleMark(
            index, names.pod, boot, clock.start, clock.fault - S, clock.fault, clock.started + 300 * MS, clock.end - S, clock.end
        ),
        fault=FaultEvent(index, "liveness", {"persistent": False}, names.pod, boot, clock.fault, clock.fault + 2 * MS, 200, answer),
        report=GeneratorReport(
            rate, requests, requests, 0, 70.0, 120.0, 130.0, 0.0, 0.2, clock.start, clock.end + 20 * MS, "stop", 1, -20, True
        ),
        requests=load.select(list(schema)).cast(pl.Schema(schema)),
        answers=answers,
        observations=seen,
    )


def _row(noun: object) -> dict[str, Any]:
    row = encode(noun)
    assert isinstance(row, dict)
    return row


def _requests(index: int, clock: Clock, count: int, rate: float) -> pl.DataFrame:
    """The rows of the requests' table but for lanes, and columns more: line_ns (when queue-proxy wrote of it), refused, cut."""
    random = np.random.default_rng(index)
    seq = np.arange(count, dtype=np.int64)
    intended: Times = clock.start + (seq * (S / rate)).astype(np.int64)
    sent: Times = intended + random.integers(40 * US, 130 * US, count)
    refused = (sent >= clock.closed) & (sent < clock.listening)
    first = int(np.argmax(refused))
    cut = (seq >= first - CUT_SHORT) & (seq < first)
    ok = ~(refused | cut)
    took = np.where(ok, random.gamma(4.0, 600 * US, count) + 800 * US, random.integers(900 * US, 2_500 * US, count)).astype(
        np.int64
    )
    done = np.where(cut, clock.closed + took, sent + took)  # those that were under way when the app ended
    # An answer that came while the app still listened; none of the others is left waiting for it to end.
    done = np.where(ok & (sent < clock.closed), np.minimum(done, np.maximum(clock.closed - MS, sent + 300 * US)), done)
    return pl.DataFrame(
        {
            "cycle": np.full(count, index, dtype=np.int32),
            "seq": seq,
            "outcome": pl.Series([Outcome.OK.value, Outcome.HTTP_ERROR.value]).gather(pl.Series((~ok).astype(np.int64))),
            "status": np.where(ok, 200, 502),
            "answer": np.where(cut, 3, np.where(refused, 2, np.where(sent >= clock.listening, 1, 0))),
            "intended_ns": intended,
            "sent_ns": sent,
            "first_byte_ns": done - 20 * US,
            "done_ns": done,
            "refused": refused,
            "cut": cut,
            "line_ns": done - 200 * US,
        }
    )


def _lanes(load: pl.DataFrame, direct: int) -> pl.DataFrame:
    """The same with lane, reused, and direct: the lane to the pod's own port, idle while nobody listens there."""
    fine = np.flatnonzero((load["status"] == 200).to_numpy())
    straight = np.zeros(load.height, dtype=bool)
    straight[fine[np.linspace(0, len(fine) - 1, min(direct, len(fine))).astype(np.int64)]] = True
    lane = np.where(straight, 3, np.array([0, 0, 0, 1, 2])[np.arange(load.height) % 5])
    texts = pl.Series([lane.value for lane, _ in LANES_USED])
    return load.with_columns(
        texts.gather(pl.Series(lane)).alias("lane"), pl.Series("reused", lane != 2), pl.Series("direct", straight)
    )


# --- what was seen --------------------------------------------------------------------------------------------------------


def _logged(stream: Stream, pod: str, container: str, at: pl.Expr, payload: pl.Expr, resolution_ns: int = 1) -> list[pl.Expr]:
    """The columns of lines of one container's log, each seen 1.5 ms after it was written."""
    return [
        pl.lit(stream.value).alias("stream"),
        pl.lit(pod).alias("pod"),
        pl.lit(container).alias("container"),
        pl.lit(0, pl.Int32).alias("instance"),
        at.alias("at_ns"),
        pl.lit(resolution_ns, pl.Int64).alias("resolution_ns"),
        (at + 1_500 * US).alias("seen_ns"),
        payload.alias("payload"),
    ]


def _stamp(at: pl.Expr, decimals: int = 3) -> pl.Expr:
    return at.cast(pl.Datetime("ns")).dt.strftime(f"%Y-%m-%dT%H:%M:%S%.{decimals}fZ")


def _error_lines(names: _Names, load: pl.DataFrame) -> pl.DataFrame:
    """One forwarding error a failed request, stamped in whole milliseconds as queue-proxy does it."""
    at = pl.col("line_ns")
    head = '{"severity":"error","timestamp":"{}","logger":"queueproxy","caller":"network/error_handler.go:39","message":"'
    tail = f'{_SOCKSTAT}","knative.dev/key":"{NAMESPACE}/toggle-00001","knative.dev/pod":"{names.pod}","error":"'
    text = pl.when(pl.col("refused")).then(pl.lit(REFUSED)).otherwise(pl.lit(CUT))
    before, after = head.split("{}")
    payload = pl.concat_str(pl.lit(before), _stamp(at), pl.lit(after + tail), text, pl.lit(f'","stacktrace":"{_STACK}"}}'))
    failed = load.filter(pl.col("refused") | pl.col("cut"))
    return failed.select(_logged(Stream.QUEUE_PROXY, names.pod, "queue-proxy", at + 700 * US, payload))


def _request_log(names: _Names, load: pl.DataFrame) -> pl.DataFrame:
    """One line a request that went through queue-proxy, with its id."""
    at = pl.col("line_ns") + 50 * US
    took = (pl.col("done_ns") - pl.col("sent_ns")) / S
    rid = pl.concat_str(pl.lit(f"sizes-{names.cycle}-"), pl.col("seq").cast(pl.String))
    method = pl.when(pl.col("lane") == "post-keepalive").then(pl.lit("POST")).otherwise(pl.lit("GET"))
    payload = pl.concat_str(
        pl.lit(f'{{"log":"{MARK}","rid":"'),
        rid,
        pl.lit('","attempt":"","method":"'),
        method,
        pl.lit('","agent":"","status":'),
        pl.col("status").cast(pl.String),
        pl.lit(',"size":62,"latency_s":'),
        took.round(6).cast(pl.String),
        pl.lit("}"),
    )
    return load.filter(~pl.col("direct")).select(_logged(Stream.QUEUE_PROXY, names.pod, "queue-proxy", at, payload))


def _chatter(names: _Names, clock: Clock, count: int) -> pl.DataFrame:
    """What is said all the time: the node's journals, probes of the app's port, unchanged sights of the pod and its endpoint."""
    shares = (0.35, 0.3, 0.2, 0.1)
    counts = [int(count * share) for share in shares]
    counts.append(count - sum(counts))
    makers: tuple[Callable[[_Names, Clock, int], pl.DataFrame], ...] = (_containerd, _kubelet, _probes, _sights, _endpoints)
    return pl.concat([make(names, clock, number) for make, number in zip(makers, counts, strict=True)])


def _spread(from_ns: int, until_ns: int, count: int) -> pl.DataFrame:
    return pl.DataFrame({"at": np.linspace(from_ns, until_ns, count, endpoint=False).astype(np.int64)})


def _containerd(names: _Names, clock: Clock, count: int) -> pl.DataFrame:
    at = pl.col("at")
    said = f'level=info msg="ExecSync for \\"{names.container(0)}\\" with command [/probe] and timeout 1 (s)"'
    payload = pl.concat_str(pl.lit('time="'), _stamp(at, 9), pl.lit(f'" {said}'))
    rows = _spread(clock.start, clock.closed - 200 * MS, count)
    return rows.select(_logged(Stream.CONTAINERD, names.pod, "user-container", at // US * US, payload, US))


def _kubelet(names: _Names, clock: Clock, count: int) -> pl.DataFrame:
    at = pl.col("at")
    said = f'"SyncLoop (PLEG): event for pod" pod="{NAMESPACE}/{names.pod}" event={{"ID":"{names.uid}","Type":"ContainerStarted"}}'
    payload = pl.concat_str(
        pl.lit("I"), at.cast(pl.Datetime("ns")).dt.strftime("%m%d %H:%M:%S%.6f"), pl.lit(f"     662 kubelet.go:2405] {said}")
    )
    return _spread(clock.start, clock.end, count).select(
        _logged(Stream.KUBELET, names.pod, "user-container", at // US * US, payload, US)
    )


def _probes(names: _Names, clock: Clock, count: int) -> pl.DataFrame:
    """queue-proxy's own look at the port, while there is a listener."""
    before = clock.closed - clock.start
    early = int(count * before / (before + clock.end - clock.listening))
    parts = []
    for restarts, from_ns, until_ns, number in (
        (0, clock.start, clock.closed, early),
        (1, clock.listening + 20 * MS, clock.end, count - early),
    ):
        at = pl.col("at")
        payload = pl.concat_str(
            pl.lit('{"t_ns":'),
            at.cast(pl.String),
            pl.lit(
                f',"event":"probe","pod":"{names.pod}","boot":"{names.boot(restarts)}","pid":1,"which":"tcp-probe","via":"tcp",'
                '"ok":true,"status":0,"accepted_ns":'
            ),
            (at - 60 * US).cast(pl.String),
            pl.lit("}"),
        )
        rows = _spread(from_ns, until_ns, number)
        parts.append(rows.select(_logged(Stream.APP, names.pod, "user-container", at + 300 * US, payload)))
    return pl.concat(parts)


def _sights(names: _Names, clock: Clock, count: int) -> pl.DataFrame:
    at = pl.col("at")
    payload = (
        pl.when(at < clock.started + 200 * MS)
        .then(pl.lit(_pod(names, clock, restarts=0)))
        .otherwise(pl.lit(_pod(names, clock, restarts=1)))
    )
    return _spread(clock.start, clock.end, count).select(_logged(Stream.PODS, names.pod, "", at, payload, S))


def _endpoints(names: _Names, clock: Clock, count: int) -> pl.DataFrame:
    return _spread(clock.start, clock.end, count).select(
        _logged(Stream.ENDPOINTS, "", "", pl.col("at"), pl.lit(_endpoint(names, ready=True)), S)
    )


def _pod(names: _Names, clock: Clock, *, restarts: int, ready: bool = True) -> str:
    since = (clock.start - 15 * S, clock.started)[restarts] // S * S
    quiet: dict[str, Any] = {"waiting": None, "terminated": None, "last_terminated": None}
    ended = {
        "exit_code": 0,
        "signal": 0,
        "reason": "Completed",
        "started_ns": (clock.start - 15 * S) // S * S,
        "finished_ns": clock.closed // S * S,
    }
    proxy = {
        "restarts": 0,
        "ready": ready,
        "id": f"{names.cycle:064x}",
        "running_since_ns": (clock.start - 15 * S) // S * S,
        **quiet,
    }
    user = {"restarts": restarts, "ready": ready, "id": names.container(restarts), "running_since_ns": since, **quiet}
    if restarts:
        user["last_terminated"] = ended
    return json.dumps(
        {
            "uid": names.uid,
            "phase": "Running",
            "ready": ready,
            "ip": "10.244.0.29",
            "deleting": False,
            "revision": "toggle-00001",
            "containers": {"queue-proxy": proxy, "user-container": user},
        },
        separators=(",", ":"),
    )


def _endpoint(names: _Names, *, ready: bool) -> str:
    one = {"ip": "10.244.0.29", "pod": names.pod, "ready": ready, "serving": ready, "terminating": False}
    told = {"slice": "toggle-00001-private-84mpf", "service": "toggle-00001-private", "endpoints": [one]}
    return json.dumps(told, separators=(",", ":"))


_Row = tuple[Stream, str, str, int, int, int, str]
"""stream, pod, container, instance, at, resolution, payload."""


def _frame(rows: Sequence[_Row]) -> pl.DataFrame:
    named = [
        {
            "stream": stream.value,
            "pod": pod,
            "container": container,
            "instance": instance,
            "at_ns": at // resolution * resolution,
            "resolution_ns": resolution,
            "seen_ns": at + 1_500 * US,
            "payload": payload,
        }
        for stream, pod, container, instance, at, resolution, payload in rows
    ]
    return frame(Table.OBSERVATIONS, named)


def _story(names: _Names, clock: Clock) -> list[_Row]:
    """What happened in the cycle, by each source that tells of it; only the probes are more in a longer one."""
    rows: list[_Row] = []
    ready = clock.start - 8 * S

    def app(restarts: int, at: int, event: str, **more: Any) -> None:
        told = {"t_ns": at, "event": event, "pod": names.pod, "boot": names.boot(restarts), "pid": 1, **more}
        text = json.dumps(told, separators=(",", ":"))
        rows.append((Stream.APP, names.pod, "user-container", restarts, at + 300 * US, 1, text))

    def probe(restarts: int, at: int, *, ok: bool) -> None:
        app(restarts, at, "probe", which="liveness", via="http", ok=ok, status=200 if ok else 503, user_agent="kube-probe/1.34")

    def event(at: int, reason: str, message: str, container: str = "user-container") -> None:
        second = at // S * S
        told = {"reason": reason, "message": message, "type": "Normal", "count": 1, "container": container}
        text = json.dumps({**told, "first_ns": second, "last_ns": second}, separators=(",", ":"))
        rows.append((Stream.EVENTS, names.pod, container, -1, at, S, text))

    def containerd(restarts: int, at: int, text: str) -> None:
        stamp = datetime.fromtimestamp(at // S, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{at % S:09d}Z"
        rows.append((Stream.CONTAINERD, names.pod, "user-container", restarts, at, US, f'time="{stamp}" level=info msg="{text}"'))

    def sight(at: int, *, restarts: int, ready: bool = True) -> None:
        rows.append((Stream.PODS, names.pod, "", -1, at, S, _pod(names, clock, restarts=restarts, ready=ready)))

    old, new = (f'\\"{names.container(restarts)}\\"' for restarts in (0, 1))
    boot = {"control_port": 8099, "startup_delay_s": 5.0, "sigterm": "exit", "faults": [], "lost_state": ""}
    event(clock.start - 15 * S, "Scheduled", f"Successfully assigned {NAMESPACE}/{names.pod} to node", "")
    event(clock.start - 15 * S, "Started", "Started container user-container")
    sight(clock.start - 14 * S, restarts=0, ready=False)
    app(0, clock.start - 14 * S, "boot", **boot)
    line = {"severity": "info", "logger": "queueproxy", "message": "Starting queue-proxy", "knative.dev/pod": names.pod}
    rows.append((Stream.QUEUE_PROXY, names.pod, "queue-proxy", 0, clock.start - 13 * S, 1, json.dumps(line)))
    app(0, ready - S, "listening", port=8080, control_port=8099)
    sight(ready, restarts=0)
    rows.append((Stream.ENDPOINTS, "", "", -1, ready, S, _endpoint(names, ready=True)))
    rows.append(
        (Stream.ACTIVATOR, "activator-0", "activator", 0, ready, 1, '{"severity":"info","logger":"activator","message":"up"}')
    )
    for at in range(clock.start + 300 * MS, clock.fault, S):
        probe(0, at, ok=True)
    app(0, clock.fault + MS, "fault", kind="liveness", persistent=False)
    for at in clock.failed:
        probe(0, at, ok=False)
        event(at + 2 * MS, "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 503")
    killing = clock.failed[2] + 5 * MS
    kubelet = (
        f'I1123 19:40:22.000000     662 kuberuntime_container.go:864] "Killing container with a grace period" '
        f'pod="{NAMESPACE}/{names.pod}" podUID="{names.uid}" containerName="user-container" containerID="containerd://'
        f'{names.container(0)}" gracePeriod=300'
    )
    rows.append((Stream.KUBELET, names.pod, "user-container", 0, killing, US, kubelet))
    event(killing, "Killing", "Container user-container failed liveness probe, will be restarted")
    containerd(0, killing + 5 * MS, f"StopContainer for {old} with timeout 299 (s)")
    containerd(0, killing + 6 * MS, f"Stop container {old} with signal terminated")
    app(0, clock.closed - MS, "signal", signal="SIGTERM", action="exit")
    app(0, clock.closed, "closed", port=8080, why="signal")
    app(0, clock.closed + MS, "exit", code=0)
    ended = clock.closed + 9 * MS
    exited = f"exited_at:{{seconds:{ended // S}  nanos:{ended % S}}}"
    containerd(0, ended + MS, f"received exit event container_id:{old}  id:{old}  pid:9414  {exited}")
    containerd(0, ended + 40 * MS, f"StopContainer for {old} returns successfully")
    created = clock.started - 90 * MS
    metadata = "&ContainerMetadata{Name:user-container,Attempt:1,}"
    containerd(1, created - 10 * MS, f'CreateContainer within sandbox \\"{names.cycle:064x}\\" for container {metadata}')
    containerd(1, created, f'CreateContainer within sandbox \\"{names.cycle:064x}\\" for {metadata} returns container id {new}')
    containerd(1, created + MS, f"StartContainer for {new}")
    containerd(1, clock.started, f"StartContainer for {new} returns successfully")
    event(clock.started, "Started", "Started container user-container")
    app(1, clock.started + 40 * MS, "boot", **boot)
    sight(clock.started + 200 * MS, restarts=1)
    app(1, clock.listening, "listening", port=8080, control_port=8099)
    for at in range(clock.listening + 10 * MS, clock.end, S):
        probe(1, at, ok=True)
    return rows


if __name__ == "__main__":
    made = build(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
    print(f"wrote {made}")
