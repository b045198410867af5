"""The GitHub Action's own program: the version matrix, the cache key, the commands, the exit code of several scenarios."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main
import yaml

from harness.cli import app
from harness.errors import ExitCode

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / ".github" / "actions" / "knative-chaos"
PROGRAM = FOLDER / "steps.py"


def loaded() -> ModuleType:
    """The program, which lies in no package."""
    spec = importlib.util.spec_from_file_location("steps", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


steps: Any = loaded()


@pytest.mark.parametrize(
    ("text", "versions"),
    [
        ("1.13..1.16", ["1.13", "1.14", "1.15", "1.16"]),
        ("1.23..1.23", ["1.23"]),
        (" 1.21 .. 1.22 ", ["1.21", "1.22"]),
        ("1.16, 1.17.2 v1.23", ["1.16", "1.17.2", "1.23"]),
        ("1.23,1.21..1.23", ["1.23", "1.21", "1.22"]),
        ("0.25..0.26", ["0.25", "0.26"]),
    ],
)
def test_a_matrix(text: str, versions: list[str]) -> None:
    """Each version once, in the order given."""
    assert steps.matrix(text) == versions


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "No version"),
        (" , ", "No version"),
        ("1.23..1.13", "older one first"),
        ("0.26..1.2", "older one first"),
        ("1.13.1..1.23", "without patch"),
        ("1.13...1.23", "is no range"),
        ("1.13..", "is no range"),
        ("latest", "is no version"),
        ('1.23"]\nx=$(id)', "is no version"),
        ("1.0..1.300", "more than the 256 jobs"),
        ("1.٣", "is no version"),
    ],
)
def test_no_matrix(text: str, why: str) -> None:
    """One line that says what to write."""
    with pytest.raises(steps.BadInput, match=re.escape(why)):
        steps.matrix(text)


def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """The program as a workflow starts it: by any Python, without this repository's packages."""
    argv = [sys.executable, "-I", str(PROGRAM), *words]
    return subprocess.run(argv, env={"PATH": os.defpath, **env}, capture_output=True, text=True, check=False)


def test_the_matrix_as_a_workflow_runs_it() -> None:
    """What it prints is a line of $GITHUB_OUTPUT whose value is JSON."""
    done = run("matrix", "1.22..1.23")
    assert (done.returncode, done.stderr) == (0, "")
    name, _, value = done.stdout.strip().partition("=")
    assert name == "versions"
    assert json.loads(value) == ["1.22", "1.23"]
    wrong = run("matrix", "1.23..1.22")
    assert (wrong.returncode, wrong.stdout) == (ExitCode.BAD_INPUT_OR_HOST, "")
    assert wrong.stderr.startswith("::error title=knative-chaos::")
    assert wrong.stderr.count("\n") == 1
    assert run("nothing").returncode == ExitCode.BAD_INPUT_OR_HOST


def test_the_place_is_the_checkout() -> None:
    """Where the action lies, wherever the workflow's own checkout is."""
    told = dict(line.split("=", 1) for line in run("place", KNATIVE_VERSION="1.23").stdout.splitlines())
    assert told["root"] == str(ROOT)
    assert told["key"] == told["prefix"] + "1.23"


