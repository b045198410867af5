"""Several arms in turn, with recorded runs in place of measured ones: what is kept and ruled, whatever ends a block."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import typer

from harness.adapters.files import State, write_json
from harness.adapters.progress import QUIET
from harness.catalogue import N1, S1, holds
from harness.cli import report_command
from harness.cluster.record import full_name
from harness.errors import BadInput, ClusterError, ExitCode, HistoryError, ImageError, Interrupted, SourceError
from harness.history import EXPERIMENT, read_experiment, read_meta
from harness.history.codec import encode
from harness.history.query import find
from harness.model import Experiment, Ruling, Scenario, SourceTree, Stack
from harness.report import experiment_lines
from harness.run import (
    Ask,
    Compared,
    Run,
    Side,
    World,
    analyse_again,
    analyse_experiment,
    asked_build,
    asked_version,
    compare,
    experiment,
    require_comparable,
    worlds,
)
from harness.run.blocks import plan
from harness.run.experiment import cluster_beside
from harness.run.session import Place

RECORDING = Path(__file__).parents[2] / "data" / "n1-knative-1.23"
STACK = Stack("1.23.0", "module", "v1.34.4", "net-kourier v0.48.0", "go1.25", (), ())
OTHER = replace(STACK, knative="1.17.0")
ASKED = replace(N1, name="mine", cycles=4)


def world(stack: Stack) -> World:
    """A cluster nobody asks anything."""
    return cast("World", SimpleNamespace(stack=SimpleNamespace(stack=stack), progress=QUIET))


SIDES = ((Side("new", ASKED), world(STACK)), (Side("old", ASKED), world(OTHER)))


ANALYSED: dict[str, Run] = {}


def seen(place: Path) -> Run:
    """The run in this directory. Every one is a copy of the recording, so each way in which it ended is analysed once."""
    ended = read_meta(place).interrupted
    if ended not in ANALYSED:
        ANALYSED[ended] = analyse_again(place)
    return replace(ANALYSED[ended], directory=place)


@dataclass
class Recorded:
    """In place of `measure`. ends: by the block's name, what its session ends with. kept: data. begun: blocks, in order.

    each: every run is analysed from its own files. images: of each block.
    """

    ends: dict[str, Callable[[], BaseException]] = field(default_factory=dict)
    kept: bool = True
    each: bool = False
    begun: list[tuple[str, int, int | None]] = field(default_factory=list)
    images: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def __call__(
        self,
        scenario: Scenario,
        on: World,
        *,
        artifacts: Path,
        seed: int | None,
        workload: object,
        images: Mapping[str, str],
        place: Place,
    ) -> Run:
        """A copy of the recording, as a run of this arm of as many cycles as it has."""
        name = place.directory.name
        self.images[name] = images
        self.begun.append((name, scenario.cycles, seed))
        ends = self.ends.get(name)
        if ends is None or self.kept:
            shutil.copytree(RECORDING, place.directory)
            # Key by key, for the recording's layout is an older one: its tables would not fit a head of this release.
            head = json.loads((place.directory / "run.json").read_text(encoding="utf-8"))
            cut = "" if ends is None else "the cluster is gone"
            head["meta"] |= {"run_id": name, "stack": encode(on.stack.stack), "interrupted": cut}
            head["meta"] |= {"experiment": place.experiment, "arm": place.arm}
            head["meta"]["host"] |= {"phase_seed": str(seed), "experiment_plan": place.plan}
            write_json(place.directory / "run.json", head)
        if ends is not None:
            raise ends()
        return seen(place.directory)

    def analyse_again(self, place: Path) -> Run:
        """In place of the analysis."""
        return analyse_again(place) if self.each else seen(place)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """In place of the session."""
    stand_in = Recorded()
    monkeypatch.setattr(experiment, "measure", stand_in)
    monkeypatch.setattr(experiment, "analyse_again", stand_in.analyse_again)
    return stand_in


def compared(tmp_path: Path) -> Compared:
    """Both arms."""
    return compare("mine-compare", SIDES, artifacts=tmp_path, seed=1)


def rulings(seen: Experiment) -> dict[str, Ruling]:
    """By arm."""
    return {arm.label: arm.ruling for arm in seen.arms}


def gone(early: type[BaseException] | None) -> Callable[[], BaseException]:
    """How a session ends when its cluster dies: before its first cycle by the error itself, later as `measure` raises it."""

    def made() -> BaseException:
        died = ClusterError("the API server does not answer")
        if early is None:
            return died
        after = Interrupted("mine ended early")
        after.__cause__ = died if early is ClusterError else early()
        return after

    return made


def test_an_arm_has_its_own_images(recorded: Recorded, tmp_path: Path) -> None:
    """Those of a user's Service, under the names that its cluster has them by."""
    (new, on), old = SIDES
    own = {"own:1": "dev.local/own:3f2a"}
    compare("mine-compare", [(replace(new, images=own), on), old], artifacts=tmp_path, seed=1)
    assert {name[:3]: dict(images) for name, images in recorded.images.items()} == {"new": own, "old": {}}


