"""Compares the refused window that the client saw with the one in queue-proxy's log."""

from __future__ import annotations

SLACK_NS = 5_000_000
"""Allowed in addition to one period between requests: the time of one answer, and the millisecond resolution of queue-proxy's
log."""


def agree(
    refused_window: tuple[int, int] | None,
    queue_proxy_window: tuple[int, int] | None,
    period_ns: int,
    *,
    inner_window: tuple[int, int] | None = None,
) -> str:
    """Which ends differ and by how much, in words; empty if both windows agree within one period and 5 ms at both ends.

    refused_window: from the sending of the first to the answer of the last refused request. inner_window: from the first answer to
    the last sending of these requests. A client knows the time of a refusal only as [sent, answered], so any end between the outer
    and the inner window agrees with the client. None: only the outer window is used. period_ns: mean time between two requests of
    the load. Two windows that are both None agree.
    """
    if refused_window is None and queue_proxy_window is None:
        return ""
    if refused_window is None or queue_proxy_window is None:
        witness = "queue-proxy's log" if refused_window is None else "the client"
        return f"refused-window: only {witness} tells of one"
    limit_ns = period_ns + SLACK_NS
    ends = zip(("start", "end"), refused_window, inner_window or refused_window, queue_proxy_window, strict=True)
    apart_ns = {end: max(min(outer, inner) - other, other - max(outer, inner)) for end, outer, inner, other in ends}
    apart = [f"the {end} by {ns / 1e6:.3f} ms" for end, ns in apart_ns.items() if ns > limit_ns]
    if not apart:
        return ""
    return (
        f"refused-window: the client and queue-proxy's log differ at {' and '.join(apart)}, "
        f"more than one period and 5 ms ({limit_ns / 1e6:.3f} ms)"
    )
