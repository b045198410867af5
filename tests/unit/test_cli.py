"""Bad input and bad hosts end in one clear line, the fix, and exit code 3; nothing is built or lost before that is known."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.adapters.wait import Look, wait_for
from harness.catalogue import SCENARIOS
from harness.cli import main
from harness.errors import ExitCode

ROOT = Path(__file__).parents[2]
SERVICE = "{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: x}, spec: {template: {spec: {containers: []}}}}"
PYTHON_ONLY = str(Path(sys.executable).parent)


Chaos = Callable[..., "Done"]


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def environment(home: Path, path: str) -> dict[str, str]:
    """An empty state and, unless told otherwise, no engine on PATH."""
    keep = {key: value for key, value in os.environ.items() if key.startswith(("LANG", "LC_", "PYTHON"))}
    return {**keep, "PATH": path, "HOME": str(home), "KNATIVE_CHAOS_HOME": str(home / "state")}


@pytest.fixture
def chaos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Chaos:
    """The command, in this process: to start one anew for each of these takes a second of a core."""

    def called(*args: str, path: str = PYTHON_ONLY) -> Done:
        monkeypatch.chdir(ROOT)
        for name in set(os.environ) - set(kept := environment(tmp_path, path)):
            monkeypatch.delenv(name)
        for name, value in kept.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["knative-chaos", *args])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        return Done(int(ended.value.code or 0), said.out, said.err)

    return called


def test_the_command_is_a_program(tmp_path: Path) -> None:
    """As a user starts it: the exit code and the one line reach the shell. What only some commands need was not loaded."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "harness", "down"],
        cwd=ROOT,
        env=environment(tmp_path, PYTHON_ONLY),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert "docker" in refused(Done(done.returncode, done.stdout, done.stderr)).lower()
    loaded = {
        line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines() if line.startswith("import time:")
    }
    assert "typer" in loaded
    assert loaded.isdisjoint({"kubernetes", "httpx", "duckdb", "scipy", "h2"})


def refused(done: Done) -> str:
    """The one line; the checks every refusal has to pass."""
    assert done.returncode == ExitCode.BAD_INPUT_OR_HOST, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("knative-chaos: ")]
    assert len(lines) == 1, done.stderr
    return lines[0]


def program(folder: Path, name: str, *says: str, code: int) -> None:
    """A stand-in program that says something on stderr and ends."""
    folder.mkdir(exist_ok=True)
    echo = "".join(f"echo '{line}' >&2\n" for line in says)
    (folder / name).write_text(f"#!/bin/sh\n{echo}exit {code}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


def test_the_scenarios_are_listed(chaos: Chaos) -> None:
    """Each with its title."""
    lines = chaos("scenarios").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(SCENARIOS)
    assert lines[0] == f"S1    {SCENARIOS['S1'].title}"


def test_the_parser_says_where_the_arguments_are_listed(chaos: Chaos) -> None:
    """Its own complaints name no way out."""
    line = refused(chaos("diff", "--base", "1.23"))
    assert "Missing" in line
    assert line.endswith("Fix: knative-chaos diff --help")
    assert refused(chaos("no-such-command")).endswith("Fix: knative-chaos --help")


def test_cells_are_decided_again_where_there_are_some(chaos: Chaos, tmp_path: Path) -> None:
    """A fresh clone has no evidence below artifacts; an empty matrix, and exit code 0, would look as if it had."""
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "empty", tmp_path / "gone"):
        line = refused(chaos("corpus", "--analyze", "--corpus", str(place)))
        assert f"There is no evidence in {place}" in line
        assert "Fix: Make it on a cluster" in line
    assert not (tmp_path / "gone").exists()


def test_no_engine(tmp_path: Path, chaos: Chaos) -> None:
    """What is missing is named, and how to get it."""
    line = refused(chaos("down"))
    assert "docker" in line.lower()
    assert "podman" in line.lower()
    assert "Fix:" in line