def test_each_arm_is_ruled_over_all_its_blocks(recorded: Recorded, tmp_path: Path) -> None:
    """In turn, each block a run directory; the record says all of it, and reads back."""
    recorded.each = True
    done = compared(tmp_path)
    order = [name for name, _, _ in recorded.begun]
    assert [name[:3] for name in order] in (["new", "old", "old", "new"], ["old", "new", "new", "old"])
    assert [cycles for _, cycles, _ in recorded.begun] == [2, 2, 2, 2]
    assert len({seed for _, _, seed in recorded.begun}) == 2
    assert rulings(done.experiment) == {"new": Ruling.PASS, "old": Ruling.PASS}
    done.expect_pass()
    counted = len(analyse_again(done.directory / "new-1").findings.cycles)
    (failed, _) = done.experiment.arms[0].claims
    assert f"holds in {2 * counted} of {2 * counted} cycles" in failed.why
    assert read_experiment(done.directory) == done.experiment
    assert {arm.stack.knative for arm in done.experiment.arms} == {"1.17.0", "1.23.0"}
    assert len({arm.id for arm in done.experiment.arms}) == 2
    assert {read_meta(done.directory / name).arm for name in order} == {"new", "old"}
    assert (tmp_path / "latest" / "mine-compare").resolve() == done.directory.resolve()
    assert find([tmp_path / "latest" / "mine-compare"]) == tuple(sorted((done.directory / name).resolve() for name in order))
    assert find([tmp_path]) == find([done.directory])


@pytest.mark.parametrize("kept", [True, False], ids=["in the middle of a cycle", "before its first cycle"])
def test_an_arm_whose_cluster_dies_is_left_out_and_the_others_go_on(recorded: Recorded, tmp_path: Path, *, kept: bool) -> None:
    """Its data are kept, it is inconclusive, and so is the experiment; the other arm has all its cycles and its verdict."""
    first = plan(("new", "old"), ASKED.cycles, 1)[0].arm
    recorded.ends, recorded.kept = {f"{first}-1": gone(ClusterError if kept else None)}, kept
    done = compared(tmp_path)
    other = {"new": "old", "old": "new"}[first]
    assert [name for name, _, _ in recorded.begun] == [f"{first}-1", f"{other}-1", f"{other}-2"]
    assert rulings(done.experiment) == {first: Ruling.INCONCLUSIVE, other: Ruling.PASS}
    assert done.experiment.ruling is Ruling.INCONCLUSIVE
    dead = next(arm for arm in done.experiment.arms if arm.label == first)
    assert dead.stopped == "the API server does not answer"
    assert dead.reasons[0] == "it could not go on: the API server does not answer"
    assert f"only {int(kept)} of 2 blocks were measured" in dead.reasons
    assert (done.directory / f"{first}-1" / "run.json").is_file() is kept
    assert done.experiment.blocks[0].ended
    assert done.experiment.blocks[0].run == (f"{first}-1" if kept else "")
    with pytest.raises(AssertionError, match=r"INCONCLUSIVE  mine-compare"):
        done.expect_pass()
    recorded.each = True
    assert analyse_experiment(done.directory).experiment == done.experiment


