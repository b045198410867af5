"""The evidence in the answer to a failed request: status, headers and body. Times are not used here."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np
import polars as pl

from harness.analyse.columns import Flags, Indices
from harness.apps.toggle import BOOT_HEADER
from harness.knative.lines import refused_text
from harness.knative.proxyerrors import CUT_SHORT, DIAL, LOOPBACK, NO_REVISION, OVERLOAD, UPSTREAM_HEADER
from harness.model import POD_ROUTE, USERS_ROUTE, Cause, Hop, Lane, Outcome, Route

LANES_OF_USERS = tuple(lane.value for lane in Lane if lane.route == USERS_ROUTE)
"""Claims cover the requests of these lanes."""

LANES_TO_PODS = tuple(lane.value for lane in Lane if lane.route == POD_ROUTE)
"""Requests of these lanes do not pass queue-proxy."""


def straight_lanes(routes: Iterable[Route]) -> frozenset[Lane]:
    """The user lanes whose route goes straight to the pods, as that of a plain Deployment does.

    routes: of the run. Records of earlier releases have none and are of Knative Services.
    """
    straight = {route.name for route in routes if route.name == USERS_ROUTE and route.hops == (Hop.USER_CONTAINER,)}
    return frozenset(lane for lane in Lane if lane.route in straight)


_SEEN_BY_THE_SOCKET = frozenset({Outcome.REFUSED, Outcome.RESET, Outcome.CLOSED, Outcome.TRUNCATED})


@dataclass(frozen=True, slots=True)
class Failure:
    """One way in which requests failed. headers: lower-case names; empty without an answer. body: trimmed.

    straight: its route is a user route that goes straight to the pods.
    """

    outcome: Outcome
    status: int
    body: str
    headers: Mapping[str, str]
    lane: Lane = Lane.GET_KEEPALIVE
    straight: bool = False

    @property
    def to_pod(self) -> bool:
        """Whether the client was connected to the pod's own port directly."""
        return self.straight or self.lane.route == POD_ROUTE

    @property
    def error(self) -> str:
        """The error that the answering proxy logs, if it logs one: the body without the activator's prefix."""
        return self.body.removeprefix(NO_REVISION)


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
        """Which of them have a kind that meets this condition."""
        return np.array([asked(kind) for kind in self.kinds], dtype=np.bool_)[self.kind]

    @property
    def of_users(self) -> Flags:
        """Those a user of the Service would have seen."""
        return self.which(lambda kind: kind.lane.route == USERS_ROUTE) & ~self.superseded


class Wants(Enum):
    """The log line that must confirm a failure before it has a cause.

    OVERLOAD_LINE: the answer proves the cause. A line only shows which proxy answered: the activator logs it, queue-proxy does not.
    """

    REFUSED_LINE = "a refused line of queue-proxy"
    LOOPBACK_LINE = "a line of queue-proxy, which alone connects to the container"
    QUEUE_PROXY_LINE = "a line of queue-proxy, or else of the activator"
    ACTIVATOR_LINE = "a line of the activator"
    OVERLOAD_LINE = "a line of the activator, or else none"


_TIMEOUTS = {"activator request timeout": Cause.ACTIVATOR, "request timeout": Cause.TIMEOUT}
"""What a timeout handler of the activator and of queue-proxy writes, usually with status 504. Where the status and length of an
error answer had been written before, this body is cut short (seen in S24B, `4f8e0be2`)."""


