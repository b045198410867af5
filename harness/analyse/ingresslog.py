"""The access log of the ingress, joined with the requests by the id in their path."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import polars as pl

from harness.analyse.columns import Indices
from harness.analyse.hops import NOT_KNOWN
from harness.knative.accesslog import LINE
from harness.knative.times import MILLISECOND_NS
from harness.model import Stream

_NUMBER = "(?:0|[1-9][0-9]{0,17})"


@dataclass(frozen=True, slots=True)
class IngressLines:
    """cycle, seq: of the request; status: what the ingress answered; took_ns: cut to whole milliseconds."""

    rows: pl.DataFrame

    def took_ns(self, tries: pl.DataFrame, cycle: int) -> Indices:
        """How long each try of this cycle took by its line; NOT_KNOWN without one.

        A line has no number of the attempt: an id that has several lines, or was sent several times, has none. Nor has a try whose
        client got another status.
        """
        lines = self.rows.filter((pl.col("cycle") == cycle) & pl.struct("cycle", "seq").is_unique()).select(
            "seq", "status", "took_ns"
        )
        alone = pl.col("seq").is_unique() & (pl.col("sent_ns") > 0)
        own = tries.select(pl.when(alone).then(pl.col("seq").cast(pl.Int64)).alias("seq"), pl.col("status").cast(pl.Int64))
        found = own.join(lines, on=["seq", "status"], how="left", maintain_order="left")["took_ns"]
        return found.fill_null(NOT_KNOWN).to_numpy().astype(np.int64)


def ingress_lines(observations: pl.DataFrame, run_id: str) -> IngressLines:
    """The lines of this run's requests. observations: of any streams; empty where the ingress was not observed."""
    ours = rf"^{re.escape(run_id)}-({_NUMBER})-({_NUMBER})$"
    seen = observations.lazy().filter(pl.col("stream") == Stream.INGRESS.value)
    parts = seen.select(pl.col("payload").str.extract_groups(LINE).alias("line")).unnest("line")
    named = parts.with_columns(pl.col("rid").str.extract_groups(ours).struct.rename_fields(["cycle", "seq"]).struct.unnest())
    rows = named.drop_nulls(["cycle", "seq", "duration_ms"]).select(
        pl.col("cycle", "seq", "status").cast(pl.Int64),
        (pl.col("duration_ms").cast(pl.Int64) * MILLISECOND_NS).alias("took_ns"),
    )
    return IngressLines(rows.collect())
