"""The wheel: what is in it, and what it says where only a checkout would do."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by the backend itself, without isolation and network."""
    place = tmp_path_factory.mktemp("wheel")
    argv = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)]
    subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, timeout=240)
    (built,) = place.glob("*.whl")
    return built


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Path:
    """The directory it was unpacked into; a wheel of pure Python needs no more."""
    place = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    return place


def python(installed: Path, program: str) -> str:
    """What the program prints where the unpacked wheel comes before the checkout, in an empty directory."""
    empty = installed.parent / "empty"
    empty.mkdir(exist_ok=True)
    env = {"PYTHONPATH": str(installed), "HOME": str(empty), "KNATIVE_CHAOS_HOME": str(empty / "state"), "PATH": str(empty)}
    head = f"import harness\nassert harness.__file__.startswith({str(installed)!r}), harness.__file__\n"
    argv = [sys.executable, "-c", head + program]
    done = subprocess.run(argv, cwd=empty, env=env, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout


def names(wheel: Path) -> list[str]:
    """Of all files in it."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_every_file_of_the_package_is_inside(wheel: Path) -> None:
    """Not the modules alone: recipes, templates, kind's configuration, the mark that it is typed."""
    inside = set(names(wheel))
    assert {
        "harness/images/recipes/versions.toml",
        "harness/report/templates/report.html.j2",
        "harness/cluster/kind-config.yaml",
        "harness/advise/model.toml",
        "harness/advise/measured.toml",
        "harness/py.typed",
    } <= inside
    files = (path for path in ROOT.joinpath("harness").rglob("*") if path.is_file() and path.parent.name != "__pycache__")
    assert {path.relative_to(ROOT).as_posix() for path in files} <= inside


def test_nothing_else_is_inside(wheel: Path) -> None:
    """Fixtures, tests and test apps would be packages of somebody else's names in site-packages."""
    tops = {name.partition("/")[0] for name in names(wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"harness"}
    assert len(tops) == 2


def test_the_command_is_declared(wheel: Path) -> None:
    """And nothing for pytest: the fixtures stay in the checkout."""
    (name,) = (name for name in names(wheel) if name.endswith("entry_points.txt"))
    with zipfile.ZipFile(wheel) as archive:
        declared = archive.read(name).decode().split()
    assert declared == ["[console_scripts]", "knative-chaos", "=", "harness.cli:main"]


def test_the_installed_package_finds_its_own_files(installed: Path) -> None:
    """Pins, kind's configuration and the command's help come from the wheel alone."""
    program = """
import sys
from harness.cluster import config
from harness.images.versions import Versions
print(Versions.load().kind, config.read(config.default_path())["kind"])
sys.argv = ["knative-chaos", "--help"]
from harness.cli import main
main()
"""
    said = python(installed, program)
    assert said.split()[1] == "Cluster"
    assert "analyze" in said


@pytest.mark.parametrize(
    "call",
    [
        "from harness.images.toggle import toggle_job; toggle_job(None, 'base')",
        "from harness.images.envoy import envoy_job; envoy_job(None)",
        "from harness.adapters.gotool import GoTool; GoTool.find(state, progress=QUIET)",
    ],
    ids=["toggle", "envoy", "go"],
)
def test_what_only_a_checkout_has_is_one_line_with_the_fix(installed: Path, call: str) -> None:
    """The toggle app and the pins of Envoy and Go are not in the wheel."""
    program = f"""
from harness.adapters import gotool
from harness.adapters.files import State
from harness.adapters.progress import QUIET
from harness.errors import HarnessError
state = State.default()
gotool.USUAL_PLACE = state.root
try:
    {call}
except HarnessError as error:
    print(error)
"""
    said = python(installed, program)
    assert said.count("\n") == 1
    assert "un from a checkout of the repository" in said.partition("Fix: ")[2]
