"""What a user is answered who asks for a version that is none, or that there is not."""

import pytest

from harness.errors import BadInput, ExitCode
from harness.model import KnativeVersion
from harness.sources import parsed
from harness.sources.version import KNOWN, nearest, unknown


def test_what_is_no_version_is_bad_input() -> None:
    """One line with an example, exit code 3."""
    assert parsed("v0.50").text == "1.23.0"
    with pytest.raises(BadInput, match="'newest' is not a Knative version") as caught:
        parsed("newest")
    assert caught.value.exit_code is ExitCode.BAD_INPUT_OR_HOST
    assert "1.23" in caught.value.fix


def test_nearest_known_versions_come_closest_first() -> None:
    """v0.36.0 and v0.51.0 are not known; their neighbours are named."""
    assert nearest(KnativeVersion.parse("v0.51.0"))[0].text == "1.23.0"
    assert {version.module for version in nearest(KnativeVersion.parse("v0.36.0"), 2)} == {"v0.38.0", "v0.34.0"}


def test_an_unknown_version_names_known_ones() -> None:
    """The fix can be typed as it stands."""
    error = unknown(KnativeVersion.parse("1.24"), source="Go module", why="because.")
    assert "Knative 1.24.0 is not available from the Go module: because." in str(error)
    assert "--kn-version 1.23.0" in error.fix


def test_the_table_says_what_was_measured() -> None:
    """Gaps in it are as important as entries."""
    modules = {version.module for version in KNOWN}
    assert {"v0.25.0", "v0.27.0", "v0.34.0", "v0.38.0", "v0.50.0", "v0.39.3", "v0.49.1"} <= modules
    assert not modules & {"v0.26.0", "v0.35.0", "v0.36.0", "v0.37.0", "v0.51.0"}
    assert len(KNOWN) == 1 + 8 + 13 + 12
