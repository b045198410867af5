"""What a failed request says of itself: its answer's status, headers and body. Time plays no part here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np
import polars as pl

from harness.analyse.columns import Flags, Indices
from harness.apps.toggle import BOOT_HEADER
from harness.knative.lines import refused_text
from harness.model import POD_ROUTE, USERS_ROUTE, Cause, Lane, Outcome

LANES_OF_USERS = tuple(lane.value for lane in Lane if lane.route == USERS_ROUTE)
"""Claims speak of their requests."""

LANES_TO_PODS = tuple(lane.value for lane in Lane if lane.route == POD_ROUTE)
"""Queue-proxy knows nothing of their requests."""

_SEEN_BY_THE_SOCKET = frozenset({Outcome.REFUSED, Outcome.RESET, Outcome.CLOSED, Outcome.TRUNCATED})


@dataclass(frozen=True, slots=True)
class Failure:
    """One way in which requests failed. headers: lower-case names; empty without an answer. body: trimmed."""

    outcome: Outcome
    status: int
    body: str
    headers: Mapping[str, str]
    lane: Lane = Lane.GET_KEEPALIVE


@dataclass(frozen=True, slots=True)
class Failures:
    """The requests of one cycle that were not OK, by sending time. kind: of each, an index in `kinds`; ways to fail are few.

    row: of each, in the tries it was taken from. superseded: another attempt followed it, so its client did not see it.
    """

    kinds: tuple[Failure, ...]
    kind: Indices
    row: Indices
    sent_ns: Indices
    done_ns: Indices
    superseded: Flags

    def which(self, asked: Callable[[Failure], bool]) -> Flags:
        """Which of them failed in such a way."""
        return np.array([asked(kind) for kind in self.kinds], dtype=np.bool_)[self.kind]

    @property
    def of_users(self) -> Flags:
        """Those a user of the Service would have seen."""
        return self.which(lambda kind: kind.lane.route == USERS_ROUTE) & ~self.superseded


class Wants(Enum):
    """Whose log must confirm a failure before it has a cause."""

    REFUSED_LINE = "a refused line of queue-proxy"
    QUEUE_PROXY_LINE = "a line of queue-proxy, or else of the activator"
    ACTIVATOR_LINE = "a line of the activator"


_CUT_SHORT = re.compile(
    r"(^|: )(unexpected )?EOF$|connection reset by peer|broken pipe|use of closed network connection$"
    r"|^http: server closed idle connection$"
)
"""What Go says of a connection that ended under a request. Closed network connection: its reading side saw the end first and closed
the connection while the body was still being written (once in 21,585 failures on knative-v1.23.0, in queue-proxy's line and the
answer alike). Closed idle connection: it ended just before a request with a body was put on it, which net/http does not send twice
(errServerClosedIdle)."""


def judge_answer(failure: Failure, user_port: int) -> Cause | Wants:
    """The cause the answer alone proves, or whose log line it takes to prove one.

    The app's own header proves the app, whatever the status. A client's timeout is its own evidence. What the socket
    saw without an answer stays UNKNOWN where somebody was on the way, for nobody has said why; at the pod's own port that is all.
    """
    if failure.outcome is Outcome.NOT_SENT:
        return Cause.CLIENT
    if failure.outcome is Outcome.TIMEOUT:
        return Cause.TIMEOUT
    if failure.lane.route == POD_ROUTE and failure.outcome in _SEEN_BY_THE_SOCKET:
        return Cause.DIRECT
    if failure.outcome is not Outcome.HTTP_ERROR:
        return Cause.UNKNOWN
    if failure.status >= 400 and BOOT_HEADER in failure.headers:
        return Cause.APP
    if failure.lane.route == POD_ROUTE:
        return Cause.UNKNOWN
    if failure.status == 502:
        if failure.body == refused_text(user_port):
            return Wants.REFUSED_LINE
        if failure.body.startswith("dial tcp "):
            return Wants.ACTIVATOR_LINE
        if _CUT_SHORT.search(failure.body):
            return Wants.QUEUE_PROXY_LINE
    if failure.status == 504:
        if failure.body == "activator request timeout":
            return Cause.ACTIVATOR
        if failure.body == "request timeout":
            return Cause.TIMEOUT
    if (
        failure.status >= 400
        and failure.headers.get("server") == "envoy"
        and "x-envoy-upstream-service-time" not in failure.headers
    ):
        return Cause.INGRESS
    return Cause.UNKNOWN


def is_of_queue_proxy(failure: Failure, user_port: int) -> bool:
    """Whether the answer alone proves that the request reached queue-proxy: it is the app's through it, or queue-proxy's own."""
    if failure.lane.route == POD_ROUTE or failure.outcome is not Outcome.HTTP_ERROR:
        return False
    return judge_answer(failure, user_port) in {Cause.APP, Cause.TIMEOUT, Wants.REFUSED_LINE}


def tries_of(requests: pl.DataFrame, attempts: pl.DataFrame | None) -> pl.DataFrame:
    """The cycle's requests, each with the number of its last attempt, and after them the attempts that another one followed.

    requests, attempts: rows of the History of that cycle; None: there are no further attempts. Adds the columns `attempt` (i32) and
    `superseded`.
    """
    last = requests.with_columns(pl.lit(0, pl.Int32).alias("attempt"), pl.lit(value=False).alias("superseded"))
    if attempts is None or attempts.is_empty():
        return last
    made = attempts.group_by("seq").agg((pl.col("attempt").max() + 1).alias("made"))
    last = last.join(made, on="seq", how="left", maintain_order="left")
    last = last.with_columns(pl.col("made").fill_null(0).cast(pl.Int32).alias("attempt")).drop("made")
    return pl.concat([last, attempts.with_columns(pl.lit(value=True).alias("superseded")).select(last.columns)])


def failures_of(tries: pl.DataFrame, answers: pl.DataFrame) -> Failures:
    """The tries of one cycle that were not OK, by sending time, each with its answer.

    tries: see `tries_of`. answers: rows of the History of that cycle.
    """
    failed = tries.with_row_index("row").filter(pl.col("outcome") != Outcome.OK.value).sort("sent_ns", "seq", "attempt")
    said = {
        index: (body.strip(), {str(name).lower(): str(value) for name, value in json.loads(headers).items()})
        for index, body, headers in answers.select("index", "body", "headers").iter_rows()
    }
    looks = ["outcome", "status", "answer", "lane"]
    kinds = failed.select(looks).unique(maintain_order=True).with_row_index("kind")
    return Failures(
        kinds=tuple(
            Failure(Outcome(outcome), status, *said.get(answer, ("", {})), lane=Lane(lane))
            for outcome, status, answer, lane in kinds.select(looks).iter_rows()
        ),
        kind=failed.join(kinds, on=looks, how="left", maintain_order="left")["kind"].to_numpy().astype(np.int64),
        row=failed["row"].to_numpy().astype(np.int64),
        sent_ns=failed["sent_ns"].to_numpy(),
        done_ns=failed["done_ns"].to_numpy(),
        superseded=failed["superseded"].to_numpy(),
    )