def test_an_engine_without_rights(tmp_path: Path, chaos: Chaos) -> None:
    """A daemon that may not be spoken to is another trouble than a missing one, with another fix."""
    says = "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock"
    program(tmp_path / "bin", "docker", says, code=1)
    line = refused(chaos("down", "--kn-engine", "docker", path=f"{tmp_path / 'bin'}:/usr/bin:/bin"))
    assert "right" in line or "permission" in line.lower() or "may not" in line
    assert "Fix:" in line


@pytest.mark.parametrize("version", ["9.99", "latest", "1.23; rm -rf /"])
def test_an_unknown_version(tmp_path: Path, version: str, chaos: Chaos) -> None:
    """Refused before anything is looked for or installed."""
    line = refused(chaos("run", "N1", "--kn-version", version))
    assert version in line
    assert "those are 1.N or 1.N.P" in line
    assert not (tmp_path / "state" / "cache").exists()


@pytest.mark.parametrize(
    ("versions", "why"),
    [
        (["1.23", "v0.50"], "two arms"),
        (["1.23", "1.6"], "no expectation for Knative 1.6.0"),
        (["1.23", "new"], "not a Knative version"),
    ],
)
def test_versions_that_cannot_be_compared(chaos: Chaos, tmp_path: Path, versions: list[str], why: str) -> None:
    """Said before a cluster is made: two spellings are one version, and of an old one nothing is expected."""
    line = refused(chaos("compare", "S1", *(word for text in versions for word in ("--kn-version", text))))
    assert why in line
    assert not (tmp_path / "state" / "cache").exists()


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("run", "S1", "--kn-version", "path:{tmp}"), "not a checkout of Knative Serving: it has no go.mod"),
        (("up", "--kn-version", "path:testapps/queue-proxies"), "its go.mod is that of the module knative-chaos.dev/queue-proxies"),
        (("run", "S1", "--queue-proxy", "path:{tmp}/none"), "does not exist"),
        (
            ("run", "S1", "--kn-version", "1.17", "--queue-proxy", "path:testapps/queue-proxies/holding"),
            "Knative 1.17.0 is v0.44.0",
        ),
        (("up", "--queue-proxy", "testapps/queue-proxies/holding"), "Write path:DIR."),
        (("compare", "S1", "--queue-proxy", "path:{tmp}"), "there is no go.mod in it or above it"),
        (("diff", "S1", "--base", "1.23", "--head", "path:{tmp}"), "not a checkout of Knative Serving"),
    ],
)
def test_sources_of_ones_own_that_cannot_be_used(chaos: Chaos, tmp_path: Path, args: tuple[str, ...], why: str) -> None:
    """One line, and nothing was made."""
    assert why in refused(chaos(*(word.format(tmp=tmp_path) for word in args)))
    assert not (tmp_path / "state" / "cache").exists()


def test_two_queue_proxies_of_one_name_are_two_arms_of_one_name(chaos: Chaos, tmp_path: Path) -> None:
    """Said before anything is built."""
    for place in ("a", "b"):
        shutil.copytree(ROOT / "testapps/queue-proxies", tmp_path / place)
    (tmp_path / "b/holding/more.go").write_text("package main\n", encoding="utf-8")
    swaps = [word for place in ("a", "b") for word in ("--queue-proxy", f"path:{tmp_path}/{place}/holding")]
    assert "Two arms are called 's1-1.23.0-holding'" in refused(chaos("compare", "S1", *swaps))


def test_a_scenario_is_not_compared_with_itself(chaos: Chaos) -> None:
    """One arm is no comparison, nor is the same one twice; every scenario must exist."""
    assert "two arms" in refused(chaos("compare", "N1"))
    assert "Two arms are called 'n1'" in refused(chaos("compare", "N1", "--with", "n1"))
    assert "no scenario 'S77'" in refused(chaos("compare", "N1", "--with", "S77"))


