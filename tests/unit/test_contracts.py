"""The import contracts speak of all there is: a module or a room made later is not outside of them."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
CONTRACTS: dict[str, dict[str, Any]] = {contract["name"]: contract for contract in SETTINGS["contracts"]}
GENERATOR = CONTRACTS["The generator's process knows only the model, knative and apps"]
HARNESS_SIDE = {"harness.load.__init__", "harness.load.process", "harness.load.calm"}


def modules(folder: str) -> set[str]:
    """Every module and package directly below a folder of the checkout, by its dotted name."""
    found = [*ROOT.joinpath(folder).glob("*.py"), *(inside.parent for inside in ROOT.joinpath(folder).glob("*/__init__.py"))]
    return {f"{folder.replace('/', '.')}.{path.stem}" for path in found}


def test_every_module_of_the_generator_is_bound() -> None:
    """Those of the package that are not are named here."""
    assert modules("harness/load") - HARNESS_SIDE == set(GENERATOR["source_modules"])


@pytest.mark.parametrize(
    ("name", "pure"),
    [
        ("The nouns and the errors import nothing of the house", set()),
        ("What Kubernetes and Knative mean rests on the model alone", {"harness.knative"}),
        ("What is known of an app rests on the model and on what Knative means", {"harness.knative", "harness.apps"}),
        ("The generator's process knows only the model, knative and apps", {"harness.knative", "harness.apps"}),
    ],
)
def test_every_room_is_forbidden(name: str, pure: set[str]) -> None:
    """But those that are pure, and may be known."""
    free = {"harness.model", "harness.errors", "harness.load", "harness.__init__", "harness.__main__"}
    assert modules("harness") - free - pure <= set(CONTRACTS[name]["forbidden_modules"])


def test_what_is_started_is_the_generator_and_what_is_pure() -> None:
    """Seen in a process that has imported all of it, whatever the contract says."""
    program = f"import sys\nfor name in {sorted(GENERATOR['source_modules'])}: __import__(name)\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=240)
    ours = {name for name in done.stdout.split() if name.startswith("harness")}
    pure = {name for name in ours if name.split(".")[1:2] in (["model"], ["knative"], ["apps"])}
    assert ours - pure == {"harness", "harness.load", *GENERATOR["source_modules"]}
    assert not {"polars", "httpx", "kubernetes", "numpy", "yaml"} & set(done.stdout.split())
