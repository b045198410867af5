"""What a bundle measured is measured again as it was, or it is said why not; both results stand side by side."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness import report
from harness.adapters.here import Here
from harness.catalogue import S1
from harness.cli import main
from harness.cli import reproduce as command
from harness.errors import BadInput, ExitCode, HistoryError
from harness.history import archive
from harness.model import FaultSpec, KnativeVersion, LoadPlan, RunSpec, Stack, SystemChange, WorkloadKind
from harness.report.beside import rows
from harness.run import Run, analyse_again, require_runnable
from harness.run.bundling import bundle
from harness.run.reproducing import Recorded, again, recorded, stack_differences

DATA = Path(__file__).parents[2] / "data"
VERSION = KnativeVersion.parse("1.23")
STACK = Stack("1.23.0", "module", "v1.34.4", "net-kourier v0.48.0", "go1.26.8", ("a:1", "b:2"), ())

OWN = """\
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: mine}
spec: {template: {spec: {containers: [{image: toggle, livenessProbe: {httpGet: {path: /healthz}}}]}}}
"""


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of S1."""
    return bundle(DATA / "s1-knative-1.23", tmp_path_factory.mktemp("bundle") / "s1.zip", here=Here()).path


@pytest.fixture(scope="module")
def before(packed: Path) -> Recorded:
    """What is in it."""
    return recorded(packed)


def analysed(name: str, place: Path) -> Run:
    """A recording, as if it had just been measured."""
    return analyse_again(shutil.copytree(DATA / name, place / name))


def with_spec(before: Recorded, **changes: Any) -> Recorded:
    """The same of another procedure."""
    return replace(before, meta=replace(before.meta, spec=replace(before.meta.spec, **changes)))


def test_the_history_is_analysed_and_nothing_is_left(before: Recorded) -> None:
    """What the bundle says of itself is not believed; its directory is gone."""
    assert before.run.verdict.ruling.value == "pass"
    assert not before.run.directory.exists()
    assert before.version == VERSION


def test_a_scenario_of_the_catalogue_is_measured_as_such(before: Recorded, tmp_path: Path) -> None:
    """With the bundle's seed and number of cycles, or another number."""
    asked = again(before, VERSION)
    assert asked.scenario == replace(S1, cycles=before.meta.spec.cycles)
    assert (asked.workload, asked.notes) == (None, ())
    assert asked.seed == int(before.meta.host["phase_seed"])
    assert again(before, VERSION, cycles=2).scenario.cycles == 2
    assert require_runnable(asked.scenario, VERSION, tmp_path).scenario == "S1"


@pytest.mark.parametrize(
    "changes",
    [{"load": LoadPlan(rate_rps=10)}, {"fault": FaultSpec("exit")}, {"claims": ()}, {"steady_s": 9.0}],
    ids=["load", "fault", "claims", "times"],
)
def test_what_the_catalogue_has_otherwise_gets_a_name_of_its_own(before: Recorded, tmp_path: Path, changes: dict[str, Any]) -> None:
    """And is measured as the bundle has it, with its own claims."""
    other = with_spec(before, **changes)
    asked = again(other, VERSION)
    assert asked.scenario.name == "S1-bundled"
    assert "another S1" in asked.notes[0]
    spec = require_runnable(asked.scenario, VERSION, tmp_path)
    wanted: RunSpec = replace(other.meta.spec, scenario="S1-bundled", max_replacements=None)
    assert spec == wanted


def test_an_own_scenario_keeps_its_name(before: Recorded) -> None:
    """Nobody takes it for another."""
    assert again(with_spec(before, scenario="mine"), VERSION).scenario.name == "mine"


def test_what_cannot_be_done_again_is_refused(before: Recorded) -> None:
    """One line each."""
    planted = replace(before, meta=replace(before.meta, host={**before.meta.host, "planted": "no_log"}))
    with pytest.raises(BadInput, match="was planted"):
        again(planted, VERSION)
    with pytest.raises(BadInput, match="cannot name a directory"):
        again(with_spec(before, scenario="../x"), VERSION)
    own = replace(before, meta=replace(before.meta, documents=OWN, host={**before.meta.host, "manifest": "the user's own"}))
    with pytest.raises(BadInput, match="does not hold"):
        again(with_spec(own, workload=WorkloadKind.DEPLOYMENT), VERSION)
    nothing = replace(before, meta=replace(before.meta, stack=None, versions={"knative": "new"}))
    with pytest.raises(BadInput, match="no version of Knative"):
        _ = nothing.version


