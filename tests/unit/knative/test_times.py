"""Times as the cluster writes them."""

from __future__ import annotations

import pytest

from harness.knative.times import maybe_ns, rfc3339_ns, stamp_ns


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000_000),
        ("1970-01-01T00:00:01.000000001Z", 1_000_000_001),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("1970-01-01T01:00:01.123456+01:00", 1_123_456_000),
        ("1969-12-31T22:30:01-01:30", 1_000_000_000),
        ("2024-02-29T23:59:59.999999999Z", 1_709_251_199_999_999_999),
    ],
)
def test_every_form_the_cluster_writes_is_read_to_the_nanosecond(text: str, ns: int) -> None:
    """Whole seconds, any number of decimals, any offset; nothing goes through a float."""
    assert rfc3339_ns(text) == ns


@pytest.mark.parametrize("text", ["", "failed to open the log", "2024-02-29", "2024-02-29T10:00:00", "2024-02-29T10:00:00.Z"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """The kubelet puts its own errors where a stamp should be."""
    with pytest.raises(ValueError, match="not an RFC 3339 time"):
        rfc3339_ns(text)


def test_a_missing_time_is_none() -> None:
    """Null and absent fields of the API."""
    assert (maybe_ns(None), maybe_ns("")) == (None, None)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:01Z", 10**9),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("1970-01-01T00:00:01.000000001Z", 10**9 + 1),
        ("1970-01-01T01:00:01.25+01:00", 1_250_000_000),
        ("1970-01-01T00:00:01.123+0000", 1_123_000_000),
        ("1970-13-01T00:00:01Z", None),
        ("0001-01-01T00:00:00Z", None),
        ("2026-11-27T23:59:60Z", None),
        ("soon", None),
        (None, None),
        (5, None),
    ],
)
def test_stamp_ns(text: object, ns: int | None) -> None:
    """Nanoseconds are kept; what is no time, or none of 64 bits, is None."""
    assert stamp_ns(text) == ns
