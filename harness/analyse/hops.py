"""The latency of each request, split by the hops that it passed: each part is the difference of two measured durations.

Client, ingress, activator and queue-proxy each say how long the request took where they were, by a monotonic clock. They are joined
by the request's id. One duration lies within the other, so no times of day are compared. docs/cold-start.md has the parts and their
errors.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import polars as pl

from harness.analyse.columns import Flags, Indices
from harness.analyse.evidence import LANES_OF_USERS
from harness.analyse.requestlog import Joined
from harness.model import HopPart, Hops, Outcome

NOT_KNOWN = -1
"""In place of a duration: the hop has no line of the request."""


class Part(StrEnum):
    """Where a request spent its time, in the order in which it meets them.

    GENERATOR: until it was sent. CLIENT: outside of the ingress. INGRESS: in the ingress and on the way to the activator.
    CLIENT_AND_INGRESS: both, where the ingress has no line of the request. ACTIVATOR: in the activator, which holds it until a pod
    can take it, and on the way to queue-proxy. QUEUE_PROXY: in queue-proxy, and on the way to the app. APP: in the app.
    QUEUE_PROXY_AND_APP: both, where the app has no line of the request.
    """

    GENERATOR = "generator"
    CLIENT = "client"
    INGRESS = "ingress"
    CLIENT_AND_INGRESS = "client-and-ingress"
    ACTIVATOR = "activator"
    QUEUE_PROXY = "queue-proxy"
    APP = "app"
    QUEUE_PROXY_AND_APP = "queue-proxy-and-app"


NO_ANSWER = "the client got no answer"
NO_ACTIVATOR = "the activator has no line of it"
NO_QUEUE_PROXY = "queue-proxy has no line of it"
"""Why a request is not split."""

_ANSWERED = (Outcome.OK.value, Outcome.HTTP_ERROR.value, Outcome.GRPC_ERROR.value)


def took_ns(log: Joined) -> Indices:
    """How long each try took by its line in this log; NOT_KNOWN without one."""
    found = log.line_of >= 0
    took = np.full(len(log.line_of), NOT_KNOWN, dtype=np.int64)
    took[found] = log.log.latency_ns[log.line_of[found]]
    return took


def split(tries: pl.DataFrame, *, ingress_ns: Indices, activator_ns: Indices, queue_proxy_ns: Indices, app_ns: Indices) -> Hops:
    """The parts of the requests of users that were sent, each of its last attempt.

    tries: see `evidence.tries_of`. The others: how long each try took by the log of that hop, NOT_KNOWN without a line.
    """
    users = tries["lane"].is_in(LANES_OF_USERS) & (tries["sent_ns"] > 0) & ~tries["superseded"]
    of_users: Flags = users.to_numpy()
    intended, sent, done = (tries[name].to_numpy()[of_users] for name in ("intended_ns", "sent_ns", "done_ns"))
    ingress, activator, queue_proxy, app = (one[of_users] for one in (ingress_ns, activator_ns, queue_proxy_ns, app_ns))
    answered: Flags = tries["outcome"].is_in(_ANSWERED).to_numpy()[of_users]
    why_not = {
        NO_ANSWER: ~answered,
        NO_ACTIVATOR: answered & (activator < 0),
        NO_QUEUE_PROXY: answered & (activator >= 0) & (queue_proxy < 0),
    }
    whole = answered & (activator >= 0) & (queue_proxy >= 0)
    by_ingress, by_app = ingress >= 0, app >= 0
    client = done - sent
    parts = {
        Part.GENERATOR: (whole, sent - intended),
        Part.CLIENT: (whole & by_ingress, client - ingress),
        Part.INGRESS: (whole & by_ingress, ingress - activator),
        Part.CLIENT_AND_INGRESS: (whole & ~by_ingress, client - activator),
        Part.ACTIVATOR: (whole, activator - queue_proxy),
        Part.QUEUE_PROXY: (whole & by_app, queue_proxy - app),
        Part.APP: (whole & by_app, app),
        Part.QUEUE_PROXY_AND_APP: (whole & ~by_app, queue_proxy),
    }
    latency = np.where(whole, done - intended, NOT_KNOWN)
    slowest = int(latency.argmax()) if whole.any() else None
    return Hops(
        latency=None if slowest is None else _part("latency", latency[whole]),
        parts=tuple(_part(part, took[has]) for part, (has, took) in parts.items() if has.any()),
        slowest={}
        if slowest is None
        else {str(part): float(took[slowest]) / 1e9 for part, (has, took) in parts.items() if has[slowest]},
        not_split={why: int(those.sum()) for why, those in why_not.items() if those.any()},
    )


def _part(name: str, took: Indices) -> HopPart:
    seconds = took / 1e9
    return HopPart(
        name=str(name),
        requests=len(took),
        least_s=float(seconds.min()),
        median_s=float(np.median(seconds)),
        p99_s=float(np.quantile(seconds, 0.99)),
        most_s=float(seconds.max()),
        total_s=int(took.sum()) / 1e9,
    )