def test_an_unknown_scenario(tmp_path: Path, chaos: Chaos) -> None:
    """The known ones are named."""
    assert "S1, N1" in refused(chaos("run", "S77"))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("a: [1", "YAML"),
        ("just words", "Service"),
        (SERVICE, "container"),
        (
            SERVICE.replace("[]", "[{image: toggle, ports: [{containerPort: 1}, {containerPort: 2}]}]"),
            "port",
        ),
    ],
    ids=["not YAML", "no Service", "no container", "two ports"],
)
def test_a_manifest_that_is_no_service(tmp_path: Path, text: str, word: str, chaos: Chaos) -> None:
    """Said before a cluster is made."""
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    line = refused(chaos("run", "S1", "--service", str(tmp_path / "mine.yaml")))
    assert word in line
    assert "Fix:" in line


def test_a_manifest_that_is_not_there(tmp_path: Path, chaos: Chaos) -> None:
    """One line instead of a FileNotFoundError."""
    assert "cannot be read" in refused(chaos("run", "S1", "--service", str(tmp_path / "none.yaml")))


def test_a_context_that_is_not_ours(tmp_path: Path, chaos: Chaos) -> None:
    """Whatever the user's kubeconfig points at, only a cluster we made is touched."""
    line = refused(chaos("run", "S1", "--kn-context", "production"))
    assert "production" in line
    assert "not of a cluster of ours" in line


def test_artifacts_that_cannot_be_written(tmp_path: Path, chaos: Chaos) -> None:
    """Found out before a cluster is made, not after the first cycle."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    line = refused(chaos("run", "S1", "--kn-artifacts", str(tmp_path / "file")))
    assert str(tmp_path / "file") in line
    assert "Fix:" in line


@pytest.mark.parametrize(
    "words",
    [
        ("corpus", "--kn-version", "1.23", "--bug", "B8", "--corpus", "{file}"),
        ("corpus", "--analyze", "--corpus", "{file}"),
        ("corpus", "--analyze", "--corpus", "{gone}"),
        ("corpus", "--analyze", "--corpus", "tests/corpus/evidence", "--page", "{file}/page.md"),
        ("bisect", "B8", "--old", "1.17", "--new", "1.18", "--corpus", "{file}"),
    ],
    ids=" ".join,
)
def test_a_corpus_or_page_that_cannot_be_kept_there(tmp_path: Path, words: tuple[str, ...], chaos: Chaos) -> None:
    """Said before anything is examined, and nothing is left of the attempt."""
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    places = {"file": str(tmp_path / "file"), "gone": str(tmp_path / "gone")}
    done = chaos(*(word.format(**places) for word in words))
    assert done.returncode == ExitCode.BAD_INPUT_OR_HOST
    assert refused(done)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_search_on_a_host_without_an_engine_stores_nothing(tmp_path: Path, chaos: Chaos) -> None:
    """What is wrong with the host is no evidence about a release."""
    done = chaos("bisect", "B8", "--old", "1.17", "--new", "1.18", "--corpus", str(tmp_path / "corpus"))
    assert done.returncode == ExitCode.BAD_INPUT_OR_HOST
    assert "No container engine" in done.stderr.splitlines()[-1]
    assert not list(tmp_path.rglob("*.json"))


def test_an_option_that_does_not_exist(tmp_path: Path, chaos: Chaos) -> None:
    """Bad input like any other."""
    assert "--nope" in refused(chaos("run", "S1", "--nope"))


@pytest.mark.parametrize("what", ["empty", "missing", "file"])
def test_analyze_of_something_that_is_no_run(tmp_path: Path, what: str, chaos: Chaos) -> None:
    """Says so, and what a run directory looks like."""
    place = tmp_path / what
    if what == "empty":
        place.mkdir()
    elif what == "file":
        place.write_text("x", encoding="utf-8")
    assert "Fix:" in refused(chaos("analyze", str(place)))


def test_doctor_names_what_is_missing_and_the_fix(tmp_path: Path, chaos: Chaos) -> None:
    """Nothing is changed by looking."""
    done = chaos("doctor")
    assert done.returncode == ExitCode.BAD_INPUT_OR_HOST
    assert "MISS engine" in done.stdout
    assert "fix:" in done.stdout


def test_ctrl_c_before_anything_was_measured(tmp_path: Path) -> None:
    """Exit code 2, one line, no traceback: here while `up` waits for an engine that never answers."""
    program(tmp_path / "bin", "docker", code=0)
    asked = tmp_path / "asked"
    (tmp_path / "bin" / "docker").write_text(f"#!/bin/sh\n: > '{asked}'\nexec sleep 600\n", encoding="utf-8")
    # Who runs the tests in the background of a shell without job control hands Ctrl-C down ignored.
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); import harness.__main__"
    with subprocess.Popen(
        [sys.executable, "-c", heeding, "up", "--kn-engine", "docker"],
        cwd=ROOT,
        env={
            "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin",
            "HOME": str(tmp_path),
            "KNATIVE_CHAOS_HOME": str(tmp_path / "state"),
        },
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as child:

        def look() -> Look[bool]:
            assert child.poll() is None, child.communicate()
            return Look(asked.exists() or None, "the engine was not asked")

        wait_for("a question to the engine", look, within_s=120)
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=120)
    assert child.returncode == ExitCode.INCONCLUSIVE, said
    assert "interrupted" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("ending", "begins"), [(".csv", b"scenario,"), (".json", b"["), (".parquet", b"PAR1"), (".txt", b"scenario  run")]
)
def test_the_ending_of_a_query_s_file_says_how_it_is_written(tmp_path: Path, ending: str, begins: bytes, chaos: Chaos) -> None:
    """Who names a file o.csv wants CSV, not a table cut at 200 rows."""
    out = tmp_path / f"o{ending}"
    recording = Path(__file__).parents[1] / "data" / "n1-knative-1.23"
    done = chaos("query", str(recording), "SELECT scenario, run FROM runs", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert out.read_bytes().startswith(begins)


PROBED = """\
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: shop}
spec:
  template:
    spec:
      containers:
        - image: own:1
          livenessProbe: {httpGet: {path: /healthz, port: 8081}, periodSeconds: 2}
          envFrom: [{secretRef: {name: db}}]
