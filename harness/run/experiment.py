"""An experiment: several arms, measured in turn, one session a block.

Arms may share a cluster or not; one of them measures at a time, for each session takes the host-wide lock. The order of blocks is
fixed before the first. `experiment.json` is written before and after each block, so that what was measured can be found whatever
ends the experiment. An arm that cannot go on (its cluster is gone) is left out from there on and is inconclusive; the others go on.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness import deploy, report
from harness import history as history_room
from harness.adapters.clock import now_ns
from harness.adapters.files import State
from harness.adapters.progress import Progress
from harness.adapters.signals import deferred
from harness.analyse import merged
from harness.errors import BadInput, HarnessError, Interrupted
from harness.history.layout import RUN
from harness.judge import judge
from harness.model import Arm, ArmResult, Block, Build, Experiment, KnativeVersion, Ruling, RunSpec, Scenario, Workload
from harness.run.analysis import Run, analyse_again
from harness.run.belonging import require_of_block, require_planned, require_stacks
from harness.run.blocks import plan
from harness.run.comparing import comparisons, run_of
from harness.run.comparison_page import write_page
from harness.run.confounding import confounded
from harness.run.session import Place, faults_of, measure, require_runnable
from harness.run.world import Ask, World, asked_build, asked_version, build, find, stand

LONGEST_CLUSTER = 30
"""Characters of a cluster's name, see `harness.cluster.record.full_name`."""


@dataclass(frozen=True, slots=True)
class Side:
    """One arm that is asked for. build: which Knative; None: the one of the Ask. workload, images: see `measure`."""

    label: str
    scenario: Scenario
    build: Build | None = None
    workload: Workload | None = None
    images: Mapping[str, str] = field(default_factory=dict)

    @property
    def version(self) -> KnativeVersion | None:
        """Of Knative."""
        return self.build.version if self.build else None


@dataclass(frozen=True, slots=True)
class Compared:
    """A finished experiment: where its files lie and what they say. runs: of each arm by its label, in the order of measuring."""

    experiment: Experiment
    directory: Path
    runs: Mapping[str, tuple[Run, ...]] = field(default_factory=dict)

    def expect_pass(self) -> None:
        """Raises AssertionError with the verdicts in words unless every arm passed."""
        if self.experiment.ruling is not Ruling.PASS:
            raise AssertionError("\n" + "\n".join(report.experiment_lines(self.experiment, where=str(self.directory))))


def require_comparable(sides: Sequence[Side], ask: Ask, artifacts: Path) -> tuple[RunSpec, ...]:
    """Each arm's scenario on its version; all that can be known before anything is made. Raises BadInput."""
    if ask.context and len({_build(side, ask).installed for side in sides}) > 1:
        raise BadInput("One context is one cluster, and that has one version.", fix="Leave the context out.")
    return _comparable([(side, _build(side, ask).version) for side in sides], artifacts)


def worlds(sides: Sequence[Side], ask: Ask, *, state: State, progress: Progress) -> tuple[tuple[Side, World], ...]:
    """Each arm with its world: all that are needed are made before anything is measured. Raises what `prepare` raises.

    Every build is found before the first is made, and everything is made before the first cluster is touched: a release that does
    not exist costs no build, and what does not build leaves the clusters as they are.

    Arms that differ in their queue-proxy alone share a cluster. With several versions or checkouts the pinned version has the
    cluster that is asked for, each other one a cluster of its own beside it, named after both: e2e-1-17.
    """
    builds = dict.fromkeys(_build(side, ask) for side in sides)
    several = len({build.installed for build in builds}) > 1
    ask = replace(ask, faults=faults_of(*(side.scenario for side in sides)))
    found = {}
    for one in builds:
        cluster = cluster_beside(ask.cluster, one) if several else ask.cluster
        found[one] = find(replace(ask, build=one, cluster=cluster), state=state, progress=progress)
    ready = {one: build(each) for one, each in found.items()}
    made = {one: stand(built) for one, built in ready.items()}
    return tuple((side, made[_build(side, ask)]) for side in sides)


def cluster_beside(base: str, build: Build) -> str:
    """The cluster of this build where several stand side by side. A checkout keeps its cluster while its files change."""
    if build.serving is not None:
        place = hashlib.sha256(build.serving.directory.encode()).hexdigest()[:4]
        room = max(1, LONGEST_CLUSTER - len(f"{base}--{place}"))
        return f"{base}-{build.installed.label.replace('.', '-')[:room].strip('-')}-{place}"
    version = build.version
    if version == asked_version(""):
        return base
    numbers = version.text if version.patch else version.minor_text
    return f"{base}-{numbers.replace('.', '-')}"


def _build(side: Side, ask: Ask) -> Build:
    return side.build or ask.build or asked_build("")


