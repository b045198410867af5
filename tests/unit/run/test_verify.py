"""A Service before and after a change: two arms that differ in the change alone, and what is read of their runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import jsonschema
import pytest

from harness.advise.schema import schema
from harness.cli import advise as advise_module
from harness.cli import main
from harness.deploy import workload_of
from harness.deploy.workload import objects_of
from harness.errors import BadInput, ExitCode
from harness.model import Bracket, CycleFindings, Latency
from harness.run import Ask, Compared, Side, require_comparable
from harness.run.verify import AFTER, BEFORE, changed, median_boot_s, restarts_of, sides_of
from tests.unit.judge.cases import NOT_LANDED, calm, cycle

SERVICE = """\
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: shop}
spec:
  template:
    spec:
      containers:
        - image: own:1
          envFrom: [{configMapRef: {name: site}}]
          livenessProbe: {httpGet: {path: /healthz}, periodSeconds: 1, initialDelaySeconds: 10}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: site}
data: {region: north}
"""
PATCH = ({"op": "add", "path": "/spec/template/spec/containers/0/readinessProbe", "value": {"httpGet": {"path": "/healthz"}}},)
BOOT = {
    "container-started": Bracket(4_000_000_000, 4_100_000_000, "containerd", 1000),
    "listening": Bracket(4_200_000_000, 4_220_000_000, "sockets", 1000),
}
RESTARTED: Mapping[str, Any] = {"anatomy": BOOT, "refused_window": (10**9, 3 * 10**9), "latency": Latency(0.3, 0.002, 0)}


def measured(before: Sequence[CycleFindings], after: Sequence[CycleFindings]) -> Compared:
    """An experiment of one run an arm, of which only the findings are read."""
    runs = {
        label: (cast("Any", SimpleNamespace(findings=SimpleNamespace(cycles=cycles))),)
        for label, cycles in ((BEFORE, before), (AFTER, after))
    }
    return Compared(cast("Any", None), Path("artifacts/advise/x"), runs)


def test_the_arms_differ_in_the_change_alone() -> None:
    """Documents, load and claims are the same otherwise; the objects beside the Service stay."""
    workload = workload_of(SERVICE)
    before, after = sides_of(workload, PATCH, cycles=2, rate_rps=20)
    assert before.workload == workload
    assert after.workload is not None
    one, other = objects_of(workload), objects_of(after.workload)
    assert other[0]["spec"]["template"]["spec"]["containers"][0].pop("readinessProbe") == PATCH[0]["value"]
    assert one == other
    assert (before.label, after.label) == (BEFORE, AFTER)
    same = replace(after.scenario, service=before.scenario.service)
    assert same == before.scenario
    assert before.scenario.load.rate_rps == 20
    assert {claim.check for claim in before.scenario.claims} == {"requests-do-not-fail", "container-restarts-once"}


def test_what_the_fault_cannot_hit_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    """The packets of an exec probe are nobody's."""
    text = SERVICE.replace("httpGet: {path: /healthz}", "exec: {command: [x]}")
    sides = sides_of(workload_of(text), PATCH, cycles=2, rate_rps=20)
    with pytest.raises(BadInput, match="cannot land"):
        require_comparable(sides, Ask(), tmp_path)
    assert require_comparable(sides_of(workload_of(SERVICE), PATCH, cycles=2, rate_rps=20), Ask(), tmp_path)


def test_a_patch_that_does_not_fit_is_no_change() -> None:
    """It would measure the same Service twice."""
    with pytest.raises(KeyError):
        changed(workload_of(SERVICE), ({"op": "add", "path": "/spec/none/x", "value": 1},))


def test_what_each_restart_cost_is_read_of_the_counted_cycles() -> None:
    """Requests, seconds and the start-up time; what the evidence does not decide is None."""
    voided = cycle(1, voided="late", **RESTARTED)
    open_one = cycle(2, unknown={"ledger": "2 unattributed"}, latency=None)
    done = measured([cycle(0, **RESTARTED), voided, open_one], [calm(0, latency=Latency(7.5, 0.01, 200))])
    first, second = restarts_of(done, BEFORE)
    assert (first.failed, first.refused_s, first.slowest_s, first.boot_s) == (10, 2.0, 0.3, 0.16)
    assert (second.failed, second.refused_s, second.slowest_s, second.boot_s) == (None, None, None, None)
    (after,) = restarts_of(done, AFTER)
    assert (after.failed, after.refused_s, after.slowest_s) == (0, 0.0, 7.5)
    assert median_boot_s([first, second, after]) == 0.16
    assert median_boot_s([second]) is None


UNDECIDED = cycle(0, unknown={"ledger": "2 unattributed"})
NOT_HIT = calm(0, landed=NOT_LANDED)