"""


def test_probes_are_shown_without_a_cluster(tmp_path: Path, chaos: Chaos, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a file and from standard input: who asks, when it acts, the line, and what Knative changed."""
    (tmp_path / "mine.yaml").write_text(PROBED, encoding="utf-8")
    done = chaos("probes", str(tmp_path / "mine.yaml"))
    assert done.returncode == 0, done.stderr
    (liveness,) = [
        line.split("  ") for line in done.stdout.splitlines() if line.startswith("user-container") and "liveness" in line
    ]
    cells = [cell.strip() for cell in liveness if cell.strip()]
    assert cells == ["user-container", "liveness", "kubelet", "HTTP :8080 /healthz", "every 2 s", "4 to 7 s", "9"]
    assert "port 8081 became 8080" in done.stdout
    assert "note: WARNING port-replaced: The liveness probe is written for port 8081" in done.stdout
    assert "needs Secret db (line 10), which is not in this file" in done.stdout
    monkeypatch.setattr(sys, "stdin", io.StringIO(PROBED))
    assert chaos("probes", "-").stdout == done.stdout


def test_advice_without_a_rate_is_refused(tmp_path: Path, chaos: Chaos) -> None:
    """Its numbers of requests would all be 0."""
    (tmp_path / "mine.yaml").write_text(PROBED, encoding="utf-8")
    for rate in ("0", "inf"):
        assert f"--rate is {rate}" in refused(chaos("advise", str(tmp_path / "mine.yaml"), "--rate", rate))


