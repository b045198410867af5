"""Whether a cycle's load was as planned. The results of sent requests are not used here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from harness.analyse.cpuwait import starved
from harness.analyse.planned import attempts_astray, loose, not_finite, off_the_plan, out_of_order, rate_at
from harness.model import GeneratorReport, Outcome, Reason, ReasonKind, RunSpec

STEAL_LIMIT = 0.05
"""Share of CPU time taken by other guests of the machine above which a cycle does not count. On two noisy virtual cores 1 % is
common and does no harm to pacing; the pacing limits are stricter."""


@dataclass(frozen=True, slots=True)
class Pacing:
    """How late requests were sent against the plan, in microseconds; zeros if none was sent."""

    p50_us: float
    p99_us: float
    max_us: float


def first_sent(requests: pl.DataFrame, attempts: pl.DataFrame | None) -> pl.DataFrame:
    """The requests with the time at which their first attempt was sent: further ones are late on purpose.

    requests, attempts: rows of `History.requests` and `History.attempts`, at least cycle, seq, sent_ns, and attempt.
    """
    if attempts is None or attempts.is_empty():
        return requests
    first = attempts.filter(pl.col("attempt") == 0).select("cycle", "seq", pl.col("sent_ns").alias("first_ns"))
    # A damaged history may have a first attempt twice, which must not add a request.
    first = first.unique(("cycle", "seq"), keep="first", maintain_order=True)
    joined = requests.join(first, on=("cycle", "seq"), how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce("first_ns", "sent_ns").alias("sent_ns")).drop("first_ns")


def pacing(requests: pl.DataFrame) -> Pacing:
    """Sent minus intended over the requests that were sent. requests: see `first_sent`."""
    sent = requests.filter(pl.col("sent_ns") > 0)
    if sent.is_empty():
        return Pacing(0.0, 0.0, 0.0)
    late_us = (sent["sent_ns"].to_numpy() - sent["intended_ns"].to_numpy()) / 1_000
    p50, p99 = np.percentile(late_us, [50, 99])
    return Pacing(float(p50), float(p99), float(late_us.max()))


def void_reason(
    spec: RunSpec,
    requests_of_cycle: pl.DataFrame,
    report: GeneratorReport | None,
    until_ns: int = 0,
    *,
    attempts: pl.DataFrame | None = None,
    waited_us: float | None = None,
    late: Pacing | None = None,
) -> str:
    """Why this cycle does not count because of its load or its machine, "" if it counts.

    The load is compared with the plan, and the limits of the run are checked (harness/analyse/planned.py).
    requests_of_cycle: rows of `History.requests`. attempts: those of `History.attempts`, if there are any.
    report: None if the generator left none; "running" in it: it was killed.
    until_ns: the load must have lasted until then, the cycle's recovery. 0: not checked, for an unfinished cycle, which is voided
    anyway.
    waited_us: see `cpu_wait_us`; None: not known, which voids nothing. late: of the cycle's first attempts, if it is known already.
    Late load, stolen CPU time and a node that waited for a CPU are Reasons of the machine; every other reason is of the evidence.
    """
    if report is None or report.ended_by == "running":
        return "the generator left no final report"
    if report.ended_by != "stop":
        return f"the generator was not told to stop: it was ended by {report.ended_by}"
    if not (requests_of_cycle["sent_ns"] > 0).any():
        return "the generator sent nothing"
    if lost := _lost_records(requests_of_cycle, report):
        return lost
    if wrong := not_finite(report) or loose(spec):
        return wrong
    not_sent = max(int((requests_of_cycle["outcome"] == Outcome.NOT_SENT.value).sum()), report.not_sent)
    if not_sent:
        return f"{not_sent} requests were not sent: the cap of requests in flight was reached"
    astray = attempts_astray(spec.load, requests_of_cycle, attempts)
    if wrong := astray or out_of_order(requests_of_cycle) or off_the_plan(spec.load, requests_of_cycle, report):
        return wrong
    first = first_sent(requests_of_cycle, attempts)
    if (sent := int((first["sent_ns"] > 0).sum())) != report.sent:
        return f"the generator sent {report.sent} requests and left records of {sent}"
    seen = late or pacing(first)
    if seen.p99_us > spec.pacing_p99_limit_us:
        return Reason(f"pacing p99 {seen.p99_us:.0f} us > {spec.pacing_p99_limit_us} us", ReasonKind.MACHINE)
    if seen.max_us > spec.pacing_max_limit_us:
        return Reason(f"pacing max {seen.max_us:.0f} us > {spec.pacing_max_limit_us} us", ReasonKind.MACHINE)
    if report.steal > STEAL_LIMIT:
        return Reason(f"steal {report.steal:.1%} > {STEAL_LIMIT:.0%}", ReasonKind.MACHINE)
    if machine := starved(waited_us):
        return machine
    last_ns = int(requests_of_cycle["intended_ns"].to_numpy().max())
    short_ns, rate_rps = until_ns - last_ns, rate_at(spec.load, (last_ns - report.t0_ns) / 1e9)
    # By more than one period plus the allowed lateness. This is a product because a recorded rate may be 0.
    if (short_ns - spec.pacing_max_limit_us * 1_000) * rate_rps > 1e9:
        return f"the load ended {short_ns / 1e9:.2f} s before the cycle did"
    return ""


def _lost_records(requests: pl.DataFrame, report: GeneratorReport) -> str:
    """How many planned requests have no record, or which one; "" if none. A request without a record may have failed."""
    if requests.height != report.planned:
        return f"the generator planned {report.planned} requests and left {requests.height} records"
    numbers = np.sort(requests["seq"].to_numpy(), kind="stable")  # quick if they are in order already
    wrong = np.flatnonzero(numbers != np.arange(len(numbers)))
    return f"the generator's record of request {wrong[0]} is missing" if len(wrong) else ""
