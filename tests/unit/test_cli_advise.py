"""What `knative-chaos advise` prints, and its exit codes."""

from __future__ import annotations

import io
import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from harness.cli import main
from harness.errors import ExitCode

RISKY = """\
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: shop}
spec:
  template:
    spec:
      containers:
        - image: own:1
          livenessProbe: {httpGet: {path: /healthz}, periodSeconds: 1, initialDelaySeconds: 10}
"""
FINE = RISKY + "          readinessProbe: {httpGet: {path: /healthz}, periodSeconds: 1, failureThreshold: 1}\n"


def ended(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The exit code of this command."""
    monkeypatch.setattr(sys, "argv", ["knative-chaos", "advise", *words])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A Service with a liveness probe alone."""
    place = tmp_path / "shop.yaml"
    place.write_text(RISKY, encoding="utf-8")
    return place


def test_a_risk_is_shown_with_its_line_the_window_and_a_patch(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], file: Path
) -> None:
    """D is open until --boot-seconds names it; the patch is one line for kubectl."""
    assert ended(monkeypatch, str(file)) == ExitCode.REGRESSION
    said = capsys.readouterr().out
    assert re.search(
        r"refused   for D \+ .* to D \+ .* s: 50 x D \+ \d+ to 50 x D \+ \d+ requests\n +at most .*: \d+ to \d+ requests", said
    )
    assert f"RISK liveness-alone ({file}:9, container user-container)" in said
    assert "measured: S1 (run " in said
    command = next(line for line in said.splitlines() if "kubectl patch" in line)
    (patch,) = json.loads(command.partition("--patch '")[2].removesuffix("'"))
    assert patch["path"] == "/spec/template/spec/containers/0/readinessProbe"
    assert ended(monkeypatch, str(file), "--boot-seconds", "5", "--rate", "100") == ExitCode.REGRESSION
    assert re.search(r"refused   for 5\.\d\d to [56]\.\d\d s: 5\d\d to [56]\d\d requests", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (FINE, ExitCode.PASS, "No measured risk was found."),
        (
            RISKY.replace("httpGet: {path: /healthz}", "exec: {command: [x]}"),
            ExitCode.INCONCLUSIVE,
            "No verdict: no scenario has measured such a restart",
        ),
        (RISKY + "          stdin: true\n", ExitCode.BAD_INPUT_OR_HOST, "stdin:10: "),
    ],
    ids=["no risk", "not judged", "refused"],
)
def test_the_exit_code_says_what_was_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str, code: ExitCode, said: str
) -> None:
    """From standard input. What cannot be judged is no pass."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    assert ended(monkeypatch, "-") == code
    assert said in capsys.readouterr().out


def test_json_holds_the_same(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], file: Path) -> None:
    """One object, for the version that is asked for."""
    assert ended(monkeypatch, str(file), "--json", "--kn-version", "1.14") == ExitCode.REGRESSION
    whole = json.loads(capsys.readouterr().out)
    assert (whole["name"], whole["knative"], whole["measured_on"]) == ("shop", "1.14", "1.23")
    assert [(one["name"], one["line"]) for one in whole["risks"]] == [("liveness-alone", 9)]
    assert whole["cost"]["refused"]["plus_boot"] is True


@pytest.mark.parametrize("words", [("--boot-seconds", "-1"), ("--kn-version", "0.26"), ("--rate", "many")])
def test_bad_options(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], file: Path, words: tuple[str, ...]
) -> None:
    """One line and the exit code of bad input."""
    assert ended(monkeypatch, str(file), *words) == ExitCode.BAD_INPUT_OR_HOST
    assert capsys.readouterr().err.startswith("knative-chaos: ")


TWO = f"{RISKY}---\n{FINE.replace('name: shop', 'name: cart')}"


def test_each_service_of_a_file_is_judged(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is the gravest, the lines are those of the file, and --name takes one of them."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(TWO))
    assert ended(monkeypatch, "-") == ExitCode.REGRESSION
    said = capsys.readouterr().out
    assert [line.partition(",")[0] for line in said.splitlines() if line.startswith("Service ")] == ["Service shop", "Service cart"]
    assert "No measured risk was found." in said
    monkeypatch.setattr(sys, "stdin", io.StringIO(TWO))
    assert ended(monkeypatch, "-", "--json") == ExitCode.REGRESSION
    assert [(one["name"], len(one["risks"])) for one in json.loads(capsys.readouterr().out)] == [("shop", 1), ("cart", 0)]
    monkeypatch.setattr(sys, "stdin", io.StringIO(TWO))
    assert ended(monkeypatch, "-", "--json", "--name", "cart") == ExitCode.PASS
    assert json.loads(capsys.readouterr().out)["name"] == "cart"


def test_a_service_that_is_refused_does_not_hide_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its problem has the line of the file."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{TWO}          stdin: true\n"))
    assert ended(monkeypatch, "-") == ExitCode.BAD_INPUT_OR_HOST
    said = capsys.readouterr().out
    assert "RISK liveness-alone (stdin:9" in said
    assert "stdin:21: spec.template.spec.containers[0].stdin: there is no such field." in said


@pytest.mark.parametrize(
    "words",
    [("advise", "FILE", "--verify"), ("run", "liveness-blocked", "--service", "FILE", "--path", "/a b")],
    ids=["advise", "run"],
)
def test_what_measures_one_service_says_how_to_name_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], file: Path, words: tuple[str, ...]
) -> None:
    """The names with their lines, and the same command with a name."""
    file.write_text(TWO, encoding="utf-8")
    given = [str(file) if word == "FILE" else word for word in words]
    monkeypatch.setattr(sys, "argv", ["knative-chaos", *given])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == ExitCode.BAD_INPUT_OR_HOST
    said = capsys.readouterr().err
    assert "The file has 2 Knative Services: shop (line 1), cart (line 11)." in said
    assert f"Fix: {shlex.join(['knative-chaos', *given, '--name', 'shop'])} (or --name cart)." in said