def test_the_cache_key_changes_with_recipes_and_versions(tmp_path: Path) -> None:
    """And with nothing else, but for its prefix, which is that of any version."""
    pins = tmp_path / "harness" / "images" / "versions.toml"
    pins.parent.mkdir(parents=True)
    pins.write_text("a = 1", encoding="utf-8")
    key, prefix = steps.cache_key(tmp_path, ["1.23"])
    (tmp_path / "README.md").write_text("x", encoding="utf-8")
    (pins.parent / "__pycache__").mkdir()
    (pins.parent / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert steps.cache_key(tmp_path, ["1.23"]) == (key, prefix)
    assert steps.cache_key(tmp_path, ["1.22"])[1] == prefix
    assert steps.cache_key(tmp_path, ["path:../serving", "1,2"])[0] == f"{prefix}path_.._serving_1_2"
    assert steps.cache_key(tmp_path, ["", ""])[0] == f"{prefix}pinned"
    pins.write_text("a = 2", encoding="utf-8")
    assert steps.cache_key(tmp_path, ["1.23"])[1] != prefix


@pytest.mark.parametrize(
    ("env", "argv"),
    [
        (
            {"SCENARIOS": "S1, N1", "KNATIVE_VERSION": "1.23", "CYCLES": "2", "ARTIFACTS": "out"},
            [["run", one, "--kn-version=1.23", "--kn-cycles=2", "--kn-artifacts=out"] for one in ("S1", "N1")],
        ),
        ({"SCENARIOS": "S1"}, [["run", "S1", "--kn-cycles=0", "--kn-artifacts=artifacts"]]),
        (
            {"SCENARIOS": "S1 S2", "BASE": "1.16", "HEAD": "path:."},
            [["diff", "--base=1.16", "--head=path:.", "--kn-cycles=0", "--kn-artifacts=artifacts", "S1", "S2"]],
        ),
    ],
)
def test_the_commands(env: Mapping[str, str], argv: list[list[str]]) -> None:
    """One a scenario, or one comparison of all of them."""
    assert steps.commands(env) == argv


@pytest.mark.parametrize("env", [{"KNATIVE_VERSION": "1.23"}, {"BASE": "1.16", "HEAD": "1.23"}], ids=["run", "diff"])
def test_the_options_are_those_of_the_command(env: Mapping[str, str]) -> None:
    """A renamed option would be seen on a runner only."""
    (argv,) = steps.commands({"SCENARIOS": "S1", **env})
    group: Any = typer.main.get_command(app)
    options = {option for parameter in group.commands[argv[0]].params for option in parameter.opts}
    assert {word.partition("=")[0] for word in argv if word.startswith("--")} <= options


@pytest.mark.parametrize(
    ("env", "why"),
    [
        ({}, "No scenario"),
        ({"SCENARIOS": "S1 --help"}, "'--help' is no name"),
        ({"SCENARIOS": "$(id)"}, "is no name"),
        ({"SCENARIOS": "S1", "CYCLES": "many"}, "write a number"),
        ({"SCENARIOS": "S1", "INCONCLUSIVE": "ignore"}, "write fail or warn"),
        ({"SCENARIOS": "S1", "BASE": "1.16"}, "both base and head"),
        ({"SCENARIOS": "S1", "BASE": "1.16", "HEAD": "1.23", "KNATIVE_VERSION": "1.23"}, "knative-version, or base and head"),
    ],
)
def test_bad_inputs(env: Mapping[str, str], why: str) -> None:
    """Before anything is made."""
    with pytest.raises(steps.BadInput, match=why):
        steps.commands(env)


def test_bad_input_has_a_result(tmp_path: Path) -> None:
    """As the action runs it: the outputs are `error` and 3, the reason is one line. So they are if an earlier step fails."""
    out = tmp_path / "output"
    done = run("measure", SCENARIOS="$(id)", GITHUB_OUTPUT=str(out))
    assert (done.returncode, done.stdout) == (ExitCode.BAD_INPUT_OR_HOST, "")
    assert done.stderr == "::error title=knative-chaos::'$(id)' is no name of a scenario.\n"
    assert out.read_text(encoding="utf-8") == "result=error\nexit-code=3\n"
    assert {name: one["value"] for name, one in action()["outputs"].items()} == {
        "result": "${{ steps.measure.outputs.result || 'error' }}",
        "exit-code": "${{ steps.measure.outputs.exit-code || '3' }}",
    }


@pytest.mark.parametrize(
    ("codes", "whole", "result"),
    [
        ([0, 0], 0, "pass"),
        ([0, 2], 2, "inconclusive"),
        ([2, 1, 0], 1, "regression"),
        ([1, 3], 3, "error"),
        ([3, 70, 1], 70, "error"),
        ([3, 9], 9, "error"),
    ],
)
def test_the_exit_code_of_several(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], codes: list[int], whole: int, result: str
) -> None:
    """The worst counts; every scenario is measured all the same; each that did not pass has its line."""
    out = tmp_path / "output"
    left, done = list(codes), []

    def run(argv: Sequence[str]) -> int:
        done.append(argv[1])
        return left.pop(0)

    names = [f"S{number}" for number in range(len(codes))]
    assert steps.measure({"SCENARIOS": " ".join(names), "GITHUB_OUTPUT": str(out)}, run) == whole
    assert done == names
    assert out.read_text(encoding="utf-8") == f"result={result}\nexit-code={whole}\n"
    assert capsys.readouterr().out.count("::error title=knative-chaos::run S") == sum(code != 0 for code in codes)


