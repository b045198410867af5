"""`knative-chaos versions`: what is known, built and installed, in one table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.adapters.files import State, write_json
from harness.cli import app
from harness.cli.versions import rows_of
from harness.run.installed import note
from harness.sources import KNOWN
from tests.unit.run.test_installed import SEEN


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> State:
    """An empty state directory, the one the command uses."""
    monkeypatch.setenv("KNATIVE_CHAOS_HOME", str(tmp_path))
    return State.default()


def build(state: State, name: str, **made: object) -> None:
    """A product of the cache."""
    place = state.cache / "go" / name
    place.mkdir(parents=True)
    write_json(place / "made.json", made)


def test_a_version_that_was_built_or_installed_is_listed_even_if_unknown(state: State) -> None:
    """By age, each once, with what is known of it."""
    build(state, "serving-x", module="knative.dev/serving", version="v0.43.0", packages=["cmd/queue"], toolchain="go1.26.8")
    build(state, "serving-y", module="knative.dev/serving", version="v0.99.1", packages=["cmd/queue"], toolchain="go1.26.8")
    build(state, "other", module="knative.dev/net-kourier", version="v0.48.0", packages=["cmd/kourier"], toolchain="go1.26.8")
    note(state, SEEN, 1_700_000_000_000_000_000)
    rows = {row["version"]: row for row in rows_of(state)}
    assert len(rows) == len(KNOWN) + 1
    assert rows["1.16.0"]["toolchain"] == "go1.26.8"
    assert rows["1.16.0"]["installed"]["kubernetes"] == "v1.34.4"
    assert (rows["1.72.1"]["known"], rows["1.72.1"]["toolchain"]) == (False, "go1.26.8")
    assert (rows["1.17.0"]["toolchain"], rows["1.17.0"]["installed"], rows["1.17.0"]["dialect"]) == ("", None, None)


def test_the_table_and_the_json_say_the_same(state: State) -> None:
    """For people and for programs."""
    note(state, SEEN, 1_700_000_000_000_000_000)
    done = CliRunner().invoke(app, ["versions"])
    assert done.exit_code == 0
    line = next(line for line in done.stdout.splitlines() if line.startswith("1.16.0"))
    assert "2023-11-14 on v1.34.4" in line
    read = json.loads(CliRunner().invoke(app, ["versions", "--json"]).stdout)
    assert [row["version"] for row in read["versions"]] == [row["version"] for row in rows_of(state)]
