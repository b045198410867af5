"""Knative versions and ranges of them: each spelling, the order, and that what is written reads back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.model import MODULE_OFFSET, KnativeVersion, VersionRange

VERSIONS = st.builds(KnativeVersion, st.integers(0, 60), st.integers(0, 12))
SPANS = st.tuples(VERSIONS, st.none() | VERSIONS).filter(lambda span: span[1] is None or span[0] < span[1])
RANGES = st.builds(VersionRange, st.lists(SPANS, min_size=1, max_size=4).map(tuple))

quickly = settings(deadline=None)  # how long a busy machine takes says nothing


def version(text: str) -> KnativeVersion:
    """Parsed."""
    return KnativeVersion.parse(text)


@pytest.mark.parametrize(
    "spelling", ["1.23", "v1.23", "1.23.0", "v1.23.0", "knative-v1.23.0", "v0.50.0", "v0.50", "0.50", " 1.23 "]
)
def test_every_spelling_means_the_same(spelling: str) -> None:
    """Release, tag and module are three names of one version."""
    read = version(spelling)
    assert (read.text, str(read), read.module, read.tag) == ("1.23.0", "1.23.0", "v0.50.0", "knative-v1.23.0")


@pytest.mark.parametrize(
    ("spelling", "text", "module", "tag"),
    [
        ("1.1.0", "1.1.0", "v0.28.0", "knative-v1.1.0"),
        ("1.0", "1.0.0", "v0.27.0", "knative-v1.0.0"),
        ("v0.46.6", "1.19.6", "v0.46.6", "knative-v1.19.6"),
        ("v0.25.0", "0.25.0", "v0.25.0", "v0.25.0"),
    ],
)
def test_release_and_module_numbers_are_27_apart(spelling: str, text: str, module: str, tag: str) -> None:
    """1.N is v0.(N+27); before 1.0 there is one name only."""
    read = version(spelling)
    assert (read.text, read.module, read.tag) == (text, module, tag)


@quickly
@given(VERSIONS)
def test_each_name_of_a_version_leads_back_to_it(one: KnativeVersion) -> None:
    """text, module and tag are read as the version they were written for."""
    assert {version(name) for name in (one.text, one.module, one.tag)} == {one}


@quickly
@given(VERSIONS, VERSIONS)
def test_versions_are_ordered_by_age_and_not_as_text(one: KnativeVersion, other: KnativeVersion) -> None:
    """1.9 is before 1.10; the numbers of the release order those from 1.0 on, the module's all."""

    def numbers(text: str) -> list[int]:
        return [int(part) for part in text.removeprefix("v").split(".")]

    assert (one < other) == (numbers(one.module) < numbers(other.module))
    if min(one, other).module_minor >= MODULE_OFFSET:
        assert (one < other) == (numbers(one.text) < numbers(other.text))


@pytest.mark.parametrize("text", ["", "latest", "main", "2.0", "1", "1.23.0.1", "1.x", "1.23.0-rc1", "knative-1.23 --evil", "1.٣"])
def test_what_is_no_version_is_a_value_error(text: str) -> None:
    """It names what was written."""
    with pytest.raises(ValueError, match="is not a Knative version") as caught:
        version(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("any", "v0.25.0 1.0 1.23 1.99.9", ""),
        (">=1.7", "1.7.0 1.7.3 1.23", "1.6.3 0.25"),
        (">1.7", "1.8.0", "1.7.0 1.7.9"),
        ("<1.7", "1.6.9 0.25", "1.7.0"),
        ("<=1.7", "1.7.9 1.6", "1.8.0"),
        (">1.7.2", "1.7.3 1.8", "1.7.2"),
        ("<=1.7.2", "1.7.2 1.7.0", "1.7.3"),
        ("1.14-1.17", "1.14.0 1.17.9", "1.13.9 1.18.0"),
        ("1.14.1 - 1.17.0", "1.14.1 1.17.0", "1.14.0 1.17.1"),
        ("knative-v1.14-knative-v1.17", "1.14.0 1.17.9", "1.18.0"),
        ("v0.41-v0.44", "1.14.0 1.17.9", "1.18.0"),
        ("1.17", "1.17.0 1.17.5", "1.16.9 1.18.0"),
        ("1.17.2", "1.17.2", "1.17.1 1.17.3"),
        (">=1.1, <1.7", "1.1.0 1.6.3", "1.0.2 1.7.0"),
        ("1.0-1.3 or >=1.7", "1.0.0 1.3.9 1.7.0", "1.4.0 1.6.9"),
    ],
)
def test_a_range_contains(text: str, inside: str, outside: str) -> None:
    """A version without a patch stands for its whole minor release."""
    found = VersionRange.parse(text)
    assert all(found.contains(version(one)) for one in inside.split())
    assert not any(found.contains(version(one)) for one in outside.split())
    assert VersionRange.parse(found.text) == found


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("<1.7 or >=1.7", "any"),
        (">=1.7.0", ">=1.7"),
        ("1.15-1.17 or 1.14", "1.14-1.17"),
        ("v0.44", "1.17"),
        (">=1.17,<=1.17", "1.17"),
        ("1.17.0-1.17.2", ">=1.17,<1.17.3"),
        (">=1.7 or <1.1", "<1.1 or >=1.7"),
    ],
)
def test_a_range_has_one_canonical_form(text: str, canonical: str) -> None:
    """However it was written: ranges of the same versions are equal."""
    assert str(VersionRange.parse(text)) == canonical
    assert VersionRange.parse(text) == VersionRange.parse(canonical)


@pytest.mark.parametrize("text", ["", "1", ">=", "=1.7", "1.7-", "1.7 1.8", "1.7,", "or 1.7", "2.0", ">=2.0", "newest", "1.7--1.9"])
def test_what_is_no_range_is_a_value_error(text: str) -> None:
    """It names what was written."""
    with pytest.raises(ValueError, match="is not a range of Knative versions") as caught:
        VersionRange.parse(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("text", ["1.17-1.14", ">=1.7,<1.7", "<v0.0"])
def test_a_range_without_a_version_is_a_value_error(text: str) -> None:
    """An expectation for no version is a slip of the pen."""
    with pytest.raises(ValueError, match="contains no Knative version"):
        VersionRange.parse(text)


@quickly
@given(RANGES)
def test_a_range_reads_back_as_it_was_written(one: VersionRange) -> None:
    """Whatever spans it consists of."""
    assert VersionRange.parse(one.text) == one


@quickly
@given(st.lists(SPANS, min_size=1, max_size=4), VERSIONS)
def test_joining_spans_loses_and_adds_nothing(
    spans: list[tuple[KnativeVersion, KnativeVersion | None]], one: KnativeVersion
) -> None:
    """A range contains exactly what one of its spans contains; what is joined is in order and apart."""
    joined = VersionRange(tuple(spans))
    assert joined.contains(one) == any(first <= one and (end is None or one < end) for first, end in spans)
    for (_, end), (first, _) in zip(joined.spans, joined.spans[1:], strict=False):
        assert end is not None
        assert end < first


@quickly
@given(RANGES, RANGES)
def test_overlapping_ranges_share_a_version(one: VersionRange, other: VersionRange) -> None:
    """The later of two beginnings is in both, if anything is."""
    starts = [first for first, _ in (*one.spans, *other.spans)]
    assert one.overlaps(other) == any(one.contains(first) and other.contains(first) for first in starts)
