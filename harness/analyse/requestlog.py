"""The request log of queue-proxy or the activator, where the run has one: joined with the client line by line, by the request's id.

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
from harness.knative.requestlog import HEAD, MARK, PROBE_AGENTS, RID, SIZE, TAIL, RequestLine, request_line
from harness.model import Stream

_CHUNK = 1 << 14
"""Lines read at a time, so that the copies are small."""

_NUMBER = "(?:0|[1-9][0-9]{0,17})"
_ATTEMPT = "(?:0|[1-9][0-9]{0,3})?"
_ATTEMPTS = 10_000
_STAND_IN = "<rid>"


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


def request_lines(observations: pl.DataFrame, run_id: str, stream: Stream = Stream.QUEUE_PROXY) -> RequestLines:
    """The request log in this stream. observations: of any streams. run_id: ids of other runs name no request."""
    mine = (pl.col("stream") == stream.value) & pl.col("payload").str.contains(MARK, literal=True)
    rows = observations.lazy().filter(mine).select("pod", "at_ns", "payload").with_row_index("row").collect()
    numbers = pl.concat([_numbers(rows[at : at + _CHUNK], run_id) for at in range(0, max(rows.height, 1), _CHUNK)])
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


def _numbers(lines: pl.DataFrame, run_id: str) -> pl.DataFrame:
    """row, and the columns of RequestLines that those of these lines (row, payload) contain that are of the request log."""
    parts = _parts(lines)
    examples = {
        form: request_line(f'{HEAD}{_STAND_IN}{form}{SIZE}0,"latency_s":0}}') for form in parts["form"].drop_nulls().unique()
    }
    forms = [(form, *_said(line)) for form, line in examples.items() if line is not None and line.rid == _STAND_IN]
    known = pl.DataFrame(forms, schema={"form": pl.String(), **_SAID}, orient="row")
    usual = parts.join(known, on="form", how="left", maintain_order="left")
    others = lines.filter(usual["status"].is_null()).select("row", "payload")
    alone = ((row, request_line(payload)) for row, payload in others.iter_rows())
    odd = [(row, _text(one.rid), one.latency_s, *_said(one)) for row, one in alone if one is not None]
    fields = usual.drop_nulls("status").drop("form")
    if odd:
        fields = fields.extend(pl.DataFrame(odd, schema=fields.schema, orient="row")).sort("row")
    ours = rf"^{re.escape(run_id)}-({_NUMBER})-({_NUMBER})$"
    return fields.select(
        "row",
        "attempt",
        "status",
        (pl.col("of_system") & (pl.col("rid") == "")).alias("probe"),
        pl.col("rid").str.extract_groups(ours).struct.rename_fields(["cycle", "seq"]).struct.unnest().cast(pl.Int64).fill_null(-1),
        (pl.col("latency_s") * 1e9).cast(pl.Int64).alias("latency_ns"),
    )


def _parts(lines: pl.DataFrame) -> pl.DataFrame:
    """row, rid, form, latency_s of each line: it is HEAD + rid + form + tail, or its form is null."""
    payload, rest, quote, size = (pl.col(name) for name in ("payload", "rest", "quote", "size"))
    seen = lines.lazy().select("row", pl.when(payload.str.starts_with(HEAD)).then(payload.str.slice(len(HEAD))).alias("rest"))
    # find counts bytes, slice characters: where they differ, TAIL or RID does not match, and the parts still make up the line.
    seen = seen.with_columns(rest.str.find('"', literal=True).alias("quote"), rest.str.find(SIZE, literal=True).alias("size"))
    seen = seen.select(
        "row",
        rest.str.slice(0, quote).alias("rid"),
        rest.str.slice(quote, size - quote).alias("form"),
        rest.str.slice(size).str.extract(TAIL).cast(pl.Float64).alias("latency_s"),
    )
    whole = pl.col("rid").str.contains(RID) & pl.col("latency_s").is_not_null()
    return seen.with_columns(pl.when(whole).then("form").alias("form")).collect()


_SAID = {"attempt": pl.Int64(), "status": pl.Int64(), "of_system": pl.Boolean()}


def _said(line: RequestLine) -> tuple[int, int, bool]:
    """What lines of one form have in common: attempt, status, and whether a probe of the system has this agent."""
    attempt = int(line.attempt or 0) if re.fullmatch(_ATTEMPT, line.attempt) else -1
    return attempt, line.status, line.agent.startswith(PROBE_AGENTS)


def _text(value: str) -> str:
    """The text without lone surrogates, which JSON allows and a column does not."""
    return value.encode("utf-8", "replace").decode("utf-8")


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
