"""Two builds compared, with recorded runs in place of measured ones and clusters that nobody makes."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.adapters.files import State, write_json
from harness.adapters.progress import QUIET
from harness.catalogue import N1, S1, holds
from harness.errors import BadInput, ClusterError, HistoryError, Interrupted, SourceError
from harness.history import read_experiment, write_experiment
from harness.history.codec import encode
from harness.model import (
    BASE,
    HEAD,
    Change,
    Experiment,
    KnativeVersion,
    Observed,
    Ruling,
    Scenario,
    SourceTree,
    Stack,
    SystemChange,
)
from harness.report import experiment_lines
from harness.run import (
    Ask,
    Compared,
    DiffAsk,
    Pair,
    Run,
    World,
    analyse_again,
    analyse_experiment,
    asked_build,
    compare_builds,
    require_diff,
)
from harness.run import diff as diff_module
from harness.run import experiment as experiment_module
from harness.run.blocks import arm_label, plan_look
from harness.run.comparing import comparisons
from harness.run.session import Place
from harness.run.world import Built, Found

RECORDING = Path(__file__).parents[2] / "data" / "n1-knative-1.23"
STACK = Stack("1.23.0", "module", "v1.34.4", "net-kourier v0.48.0", "go1.25", (), ())
ASKED = replace(N1, name="mine")
CLUSTERS = ("diff-1", "diff-2")


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """The head of a run, changed by hand."""
    head = json.loads(path.read_text(encoding="utf-8"))
    change(head["meta"])
    write_json(path, head)


def pair(base: str = "1.22", head: str = "1.23") -> Pair:
    """Two versions."""
    return Pair(asked_build(base), asked_build(head))


ANALYSED: dict[str, Run] = {}


def seen(place: Path) -> Run:
    """The run in this directory: every one is a copy of the recording, so that one is analysed."""
    if not ANALYSED:
        ANALYSED["first"] = analyse_again(place)
    return replace(ANALYSED["first"], directory=place)


def change(run: Run, **numbers: Any) -> Run:
    """The run with these numbers in each of its first two cycles; the others do not count."""
    first, second, *_ = run.findings.cycles
    cycles = tuple(replace(one, index=place, voided="", **numbers) for place, one in enumerate((first, second)))
    claims = tuple(
        replace(claim, readings={0: claim.readings[first.index], 1: claim.readings[second.index]}) for claim in run.verdict.claims
    )
    return replace(run, findings=replace(run.findings, cycles=cycles), verdict=replace(run.verdict, claims=claims))


@dataclass
class Recorded:
    """In place of `measure`, `find`, `build` and `stand`. ends: by the block's name.

    clusters: (cluster, version, made anew), in order.

    begun: (block, its cluster, its seed), in order. broken: makes the second making of clusters fail. sources: that were asked for;
    source: from which everything comes. missing: the version that cannot be had.
    other: what else differs in the stacks of a cluster.
    """

    ends: dict[str, Callable[[], BaseException]] = field(default_factory=dict)
    clusters: list[tuple[str, str, bool]] = field(default_factory=list)
    begun: list[tuple[str, str, int | None]] = field(default_factory=list)
    broken: bool = False
    built: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    source: str = "module"
    missing: str = ""
    other: dict[str, dict[str, Any]] = field(default_factory=dict)

    def find(self, ask: Ask, **_kwargs: object) -> Found:
        """Nothing is fetched."""
        wanted = ask.build or asked_build("")
        if wanted.version.text == self.missing:
            raise SourceError(f"Knative {wanted} is not available from the Go module: no such version")
        self.sources.append(ask.source)
        absent: Any = None
        provision: Any = SimpleNamespace(source=self.source)
        return Found(ask, ask.cluster, wanted, provision, absent, absent, QUIET, ())

    def build(self, found: Found) -> Built:
        """Nothing is built."""
        self.built.append(str(found.build))
        absent: Any = None
        return Built(found.ask, found.cluster, found.build, found.provision, absent, absent, QUIET, (), absent)

    def stand(self, built: Built) -> World:
        """A cluster nobody asks anything."""
        if self.broken and len(self.clusters) >= 2:
            raise ClusterError("kind could not make it")
        self.clusters.append((built.cluster, str(built.build.version), built.ask.recreate))
        assert built.ask.cluster == built.cluster
        swapped = (SystemChange("ConfigMap", "queue-sidecar-image", "", "own", "asked for"),) if built.build.queue_proxy else ()
        own: dict[str, Any] = {"knative": built.build.version.text, "changes": swapped} | self.other.get(built.cluster, {})
        stack = replace(STACK, **own)
        handle = SimpleNamespace(name=built.cluster)
        return cast("World", SimpleNamespace(stack=SimpleNamespace(stack=stack), handle=handle, progress=QUIET))

    def measure(
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
        """A copy of the recording, as a run of this arm."""
        name = place.directory.name
        assert not images
        self.begun.append((name, on.handle.name, seed))
        shutil.copytree(RECORDING, place.directory)
        head = json.loads((place.directory / "run.json").read_text(encoding="utf-8"))
        head["meta"] |= {"run_id": name, "stack": encode(on.stack.stack)}
        head["meta"] |= {"experiment": place.experiment, "arm": place.arm, "cluster": on.handle.name}
        head["meta"]["host"] |= {"phase_seed": str(seed), "experiment_plan": place.plan}
        write_json(place.directory / "run.json", head)
        if name in self.ends:
            early = self.ends[name]()
            raise early
        return seen(place.directory)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """In place of the session and of the making of clusters; of each recording the first two cycles count."""
    stand_in = Recorded()
    monkeypatch.setattr(experiment_module, "measure", stand_in.measure)
    monkeypatch.setattr(diff_module, "find", stand_in.find)
    monkeypatch.setattr(diff_module, "build", stand_in.build)
    monkeypatch.setattr(diff_module, "stand", stand_in.stand)
    monkeypatch.setattr(experiment_module, "analyse_again", lambda place: change(seen(place)))
    return stand_in


def compared(tmp_path: Path, *, cycles: int = 8, looks: int = 1, **changed: Any) -> Compared:
    """Both arms."""
    given: dict[str, Any] = {"pair": pair(), "scenarios": (ASKED,), "cycles": cycles, "looks": looks} | changed
    asked = DiffAsk(**given)
    return compare_builds(asked, Ask(cluster="diff"), artifacts=tmp_path, state=State(tmp_path), progress=QUIET, seed=1)


@pytest.mark.parametrize("look", [1, 2, 3])
@pytest.mark.parametrize("cycles", [4, 8, 10, 16])
def test_arm_cluster_and_time_are_balanced(cycles: int, look: int) -> None:
    """Half of an arm's cycles on either cluster; the second half of a look backwards; base and head of a round draw alike."""
    blocks = plan_look(["S1", "N1"], cycles, look, 3, CLUSTERS)
    for scenario in ("S1", "N1"):
        for arm in (BASE, HEAD):
            own = [block for block in blocks if block.arm == arm_label(scenario, arm)]
            assert sum(block.cycles for block in own) == cycles
            for cluster in CLUSTERS:
                assert sum(block.cycles for block in own if block.cluster == cluster) == cycles // 2
    half = len(blocks) // 2
    assert [block.arm for block in blocks[:half]] == [block.arm for block in reversed(blocks[half:])]
    assert {block.placement for block in blocks[:half]} == {1 if look % 2 else 2}
    seeds: dict[int, set[str]] = {}
    for block in blocks:
        seeds.setdefault(block.seed, set()).add(block.arm)
    assert {frozenset(arms) for arms in seeds.values()} == {frozenset(block.arm for block in blocks)}
    assert len({block.name for block in blocks}) == len(blocks)


