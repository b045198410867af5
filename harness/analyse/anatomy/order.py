"""Compares edges with the partial order that they must keep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.analyse.anatomy.sources import apart_ns, said
from harness.model import Bracket


def contradictions(edges: Mapping[str, Bracket], pairs: Iterable[tuple[str, str]], origin_ns: int) -> tuple[str, ...]:
    """Pairs (a, b) of which a is provably after b, in words that begin with both names. Edges not seen contradict nothing."""
    found = []
    for earlier, later in pairs:
        if earlier not in edges or later not in edges:
            continue
        gap_ns = apart_ns(edges[earlier], edges[later])
        if gap_ns > 0:
            found.append(
                f"{earlier}, {later}: the first must not be after the second, but they are {said(edges[earlier], origin_ns)} and "
                f"{said(edges[later], origin_ns)}: {gap_ns / 1e9:.6f} s too late"
            )
    return tuple(found)
