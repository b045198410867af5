"""When the requests of a cycle were refused, for the page that lays both arms over each other."""

from __future__ import annotations

import polars as pl

from harness.knative.proxyerrors import cause_of
from harness.model import USERS_ROUTE, Cause, Findings, History, Lane, Outcome

USERS = tuple(lane.value for lane in Lane if lane.route == USERS_ROUTE)


def refused_traces(history: History, findings: Findings) -> dict[int, tuple[float, ...]]:
    """For each counted cycle, when a user's request was sent that the container's port refused, in seconds from the fault.

    Without a fault: from the start of the load. Ascending. A cycle without a refused request has an empty trace. Refused means, as
    in `CycleFindings.refused_window`, the 502 of queue-proxy that says so, or a refused connection on the way of a plain
    Deployment.
    """
    port = history.meta.user_port
    said = [body for body in history.answers["body"].unique() if cause_of(body.strip(), port) is Cause.REFUSED_DIAL]
    refused = history.answers.filter(pl.col("body").is_in(said)).select("cycle", answer=pl.col("index"))
    users = history.requests.filter(pl.col("lane").is_in(USERS))
    answered = users.filter(pl.col("status") == 502).join(refused, on=["cycle", "answer"], how="semi")
    unanswered = users.filter(pl.col("outcome") == Outcome.REFUSED.value)
    sent = pl.concat([answered, unanswered]).group_by("cycle").agg(pl.col("sent_ns").sort())
    by_cycle: dict[int, list[int]] = dict(sent.iter_rows())
    begun = {mark.index: mark.fault_ns or mark.load_started_ns for mark in history.cycles}
    counted = [cycle.index for cycle in findings.cycles if not cycle.voided]
    return {index: tuple((at - begun[index]) / 1e9 for at in by_cycle.get(index, ())) for index in counted}