def _comparable(sides: Sequence[tuple[Side, KnativeVersion]], artifacts: Path) -> tuple[RunSpec, ...]:
    labels = [side.label for side, _ in sides]
    if len(sides) < 2:
        raise BadInput("A comparison needs two arms at least.", fix="Name two versions, or run the scenario by itself.")
    if twice := sorted({label for label in labels if labels.count(label) > 1}):
        raise BadInput(f"Two arms are called {twice[0]!r}.", fix="Give each arm a label of its own.")
    for label in labels:
        if not history_room.LABEL.fullmatch(label):
            raise BadInput(f"{label!r} cannot name an arm.", fix="Use up to 40 small letters, digits, dots and dashes.")
    if len({side.scenario.cycles for side, _ in sides}) > 1:
        raise BadInput("The arms ask for different numbers of cycles.", fix="Ask for the same number in each.")
    return tuple(require_runnable(side.scenario, version, artifacts, workload=side.workload) for side, version in sides)


def compare(
    name: str, sides: Sequence[tuple[Side, World]], *, artifacts: Path, title: str = "", seed: int | None = None
) -> Compared:
    """Measure these arms in turn; the experiment lies in artifacts/NAME/UTC-ID.

    Raises BadInput before anything is measured, Interrupted (after the record is written) on Ctrl-C. That an arm could not go on
    raises nothing: the experiment says so, and is inconclusive.
    """
    _comparable([(side, world.stack.stack.version) for side, world in sides], artifacts)
    drawn = secrets.randbits(32) if seed is None else seed
    by_label = {side.label: (side, world) for side, world in sides}
    experiment = Experiment(
        id=secrets.token_hex(4),
        name=name,
        title=title or sides[0][0].scenario.title,
        started_ns=now_ns(),
        seed=drawn,
        arms=tuple(begun(side, world) for side, world in sides),
        blocks=plan(tuple(by_label), sides[0][0].scenario.cycles, drawn),
    )
    measuring = Measuring(experiment, history_room.make_directory(artifacts, experiment), by_label)
    try:
        measuring.all_blocks()
    except KeyboardInterrupt as error:
        measuring.write(interrupted="KeyboardInterrupt")
        raise interrupted(measuring) from error
    except Interrupted as error:
        measuring.write(interrupted=error.what)
        raise interrupted(measuring) from (error.__cause__ or error)
    finally:
        history_room.link_latest(artifacts, name, measuring.directory)
    return measuring.result()


def analyse_experiment(directory: Path) -> Compared:
    """Every run of an experiment analysed again from its files, and its arms judged anew.

    Raises HistoryError, also for a run that was not measured as the block whose directory it is in, and for an experiment.json
    that was changed after its runs were measured.
    """
    experiment = history_room.read_experiment(directory)
    require_planned(experiment, directory)
    runs: dict[str, tuple[Run, ...]] = {arm.label: () for arm in experiment.arms}
    measured = [block for block in experiment.blocks if block.run and (directory / block.run / RUN).is_file()]
    seen: dict[str, str] = {}
    for block in measured:  # all of them before the first is analysed: a refusal takes no time and changes no report
        require_of_block(directory / block.run, experiment, block, seen)
    for block in measured:
        runs[block.arm] += (analyse_again(directory / block.run),)
    experiment = judged(experiment, runs)
    require_stacks(experiment, directory)
    experiment = with_comparisons(experiment, runs)
    history_room.write_experiment(directory, experiment)
    write_page(directory, experiment, runs)
    return Compared(experiment, directory, runs)


def judged(experiment: Experiment, runs: Mapping[str, Sequence[Run]]) -> Experiment:
    """The experiment with the ruling over each arm: its claims over the counted cycles of all its runs. Pure.

    A block that was not measured, or not to its end, leaves its arm inconclusive: how many cycles there would be was fixed before.
    """
    arms = tuple(_judged(arm, experiment.blocks, runs.get(arm.label, ())) for arm in experiment.arms)
    return replace(experiment, arms=arms)


def with_comparisons(experiment: Experiment, runs: Mapping[str, Sequence[Run]]) -> Experiment:
    """The experiment with what its builds come to, if it compares builds. The heads of the runs are read."""
    if experiment.design is None:
        return experiment
    metas = {label: [history_room.read_meta(run.directory) for run in of_arm] for label, of_arm in runs.items()}
    return replace(experiment, comparisons=comparisons(experiment, runs, confounded(experiment.design, metas)))


def _judged(arm: ArmResult, blocks: Sequence[Block], runs: Sequence[Run]) -> ArmResult:
    of_arm = [block for block in blocks if block.arm == arm.label]
    lacking = () if len(runs) == len(of_arm) else (f"only {len(runs)} of {len(of_arm)} blocks were measured",)
    stopped = (f"it could not go on: {arm.stopped}",) if arm.stopped else ()
    if not runs:
        return replace(arm, ruling=Ruling.INCONCLUSIVE, reasons=(*stopped, *lacking), claims=())
    found = merged([(run.directory.name, run.findings) for run in runs])
    verdict = judge(runs[0].spec, replace(found, doubts=(*stopped, *lacking, *found.doubts)))
    # A reason may be a str with a kind; a record keeps the words.
    claims = tuple(replace(one, why=str(one.why)) for one in verdict.claims)
    return replace(arm, ruling=verdict.ruling, reasons=tuple(map(str, verdict.reasons)), claims=claims)