def test_blocks_of_two_cycles_alternate() -> None:
    """A B B A, then the clusters are exchanged, then A B B A again; a look goes on where the last one ended."""
    order = [(block.arm[-4:], block.placement) for block in plan_look(["S1"], 8, 1, 0, CLUSTERS)]
    a, b = order[0][0], order[1][0]
    assert {a, b} == {BASE, HEAD}
    assert order == [(a, 1), (b, 1), (b, 1), (a, 1), (a, 2), (b, 2), (b, 2), (a, 2)]
    assert plan_look(["S1"], 8, 1, 0, CLUSTERS)[-1].placement == plan_look(["S1"], 8, 2, 0, CLUSTERS)[0].placement
    numbers = [block.number for look in (1, 2) for block in plan_look(["S1"], 8, look, 0, CLUSTERS) if block.arm == "s1-base"]
    assert sorted(numbers) == list(range(1, 9))
    assert {plan_look(["S1"], 8, 1, seed, CLUSTERS)[0].arm for seed in range(9)} == {"s1-base", "s1-head"}


@pytest.mark.parametrize(("scenarios", "cycles"), [([], 8), (["S1"], 7), (["S1"], 0)])
def test_a_plan_that_cannot_be_balanced_is_none(scenarios: list[str], cycles: int) -> None:
    """Nothing would be measured, or one cluster more often."""
    with pytest.raises(ValueError, match="even number"):
        plan_look(scenarios, cycles, 1, 0, CLUSTERS)


