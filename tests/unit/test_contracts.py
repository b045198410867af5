"""The import contracts speak of all there is: a module or a room made later is not outside of them."""

from __future__ import annotations

import re
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
        ("The text of a schema rests on nothing of the house", {"harness.schemas"}),
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


ARCHITECTURE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `harness/(\w+)/` \| .* \| (.*) \| .* \|$", re.MULTILINE)
ALL = {"run", "cli"}
"""Their rows say "all packages above"."""


@pytest.mark.parametrize(("package", "named"), [found for found in ROW.findall(ARCHITECTURE) if found[0] not in ALL])
def test_the_page_names_what_a_package_imports(package: str, named: str) -> None:
    """The third column of its table: exactly the packages that the code imports."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "harness" / package).rglob("*.py")]
    imported = {name for text in texts for name in re.findall(r"^\s*(?:from|import) harness\.(\w+)", text, re.MULTILINE)}
    imported |= {
        name.strip()
        for text in texts
        for line in re.findall(r"^\s*from harness import (.+)$", text, re.MULTILINE)
        for name in line.split(",")
    }
    rooms = {path.parent.name for path in (ROOT / "harness").glob("*/__init__.py")}
    known = {name for name in re.findall(r"`(\w+)", named) if name in rooms}
    assert known == imported & rooms - {package, "model"}


def test_the_page_names_the_stages() -> None:
    """Those of the contract, in its order."""
    stages = re.search(r"are stages: (.*?)\. A stage", ARCHITECTURE, re.DOTALL)
    assert stages is not None
    contract = CONTRACTS["A stage never imports another stage"]["modules"]
    assert [f"harness.{name}" for name in re.findall(r"`(\w+)`", stages[1])] == contract