def test_an_inconclusive_result_may_be_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A regression never is."""
    env = {"SCENARIOS": "S1", "INCONCLUSIVE": "warn", "GITHUB_OUTPUT": str(tmp_path / "output")}
    assert steps.measure(env, lambda _: 2) == 0
    assert "::warning title=knative-chaos::run S1" in capsys.readouterr().out
    assert "result=inconclusive\nexit-code=2" in (tmp_path / "output").read_text(encoding="utf-8")
    assert steps.measure(env, lambda _: 1) == 1


@pytest.mark.parametrize(("ending", "code"), [("kill -9 $$", 70), ("kill -11 $$", 70), ("kill -15 $$", 2), ("exit 1", 1)])
def test_a_program_that_was_killed_has_crashed(ending: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short memory is no inconclusive result, which a workflow may let pass; a time limit is. Without an environment: one line."""
    monkeypatch.setattr(steps, "ROOT", tmp_path)
    assert steps.chaos(["run", "S1"]) == steps.CRASH
    program = tmp_path / ".venv" / "bin" / "knative-chaos"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{ending}\n", encoding="utf-8")
    program.chmod(0o755)
    assert steps.chaos(["run", "S1"]) == code


def test_its_exit_codes_are_those_of_the_harness() -> None:
    """It cannot import them."""
    ours = [steps.PASS, steps.REGRESSION, steps.INCONCLUSIVE, steps.BAD_INPUT, steps.CRASH]
    assert ours == [int(code) for code in ExitCode]


# --- the YAML ---


def action() -> Any:
    """Read as YAML."""
    return yaml.safe_load((FOLDER / "action.yml").read_text(encoding="utf-8"))


def test_every_input_is_used_and_every_used_one_is_there() -> None:
    """An input that nothing reads does nothing."""
    text = (FOLDER / "action.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"inputs\.([a-z-]+)", text)) == set(action()["inputs"])
    assert all(one["description"] for one in action()["inputs"].values())


@pytest.mark.parametrize(
    "path", [FOLDER / "action.yml", *sorted((ROOT / ".github" / "workflows").glob("*.yml"))], ids=lambda path: path.stem
)
def test_no_expression_stands_in_a_shell_script(path: Path) -> None:
    """What somebody typed into an input would be run by the shell."""
    read = yaml.safe_load(path.read_text(encoding="utf-8"))
    lists = [read["runs"]["steps"]] if "runs" in read else [job["steps"] for job in read["jobs"].values()]
    scripts = [step["run"] for steps_ in lists for step in steps_ if "run" in step]
    assert scripts
    assert [script for script in scripts if "${{" in script] == []


def test_the_workflow_gives_inputs_that_the_action_has() -> None:
    """And starts the matrix as the test above does."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "versions.yml").read_text(encoding="utf-8"))
    used = next(step for step in workflow["jobs"]["measure"]["steps"] if step["uses"] == "./.github/actions/knative-chaos")
    assert set(used["with"]) <= set(action()["inputs"])
    ran = next(step["run"] for step in workflow["jobs"]["matrix"]["steps"] if "run" in step)
    assert ran == 'python3 .github/actions/knative-chaos/steps.py matrix "$VERSIONS" >> "$GITHUB_OUTPUT"'