def test_equal_builds_are_the_same(recorded: Recorded, tmp_path: Path) -> None:
    """The same recording on both arms. Both clusters are made anew in each placement, with the builds exchanged."""
    done = compared(tmp_path)
    assert recorded.clusters == [
        ("diff-1", "1.22.0", True),
        ("diff-2", "1.23.0", True),
        ("diff-2", "1.22.0", True),
        ("diff-1", "1.23.0", True),
    ]
    assert Counter((name.rpartition("-")[0], cluster) for name, cluster, _ in recorded.begun) == Counter(
        {(f"mine-{arm}", cluster): 2 for arm in (BASE, HEAD) for cluster in CLUSTERS}
    )
    assert {block.name: block.cluster for block in done.experiment.blocks} == {name: cluster for name, cluster, _ in recorded.begun}
    assert (done.experiment.change, done.experiment.ruling) == (Change.SAME, Ruling.PASS)
    (look,) = done.experiment.comparisons
    assert {(one.planned.reading, one.change) for one in look.differences if one.change is not Change.SAME} == set()
    assert len(look.differences[0].base) == 8
    assert read_experiment(done.directory) == done.experiment
    assert (tmp_path / "latest" / "mine-diff").resolve() == done.directory.resolve()
    said = experiment_lines(done.experiment)
    assert said[0] == "SAME within the margins: Knative 1.23.0 compared with 1.22.0  (mine-diff)"
    page = (done.directory / "report.html").read_text(encoding="utf-8")
    assert "SAME within the margins: Knative 1.23.0 compared with 1.22.0" in page
    assert page.count("<tr><td>mine-") == 8
    assert said[1] == "8 cycles of each arm and scenario; look 1 of 1"
    (line,) = (line for line in said if line.startswith("mine no-restart: "))
    shares = r"same; 0 and 0 share of cycles, difference \+0, 99\.5 % interval \[-0\.5\d+, \+0\.5\d+\], 90 % interval \[-0\.3"
    assert re.match(f"mine no-restart: {shares}", line), line


def test_builds_that_differ_in_their_queue_proxy_share_a_cluster(recorded: Recorded, tmp_path: Path) -> None:
    """It is made once; each run sets its own. Both are built before that."""
    base = asked_build("1.23")
    swapped = replace(base, queue_proxy=SourceTree("8ab4", name="holding"))
    done = compared(tmp_path, pair=Pair(base, swapped))
    assert recorded.built == ["1.23.0", swapped.text]
    assert recorded.sources == ["module", "module"], "one toolchain for both"
    assert done.experiment.change is Change.SAME
    assert recorded.clusters == [("diff", "1.23.0", True), ("diff", "1.23.0", False)]
    assert {block.cluster for block in done.experiment.blocks} == {"diff"}
    assert {block.placement for block in done.experiment.blocks} == {1, 2}
    assert done.experiment.design is not None
    assert done.experiment.design.head == "1.23.0, queue-proxy holding: files 8ab4"


