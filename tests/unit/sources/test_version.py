"""Spellings of a version, and what an unknown one is told."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import ExitCode, SourceError
from harness.sources.version import KNOWN, KnativeVersion, nearest, unknown


@pytest.mark.parametrize("spelling", ["1.23", "v1.23", "1.23.0", "v1.23.0", "knative-v1.23.0", "v0.50.0", "0.50", " 1.23 "])
def test_every_spelling_means_the_same(spelling: str) -> None:
    """Release, tag and module are three names of one version."""
    version = KnativeVersion.parse(spelling)
    assert (version.text, version.module, version.tag) == ("1.23.0", "v0.50.0", "knative-v1.23.0")


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
    version = KnativeVersion.parse(spelling)
    assert (version.text, version.module, version.tag) == (text, module, tag)


@settings(deadline=None)  # how long a busy machine takes says nothing
@given(st.integers(0, 500), st.integers(0, 50))
def test_each_name_of_a_version_leads_back_to_it(minor: int, patch: int) -> None:
    """text, module and tag are read as the version they were written for."""
    version = KnativeVersion(minor, patch)
    assert {KnativeVersion.parse(name) for name in (version.text, version.module, version.tag)} == {version}


@pytest.mark.parametrize("text", ["", "latest", "main", "2.0", "1", "1.23.0.1", "1.x", "1.23.0-rc1", "knative-1.23 --evil"])
def test_what_is_no_version_is_bad_input(text: str) -> None:
    """One line with an example, exit code 3."""
    with pytest.raises(SourceError, match="is not a Knative version") as caught:
        KnativeVersion.parse(text)
    assert caught.value.exit_code is ExitCode.BAD_INPUT_OR_HOST
    assert "1.23" in caught.value.fix


def test_nearest_known_versions_come_closest_first() -> None:
    """v0.36.0 and v0.51.0 are not known; their neighbours are named."""
    assert nearest(KnativeVersion.parse("v0.51.0"))[0].text == "1.23.0"
    assert {version.module for version in nearest(KnativeVersion.parse("v0.36.0"), 2)} == {"v0.38.0", "v0.34.0"}


def test_an_unknown_version_names_known_ones() -> None:
    """The fix can be typed as it stands."""
    error = unknown(KnativeVersion.parse("1.24"), source="Go module", why="because.")
    assert "Knative 1.24.0 cannot be had from the Go module: because." in str(error)
    assert "--kn-version 1.23.0" in error.fix


def test_the_table_says_what_was_measured() -> None:
    """Gaps in it are as important as entries."""
    modules = {version.module for version in KNOWN}
    assert {"v0.25.0", "v0.27.0", "v0.34.0", "v0.38.0", "v0.50.0", "v0.39.3", "v0.49.1"} <= modules
    assert not modules & {"v0.26.0", "v0.35.0", "v0.36.0", "v0.37.0", "v0.51.0"}
    assert len(KNOWN) == 1 + 8 + 13 + 12
