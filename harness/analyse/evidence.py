"""What a failed request says of itself: its answer's status, headers and body. Time plays no part here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import polars as pl

from harness.model import Cause, Outcome


@dataclass(frozen=True, slots=True)
class Failure:
    """One request that was not OK. headers: lower-case names; empty without an answer. body: trimmed."""

    seq: int
    outcome: Outcome
    status: int
    body: str
    headers: Mapping[str, str]
    sent_ns: int
    done_ns: int


class Wants(Enum):
    """Whose log must confirm a failure before it has a cause."""

    REFUSED_LINE = "a refused line of queue-proxy"
    QUEUE_PROXY_LINE = "a line of queue-proxy, or else of the activator"
    ACTIVATOR_LINE = "a line of the activator"


_CUT_SHORT = re.compile(r"(^|: )(unexpected )?EOF$|connection reset by peer|broken pipe")


def refused_text(user_port: int) -> str:
    """What queue-proxy logs, and answers, when the user container's port refuses."""
    return f"dial tcp 127.0.0.1:{user_port}: connect: connection refused"


def judge_answer(failure: Failure, user_port: int) -> Cause | Wants:
    """The cause the answer alone proves, or whose log line it takes to prove one.

    The app's own header proves the app, whatever the status. A client's timeout is its own evidence. Everything the client's socket
    saw without an answer stays UNKNOWN: nobody on the way has said why.
    """
    if failure.outcome is Outcome.NOT_SENT:
        return Cause.CLIENT
    if failure.outcome is Outcome.TIMEOUT:
        return Cause.TIMEOUT
    if failure.outcome is not Outcome.HTTP_ERROR:
        return Cause.UNKNOWN
    if failure.status >= 400 and "x-toggle-boot" in failure.headers:
        return Cause.APP
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


def failures_of(requests: pl.DataFrame, answers: pl.DataFrame) -> list[Failure]:
    """The requests of one cycle that were not OK, by sending time, each with its answer.

    requests, answers: rows of the History of that cycle.
    """
    failed = requests.filter(pl.col("outcome") != Outcome.OK.value).sort("sent_ns", "seq")
    said = {
        index: (body.strip(), {str(name).lower(): str(value) for name, value in json.loads(headers).items()})
        for index, body, headers in answers.select("index", "body", "headers").iter_rows()
    }
    columns = ("seq", "outcome", "status", "answer", "sent_ns", "done_ns")
    return [
        Failure(seq, Outcome(outcome), status, *said.get(answer, ("", {})), sent_ns, done_ns)
        for seq, outcome, status, answer, sent_ns, done_ns in failed.select(columns).iter_rows()
    ]