@pytest.mark.parametrize("how", [gone(KeyboardInterrupt), KeyboardInterrupt], ids=["in a session", "between two"])
def test_after_ctrl_c_what_was_measured_is_kept(recorded: Recorded, tmp_path: Path, how: Callable[[], BaseException]) -> None:
    """No further block is begun; every arm that lacks one is inconclusive."""
    recorded.ends = {"old-1": how}
    with pytest.raises(Interrupted, match="what was measured is kept") as caught:
        compared(tmp_path)
    assert isinstance(caught.value.__cause__, KeyboardInterrupt)
    assert recorded.begun[-1][0] == "old-1"
    kept = read_experiment(Path(caught.value.where))
    assert kept.interrupted
    assert set(rulings(kept).values()) == {Ruling.INCONCLUSIVE}
    assert not any(arm.stopped for arm in kept.arms)


def test_a_crash_of_ours_is_seen_and_what_was_measured_is_kept(recorded: Recorded, tmp_path: Path) -> None:
    """It is no arm's fault."""
    recorded.ends = {"new-2": lambda: ZeroDivisionError("ours")}
    with pytest.raises(ZeroDivisionError):
        compared(tmp_path)
    (directory,) = (tmp_path / "mine-compare").iterdir()
    kept = read_experiment(directory)
    assert rulings(kept)["new"] is Ruling.INCONCLUSIVE
    assert [block.ended for block in kept.blocks if block.name == "new-2"] == ["the harness crashed"]


def test_one_failing_arm_is_a_regression_of_the_experiment(recorded: Recorded, tmp_path: Path) -> None:
    """Where nothing is inconclusive."""
    done = compared(tmp_path)
    arms = tuple(replace(arm, ruling=Ruling.REGRESSION) if arm.label == "old" else arm for arm in done.experiment.arms)
    assert replace(done.experiment, arms=arms).ruling is Ruling.REGRESSION


def test_the_verdicts_as_text(recorded: Recorded, tmp_path: Path) -> None:
    """Each arm with its version, its claims and its runs; nothing that steers a terminal."""
    done = compared(tmp_path)
    said = experiment_lines(replace(done.experiment, title="a\x1b[31m"), where="there")
    assert said[0].startswith("PASS  mine-compare: a")
    assert "\x1b" not in "".join(said)
    assert said[-1] == "there"
    assert any("old: pass; Knative 1.17.0" in line and "old-1, old-2" in line for line in said)
    assert sum("requests-do-not-fail: holds, expected holds" in line for line in said) == 2


@pytest.mark.parametrize(
    ("sides", "why"),
    [
        ([Side("a", ASKED)], "two arms at least"),
        ([Side("a", ASKED), Side("a", ASKED)], "Two arms are called 'a'"),
        ([Side("a", ASKED), Side("../b", ASKED)], "cannot name an arm"),
        (
            [Side("a", N1), Side("b", S1, asked_build("1.6"))],
            "no expectation for Knative 1.6",
        ),
        ([Side("a", ASKED), Side("b", replace(ASKED, cycles=9))], "different numbers of cycles"),
        ([Side("a", ASKED), Side("b", replace(ASKED, claims=(holds("no-such"),)))], "there is not"),
    ],
)
def test_what_cannot_be_compared_is_refused_first(tmp_path: Path, sides: list[Side], why: str) -> None:
    """Before a cluster is made."""
    with pytest.raises(BadInput, match=why):
        require_comparable(sides, Ask(), tmp_path)


