"""The steps of the GitHub Action, and the version matrix of a workflow. Standard library only: nothing is installed yet.

    steps.py matrix "1.17..1.23, 1.16.3"     versions=["1.17","1.18",...] for $GITHUB_OUTPUT
    steps.py place                           where the harness lies, and the key of its cache, for $GITHUB_OUTPUT
    steps.py measure                         run the scenarios that the environment names, or compare two builds
    steps.py down                            remove the cluster

Exit codes: 0 pass, 1 regression, 2 inconclusive, 3 bad input or an unsuitable host, 70 a crash of the harness.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
"""The checkout that this action lies in."""

CACHED = ("harness/images", "requirements", "testapps")
"""What the cache of built images depends on, besides the version."""

PASS, REGRESSION, INCONCLUSIVE, BAD_INPUT, CRASH = 0, 1, 2, 3, 70
RESULTS = {PASS: "pass", REGRESSION: "regression", INCONCLUSIVE: "inconclusive"}
"""Any other exit code is an "error"."""

BY_WEIGHT = (PASS, INCONCLUSIVE, REGRESSION, BAD_INPUT)
"""Of several results the one furthest to the right counts; a code that is not named here is worse than all."""

POLITE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that ask a program to end: a cancelled job, a time limit."""

MOST_JOBS = 256
"""GitHub's limit of a matrix."""

_MINOR = re.compile(r"(?P<major>[01])\.(?P<minor>\d{1,3})", re.ASCII)
_VERSION = re.compile(r"v?[01]\.\d{1,3}(?:\.\d{1,3})?", re.ASCII)
_SCENARIO = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*", re.ASCII)

Run = Callable[[Sequence[str]], int]


class BadInput(Exception):
    """What a workflow gave cannot be used."""


def matrix(text: str) -> list[str]:
    """The versions of "1.13..1.23", "1.16, 1.17.2", or both mixed, each once, in the order given.

    Raises BadInput for what is no version or range, for a range that goes backwards, for nothing, and for more than GitHub runs.
    """
    found: dict[str, None] = {}
    for part in filter(None, re.split(r"[\s,]+", re.sub(r"\s*\.\.\s*", "..", text))):
        first, dots, last = part.partition("..")
        found |= dict.fromkeys(_range(first, last, part) if dots else [_version(part)])
    if not found:
        raise BadInput("No version was given; write 1.17..1.23, or versions separated by commas.")
    if len(found) > MOST_JOBS:
        raise BadInput(f"{len(found)} versions are more than the {MOST_JOBS} jobs of a matrix.")
    return list(found)


def _version(text: str) -> str:
    if not _VERSION.fullmatch(text):
        raise BadInput(f"{text!r} is no version; write 1.23 or 1.23.1.")
    return text.removeprefix("v")


def _range(first: str, last: str, part: str) -> list[str]:
    ends = [_MINOR.fullmatch(one) for one in (first, last)]
    if not all(ends):
        raise BadInput(f"{part!r} is no range; write it as 1.13..1.23, without patch releases.")
    (major, low), (other, high) = ((one["major"], int(one["minor"])) for one in ends if one)
    if major != other or low > high:
        raise BadInput(f"The range {part!r} contains no version; write the older one first.")
    return [f"{major}.{minor}" for minor in range(low, high + 1)]


def cache_key(root: Path, versions: Iterable[str]) -> tuple[str, str]:
    """(key, its prefix): the prefix is equal for equal recipes and pins, the key for equal versions besides."""
    digest = hashlib.sha256()
    for folder in CACHED:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    prefix = f"knative-chaos-{digest.hexdigest()[:16]}-"
    asked = "-".join(filter(None, versions)) or "pinned"
    return prefix + re.sub(r"[^A-Za-z0-9.]+", "_", asked), prefix


