"""The listening sockets of a story's pods, as the sampler would have seen them."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import groupby

from harness.model import Stream
from tests.unit.analyse.story import CLOSED_S, END_S, LISTENING_S, MS, S, Story, at

Socket = tuple[str, int, int, int]
"""(address, port, inode, v6only)."""

EVERY_MS = 20
PHASE_MS = 7
"""Of the looks against the edges of the story, which come at full tenths of a second or at 7.49 s."""

TOOK_US = 120


def listener(inode: int, address: str = "127.0.0.1", port: int = 8080, *, v6only: bool = False) -> Socket:
    """One socket."""
    return ipaddress.ip_address(address).packed.hex(), port, inode, int(v6only)


def usual(seconds: float) -> list[Socket]:
    """The story's own: the old boot's listener, none, the new boot's; and queue-proxy's throughout."""
    own = [listener(17)] if seconds < CLOSED_S else [listener(18)] if seconds >= LISTENING_S else []
    return [listener(9, "::", 8012), *own]


def lines(
    pod: str,
    cycle: int,
    sockets: Callable[[float], Iterable[Socket]] = usual,
    *,
    from_s: float = -6.0,
    until_s: float = END_S + 0.5,
) -> Iterator[tuple[int, str]]:
    """(when it begins, line) of the sampler."""
    looks = range(at(cycle, from_s) + PHASE_MS * MS, at(cycle, until_s), EVERY_MS * MS)

    def seen(ns: int) -> tuple[list[Socket], int]:
        return sorted(sockets((ns - at(cycle, 0)) / S)), (ns - looks[0]) // S

    for (found, _), stretch in groupby(looks, seen):
        each = list(stretch)
        told = [[(ns - each[0]) // 1_000, TOOK_US] for ns in each]
        line = {"pod": pod, "at_ns": each[0], "sockets": found, "looks_us": told, "cpu_ms": 1}
        yield each[0], json.dumps(line)


def sampled(story: Story, sockets: Callable[[float], Iterable[Socket]] = usual, *, until_s: float = END_S + 0.5) -> Story:
    """The story with the sockets of the pod of each cycle."""
    for mark in story.cycles:
        for ns, line in lines(mark.pod, mark.index, sockets, until_s=until_s):
            story.see(Stream.LISTENERS, mark.pod, ns, line)
    story.meta = replace(story.meta, listeners_every_ms=EVERY_MS)
    return story
