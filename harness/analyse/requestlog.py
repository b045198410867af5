"""Queue-proxy's request log, where the run has one: client and queue-proxy joined line by line, by the request's own id.

The only time of a line (docs/exact-join.md) is the stamp with which it was read, at or after the end of the answer. Stamp minus
latency is the arrival of the request. The error line of a request lies between the two.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from harness.analyse.columns import Flags, Indices, coded
from harness.analyse.evidence import LANES_TO_PODS
from harness.analyse.windows import Window
from harness.knative.requestlog import CANON, HEAD, MARK, PARTS, PROBE_AGENTS, request_line
from harness.model import Stream

_CHUNK = 1 << 14
"""Lines read at a time, so that the copies are small."""

_NUMBER = "(?:0|[1-9][0-9]{0,17})"
_ATTEMPT = "^(?:0|[1-9][0-9]{0,3})$"
_ATTEMPTS = 10_000


@dataclass(frozen=True, slots=True)
class RequestLines:
    """Lines of the request log by time. cycle, seq: of the request that the id names, -1 if it names none of this run.

    attempt: 0 if the line has none, -1 if it is not a number. probe: the request is a probe of the system. pod: an index in `pods`.
    """

    at_ns: Indices
    pod: Indices
    cycle: Indices
    seq: Indices
    attempt: Indices
    status: Indices
    latency_ns: Indices
    probe: Flags
    pods: tuple[str, ...]

    def within(self, window: Window) -> RequestLines:
        """The lines of this stretch of time."""
        part = window.cut(self.at_ns)
        columns = ("at_ns", "pod", "cycle", "seq", "attempt", "status", "latency_ns", "probe")
        return replace(self, **{name: getattr(self, name)[part] for name in columns})


@dataclass(frozen=True, slots=True)
class Joined:
    """The tries of one cycle joined with lines. line_of: index of each try's line; -1 without one, or if its status differs.

    lines: of the cycle, in all. exact: joined by id. strangers: neither of a request of this cycle nor of a probe of the system.
    """

    log: RequestLines
    line_of: Indices
    lines: int
    exact: int
    strangers: int


def request_lines(observations: pl.DataFrame, run_id: str) -> RequestLines:
    """The request log of queue-proxy. observations: of any streams. run_id: ids of other runs name no request."""
    mine = (pl.col("stream") == Stream.QUEUE_PROXY.value) & pl.col("payload").str.contains(MARK, literal=True)
    rows = observations.lazy().filter(mine).select("pod", "at_ns", "payload").with_row_index("row").collect()
    numbers = pl.concat([_numbers(_fields(rows[at : at + _CHUNK]), run_id) for at in range(0, max(rows.height, 1), _CHUNK)])
    at_ns = rows["at_ns"].to_numpy()[numbers["row"].to_numpy()]
    order = np.argsort(at_ns, kind="stable")
    pod, pods = coded(rows["pod"])
    return RequestLines(
        at_ns=at_ns[order],
        pod=pod[numbers["row"].to_numpy()[order]],
        probe=numbers["probe"].to_numpy()[order],
        pods=tuple(pods),
        **{name: numbers[name].to_numpy()[order] for name in ("cycle", "seq", "attempt", "status", "latency_ns")},
    )


def _numbers(fields: pl.DataFrame, run_id: str) -> pl.DataFrame:
    """row, and the columns of RequestLines that these fields contain."""
    rid, dash, attempt = pl.col("rid"), pl.col("dash"), pl.col("attempt")
    ours = rf"^{re.escape(run_id)}-{_NUMBER}-{_NUMBER}$"
    fields = fields.with_columns(
        ((rid == "") & pl.any_horizontal(pl.col("agent").str.starts_with(one) for one in PROBE_AGENTS)).alias("probe"),
        pl.when(rid.str.contains(ours)).then(rid.str.slice(len(run_id) + 1)).alias("rid"),
        pl.when(attempt == "")
        .then(pl.lit("0"))
        .when(attempt.str.contains(_ATTEMPT))
        .then(attempt)
        .otherwise(pl.lit("-1"))
        .alias("attempt"),
    )
    fields = fields.with_columns(rid.str.find("-", literal=True).alias("dash"))
    return fields.select(
        "row",
        "status",
        "probe",
        rid.str.slice(0, dash).cast(pl.Int64).fill_null(-1).alias("cycle"),
        rid.str.slice(dash + 1).cast(pl.Int64).fill_null(-1).alias("seq"),
        attempt.cast(pl.Int64),
        (pl.col("latency_s") * 1e9).cast(pl.Int64).alias("latency_ns"),
    )


_FIELDS = {
    "row": pl.UInt32(),
    "rid": pl.String(),
    "attempt": pl.String(),
    "agent": pl.String(),
    "status": pl.Int64(),
    "latency_s": pl.Float64(),
}


def _fields(lines: pl.DataFrame) -> pl.DataFrame:
    """row, and the fields of a RequestLine, of those lines (row, payload) that are one."""
    canon = lines["payload"].str.contains(CANON)
    usual = _cut(lines.filter(canon))
    others = [(row, request_line(line)) for row, line in lines.filter(~canon).select("row", "payload").iter_rows()]
    read = [
        (row, _text(one.rid), _text(one.attempt), _text(one.agent), one.status, one.latency_s)
        for row, one in others
        if one is not None
    ]
    return pl.concat([usual, pl.DataFrame(read, schema=_FIELDS, orient="row")]).sort("row") if read else usual


def _text(value: str) -> str:
    """The text without lone surrogates, which JSON allows and a column does not."""
    return value.encode("utf-8", "replace").decode("utf-8")


def _cut(lines: pl.DataFrame) -> pl.DataFrame:
    """The same for lines in canonical form, by searching for literals."""
    rest, at = pl.col("rest"), pl.col("at")
    seen = lines.lazy().select("row", pl.col("payload").str.slice(len(HEAD)).alias("rest"))

    def until(seen: pl.LazyFrame, name: str, end: str) -> pl.LazyFrame:
        """With what comes before `end` as a column of this name, and the rest after it."""
        seen = seen.with_columns(rest.str.find(end, literal=True).alias("at"))
        return seen.with_columns(rest.str.slice(0, at).alias(name), rest.str.slice(at + len(end)).alias("rest"))

    for name, end in PARTS:
        seen = until(seen, name, end)
    return seen.select(pl.col(name).cast(kind) for name, kind in _FIELDS.items()).collect()


def joined(log: RequestLines, tries: pl.DataFrame, *, cycle: int, pods: Collection[str]) -> Joined:
    """Join each try with the line that has its id. log: the lines while the cycle's generator ran. tries: see `evidence.tries_of`.

    A line is a stranger if it is of another pod or cycle, of a request that was not sent or went to the pod's own port, or the
    second one of a try. A line belongs to its try whatever its status, but is no evidence if the client got another status.
    """
    sent = np.flatnonzero(((tries["sent_ns"] > 0) & ~tries["lane"].is_in(LANES_TO_PODS)).to_numpy())
    keys = (tries["seq"].cast(pl.Int64) * _ATTEMPTS + tries["attempt"]).to_numpy()[sent]
    order = np.argsort(keys, kind="stable")
    keys, sent = keys[order], sent[order]
    own = np.isin(log.pod, [index for index, name in enumerate(log.pods) if name in pods])
    named = np.flatnonzero(own & (log.cycle == cycle) & (log.attempt >= 0) & (log.seq < 2**63 // _ATTEMPTS))
    wanted = log.seq[named] * _ATTEMPTS + log.attempt[named]
    place = np.searchsorted(keys, wanted)
    found = place < len(keys)
    found[found] = keys[place[found]] == wanted[found]
    _, once = np.unique(place[found], return_index=True)  # by time: the first line of a try is its line
    line, place = named[found][once], place[found][once]
    line_of = np.full(tries.height, -1, dtype=np.int64)
    line_of[sent[place]] = line
    status = tries["status"].to_numpy()
    answered = np.flatnonzero((line_of >= 0) & (status > 0))
    line_of[answered[log.status[line_of[answered]] != status[answered]]] = -1
    probes = int(log.probe.sum())
    total = len(log.at_ns)
    return Joined(log, line_of, lines=total, exact=len(line), strangers=total - len(line) - probes)
