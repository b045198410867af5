"""Names and amounts are read as Kubernetes and Go read them."""

from __future__ import annotations

from fractions import Fraction

import pytest

from harness.knative.manifest.words import (
    duration_ns,
    is_image,
    is_label_value,
    is_port_name,
    is_qualified_name,
    is_subdomain,
    quantity,
    real_number,
    whole_number,
)

SECOND = 10**9


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("6s", 6 * SECOND),
        ("1m30s", 90 * SECOND),
        ("1.5h", 5400 * SECOND),
        (".5s", SECOND // 2),
        ("1.s", SECOND),
        ("-2s", -2 * SECOND),
        ("+1ms", 10**6),
        ("0", 0),
        ("1us", 1000),
        ("60", None),
        ("", None),
        ("s", None),
        (".s", None),
        ("1d", None),
        ("1s ", None),
        ("99999999999999999999h", None),
    ],
)
def test_a_duration_is_gos(text: str, length: int | None) -> None:
    """A unit is needed but for 0; digits may be missing on one side of the point."""
    assert duration_ns(text) == length


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1", 1),
        ("500m", Fraction(1, 2)),
        ("1Gi", 1 << 30),
        ("2e3", 2000),
        ("1E3", 1000),
        ("1E", 10**18),
        (".5", Fraction(1, 2)),
        ("-1", -1),
        ("1 Gi", None),
        ("1gb", None),
        ("lots", None),
        ("", None),
        ("Gi", None),
    ],
)
def test_an_amount_has_kubernetes_suffixes(text: str, amount: Fraction | int | None) -> None:
    """`E` alone is exa, with digits behind it an exponent."""
    assert quantity(text) == amount


@pytest.mark.parametrize(
    ("image", "good"),
    [
        ("toggle", True),
        ("example.com/a/b:v1.2_3", True),
        ("localhost:5000/a/b@sha256:" + "0" * 64, True),
        ("a/b:", True),
        ("a", False),
        ("", False),
        ("A:1", False),
        ("a b", False),
        ("own@sha256:123", False),
        ("own:" + "x" * 129, False),
        ("own:${TAG}", False),
    ],
)
def test_an_image_is_read_as_the_webhook_reads_it(image: str, good: bool) -> None:
    """A name has at least two characters, and no capital letters outside of its registry and tag."""
    assert is_image(image) is good


def test_names() -> None:
    """One rule each, at its edge."""
    assert [is_subdomain(one) for one in ("a.b-c", "A", "a..b", "")] == [True, False, False, False]
    assert [is_qualified_name(one) for one in ("a.b/C_d", "x", "/x", "a/b/c", "")] == [True, True, False, False, False]
    assert [is_label_value(one) for one in ("", "a.b_c", "-a", "x" * 64)] == [True, True, False, False]
    assert [is_port_name(one) for one in ("http1", "8080", "a--b", "x" * 16, "")] == [True, False, False, False, False]
    assert [whole_number(one) for one in ("+3", "1.0", "99999999999", "")] == [3, None, None, None]
    assert [real_number(one) for one in ("1e2", ".5", "ten", "1_0")] == [100.0, 0.5, None, None]