Ended = Callable[..., int]


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Ended:
    """Runs `advise --verify` of SERVICE with this experiment in place of a measured one; its exit code."""

    def called(done: Compared, *words: str, text: str = SERVICE) -> int:
        def compared(name: str, pairs: Sequence[tuple[Side, object]], **_given: object) -> Compared:
            assert (name, [side.label for side, _ in pairs]) == ("advise", [BEFORE, AFTER])
            return done

        file = tmp_path / "shop.yaml"
        file.write_text(text, encoding="utf-8")
        monkeypatch.setenv("KNATIVE_CHAOS_HOME", str(tmp_path / "home"))
        monkeypatch.setattr(advise_module, "worlds", lambda sides, *_args, **_given: [(side, None) for side in sides])
        monkeypatch.setattr(advise_module, "loaded", lambda *_args: None)
        monkeypatch.setattr(advise_module, "compare", compared)
        monkeypatch.setattr(sys, "argv", ["knative-chaos", "advise", str(file), "--verify", "--artifacts", str(tmp_path), *words])
        with pytest.raises(SystemExit) as left:
            main()
        return int(left.value.code or 0)

    return called


def test_both_are_shown_beside_what_is_predicted(ended: Ended, capsys: pytest.CaptureFixture[str]) -> None:
    """With the start-up time that was measured."""
    done = measured([cycle(index, **RESTARTED) for index in range(2)], [calm(0, **{**RESTARTED, "refused_window": None})])
    assert ended(done) == ExitCode.REGRESSION
    said = capsys.readouterr().out
    assert "MEASURED change 1 of liveness-alone (artifacts/advise/x)" in said
    assert "D         0.16 s, the median of 3 restarts" in said
    assert "before    10, 10 requests failed; refused for 2.00, 2.00 s; the slowest answer took 0.30, 0.30 s" in said
    assert "    predicted refused   for 0." in said
    after = said[said.index("  after     0 requests failed; refused for 0.00 s") :]
    assert after.splitlines()[1].startswith("    predicted refused   for 0.00 to 0.")


def test_the_measurement_is_in_the_json(ended: Ended, capsys: pytest.CaptureFixture[str]) -> None:
    """It fits the schema; D is null if no restart showed it."""
    done = measured([cycle(0)], [calm(0)])
    assert ended(done, "--json", "--change", "2") == ExitCode.REGRESSION
    whole = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(schema()).validate(whole)
    assert (whole["verified"]["change"], whole["verified"]["boot_s"]) == (2, None)
    assert whole["verified"]["predicted_after"]["refused_at_most"]["plus_boot"] is False


@pytest.mark.parametrize("arms", [([UNDECIDED, UNDECIDED], [calm(0)]), ([cycle(0)], [UNDECIDED]), ([cycle(0)], [NOT_HIT])])
def test_restarts_that_decide_nothing_are_no_measurement(ended: Ended, arms: tuple[list[CycleFindings], ...]) -> None:
    """The cause of the failed requests is not known, or the fault is not proved to have landed."""
    assert ended(measured(*arms)) == ExitCode.INCONCLUSIVE


def test_a_start_up_time_that_no_restart_showed_is_the_asked_one(ended: Ended, capsys: pytest.CaptureFixture[str]) -> None:
    """So the prediction stays one in seconds."""
    assert ended(measured([cycle(0)], [calm(0)]), "--boot-seconds", "4") == ExitCode.REGRESSION
    said = capsys.readouterr().out.partition("MEASURED")[2]
    assert "D         not known" in said
    assert "predicted refused   for 4." in said


@pytest.mark.parametrize(
    ("words", "text", "code", "why"),
    [
        (("--change", "9"), SERVICE, ExitCode.BAD_INPUT_OR_HOST, "--change is 9"),
        ((), SERVICE.replace("periodSeconds: 1, ", "periodSeconds: 1, failureThreshold: 3, ") + "", ExitCode.INCONCLUSIVE, ""),
        ((), SERVICE.replace("livenessProbe", "readinessProbe"), ExitCode.BAD_INPUT_OR_HOST, "no change to verify"),
        (("--image", "other:1"), SERVICE, ExitCode.BAD_INPUT_OR_HOST, "no image other:1"),
    ],
    ids=["no such change", "an arm without a cycle", "no risk", "no such image"],
)
def test_what_cannot_be_verified(
    ended: Ended, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], text: str, code: ExitCode, why: str
) -> None:
    """One line before anything is built; without a counted cycle of both arms nothing is verified."""
    assert ended(measured([cycle(0)], []), *words, text=text) == code
    assert why in capsys.readouterr().err