def judge_answer(failure: Failure, user_port: int) -> Cause | Wants:
    """The cause that the answer alone proves, or the log line that is needed to prove one.

    An error answer with the app's own header is the app's. A client's timeout is its own evidence. A connection error without an
    answer is DIRECT at the pod's own port; on other routes it stays UNKNOWN, because no proxy reported a cause. The 503 of a full
    queue counts only if the answer came from behind the ingress.
    """
    if failure.outcome is Outcome.NOT_SENT:
        return Cause.CLIENT
    if failure.outcome is Outcome.TIMEOUT:
        return Cause.TIMEOUT
    if failure.to_pod and failure.outcome in _SEEN_BY_THE_SOCKET:
        return Cause.DIRECT
    if failure.outcome is Outcome.TRUNCATED and not failure.to_pod and BOOT_HEADER not in failure.headers:
        return _TIMEOUTS.get(failure.body, Cause.UNKNOWN)
    if failure.outcome is Outcome.GRPC_ERROR:
        return _of_a_call(failure)
    if failure.outcome is not Outcome.HTTP_ERROR:
        return Cause.UNKNOWN
    if failure.status >= 400 and BOOT_HEADER in failure.headers:
        return Cause.APP
    if failure.to_pod:
        return Cause.UNKNOWN
    if failure.status == 502:
        if failure.body == refused_text(user_port):
            return Wants.REFUSED_LINE
        if LOOPBACK.match(failure.body):
            return Wants.LOOPBACK_LINE
        if DIAL.match(failure.body):
            return Wants.ACTIVATOR_LINE
        if CUT_SHORT.search(failure.body):
            return Wants.QUEUE_PROXY_LINE
    if failure.status == 504 and failure.body in _TIMEOUTS:
        return _TIMEOUTS[failure.body]
    if failure.status >= 400 and failure.headers.get("server") == "envoy" and UPSTREAM_HEADER not in failure.headers:
        return Cause.INGRESS
    return _said_behind_the_ingress(failure)


def _of_a_call(failure: Failure) -> Cause:
    """The status in the trailers of a call. Queue-proxy and the activator write none: of them a caller gets an HTTP status.

    Envoy does where it answers a call by itself (no upstream, or one that broke).
    """
    if failure.to_pod or UPSTREAM_HEADER in failure.headers:
        return Cause.APP
    return Cause.INGRESS if failure.headers.get("server") == "envoy" else Cause.UNKNOWN


def _said_behind_the_ingress(failure: Failure) -> Cause | Wants:
    """The same for answers that need an error line, or proof that they came from behind the ingress."""
    if failure.status == 503 and failure.body in OVERLOAD:
        if failure.lane is Lane.GET_QUEUE_PROXY:
            return Cause.OVERLOAD
        return Wants.OVERLOAD_LINE if UPSTREAM_HEADER in failure.headers else Cause.UNKNOWN
    if failure.status in {404, 500} and failure.body.startswith(NO_REVISION):
        return Wants.ACTIVATOR_LINE
    if failure.status in {500, 502} and failure.body:
        return Wants.QUEUE_PROXY_LINE
    return Cause.UNKNOWN


def is_of_queue_proxy(failure: Failure, user_port: int) -> bool:
    """Whether the answer alone proves that the request reached queue-proxy: it is the app's through it, or queue-proxy's own."""
    if failure.to_pod or failure.outcome is not Outcome.HTTP_ERROR:
        return False
    return judge_answer(failure, user_port) in {Cause.APP, Cause.TIMEOUT, Wants.REFUSED_LINE, Wants.LOOPBACK_LINE}


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


def failures_of(tries: pl.DataFrame, answers: pl.DataFrame, straight: Collection[Lane] = ()) -> Failures:
    """The tries of one cycle that were not OK, by sending time, each with its answer.

    tries: see `tries_of`. answers: rows of the History of that cycle. straight: see `straight_lanes`.
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
            Failure(Outcome(outcome), status, *said.get(answer, ("", {})), lane=Lane(lane), straight=lane in straight)
            for outcome, status, answer, lane in kinds.select(looks).iter_rows()
        ),
        kind=failed.join(kinds, on=looks, how="left", maintain_order="left")["kind"].to_numpy().astype(np.int64),
        row=failed["row"].to_numpy().astype(np.int64),
        sent_ns=failed["sent_ns"].to_numpy(),
        done_ns=failed["done_ns"].to_numpy(),
        superseded=failed["superseded"].to_numpy(),
    )