def test_probes_as_json(tmp_path: Path, chaos: Chaos) -> None:
    """Each value with its line, null for a default."""
    (tmp_path / "mine.yaml").write_text(PROBED, encoding="utf-8")
    whole = json.loads(chaos("probes", str(tmp_path / "mine.yaml"), "--json", "--kn-version", "1.17").stdout)
    liveness = next(one for one in whole["probes"] if one["kind"] == "liveness")
    assert (whole["knative"], whole["refused"], liveness["line"]) == ("1.17", [], 9)
    assert liveness["period_s"] == {"value": 2, "line": 9}
    assert liveness["timeout_s"] == {"value": 1, "line": None}
    assert whole["needs"] == [{"kind": "Secret", "name": "db", "line": 10, "in_file": False}]


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
def test_probes_of_a_manifest_that_is_refused(tmp_path: Path, chaos: Chaos, form: tuple[str, ...]) -> None:
    """Exit code 3; each problem with its line, who refuses it, and the fix."""
    (tmp_path / "mine.yaml").write_text(
        PROBED + "          startupProbe: {httpGet: {path: /x}}\n          stdin: true\n", encoding="utf-8"
    )
    done = chaos("probes", str(tmp_path / "mine.yaml"), *form)
    assert done.returncode == ExitCode.BAD_INPUT_OR_HOST
    if form:
        found = [(one["line"], one["by"], one["place"]) for one in json.loads(done.stdout)["refused"]]
        place = "spec.template.spec.containers[0]"
        assert found == [(11, "deployment", f"{place}.startupProbe.httpGet"), (12, "schema", f"{place}.stdin")]
    else:
        assert "mine.yaml:12: spec.template.spec.containers[0].stdin: there is no such field." in done.stdout
        assert "fix: Leave it out: Knative switches it off." in done.stdout


def test_probes_of_what_is_no_manifest(tmp_path: Path, chaos: Chaos) -> None:
    """One line, like everything else that cannot be used."""
    (tmp_path / "mine.yaml").write_text("a: [", encoding="utf-8")
    said = refused(chaos("probes", str(tmp_path / "mine.yaml")))
    assert "not YAML" in said
    assert "in mine.yaml, line 2" in said
    (tmp_path / "mine.yaml").write_text(PROBED, encoding="utf-8")
    assert "not known here" in refused(chaos("probes", "--kn-version", "0.26", str(tmp_path / "mine.yaml")))


@pytest.mark.parametrize(
    ("container", "said"),
    [
        ("env: [{name: TOGGLE_STARTUP_DELAY, value: '100'}]", "listens 100 s after its start, and the recovery is waited for 90 s"),
        ("resources: {limits: {cpu: '4000'}}", "asks for 4e+03 CPUs"),
        ("resources: {requests: {memory: 900Ti}}", "GiB of memory, and this machine has"),
    ],
    ids=["slow", "cpu", "memory"],
)
def test_a_service_that_would_never_stand_is_refused_before_the_build(
    tmp_path: Path, container: str, said: str, chaos: Chaos
) -> None:
    """Not after two minutes of waiting."""
    text = PROBED.replace("own:1", "toggle").replace(", port: 8081", "").replace("envFrom: [{secretRef: {name: db}}]", container)
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    assert said in refused(chaos("run", "S1", "--service", str(tmp_path / "mine.yaml")))


def test_all_problems_of_a_service_are_listed_before_the_build(tmp_path: Path, chaos: Chaos) -> None:
    """The API server's, the webhook's and the harness's own, each with its line and fix; the first is the error."""
    (tmp_path / "mine.yaml").write_text(
        f"{PROBED}          stdin: true\n          ports: [{{containerPort: 8012}}]\n", encoding="utf-8"
    )
    done = chaos("run", "S1", "--service", str(tmp_path / "mine.yaml"))
    assert "needs Secret db" in refused(done)
    assert "2 more problems follow." in refused(done)
    assert [line.partition(": ")[0].rpartition(":")[2] for line in done.stderr.splitlines() if "[refused by" in line] == [
        "11",
        "12",
    ]
    assert done.stderr.count("    fix: ") == 2