def test_a_users_own_service_is_read_again(before: Recorded) -> None:
    """As carefully as from a file; values that were replaced are spoken of."""
    host = {**before.meta.host, "manifest": "the user's own"}
    own = replace(before, meta=replace(before.meta, documents=OWN, host=host))
    asked = again(own, VERSION)
    assert asked.workload is not None
    assert asked.workload.documents == OWN
    hidden = OWN.replace("{image: toggle", "{env: [{name: TOKEN, value: redacted-secret-1}], image: toggle")
    assert "may not start" in again(replace(own, meta=replace(own.meta, documents=hidden)), VERSION).notes[-1]
    with pytest.raises(BadInput, match="has no Knative Service"):
        again(replace(own, meta=replace(own.meta, documents="kind: Deployment\napiVersion: apps/v1\n")), VERSION)


def test_a_bundle_without_a_seed_says_so(before: Recorded) -> None:
    """Another one is drawn."""
    unseeded = replace(before, meta=replace(before.meta, host={}))
    assert again(unseeded, VERSION).seed is None
    assert "no seed" in again(unseeded, VERSION).notes[0]


@pytest.mark.parametrize(
    "text", ["1.23.0 (checkout serving: commit 3f2a9c1d0b2e)", "1.23.0 (module v0.50.0), queue-proxy holding: files 8ab41c22d0e1"]
)
def test_a_build_of_somebodys_own_is_spoken_of(before: Recorded, text: str) -> None:
    """The release that it is based on is another Knative."""
    own = replace(before, meta=replace(before.meta, versions={**before.meta.versions, "knative": text}))
    assert "which it does not hold" in again(own, VERSION).notes[0]


def test_stacks_are_compared_field_by_field() -> None:
    """The ids first; nothing for equal ones."""
    assert stack_differences(STACK, replace(STACK)) == ()
    assert stack_differences(None, STACK) == ("the bundle does not say what was installed",)
    change = SystemChange("ConfigMap x", "key", None, "on", "why")
    other = replace(STACK, kubernetes="v1.33.0", images=("a:1", "c:3"), changes=(change,))
    told = stack_differences(STACK, other)
    assert told[0] == f"stack: {STACK.id} in the bundle, {other.id} now"
    assert told[1:] == (
        "kubernetes: v1.34.4 in the bundle, v1.33.0 now",
        "images: only in the bundle: b:2; only now: c:3",
        "changes: only in the bundle: none; only now: ConfigMap x key=on",
    )


def test_two_runs_side_by_side(tmp_path: Path) -> None:
    """Each claim with its numbers; a claim or a cause that one of them lacks."""
    one, other = analysed("s1-knative-1.23", tmp_path).summary, analysed("n1-knative-1.23", tmp_path).summary
    table = {name: (left, right) for name, left, right in rows(one, other)}
    assert table["verdict"] == ("pass", "pass")
    assert table["ready-pod-is-not-refused"] == ("broken in 5 of 5; 259 to 264 requests", "not claimed")
    assert table["no-restart"][0] == "not claimed"
    assert table["cause: refused-dial"] == ("1305", "0")
    assert table["refused for"] == ("5.16 to 5.26 s", "never")
    lines = report.beside(one, other)
    assert "bundle" in lines[0]
    assert max(map(len, lines)) <= 110


