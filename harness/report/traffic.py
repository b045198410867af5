"""The requests of each cycle as the timeline shows them: counted in bins, and one by one as long as the page stays small.

Nothing is sampled: every request is in exactly one bin of its cycle, by its intended time. `singles` holds them once more, one by
one, for the cycles that fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from harness.model import History

SLOW_NS = 1_000_000_000
"""An answer later than this after its intended time is drawn as slow: people call a page that takes a second slow."""

BINS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)

GROUPS: Mapping[str, str] = {
    "ok": "ok",
    "slow": "slow",
    "refused": "refused",
    "reset": "cut",
    "closed": "cut",
    "truncated": "cut",
    "malformed": "cut",
    "timeout": "late",
    "unanswered": "late",
    "not-sent": "unsent",
}
"""Outcome as drawn -> colour group; "http-..." is of the group "http", what is not named here as well."""

ORDER = ("http", "refused", "cut", "late", "unsent", "slow", "ok")
"""From the base line upwards: what failed stands on the line, where heights can be compared."""


@dataclass(frozen=True, slots=True)
class Singles:
    """Requests one by one, by intended time: us from the origin, us from intended to done (-1: never done), label, lane."""

    at_us: Sequence[int]
    took_us: Sequence[int]
    label: Sequence[int]
    lane: Sequence[int]


@dataclass(frozen=True, slots=True)
class Traffic:
    """The requests of one cycle. cells: (bin, label, lane, number), bins of bin_us from the origin; labels and lanes by index."""

    index: int
    bin_us: int
    lo_us: int
    hi_us: int
    cells: tuple[tuple[int, int, int, int], ...]
    singles: Singles | None


@dataclass(frozen=True, slots=True)
class Load:
    """All cycles' requests. labels: outcomes as drawn ("slow" is an answer later than a second), failures first."""

    labels: tuple[str, ...]
    lanes: tuple[str, ...]
    cycles: Mapping[int, Traffic]


def group(label: str) -> str:
    """The colour group of an outcome as drawn."""
    return GROUPS.get(label, "http")


def load(history: History, origins: Mapping[int, int], *, bins: int, singles: int) -> Load:
    """The requests of the cycles that have an origin (in ns), in one pass.

    bins: of a cycle at most, about; singles: requests given one by one at most, whole cycles only, the first ones first.
    Without requests there are no cycles.
    """
    rows = _rows(history, origins)
    # Failures first, in the order in which they stand on the base line, so that an index alone tells what is drawn below what.
    labels = tuple(sorted(rows["label"].unique().to_list(), key=lambda label: (ORDER.index(group(label)), label)))
    lanes = tuple(sorted(rows["lane"].unique().to_list()))
    coded = rows.select(
        "cycle",
        "at_us",
        "took_us",
        pl.col("label").replace_strict(labels, range(len(labels)), return_dtype=pl.Int64),
        pl.col("lane").replace_strict(lanes, range(len(lanes)), return_dtype=pl.Int64),
    )
    parts = {index: part for (index,), part in coded.partition_by("cycle", as_dict=True).items()}
    widest = max((int(part["at_us"][-1]) - int(part["at_us"][0]) for part in parts.values()), default=0)
    width = next((size for size in BINS_S if widest / 1e6 / size <= bins), BINS_S[-1])
    out: dict[int, Traffic] = {}
    for index in sorted(parts):
        part = parts[index]
        whole = part.height <= singles
        singles -= part.height if whole else 0
        out[index] = _traffic(index, part, round(width * 1e6), whole=whole)
    return Load(labels, lanes, out)


def _rows(history: History, origins: Mapping[int, int]) -> pl.DataFrame:
    known = pl.DataFrame(
        {"cycle": list(origins), "origin_ns": list(origins.values())}, schema={"cycle": pl.Int32, "origin_ns": pl.Int64}
    )
    late = (pl.col("outcome") == "ok") & (pl.col("done_ns") - pl.col("intended_ns") >= SLOW_NS)
    http = pl.col("outcome") == "http-error"
    return (
        history.requests.filter(pl.col("intended_ns") > 0)
        .join(known, on="cycle")
        .select(
            "cycle",
            at_us=(pl.col("intended_ns") - pl.col("origin_ns")) // 1000,
            took_us=pl.when(pl.col("done_ns") > 0).then((pl.col("done_ns") - pl.col("intended_ns")) // 1000).otherwise(-1),
            label=pl.when(late)
            .then(pl.lit("slow"))
            .when(http)
            .then(pl.format("http-{}", pl.col("status")))
            .otherwise(pl.col("outcome")),
            lane=pl.col("lane"),
            seq=pl.col("seq"),
        )
        .sort("cycle", "at_us", "seq")
    )


def _traffic(index: int, part: pl.DataFrame, bin_us: int, *, whole: bool) -> Traffic:
    # Whole microseconds: a request sent at the very edge of a bin must not fall on either side by a rounding error.
    cells = (
        part.group_by(pl.col("at_us") // bin_us, "label", "lane")
        .len()
        .sort("at_us", "label", "lane")
        .select("at_us", "label", "lane", pl.col("len").cast(pl.Int64))
    )
    singles = Singles(*(part[name].to_list() for name in ("at_us", "took_us", "label", "lane"))) if whole else None
    return Traffic(index, bin_us, int(part["at_us"][0]), int(part["at_us"][-1]), tuple(cells.iter_rows()), singles)
