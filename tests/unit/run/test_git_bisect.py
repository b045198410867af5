"""`git bisect run knative-chaos bisect-step` on a real repository: the commit with another state is named, holes are skipped."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

STEPS = '''
"""Loads the command once; each step is a process forked from here. The state of the bug stands in the checkout."""
import gc
import os
import socket
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
bisect.Engine.require_answer = lambda _engine: None
bisect.Engine.detect = staticmethod(lambda *_args, **_more: bisect.Engine("docker", Path("docker"), {}, (), None))
bisect.asked_build = lambda _text: Build(KnativeVersion.parse("1.23"))
gc.freeze()  # or each step would copy the pages of what is loaded when it ends
with socket.socket(socket.AF_UNIX) as door:
    door.bind(chr(0) + sys.argv[1])
    door.listen()
    print("ready", flush=True)
    while True:
        asked, _ = door.accept()
        said, streams, _, _ = socket.recv_fds(asked, 10_000, 3)
        child = os.fork()
        if not child:
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
            place, *words = said.decode().split(chr(0))
            os.chdir(place)
            sys.argv = ["knative-chaos", "bisect-step", *words]
            main()
        for stream in streams:
            os.close(stream)
        asked.sendall(b"%d" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        asked.close()
'''

STEP = '''
"""What git runs: asks for one step, which has this directory and these streams; ends with its exit code."""
import os
import socket
import sys

with socket.socket(socket.AF_UNIX) as door:
    door.connect(chr(0) + sys.argv[1])
    socket.send_fds(door, [chr(0).join([os.getcwd(), *sys.argv[2:]]).encode()], [0, 1, 2])
    sys.exit(int(door.recv(10)))
'''


def git(repo: Path, *words: str, fails: bool = False) -> str:
    """Its output; who commits and when are nobody's business."""
    own: Mapping[str, str] = {f"GIT_{who}_{what}": "t@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", *words],  # noqa: S607 - whichever git there is
        cwd=repo,
        env={**os.environ, **own, "GIT_CONFIG_GLOBAL": os.devnull},
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


@pytest.fixture(scope="module")
def step(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ...]]:
    """The program that git runs. To load the command takes more than half a second, which is spent once and not for each step."""
    directory, door = tmp_path_factory.mktemp("step"), secrets.token_hex(8)
    for name, text in (("steps.py", STEPS), ("step.py", STEP)):
        (directory / name).write_text(text, encoding="utf-8")
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen([sys.executable, str(directory / "steps.py"), door], env=paths, stdout=subprocess.PIPE) as steps:
        try:
            assert steps.stdout is not None
            assert steps.stdout.readline() == b"ready\n"
            yield sys.executable, "-S", "-E", str(directory / "step.py"), door
        finally:
            steps.kill()


def test_the_commit_that_introduced_it(tmp_path: Path, step: tuple[str, ...]) -> None:
    """Good is absent; the two commits in the middle are skipped: one cannot be built, one is masked."""
    repo = tmp_path / "repo"
    history(repo, ["absent", "absent", "present", "broken", "masked", "present", "present", "present"])
    git(repo, "bisect", "start", "r7", "r0")
    said = git(repo, "bisect", "run", *step, "B4")
    first = git(repo, "rev-parse", "r2").strip()
    assert f"{first} is the first bad commit" in said
    assert "# skip" in git(repo, "bisect", "log")


def test_the_commit_that_fixed_it(tmp_path: Path, step: tuple[str, ...]) -> None:
    """The state with the bug is called the good one."""
    repo = tmp_path / "repo"
    history(repo, ["present", "present", "absent", "absent"])
    git(repo, "bisect", "start", "r3", "r0")
    said = git(repo, "bisect", "run", *step, "B4", "--good", "present")
    assert f"{git(repo, 'rev-parse', 'r2').strip()} is the first bad commit" in said


def test_bad_arguments_end_the_search(tmp_path: Path, step: tuple[str, ...]) -> None:
    """They must not be taken for a bad commit."""
    repo = tmp_path / "repo"
    history(repo, ["absent", "absent", "present"])
    git(repo, "bisect", "start", "r2", "r0")
    said = git(repo, "bisect", "run", *step, "B99", fails=True)
    assert "There is neither a bug nor a scenario 'B99'" in said
    assert "first bad commit" not in said.replace("first bad commit could be", "")
