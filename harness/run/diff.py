"""Two builds compared: two clusters that exchange their builds, blocks in turn, and looks at which the comparison may end.

 1 what is compared, with which margins, is fixed and written down
 2 both are found, then both are built. Placement 1: base on the first cluster, head on the second, both made anew; rounds of blocks
 3 placement 2: both clusters made anew with the builds exchanged; the rounds backwards
 4 the look: the comparison over all cycles until then. It ends here if it is decided, or if the evidence has a doubt
 5 the next look begins with the placement that is there

docs/diff.md says what the comparison means.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness import history as history_room
from harness.adapters.clock import now_ns
from harness.adapters.files import State
from harness.adapters.progress import Progress
from harness.compare import least_cycles, planned, require_feasible
from harness.errors import BadInput, HarnessError
from harness.model import ALPHA, BASE, HEAD, Build, Change, Design, Experiment, Scenario
from harness.run.blocks import arm_label, cluster_of, placements, plan_look
from harness.run.comparison_page import write_page
from harness.run.experiment import Compared, Measuring, Side, begun, interrupted
from harness.run.session import faults_of, require_runnable
from harness.run.world import Ask, Built, Found, World, build, find, stand


@dataclass(frozen=True, slots=True)
class Pair:
    """Two builds that are compared; they may be equal."""

    base: Build
    head: Build

    def build(self, arm: str) -> Build:
        """Of BASE or HEAD."""
        return self.head if arm == HEAD else self.base


@dataclass(frozen=True, slots=True)
class DiffAsk:
    """What a comparison is asked to be. cycles: of each arm up to a look; 0: as few as suffice. margins: by reading, where they
    are not the defaults.
    """

    pair: Pair
    scenarios: tuple[Scenario, ...]
    cycles: int = 0
    looks: int = 1
    margins: Mapping[str, float] = field(default_factory=dict)


def require_diff(ask: DiffAsk, artifacts: Path) -> Design:
    """What will be compared; all that can be known before anything is made. Raises BadInput."""
    names = [one.name for one in ask.scenarios]
    if not names:
        raise BadInput("There is no scenario to compare the builds by.", fix="Name one or more, for example S1.")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadInput(f"The scenario {twice[0]} is named twice.", fix="Name each scenario once.")
    if ask.looks < 1:
        raise BadInput(f"{ask.looks} looks are none.", fix="Ask for 1 or more.")
    specs = {
        arm: tuple(require_runnable(one, ask.pair.build(arm).version, artifacts) for one in ask.scenarios) for arm in (BASE, HEAD)
    }
    readings = planned(specs[BASE], ask.margins)
    cycles = ask.cycles or least_cycles(len(readings), ask.looks, ALPHA)
    design = Design(ask.pair.base.text, ask.pair.head.text, tuple(names), cycles, ask.looks, readings)
    require_feasible(design)
    return design


def compare_builds(
    asked: DiffAsk, ask: Ask, *, artifacts: Path, state: State, progress: Progress, seed: int | None = None
) -> Compared:
    """Make the clusters, measure both arms and compare them; the experiment lies in artifacts/SCENARIOS-diff/UTC-ID.

    ask: source, cluster (its name begins the names of both clusters), mirror and engine. Raises BadInput before anything is made;
    what `find` raises before anything is built; what `build` and `stand` raise if the first clusters cannot be made; Interrupted,
    after the record is written, if it ends early after that. An arm that cannot go on ends it without an error: the comparison
    is inconclusive.
    """
    design = require_diff(asked, artifacts)
    drawn = secrets.randbits(32) if seed is None else seed
    clusters = _Clusters(asked, replace(ask, faults=faults_of(*asked.scenarios)), state, progress)
    sides = clusters.placed(1)
    experiment = Experiment(
        id=secrets.token_hex(4),
        name=f"{'-'.join(design.scenarios)}-diff",
        title=f"Knative {design.base} and {design.head}",
        started_ns=now_ns(),
        seed=drawn,
        arms=tuple(begun(side, on) for side, on in sides.values()),
        blocks=plan_look(design.scenarios, design.cycles, 1, drawn, clusters.names),
        design=design,
    )
    measuring = Measuring(experiment, history_room.make_directory(artifacts, experiment), sides)
    try:
        _looks(measuring, design, clusters)
    except KeyboardInterrupt as error:
        _keep(measuring, "KeyboardInterrupt")
        raise interrupted(measuring) from error
    except HarnessError as error:
        _keep(measuring, error.what)
        raise interrupted(measuring) from (error.__cause__ or error)
    finally:
        history_room.link_latest(artifacts, experiment.name, measuring.directory)
    done = measuring.result()
    write_page(done.directory, done.experiment, done.runs)
    return done


def _keep(measuring: Measuring, why: str) -> None:
    """The record and the page of what was measured until an early end."""
    measuring.write(interrupted=why)
    done = measuring.result()
    write_page(done.directory, done.experiment, done.runs)


def _looks(measuring: Measuring, design: Design, clusters: _Clusters) -> None:
    """Look after look, until the comparison is decided, cannot be decided any more, or was looked at as often as planned."""
    for look in range(1, design.looks + 1):
        if look > 1:
            measuring.append(plan_look(design.scenarios, design.cycles, look, measuring.experiment.seed, clusters.names))
        for placement in placements(look):
            if placement != clusters.placement:
                measuring.sides = clusters.placed(placement)
            for index, block in enumerate(measuring.experiment.blocks):
                if (block.look, block.placement) == (look, placement):
                    measuring.block(index)
                    if any(arm.stopped for arm in measuring.experiment.arms):
                        return
        seen = measuring.experiment.comparisons[-1]
        clusters.progress.say(f"look {look} of {design.looks}: {seen.change}")
        if seen.change is not Change.INCONCLUSIVE or seen.reasons:
            return


class _Clusters:
    """The clusters, and which arm is on which. placement: as in Block; 0 before the first.

    Builds that differ in their queue-proxy alone share one cluster, on which each run sets its own: no cluster can then be taken
    for a difference of the builds. Equal builds have two clusters as others do, for they are compared to check the method.
    """

    def __init__(self, asked: DiffAsk, ask: Ask, state: State, progress: Progress) -> None:
        pair = asked.pair
        self._asked = asked
        self.progress = progress
        self.shared = pair.base != pair.head and pair.base.installed == pair.head.installed
        self.names = (ask.cluster, ask.cluster) if self.shared else (f"{ask.cluster}-1", f"{ask.cluster}-2")
        self.placement = 0
        # Both are found before one is built: a build takes minutes, and the other one may not be had.
        # Both are built before a cluster is touched, and once: the files of a checkout may change while it is measured.
        self._found: dict[str, Found] = {}
        for arm in (BASE, HEAD):
            asked_of = replace(ask, build=pair.build(arm), cluster=cluster_of(self.names, 1, arm), source=self._source(ask))
            self._found[arm] = find(asked_of, state=state, progress=self.progress)
        self._built: dict[str, Built] = {arm: build(found) for arm, found in self._found.items()}
        self._worlds: dict[str, World] = {}

    def _source(self, ask: Ask) -> str:
        """Of both builds: who built them, and with which toolchain, must not be a difference of them.

        What is of the user's own is built here, and so is then the other one. Else head comes from where base was found.
        """
        if ask.source != "auto":
            return ask.source
        pair = self._asked.pair
        if any(build.serving or build.queue_proxy for build in (pair.base, pair.head)):
            return "module"
        return self._found[BASE].provision.source if BASE in self._found else ask.source

    def placed(self, placement: int) -> dict[str, tuple[Side, World]]:
        """The clusters made anew for this placement; each arm of each scenario with its world, by its label.

        A shared cluster is made once.
        """
        if not (self.shared and self._worlds):
            self._worlds = {arm: self._stand(placement, arm) for arm in (BASE, HEAD)}
        self.placement = placement
        return {
            (label := arm_label(one.name, arm)): (Side(label, one, self._asked.pair.build(arm)), self._worlds[arm])
            for one in self._asked.scenarios
            for arm in (BASE, HEAD)
        }

    def _stand(self, placement: int, arm: str) -> World:
        built, name = self._built[arm], cluster_of(self.names, placement, arm)
        anew = not self.shared or arm == BASE
        return stand(replace(built, cluster=name, ask=replace(built.ask, cluster=name, recreate=anew)))
