"""Action and workflows fit the schemas of GitHub, which check-jsonschema brings along: no network."""

from __future__ import annotations

from pathlib import Path

import pytest
from check_jsonschema import main  # type: ignore[import-untyped]  # it ships no types
from click.testing import CliRunner, Result

ROOT = Path(__file__).parents[3]
FILES = [
    *((path, "vendor.github-actions") for path in sorted((ROOT / ".github" / "actions").glob("*/action.yml"))),
    *((path, "vendor.github-workflows") for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))),
]


def checked(path: Path, schema: str) -> Result:
    """The file against the schema: the command, in this process."""
    return CliRunner().invoke(main, ["--builtin-schema", schema, str(path)])


@pytest.mark.parametrize(
    ("path", "schema"), FILES, ids=lambda value: value.parent.name + "-" + value.stem if isinstance(value, Path) else ""
)
def test_it_fits_the_schema(path: Path, schema: str) -> None:
    """Keys that GitHub does not know, and values of other types, are refused there, and nowhere before."""
    done = checked(path, schema)
    assert done.exit_code == 0, done.output


def test_there_is_something_to_check() -> None:
    """The action and its example are among them."""
    assert {path.name for path, _ in FILES} >= {"action.yml", "versions.yml", "e2e.yml"}


@pytest.mark.parametrize(
    ("name", "schema", "old", "new"),
    [
        ("actions/knative-chaos/action.yml", "vendor.github-actions", "using: composite", "using: compost"),
        ("actions/knative-chaos/action.yml", "vendor.github-actions", "shell: bash", "shelf: bash"),
        ("workflows/versions.yml", "vendor.github-workflows", "runs-on: ubuntu-latest", "run-on: ubuntu-latest"),
        ("workflows/versions.yml", "vendor.github-workflows", "needs: matrix", "need: matrix"),
    ],
)
def test_a_mistake_is_seen(tmp_path: Path, name: str, schema: str, old: str, new: str) -> None:
    """The check can fail."""
    text = (ROOT / ".github" / name).read_text(encoding="utf-8")
    assert old in text
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(text.replace(old, new, 1), encoding="utf-8")
    done = checked(wrong, schema)
    assert (done.exit_code, "Schema validation errors were encountered" in done.output) == (1, True), done.output