def test_equal_builds_have_two_clusters(recorded: Recorded, tmp_path: Path) -> None:
    """They are compared to check the method, clusters included; each is built once."""
    compared(tmp_path, pair=pair("1.23", "1.23"))
    assert len(recorded.built) == 2
    assert [cluster for cluster, _, _ in recorded.clusters] == ["diff-1", "diff-2", "diff-2", "diff-1"]


@pytest.mark.parametrize(("asked", "second"), [("auto", "release"), ("module", "module")])
def test_both_builds_come_from_one_source(recorded: Recorded, tmp_path: Path, asked: str, second: str) -> None:
    """Head from where base was found: a release and a build of our own differ in their toolchain."""
    recorded.source = "release"
    compare_builds(
        DiffAsk(pair(), (ASKED,), 8),
        Ask(source=asked, cluster="diff"),
        artifacts=tmp_path,
        state=State(tmp_path),
        progress=QUIET,
        seed=1,
    )
    assert recorded.sources == [asked, second]


@pytest.mark.parametrize("missing", ["1.22.0", "1.23.0"])
def test_a_version_that_cannot_be_had_is_said_before_the_other_is_built(recorded: Recorded, tmp_path: Path, missing: str) -> None:
    """A build takes minutes; nothing is left of the comparison."""
    recorded.missing = missing
    with pytest.raises(SourceError, match=missing):
        compared(tmp_path)
    assert (recorded.built, recorded.clusters) == ([], [])
    assert not list(tmp_path.glob("*-diff"))


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"diff-1": {"kubernetes": "v1.33.1"}}, "more than the build differs in the runs of mine: kubernetes: v1.33.1 and v1.34.4"),
        ({"diff-2": {"toolchain": "go1.27"}}, "toolchain: go1.25 and go1.27"),
        ({"diff-1": {"knative": "1.21.0"}}, "mine-base was measured on Knative 1.21.0, planned was 1.22.0"),
    ],
)
def test_what_differs_beside_the_build_leaves_it_open(
    recorded: Recorded, tmp_path: Path, other: dict[str, dict[str, Any]], why: str
) -> None:
    """The plant: one of the clusters is of another Kubernetes, toolchain or Knative. Also when it is analysed again."""
    recorded.other = other
    done = compared(tmp_path)
    assert done.experiment.change is Change.INCONCLUSIVE
    assert any(why in reason for reason in done.experiment.comparisons[-1].reasons), done.experiment.comparisons[-1].reasons
    assert analyse_experiment(done.directory).experiment.comparisons == done.experiment.comparisons


def test_a_build_that_was_not_installed_is_not_called_the_same(recorded: Recorded, tmp_path: Path) -> None:
    """The plant: both arms ran on the stack of base, as if the fix had not been set; and equal builds on two stacks."""
    base = asked_build("1.23")
    recorded.other = {"diff": {"changes": ()}}
    done = compared(tmp_path, pair=Pair(base, replace(base, queue_proxy=SourceTree("8ab4", name="holding"))))
    assert done.experiment.change is Change.INCONCLUSIVE
    assert "both arms of mine were measured on one stack" in done.experiment.comparisons[-1].reasons[0]
    recorded.other = {"diff-1": {"images": ("rebuilt",)}}
    done = compared(tmp_path, pair=Pair(base, base))
    assert done.experiment.change is Change.INCONCLUSIVE
    assert "mine-base was measured on 2 different stacks" in done.experiment.comparisons[-1].reasons[0]


