"""`git bisect run knative-chaos bisect-step` on a real repository: the commit with another state is named, holes are skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

STEP = '''
"""One step; the state of the bug stands in the checkout, in place of a cluster."""
import sys
from pathlib import Path

from harness.cli import bisect, main
from harness.errors import ImageError
from harness.model import BugState, Build, Cell, Decided, KnativeVersion


def examine(bug, build, *_args, **_more):
    told = Path("STATE").read_text(encoding="utf-8").strip()
    if told == "broken":
        raise ImageError("go build failed")
    return Cell(bug.id, "1.23.0", "s", Decided(BugState(told), "seen"), "e", 1)


bisect.examine_build = examine
bisect.asked_build = lambda _text: Build(KnativeVersion.parse("1.23"))
sys.argv = ["knative-chaos", "bisect-step", *sys.argv[1:]]
main()
'''


def git(repo: Path, *words: str, fails: bool = False) -> str:
    """Its output; who commits and when are nobody's business."""
    own = {f"GIT_{who}_{what}": "t@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    paths: Mapping[str, str] = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "GIT_CONFIG_GLOBAL": os.devnull}
    done = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", *words],  # noqa: S607 - whichever git there is
        cwd=repo,
        env={**os.environ, **own, **paths},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode != 0) is fails, done.stdout + done.stderr
    return done.stdout + done.stderr


def history(repo: Path, states: Sequence[str]) -> None:
    """One commit for each state, with a tag of its number."""
    repo.mkdir()
    git(repo, "init", "-q")
    for number, state in enumerate(states):
        (repo / "STATE").write_text(f"{state}\n", encoding="utf-8")
        git(repo, "add", ".")
        git(repo, "commit", "-q", "--allow-empty", "-m", f"release {number}")
        git(repo, "tag", f"r{number}")


@pytest.fixture
def step(tmp_path: Path) -> Path:
    """The program."""
    path = tmp_path / "step.py"
    path.write_text(STEP, encoding="utf-8")
    return path


def test_the_commit_that_introduced_it(tmp_path: Path, step: Path) -> None:
    """Good is absent; two commits cannot be built, one is masked."""
    repo = tmp_path / "repo"
    history(repo, ["absent", "absent", "broken", "absent", "masked", "absent", "present", "present", "broken", "present"])
    git(repo, "bisect", "start", "r9", "r0")
    said = git(repo, "bisect", "run", sys.executable, str(step), "B4")
    first = git(repo, "rev-parse", "r6").strip()
    assert f"{first} is the first bad commit" in said


def test_the_commit_that_fixed_it(tmp_path: Path, step: Path) -> None:
    """The state with the bug is called the good one."""
    repo = tmp_path / "repo"
    history(repo, ["present", "present", "present", "absent", "absent"])
    git(repo, "bisect", "start", "r4", "r0")
    said = git(repo, "bisect", "run", sys.executable, str(step), "B4", "--good", "present")
    assert f"{git(repo, 'rev-parse', 'r3').strip()} is the first bad commit" in said


def test_bad_arguments_end_the_search(tmp_path: Path, step: Path) -> None:
    """They must not be taken for a bad commit."""
    repo = tmp_path / "repo"
    history(repo, ["absent", "absent", "present"])
    git(repo, "bisect", "start", "r2", "r0")
    said = git(repo, "bisect", "run", sys.executable, str(step), "B99", fails=True)
    assert "There is neither a bug nor a scenario 'B99'" in said
    assert "first bad commit" not in said.replace("first bad commit could be", "")
