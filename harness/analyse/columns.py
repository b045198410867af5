"""Converts columns of text to numbers: distinct texts to indices, and RFC 3339 times to nanoseconds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from harness.knative.times import stamp_ns

Indices = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_PLAIN = r"^(?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?Z$"
"""A time in UTC in the usual form. Only its day may still be invalid."""

_TO_SECONDS = 19
"""Characters of `2026-11-23T19:40:22`; the decimals come after the point that follows."""


def coded(texts: pl.Series) -> tuple[Indices, list[str]]:
    """(index of each text, the distinct texts in the order seen). No text may be null."""
    distinct = texts.unique(maintain_order=True)
    return texts.cast(pl.Enum(distinct)).to_physical().to_numpy().astype(np.int64), distinct.to_list()


def stamps_ns(texts: pl.Series) -> tuple[Indices, Flags]:
    """(nanoseconds, whether it is a time) of each text, as `knative.times.stamp_ns` reads it; 0 for null and other texts."""
    text = pl.col("text")
    second = text.str.slice(0, _TO_SECONDS).str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False, time_unit="ms").dt.epoch("s")
    decimals = text.str.slice(_TO_SECONDS + 1).str.strip_suffix("Z").str.pad_end(9, "0").cast(pl.Int64, strict=False)
    seen = texts.to_frame("text").select(
        "text", ns=pl.when(text.str.contains(_PLAIN)).then(second * 1_000_000_000 + decimals), asked=text.is_not_null()
    )
    ns = seen["ns"].fill_null(0).to_numpy().copy()
    readable = seen["ns"].is_not_null().to_numpy().copy()
    for odd in np.flatnonzero(~readable & seen["asked"].to_numpy()).tolist():
        stamp = stamp_ns(seen["text"][odd])
        ns[odd], readable[odd] = stamp or 0, stamp is not None
    return ns, readable