def test_exchanged_stacks_of_the_arms_are_noticed(recorded: Recorded, tmp_path: Path) -> None:
    """The plant: in experiment.json alone, so that the page would name the wrong versions."""
    done = compared(tmp_path)
    one, other = done.experiment.arms
    write_experiment(
        done.directory, replace(done.experiment, arms=(replace(one, stack=other.stack), replace(other, stack=one.stack)))
    )
    with pytest.raises(HistoryError, match="is damaged: its arm mine-base has stack"):
        analyse_experiment(done.directory)


def worse(place: Path) -> Run:
    """In head's runs 200 requests are refused in each cycle."""
    run = seen(place)
    if HEAD not in place.name:
        return change(run)
    refused = {"by_outcome": {"ok": 800, "http-502": 200}, "ok": 800, "by_cause": {"refused-dial": 200}}
    return change(run, **refused, refused_window=(0, 4 * 10**9))


def test_a_worse_build_is_a_regression(recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And with the builds exchanged it is better."""
    monkeypatch.setattr(experiment_module, "analyse_again", worse)
    done = compared(tmp_path)
    assert (done.experiment.change, done.experiment.ruling) == (Change.WORSE, Ruling.REGRESSION)
    assert experiment_lines(done.experiment)[0].startswith(
        "WORSE: Knative 1.23.0 compared with 1.22.0: mine failed-requests; mine failed-or-slow; mine refused-window"
    )
    with pytest.raises(AssertionError, match="WORSE"):
        done.expect_pass()
    page = done.directory / "report.html"
    before = page.read_bytes()
    page.unlink()
    again = analyse_experiment(done.directory).experiment
    assert again == done.experiment
    assert page.read_bytes() == before


def test_a_doubt_about_one_block_leaves_all_of_it_open(recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named with its block, and no further look can remove it."""

    def doubtful(place: Path) -> Run:
        run = worse(place)
        doubts = ("the clock was set",) if place.name.endswith("base-2") else ()
        return replace(run, findings=replace(run.findings, doubts=doubts))

    monkeypatch.setattr(experiment_module, "analyse_again", doubtful)
    done = compared(tmp_path, looks=3)
    assert done.experiment.ruling is Ruling.INCONCLUSIVE
    assert done.experiment.comparisons[-1].reasons == ("mine-base-2: the clock was set",)
    assert len(done.experiment.comparisons) == 1
    assert len(recorded.begun) == 8


def test_it_goes_on_while_it_is_inconclusive_and_ends_when_it_is_not(
    recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One look more, at a part of the error probabilities; it begins with the clusters that are there."""
    spread = iter(range(100))

    def open_at_first(place: Path) -> Run:
        wide = next(spread) % 2 * 3 if len(recorded.begun) < 9 and recorded.begun else 0
        return change(seen(place), refused_window=(0, wide * 10**9))

    monkeypatch.setattr(experiment_module, "analyse_again", open_at_first)
    done = compared(tmp_path, looks=2)
    first, second = done.experiment.comparisons
    assert first.change is Change.INCONCLUSIVE
    assert (first.alpha, first.alpha_same) == (0.0025, 0.025)
    assert len(second.differences[0].base) == 16
    assert len(recorded.begun) == 16
    assert [cluster for cluster, _, _ in recorded.clusters] == ["diff-1", "diff-2", "diff-2", "diff-1", "diff-1", "diff-2"]


def test_a_cluster_that_dies_ends_it(recorded: Recorded, tmp_path: Path) -> None:
    """No other block is begun, no cluster is made; what was measured is kept."""
    first = plan_look(["mine"], 8, 1, 1, CLUSTERS)[1].name
    recorded.ends = {first: lambda: ClusterError("the API server does not answer")}
    done = compared(tmp_path)
    assert len(recorded.begun) == 2
    assert len(recorded.clusters) == 2
    assert done.experiment.ruling is Ruling.INCONCLUSIVE
    reasons = done.experiment.comparisons[-1].reasons
    assert f"{first} ended early: the API server does not answer" in reasons
    assert any(reason.endswith("was not measured") for reason in reasons)
    assert experiment_lines(done.experiment)[0].startswith("INCONCLUSIVE: Knative 1.23.0 compared with 1.22.0: ")
    assert analyse_experiment(done.directory).experiment.ruling is Ruling.INCONCLUSIVE


@pytest.mark.parametrize("how", [KeyboardInterrupt, None], ids=["ctrl-c", "the exchange of the builds fails"])
def test_an_early_end_keeps_what_was_measured(recorded: Recorded, tmp_path: Path, how: Callable[[], BaseException] | None) -> None:
    """The record says how it ended, and so does the error."""
    recorded.ends, recorded.broken = ({"mine-base-2": how} if how else {}), how is None
    with pytest.raises(Interrupted, match="what was measured is kept") as caught:
        compared(tmp_path)
    kept = read_experiment(Path(caught.value.where))
    assert kept.ruling is Ruling.INCONCLUSIVE
    assert kept.interrupted == ("KeyboardInterrupt" if how else "kind could not make it")
    assert ("was interrupted;" in caught.value.what) is bool(how)
    assert "KeyboardInterrupt" not in caught.value.what
    assert ("kind could not make it" in str(caught.value)) is (how is None)
    assert "INCONCLUSIVE" in (Path(caught.value.where) / "report.html").read_text(encoding="utf-8")
    assert sum(bool(block.run) for block in kept.blocks) >= 1


def test_the_comparison_is_made_again_from_the_files(recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a block it is inconclusive, with the reason."""
    done = compared(tmp_path)
    assert analyse_experiment(done.directory).experiment == done.experiment
    shutil.rmtree(done.directory / "mine-head-3")
    again = analyse_experiment(done.directory).experiment
    assert again.change is Change.INCONCLUSIVE
    assert "mine-head-3 was not measured" in again.comparisons[-1].reasons


def test_exchanged_blocks_of_one_arm_are_noticed(recorded: Recorded, tmp_path: Path) -> None:
    """The plant: two runs of head change places, so that what was measured on one cluster counts for the other one; and a copy."""
    done = compared(tmp_path)
    one, other, aside = (done.directory / name for name in ("mine-head-1", "mine-head-4", "aside"))
    one.rename(aside), other.rename(one), aside.rename(other)
    with pytest.raises(HistoryError, match=r"run of block mine-head-\d was copied there: its seed is \d+, that of the block \d+"):
        analyse_experiment(done.directory)
    shutil.rmtree(other)
    shutil.copytree(one, other)
    edit(one / "run.json", lambda meta: meta.update(run_id="new"))
    with pytest.raises(HistoryError, match="was copied there"):
        analyse_experiment(done.directory)


def test_a_run_of_another_cluster_is_noticed(recorded: Recorded, tmp_path: Path) -> None:
    """The plant: the seeds of its blocks were edited, too."""
    done = compared(tmp_path)
    edit(done.directory / "mine-head-1" / "run.json", lambda meta: meta.update(cluster="diff-9"))
    with pytest.raises(HistoryError, match="was measured on the cluster 'diff-9', not on 'diff-"):
        analyse_experiment(done.directory)


@pytest.mark.parametrize("changes", [{"alpha": 0.5}, {"alpha_same": 0.5}, {"power": 0.1}])
def test_an_edited_error_probability_is_noticed(recorded: Recorded, tmp_path: Path, changes: dict[str, Any]) -> None:
    """The plant: an alpha at which nearly every difference is one, also over runs that name no plan."""
    done = compared(tmp_path)
    assert done.experiment.design is not None
    for run in done.directory.glob("*/run.json"):
        edit(run, lambda meta: meta["host"].pop("experiment_plan"))
    write_experiment(done.directory, replace(done.experiment, design=replace(done.experiment.design, **changes)))
    with pytest.raises(HistoryError, match=r"experiment\.json is damaged: its design has alpha") as caught:
        analyse_experiment(done.directory)
    assert "\n" not in str(caught.value)


def test_an_edited_margin_or_seed_is_noticed(recorded: Recorded, tmp_path: Path) -> None:
    """The plant: a margin that was widened after the data were seen. Every run names the plan that it was measured for."""
    done = compared(tmp_path)
    design = done.experiment.design
    assert design is not None
    wide = replace(design, planned=(replace(design.planned[0], margin=0.9), *design.planned[1:]))
    for edited in (replace(done.experiment, design=wide), replace(done.experiment, seed=7)):
        write_experiment(done.directory, edited)
        with pytest.raises(HistoryError, match="its seed or its design is not the one that the run of block mine-"):
            analyse_experiment(done.directory)


@pytest.mark.parametrize("changes", [{"looks": 0}, {"scenarios": ("N1",)}, {"cycles": 0}])
def test_a_design_that_did_not_plan_the_blocks_is_one_line(recorded: Recorded, tmp_path: Path, changes: dict[str, Any]) -> None:
    """The plant: an edited experiment.json."""
    done = compared(tmp_path)
    assert done.experiment.design is not None
    edited = replace(done.experiment, design=replace(done.experiment.design, **changes))
    write_experiment(done.directory, edited)
    with pytest.raises(HistoryError, match=r"experiment\.json is damaged"):
        analyse_experiment(done.directory)


def test_an_undecided_claim_leaves_its_reading_open(recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one cycle of one block; why is said."""

    def undecided(place: Path) -> Run:
        run = change(seen(place))
        if place.name != "mine-head-1":
            return run
        (first, *rest) = run.verdict.claims
        gap = replace(first.readings[0], observed=Observed.UNDECIDED, why="a gap in the log")
        return replace(run, verdict=replace(run.verdict, claims=(replace(first, readings={**first.readings, 0: gap}), *rest)))

    monkeypatch.setattr(experiment_module, "analyse_again", undecided)
    done = compared(tmp_path)
    assert done.experiment.change is Change.INCONCLUSIVE
    (open_one,) = [one for one in done.experiment.comparisons[-1].differences if one.change is Change.INCONCLUSIVE]
    assert open_one.why == "not known in 1 of 16 cycles, for example: a gap in the log"


def test_an_experiment_that_compares_no_builds_has_no_comparison() -> None:
    """As `compare` measures it."""
    assert comparisons(Experiment("id", "n", "t", 1, 1, (), ()), {}) == ()


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"scenarios": ()}, "no scenario"),
        ({"scenarios": (N1, N1)}, "named twice"),
        ({"pair": pair("1.5", "1.23"), "scenarios": (S1,)}, "no expectation for Knative 1.5"),
        ({"pair": pair("1.23", "1.5"), "scenarios": (S1,)}, "no expectation for Knative 1.5"),
        ({"cycles": 7}, "evenly between two clusters"),
        ({"cycles": 4}, "no difference could be found"),
        ({"looks": 0}, "0 looks"),
        ({"margins": {"no-such": 1.0}}, "no reading 'no-such'"),
        ({"scenarios": (replace(ASKED, claims=(holds("no-such"),)),)}, "there is not"),
    ],
)
def test_what_cannot_be_compared_is_refused_first(tmp_path: Path, changed: dict[str, Any], why: str) -> None:
    """Before a cluster is made, and in one line."""
    given: dict[str, Any] = {"pair": pair(), "scenarios": (ASKED,)} | changed
    with pytest.raises(BadInput, match=why) as caught:
        require_diff(DiffAsk(**given), tmp_path / "artifacts" / "of-mine")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "artifacts").exists(), "nothing is left of what was refused"


def test_as_many_cycles_as_are_needed(tmp_path: Path) -> None:
    """Eight for one scenario, more where more readings are corrected for; equal versions may be compared."""
    assert require_diff(DiffAsk(pair("1.23", "1.23"), (S1,)), tmp_path).cycles == 8
    design = require_diff(DiffAsk(pair(), (S1, N1)), tmp_path)
    assert design.cycles == 10
    assert (design.base, design.head, design.scenarios) == ("1.22.0", "1.23.0", ("S1", "N1"))
    assert KnativeVersion.parse(design.head) == pair().build(HEAD).version