@pytest.mark.parametrize("same", [True, False])
def test_the_command(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], same: bool
) -> None:
    """It measures with the bundle's seed, prints both and what differs, and ends with the new run's code."""
    seen: dict[str, Any] = {}

    def measure(scenario: Any, world: Any, **how: Any) -> Run:
        seen.update(how, scenario=scenario)
        return analysed("given-up", tmp_path)

    before = recorded(packed)
    stack = before.meta.stack or STACK
    world = SimpleNamespace(stack=SimpleNamespace(stack=stack if same else replace(stack, toolchain="go0")))
    monkeypatch.setattr(command, "recorded", lambda _: replace(before, meta=replace(before.meta, stack=stack)))
    monkeypatch.setattr(command, "prepare", lambda ask, **_: seen.update(ask=ask) or world)
    monkeypatch.setattr(command, "measure", measure)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KNATIVE_CHAOS_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(sys, "argv", ["knative-chaos", "reproduce", str(packed), "--kn-cycles", "1"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().out
    assert ended.value.code == ExitCode.INCONCLUSIVE
    assert seen["scenario"] == replace(S1, cycles=1)
    assert seen["seed"] == int(recorded(packed).meta.host["phase_seed"])
    assert seen["ask"].version == VERSION
    assert "broken in 5 of 5; 259 to 264 requests" in said
    assert "artifacts/latest/S1 leads to this new run now\n" in said
    assert said.splitlines()[-1] == (
        f"stack: {stack.id}, the same" if same else f"toolchain: {stack.toolchain} in the bundle, go0 now"
    )


def test_a_run_that_was_exchanged_in_the_bundle_is_refused(packed: Path, tmp_path: Path) -> None:
    """The plant: N1's run under S1's manifest, its files listed with their digests as `write` does."""
    root = tmp_path / "b"
    archive.unpack(bundle(DATA / "n1-knative-1.23", tmp_path / "n1.zip", here=Here()).path, root)
    (root / archive.MANIFEST).unlink(missing_ok=True)
    archive.write(root, tmp_path / "forged.zip", archive.read_manifest(packed))
    with pytest.raises(BadInput, match=r"MANIFEST\.json is of run .* \(S1, .*; in it is run .* \(N1, "):
        recorded(tmp_path / "forged.zip")


def repacked(packed: Path, place: Path, change: Callable[[Path], object]) -> Path:
    """The bundle with a changed run directory, each file listed with the digest that it has now."""
    archive.unpack(packed, place / "b")
    (place / "b" / archive.MANIFEST).unlink(missing_ok=True)
    change(place / "b" / archive.RUN_BELOW)
    archive.write(place / "b", place / "changed.zip", archive.read_manifest(packed))
    return place / "changed.zip"


AGAIN = "Get it again from whoever made it"


@pytest.mark.parametrize(
    ("change", "why", "fix"),
    [
        (lambda run: (run / "run.json").write_text("{", encoding="utf-8"), r"run\.json is damaged", AGAIN),
        (lambda run: (run / "run.json").unlink(), r"the run directory in it is not a run directory: it has no run\.json", AGAIN),
        (lambda run: (run / "requests.parquet").write_bytes(b"PAR1"), r"requests\.parquet is damaged", AGAIN),
        (lambda run: (run / "closed.json").write_text("[]", encoding="utf-8"), r"closed\.json is damaged", AGAIN),
        (lambda run: edited(run, schema=99), "This history has layout 99", "Read it with the release that wrote it, or a later"),
        (lambda run: edited(run, kind="else"), "is something else", AGAIN),
    ],
    ids=["run.json", "no run.json", "requests", "closed.json", "layout", "kind"],
)
def test_a_wrong_history_under_right_digests_is_said_of_the_bundle(
    packed: Path, tmp_path: Path, change: Callable[[Path], object], why: str, fix: str
) -> None:
    """Not of the directory that it was unpacked to, which is gone when the error is read."""
    changed = repacked(packed, tmp_path, change)
    with pytest.raises(HistoryError, match=why) as told:
        recorded(changed)
    assert told.value.where == str(changed)
    assert told.value.fix.startswith(fix)
    assert "knative-chaos-reproduce-" not in str(told.value)


def edited(run: Path, **keys: object) -> None:
    """run.json with these keys."""
    head = json.loads((run / "run.json").read_text(encoding="utf-8"))
    (run / "run.json").write_text(json.dumps(head | keys), encoding="utf-8")


def test_a_place_that_cannot_be_written_is_not_called_a_missing_bundle(packed: Path) -> None:
    """The archive is there; the directory beside the target cannot be made."""
    with pytest.raises(BadInput, match="cannot be read or unpacked"):
        archive.unpack(packed, Path("/proc/no-such-place/bundle"))
