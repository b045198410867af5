"""Which release changed a bug: over stored and examined cells, in words, and without the ranges that upstream claims."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from harness.catalogue import S1, resolve
from harness.catalogue.bugs import BUGS, Bug
from harness.cli import app
from harness.cli.bisect import ABORT, BAD, GOOD, SKIP, bisect_step
from harness.errors import BadInput, ClusterError, EngineFailed, HarnessError, HostError, ImageError, Interrupted
from harness.judge import judge
from harness.model import (
    BugState,
    Build,
    Cell,
    Claimed,
    Decided,
    Findings,
    KnativeVersion,
    Ledger,
    Seen,
    VersionRange,
)
from harness.run.bisect import candidates, search, searched
from harness.run.surroundings import Surroundings, differences
from harness.sources import KNOWN
from tests.unit.catalogue.test_bugs import cycle

V = KnativeVersion.parse
VERSIONS = candidates(V("1.11"), V("1.23"), KNOWN)

PRESENT, ABSENT, UNSURE = BugState.PRESENT, BugState.ABSENT, BugState.INCONCLUSIVE


def row(states: dict[str, BugState], bug: Bug = BUGS["B8"]) -> Any:
    """Examines in a table: the state of the newest version named that is not newer than the one asked for."""

    def examine(version: KnativeVersion) -> Cell:
        named = max((V(text) for text in states if V(text) <= version), default=version)
        state = next((state for text, state in states.items() if V(text) == named), UNSURE)
        return Cell(bug.id, version.text, "s", Decided(state, f"seen on {version}"), f"{version}-s/trial", 1)

    return examine


def test_the_release_that_fixed_it_with_the_evidence_of_both_sides() -> None:
    """Twelve minors and their patches between the ends: B8 was fixed in 1.18.0."""
    assert len(VERSIONS) > 12
    found = search(BUGS["B8"], VERSIONS, row({"1.11": PRESENT, "1.18": ABSENT}))
    assert (found.old.version, found.new.version) == ("1.17.1", "1.18.0")
    assert found.lines()[0] == "B8 was fixed in 1.18.0: the release before it that can be had is 1.17.1."
    assert "    evidence: 1.17.1-s/trial" in found.lines()
    assert "    evidence: 1.18.0-s/trial" in found.lines()
    assert len(found.cells) <= 8


def test_the_release_that_introduced_it() -> None:
    """The other direction."""
    found = search(BUGS["B8"], VERSIONS, row({"1.11": ABSENT, "1.14": PRESENT}))
    assert found.lines()[0].startswith("B8 was introduced in 1.14.0:")


def test_what_is_skipped_widens_the_interval_and_is_said() -> None:
    """1.17 cannot be built, so nobody knows of it."""
    found = search(BUGS["B8"], VERSIONS, row({"1.11": PRESENT, "1.17": UNSURE, "1.18": ABSENT}))
    assert found.lines()[0] == "B8 was fixed after 1.16.3 and not after 1.18.0."
    assert any(line.startswith("  1.17.0: skipped, inconclusive. seen on 1.17.0") for line in found.lines())


def test_a_release_on_another_kubernetes_is_skipped() -> None:
    """The plant: 1.17.x was examined with another Kubernetes and another app. An end like that is refused."""
    states = {"1.11": PRESENT, "1.18": ABSENT}
    usual = Surroundings(kubernetes="v1.34.4", app="toggle:1")

    def around(cell: Cell) -> Surroundings:
        return Surroundings(kubernetes="v1.33.1", app="toggle:2") if cell.version.startswith("1.17.") else usual

    found = search(BUGS["B8"], VERSIONS, row(states), around=around)
    assert found.lines()[0] == "B8 was fixed after 1.16.3 and not after 1.18.0."
    why = "more than Knative differs: kubernetes: v1.34.4 and v1.33.1; app: toggle:1 and toggle:2"
    assert any(line.startswith("  1.17.0: skipped, inconclusive.") and line.endswith(why) for line in found.lines())
    ends = [V("1.11"), V("1.17.0")]
    with pytest.raises(BadInput, match=r"1\.17\.0: not comparable with 1\.11\.0"):
        search(BUGS["B8"], ends, row(states), around=around)


def test_what_is_not_known_is_no_difference() -> None:
    """Evidence of an earlier release names no node image."""
    assert differences(Surroundings(kubernetes="v1.34.4"), Surroundings(node_image="node:1")) == ()
    assert differences(Surroundings(ingress_images="a"), Surroundings(ingress_images="b")) == ("ingress images: a and b",)


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ({"1.11": PRESENT}, "present on both 1.11.0 and 1.23.0"),
        ({"1.11": BugState.NOT_APPLICABLE, "1.14": PRESENT, "1.18": ABSENT}, "not applicable on 1.11.0"),
        ({"1.11": PRESENT, "1.23": BugState.MASKED}, "masked on 1.23.0"),
    ],
)
def test_ends_that_decide_nothing_are_one_line(states: dict[str, BugState], said: str) -> None:
    """Before anything between them is examined."""
    with pytest.raises(BadInput, match=said) as error:
        search(BUGS["B8"], VERSIONS, row(states))
    assert "\n" not in str(error.value)
    assert ".." not in str(error.value)


@pytest.mark.parametrize("claimed", [None, "any", "1.1-1.3", ">=1.20"])
def test_the_claimed_versions_are_never_read(claimed: str | None) -> None:
    """With falsified ranges the same release is found, and the signature says the same."""
    false = replace(BUGS["B8"], claimed=Claimed(VersionRange.parse(claimed) if claimed else None, "falsified"))
    states = {"1.11": PRESENT, "1.18": ABSENT}
    assert search(false, VERSIONS, row(states, false)).lines() == search(BUGS["B8"], VERSIONS, row(states)).lines()


def test_bad_input_is_one_line() -> None:
    """A name of neither, a claim of a bug, a claim that is not there, ends in the wrong order."""
    for bad in (("nothing", ""), ("B4", "no-restart"), ("S1", "no-such-claim")):
        with pytest.raises(BadInput):
            searched(*bad)
    with pytest.raises(BadInput, match="not older"):
        candidates(V("1.23"), V("1.2"), KNOWN)
    assert candidates(V("1.7"), V("1.7.1"), KNOWN) == (V("1.7"), V("1.7.1"))


def test_a_claim_of_a_scenario_is_searched_on_any_version() -> None:
    """S1 expects nothing of 1.6; a search reads what was observed, so it may be measured there."""
    bug = searched("s1", "ready-pod-is-not-refused")
    assert bug.id == "S1.ready-pod-is-not-refused"
    assert searched("S1").id == f"S1.{S1.claims[0].id}"
    spec = resolve(bug.provoked_by, V("1.2"))  # type: ignore[arg-type]  # of a scenario it is one
    found = Findings((cycle(),), Ledger(0, 0, 0, 0, {}, 0, 0, 0, 0, 0), 0, 0, {}, 50, 1, 1, (), ())
    assert bug.signature(Seen(findings=found, verdict=judge(spec, found), ended=True)).state is PRESENT
    doubt = replace(found, doubts=("the load was late",))
    assert bug.signature(Seen(findings=doubt, verdict=judge(spec, doubt), ended=True)).state is UNSURE, "as its run is"
    none = replace(found, cycles=(cycle(voided="late"),))
    assert bug.signature(Seen(findings=none, verdict=judge(spec, none), ended=True)).state is UNSURE


def stepped(
    monkeypatch: pytest.MonkeyPatch,
    outcome: BugState | BaseException,
    *,
    good: str = "absent",
    what: str = "B8",
    engine: HarnessError | None = None,
) -> int:
    """The exit code of one step of `git bisect run`. engine: how the container engine fails when it is asked."""

    class Stand:
        @staticmethod
        def detect(*_args: Any, **_more: Any) -> Any:
            return Stand()

        def require_answer(self) -> None:
            if engine is not None:
                raise engine

    monkeypatch.setattr("harness.cli.bisect.Engine", Stand)

    def examine(bug: Bug, build: Build, *_args: Any, **_more: Any) -> Cell:
        assert build.version == V("1.23")
        if isinstance(outcome, BaseException):
            raise outcome
        return Cell(bug.id, "1.23.0", "s", Decided(outcome, "seen"), "e", 1)

    monkeypatch.setattr("harness.cli.bisect.examine_build", examine)
    on = {"cluster": "bisect", "kn_source": "auto", "engine": "", "release_url": ""}
    with pytest.raises(SystemExit) as ended:
        bisect_step(what=what, good=good, claim="", kn_version="1.23", root=Path("never"), **on)
    code = ended.value.code
    assert isinstance(code, int)
    return code


def test_exit_codes_of_git_bisect_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """0 good, 1 bad, 125 cannot be decided; from 128 on git ends the search, so that bad input is not taken for a bad commit."""
    assert stepped(monkeypatch, ABSENT) == GOOD == 0
    assert stepped(monkeypatch, PRESENT) == BAD == 1
    assert stepped(monkeypatch, PRESENT, good="present") == GOOD
    assert stepped(monkeypatch, ABSENT, good="present") == BAD
    for state in (UNSURE, BugState.MASKED, BugState.NOT_APPLICABLE):
        assert stepped(monkeypatch, state) == SKIP == 125
    assert stepped(monkeypatch, ImageError("go build failed")) == SKIP
    assert stepped(monkeypatch, Interrupted("Ctrl-C")) > ABORT - 1
    assert stepped(monkeypatch, KeyboardInterrupt()) > ABORT - 1
    assert stepped(monkeypatch, RuntimeError("a crash of ours")) > ABORT - 1
    assert stepped(monkeypatch, HostError("no engine")) == ABORT
    assert stepped(monkeypatch, ABSENT, good="fixed") == ABORT == 128
    assert stepped(monkeypatch, ABSENT, what="B99") == ABORT


def test_an_engine_that_fails_ends_the_search(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It says nothing of the commit, and would fail for the next one too; whether it broke a step or a measurement."""
    dead = EngineFailed(["podman", "ps"], 125, "no space left on device", fix="knative-chaos cache prune")
    assert stepped(monkeypatch, dead) == ABORT
    for outcome in (ClusterError("kind made no cluster."), UNSURE):
        assert stepped(monkeypatch, outcome, engine=dead) == ABORT
        said = capsys.readouterr().err
        assert "no space left on device" in said
        assert "Fix: knative-chaos cache prune" in said


@pytest.mark.parametrize("arguments", [["B4", "--no-such-option"], [], ["B4", "--good"]])
def test_arguments_that_cannot_be_read_end_the_search(arguments: list[str]) -> None:
    """Exit code 3, as of the other commands, would call each commit bad; the help is no complaint."""
    assert CliRunner().invoke(app, ["bisect-step", *arguments]).exit_code == ABORT
    assert CliRunner().invoke(app, ["bisect-step", "--help"]).exit_code == 0