def begun(side: Side, world: World) -> ArmResult:
    """The arm before its first block."""
    stack = world.stack.stack
    return ArmResult(
        side.label, Arm(side.label, stack, deploy.workload_for(side.scenario, side.workload)).id, side.scenario.name, stack
    )


def interrupted(measuring: Measuring) -> Interrupted:
    """What is raised after the record of an experiment that ended early was written."""
    why = measuring.experiment.interrupted
    of = f" ({why.rstrip('.')})" if why else ""
    early = "was interrupted" if why == "KeyboardInterrupt" else f"ended early{of}"
    return Interrupted(
        f"{measuring.experiment.name} {early}; what was measured is kept and counts as inconclusive.",
        where=str(measuring.directory),
    )


class Measuring:
    """The state of one experiment while it lasts."""

    def __init__(self, experiment: Experiment, directory: Path, sides: Mapping[str, tuple[Side, World]]) -> None:
        self.experiment = experiment
        self.directory = directory
        self.sides = sides
        self._runs: dict[str, tuple[Run, ...]] = dict.fromkeys(sides, ())
        self.write()

    def all_blocks(self) -> None:
        """Each block whose arm can still go on."""
        for index, block in enumerate(self.experiment.blocks):
            arm = next(one for one in self.experiment.arms if one.label == block.arm)
            if not arm.stopped:
                self.block(index)

    def block(self, index: int) -> None:
        """The block at this place of the experiment. Raises what ends the whole experiment."""
        block = replace(self.experiment.blocks[index], run=self.experiment.blocks[index].name)
        side, world = self.sides[block.arm]
        self._set_block(index, block)
        self.write()
        ended = "the harness crashed"
        try:
            measure(
                replace(side.scenario, cycles=block.cycles),
                world,
                artifacts=self.directory,
                seed=block.seed,
                workload=side.workload,
                images=side.images,
                place=Place(self.directory / block.run, self.experiment.id, block.arm, self.experiment.plan),
            )
            ended = ""
        except Interrupted as early:
            ended = early.what
            if not isinstance(early.__cause__, HarnessError):
                raise
            self._stop(block.arm, str(early.__cause__), world)
        except HarnessError as error:
            ended = str(error)
            self._stop(block.arm, ended, world)
        except KeyboardInterrupt:
            ended = "KeyboardInterrupt"
            raise
        finally:
            with deferred():
                there = (self.directory / block.run / RUN).is_file()
                self._set_block(index, replace(block, run=block.run if there else "", ended=ended))
                self._read(block)
                self.write()

    def _read(self, block: Block) -> None:
        place = self.directory / block.run
        if not (place / RUN).is_file():
            return
        self._runs[block.arm] += (analyse_again(place),)
        stack = history_room.read_meta(place).stack
        if stack is not None:
            side, _ = self.sides[block.arm]
            self._set_arm(block.arm, stack=stack, id=Arm(block.arm, stack, deploy.workload_for(side.scenario, side.workload)).id)

    def _stop(self, label: str, why: str, world: World) -> None:
        world.progress.say(f"arm {label} cannot go on: {why}")
        self._set_arm(label, stopped=why)

    def _set_arm(self, label: str, **changes: Any) -> None:
        arms = tuple(replace(arm, **changes) if arm.label == label else arm for arm in self.experiment.arms)
        self.experiment = replace(self.experiment, arms=arms)

    def _set_block(self, index: int, block: Block) -> None:
        blocks = self.experiment.blocks
        self.experiment = replace(self.experiment, blocks=(*blocks[:index], block, *blocks[index + 1 :]))

    def write(self, *, interrupted: str = "") -> None:
        """The record, with what the arms come to so far; builds are compared once every block of a look is measured."""
        self.experiment = judged(replace(self.experiment, interrupted=interrupted), self._runs)
        over = interrupted or any(arm.stopped for arm in self.experiment.arms)
        if over or all(run_of(block, self._runs) for block in self.experiment.blocks):
            self.experiment = with_comparisons(self.experiment, self._runs)
        history_room.write_experiment(self.directory, self.experiment)

    def append(self, blocks: Sequence[Block]) -> None:
        """Blocks of a further look."""
        self.experiment = replace(self.experiment, blocks=(*self.experiment.blocks, *blocks))
        self.write()

    def result(self) -> Compared:
        """As it stands."""
        return Compared(self.experiment, self.directory, self._runs)
