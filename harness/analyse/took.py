"""How long requests took by logs that name each by its id: the access log of the ingress, the log of an app that logs requests."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import polars as pl

from harness.analyse.columns import Indices
from harness.analyse.hops import NOT_KNOWN
from harness.apps.toggle import REQUEST_LINE
from harness.knative.accesslog import LINE
from harness.knative.times import MILLISECOND_NS
from harness.model import Stream

_NUMBER = "(?:0|[1-9][0-9]{0,17})"


@dataclass(frozen=True, slots=True)
class Took:
    """rows: cycle and seq of the request, status of the answer, took_ns; each i64."""

    rows: pl.DataFrame

    def of(self, tries: pl.DataFrame, cycle: int) -> Indices:
        """How long each try of this cycle took by its line; NOT_KNOWN without one.

        The ingress does not name the attempt: an id that has several lines, or was sent several times, has none. Nor has a try
        whose client got another status.
        """
        lines = self.rows.filter((pl.col("cycle") == cycle) & pl.struct("cycle", "seq").is_unique()).select(
            "seq", "status", "took_ns"
        )
        alone = pl.col("seq").is_unique() & (pl.col("sent_ns") > 0)
        own = tries.select(pl.when(alone).then(pl.col("seq").cast(pl.Int64)).alias("seq"), pl.col("status").cast(pl.Int64))
        found = own.join(lines, on=["seq", "status"], how="left", maintain_order="left")["took_ns"]
        return found.fill_null(NOT_KNOWN).to_numpy().astype(np.int64)


def by_ingress(observations: pl.DataFrame, run_id: str) -> Took:
    """By the access log of the ingress, cut to whole milliseconds. observations: of any streams."""
    seen = observations.lazy().filter(pl.col("stream") == Stream.INGRESS.value)
    parts = seen.select(pl.col("payload").str.extract_groups(LINE).alias("line")).unnest("line")
    return _took(parts.with_columns(took=pl.col("duration_ms").cast(pl.Int64) * MILLISECOND_NS), run_id)


def by_app(observations: pl.DataFrame, run_id: str) -> Took:
    """By the log of the toggle app, where it logs requests. observations: of any streams."""
    seen = observations.lazy().filter(pl.col("stream") == Stream.APP.value)
    parts = seen.select(pl.col("payload").str.extract_groups(REQUEST_LINE).alias("line")).unnest("line")
    return _took(parts.with_columns(took=pl.col("took_ns").cast(pl.Int64)), run_id)


def _took(parts: pl.LazyFrame, run_id: str) -> Took:
    """parts: rid, status and took of each line, null where it is no line of a request. Requests of other runs are left out."""
    ours = rf"^{re.escape(run_id)}-({_NUMBER})-({_NUMBER})$"
    named = parts.with_columns(pl.col("rid").str.extract_groups(ours).struct.rename_fields(["cycle", "seq"]).struct.unnest())
    known = named.drop_nulls(["cycle", "seq", "took"])
    return Took(known.select(pl.col("cycle", "seq", "status").cast(pl.Int64), pl.col("took").alias("took_ns")).collect())