def test_the_reports_of_an_experiment_are_written_again(
    recorded: Recorded, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One for each run; a single picture of them all there is not."""
    done = compared(tmp_path)
    pages = [run.directory / "report.html" for runs in done.runs.values() for run in runs]
    for page in pages:
        page.unlink(missing_ok=True)
    recorded.each = True
    with pytest.raises(typer.Exit) as ended:
        report_command(done.directory)
    assert ended.value.exit_code == ExitCode.PASS
    assert capsys.readouterr().out.split() == [str(page) for page in pages]
    assert all(page.is_file() for page in pages)
    with pytest.raises(BadInput, match="each of its runs has a timeline"):
        report_command(done.directory, svg=tmp_path / "one.svg")


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        ("elsewhere/old-1", "old-1", "of arm 'old' of experiment '.*', not of arm 'old' of experiment"),
        ("here/new-1", "old-1", "it is of arm 'new' of"),
        ("here/old-2", "old-1", r"its seed is \d+, that of the block \d+"),
        ("alone", "old-1", "it is of no experiment"),
    ],
)
def test_a_run_that_was_copied_into_an_experiment_is_refused(
    recorded: Recorded, tmp_path: Path, source: str, target: str, why: str
) -> None:
    """It was measured for another experiment, arm or block, or by itself; the message names it, and no report is written."""
    done, other = compared(tmp_path / "a").directory, compared(tmp_path / "b").directory
    shutil.rmtree(done / target)
    room, _, name = source.partition("/")
    shutil.copytree({"here": done / name, "elsewhere": other / name, "alone": RECORDING}[room], done / target)
    before = {path: path.stat().st_mtime_ns for path in done.glob("*/report.html")}
    recorded.each = True
    with pytest.raises(HistoryError, match=why):
        analyse_experiment(done)
    assert {path: path.stat().st_mtime_ns for path in done.glob("*/report.html")} == before


@pytest.mark.parametrize("text", ["{", "[]", '{"kind": "other"}', '{"kind": "knative-chaos experiment", "schema": 99}'])
def test_a_damaged_record_is_named(tmp_path: Path, text: str) -> None:
    """With the file."""
    (tmp_path / EXPERIMENT).write_text(text, encoding="utf-8")
    with pytest.raises(HistoryError, match=r"experiment\.json"):
        read_experiment(tmp_path)
    with pytest.raises(HistoryError, match="no experiment"):
        read_experiment(tmp_path / "none")


def test_the_record_is_json_for_other_programs(recorded: Recorded, tmp_path: Path) -> None:
    """The ruling stands at its top, and each run by its relative name."""
    done = compared(tmp_path)
    head = json.loads((done.directory / EXPERIMENT).read_text(encoding="utf-8"))
    assert (head["kind"], head["schema"], head["ruling"]) == ("knative-chaos experiment", 1, "pass")
    assert sorted(block["run"] for block in head["experiment"]["blocks"]) == ["new-1", "new-2", "old-1", "old-2"]


def test_arms_of_one_version_share_a_cluster_and_others_stand_beside_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """All are made before anything is measured, each once."""
    made: list[tuple[str, str]] = []

    def stood(ask: Ask) -> World:
        made.append((ask.cluster, str(ask.version)))
        return world(replace(STACK, knative=str(ask.version)))

    monkeypatch.setattr(experiment, "find", lambda ask, **_kwargs: ask)
    monkeypatch.setattr(experiment, "build", lambda found: found)
    monkeypatch.setattr(experiment, "stand", stood)
    old, patched = asked_build("1.17"), asked_build("1.19.6")
    sides = [Side("a", ASKED), Side("b", ASKED, old), Side("c", ASKED, patched), Side("d", ASKED)]
    pairs = worlds(sides, Ask(cluster="mine"), state=State(tmp_path), progress=QUIET)
    assert made == [("mine", "1.23.0"), ("mine-1-17", "1.17.0"), ("mine-1-19-6", "1.19.6")]
    assert [side.label for side, _ in pairs] == ["a", "b", "c", "d"]
    assert pairs[0][1] is pairs[3][1]
    made.clear()
    worlds([Side("a", ASKED, old), Side("b", ASKED, old)], Ask(cluster="mine"), state=State(tmp_path), progress=QUIET)
    assert made == [("mine", "1.17.0")]


OWN = SourceTree("0123456789abcdef", directory="/somewhere/holding", name="holding")


def test_arms_that_differ_in_queue_proxy_alone_share_a_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Stock beside patched; the patched one has a world of its own on that cluster, with its image."""
    made: list[tuple[str, str]] = []

    def stood(ask: Ask) -> World:
        made.append((ask.cluster, str(ask.build)))
        return world(STACK)

    monkeypatch.setattr(experiment, "find", lambda ask, **_kwargs: ask)
    monkeypatch.setattr(experiment, "build", lambda found: found)
    monkeypatch.setattr(experiment, "stand", stood)
    stock = asked_build("")
    patched = replace(stock, queue_proxy=OWN)
    pairs = worlds([Side("a", ASKED, stock), Side("b", ASKED, patched)], Ask(cluster="mine"), state=State(tmp_path), progress=QUIET)
    assert made == [("mine", "1.23.0"), ("mine", "1.23.0, queue-proxy holding: files 0123456789ab")]
    assert pairs[0][1] is not pairs[1][1]
    require_comparable([Side("a", ASKED, stock), Side("b", ASKED, patched)], Ask(context="kind-knative-chaos-mine"), tmp_path)


def test_a_checkout_keeps_its_cluster_while_its_files_change() -> None:
    """Its name says which directory; another directory of the same name has another."""
    build = replace(asked_build(""), serving=replace(OWN, name="serving", directory="/a/serving"))
    changed = replace(build, serving=replace(OWN, digest="fff", name="serving", directory="/a/serving"))
    elsewhere = replace(build, serving=replace(OWN, name="serving", directory="/b/serving"))
    name = cluster_beside("e2e", build)
    assert name.startswith("e2e-serving-")
    assert cluster_beside("e2e", changed) == name != cluster_beside("e2e", elsewhere)
    assert cluster_beside("e2e", asked_build("")) == "e2e"
    for base in ("e2e", "x" * 22):
        long = replace(build, serving=replace(OWN, name="a-very-long-name-of-a-directory.", directory="/c"))
        assert full_name(cluster_beside(base, long))


def test_nothing_is_touched_before_everything_is_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A patch that does not compile leaves the clusters of all arms as they are."""

    def build(found: Ask) -> Ask:
        if found.build is not None and found.build.queue_proxy is not None:
            raise ImageError("holding does not build")
        return found

    monkeypatch.setattr(experiment, "find", lambda ask, **_kwargs: ask)
    monkeypatch.setattr(experiment, "build", build)
    monkeypatch.setattr(experiment, "stand", lambda _built: pytest.fail("a cluster was touched"))
    sides = [Side("a", ASKED), Side("b", ASKED, replace(asked_build(""), queue_proxy=OWN))]
    with pytest.raises(ImageError, match="does not build"):
        worlds(sides, Ask(cluster="mine"), state=State(tmp_path), progress=QUIET)


def test_nothing_is_built_before_every_release_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The second release does not exist: the first is not built for nothing."""

    def find(ask: Ask, **_kwargs: object) -> Ask:
        if ask.version == asked_version("1.17"):
            raise SourceError("no such release")
        return ask

    monkeypatch.setattr(experiment, "find", find)
    monkeypatch.setattr(experiment, "build", lambda _found: pytest.fail("a release was built"))
    with pytest.raises(SourceError, match="no such release"):
        worlds(
            [Side("a", ASKED), Side("b", ASKED, asked_build("1.17"))], Ask(cluster="mine"), state=State(tmp_path), progress=QUIET
        )


def test_one_context_cannot_have_two_versions(tmp_path: Path) -> None:
    """The second would be refused by the cluster, after the first was made."""
    sides = [Side("a", ASKED), Side("b", ASKED, asked_build("1.17"))]
    with pytest.raises(BadInput, match="One context is one cluster"):
        require_comparable(sides, Ask(context="kind-knative-chaos-e2e"), tmp_path)