def commands(env: Mapping[str, str]) -> list[list[str]]:
    """The arguments of each call of knative-chaos that the inputs ask for. Raises BadInput."""
    names = [one for one in re.split(r"[\s,]+", env.get("SCENARIOS", "")) if one]
    if not names:
        raise BadInput("No scenario was given; write for example S1 N1.")
    for name in names:
        if not _SCENARIO.fullmatch(name):
            raise BadInput(f"{name!r} is no name of a scenario.")
    cycles = env.get("CYCLES") or "0"
    if not re.fullmatch(r"\d{1,4}", cycles, re.ASCII):
        raise BadInput(f"cycles is {cycles!r}; write a number.")
    if env.get("INCONCLUSIVE", "fail") not in {"fail", "warn"}:
        raise BadInput(f"inconclusive is {env['INCONCLUSIVE']!r}; write fail or warn.")
    base, head, version = (env.get(name, "").strip() for name in ("BASE", "HEAD", "KNATIVE_VERSION"))
    common = [f"--kn-cycles={cycles}", f"--kn-artifacts={env.get('ARTIFACTS') or 'artifacts'}"]
    if bool(base) is not bool(head):
        raise BadInput("A comparison needs both base and head.")
    if base:
        if version:
            raise BadInput("Give knative-version, or base and head.")
        return [["diff", f"--base={base}", f"--head={head}", *common, *names]]
    return [["run", name, *([f"--kn-version={version}"] if version else []), *common] for name in names]


def worst(codes: Iterable[int]) -> int:
    """The code that stands for all of these."""
    return max(codes, key=lambda code: BY_WEIGHT.index(code) if code in BY_WEIGHT else len(BY_WEIGHT))


def measure(env: Mapping[str, str], run: Run) -> int:
    """Every command, whatever came of the one before; the exit code of the step. Writes the outputs and an annotation of each.

    Raises BadInput, after the outputs are written.
    """
    try:
        asked = commands(env)
    except BadInput:
        _output(BAD_INPUT, env)
        raise
    codes = []
    for argv in asked:
        code = run(argv)
        codes.append(code)
        _annotate(argv, code, env)
    whole = worst(codes)
    _output(whole, env)
    excused = whole == INCONCLUSIVE and env.get("INCONCLUSIVE") == "warn"
    return PASS if excused else whole


def _output(code: int, env: Mapping[str, str]) -> None:
    """What the steps after this one read."""
    if name := env.get("GITHUB_OUTPUT"):
        with Path(name).open("a", encoding="utf-8") as out:
            out.write(f"result={RESULTS.get(code, 'error')}\nexit-code={code}\n")


def _annotate(argv: Sequence[str], code: int, env: Mapping[str, str]) -> None:
    """A line that GitHub shows at the top of the run."""
    if code == PASS:
        return
    kind = "warning" if code == INCONCLUSIVE and env.get("INCONCLUSIVE") == "warn" else "error"
    what = " ".join(one for one in argv if not one.startswith("-"))
    said = {REGRESSION: "regression", INCONCLUSIVE: "inconclusive", BAD_INPUT: "bad input, or a host that does not do"}
    print(f"::{kind} title=knative-chaos::{_escaped(what)}: {said.get(code, f'ended with {code}')}", flush=True)


def _escaped(text: str) -> str:
    """As GitHub's commands want it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def chaos(argv: Sequence[str]) -> int:
    """Run the command of the checkout's own environment.

    Ended by a polite signal it is inconclusive, as after Ctrl-C. Any other signal (SIGKILL where memory is short) is a crash, and
    so is an environment that is not there.
    """
    print(f"::group::knative-chaos {_escaped(' '.join(argv))}", flush=True)
    try:
        code = subprocess.run([str(ROOT / ".venv" / "bin" / "knative-chaos"), *argv], check=False).returncode
    except OSError as error:
        print(f"::error title=knative-chaos::{_escaped(f'No environment to run in; make venv makes it: {error}')}", flush=True)
        code = CRASH
    print("::endgroup::", flush=True)
    return code if code >= 0 else INCONCLUSIVE if -code in POLITE else CRASH


def main(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """See the top of this file."""
    verb, *rest = argv or [""]
    try:
        if verb == "matrix" and len(rest) == 1:
            print(f"versions={json.dumps(matrix(rest[0]), separators=(',', ':'))}")
        elif verb == "place" and not rest:
            key, prefix = cache_key(ROOT, (env.get(name, "") for name in ("KNATIVE_VERSION", "BASE", "HEAD")))
            print(f"root={ROOT}\nkey={key}\nprefix={prefix}")
        elif verb == "measure" and not rest:
            return measure(env, chaos)
        elif verb == "down" and not rest:
            return chaos(["down"])
        else:
            raise BadInput('Write one of: matrix "1.17..1.23", place, measure, down.')  # noqa: TRY301 - one place for all bad input
    except BadInput as error:
        print(f"::error title=knative-chaos::{_escaped(str(error))}", file=sys.stderr, flush=True)
        return BAD_INPUT
    return PASS


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
