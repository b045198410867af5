"""The refused window as the client saw it against the one queue-proxy's log tells of."""

from __future__ import annotations

SLACK_NS = 5_000_000
"""Beside one period between requests: the time of one answer, and the millisecond to which queue-proxy stamps its lines."""


def agree(
    refused_window: tuple[int, int] | None,
    queue_proxy_window: tuple[int, int] | None,
    period_ns: int,
    *,
    inner_window: tuple[int, int] | None = None,
) -> str:
    """What differs by how much, in words; empty if both windows agree within one period and 5 ms at both ends.

    refused_window: from the sending of the first to the answer of the last refused request. inner_window: from the answer of the
    first answered to the sending of the last sent of them, for a client knows when it was refused no better than [sent, answered]:
    an end between the two is where the client says it is. None: the client is taken at its outer word. period_ns: mean time between
    two requests of the load. Two windows that are both None agree.
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
