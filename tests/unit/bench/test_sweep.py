"""The sweep: its design is that of the code and allowed, its costs are those of the history, and it goes on where it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import pytest
from scipy.stats import qmc

from harness.adapters.progress import Progress
from harness.analyse import analyse
from harness.errors import BadInput, Interrupted
from harness.knative.pods import PodState
from harness.model import Bracket, KnativeVersion, Lane, Outcome, Probe, Procedure, Scenario, Stream
from harness.run import require_runnable
from tests.bench.restarts import costs, measuring
from tests.bench.restarts.costs import Cost, costs_of, why_not_counted
from tests.bench.restarts.intervals import Interval, interval, summed
from tests.bench.restarts.measuring import Kept, Unattended, is_of, kept_in, read_again, reader
from tests.bench.sweep import design
from tests.bench.sweep.reference import by_the_formula
from tests.bench.sweep.setting import Setting, pod_of, scenario_of
from tests.unit.analyse.story import MS, at, restarts

S1_LIKE = Setting(
    liveness_period_s=1,
    liveness_threshold=3,
    readiness="none",
    readiness_period_s=0,
    readiness_threshold=0,
    boot_s=5.0,
    sigterm="exit",
    startup=False,
    pods=1,
)
COST = Cost(
    name="SWEEP-F01",
    run="r",
    stack="Knative 1.23.0, Kubernetes v1.34.4, 2 cores",
    cycle=0,
    sent=600,
    refused=100,
    refused_s=2.0,
    failed_otherwise=0,
    waited=0,
    waited_sum_s=0.0,
    waited_max_s=0.0,
    not_ready_s=0.0,
    restarts=1,
    steps={},
)


# --- the design ---------------------------------------------------------------------------------------------------------


def test_the_committed_design_is_the_one_that_is_drawn() -> None:
    """So nobody has exchanged a configuration after it was measured. That its draw is the best one takes `design` some seconds."""
    committed = design.committed()
    assert committed == design.designed(committed.draws)
    other = {part: number + 1 for part, number in committed.draws.items()}
    assert committed != design.designed(other)


def test_the_best_spread_draw_that_is_allowed_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of five, if all are allowed; none if none is."""
    monkeypatch.setattr(design, "DRAWS", 5)
    monkeypatch.setattr(design, "allowed", lambda _: True)
    spread = [float(qmc.discrepancy(design.drawn(design.CHECK, number))) for number in range(5)]
    assert design.best_draw(design.CHECK) == spread.index(min(spread))
    monkeypatch.setattr(design, "allowed", lambda _: False)
    with pytest.raises(ValueError, match="none of 5 draws"):
        design.best_draw(design.CHECK)


def test_every_configuration_is_another_pod_that_knative_makes() -> None:
    """Over both parts; and no start-up time of the held-back part was seen by the fit."""
    every = design.committed().configurations
    assert 24 <= len(every) <= 32
    assert len({one.name for one in every}) == len(every)
    made = [pod_of(one.setting) for one in every]
    assert [refused for refused, _ in made if refused] == []
    assert len({pod for _, pod in made}) == len(made)
    boots = {part: {one.setting.boot_s for one in every if one.part == part} for part in (design.FIT, design.CHECK)}
    assert not boots[design.FIT] & boots[design.CHECK]


def test_every_configuration_can_be_measured(tmp_path: Path) -> None:
    """In as many slots as the design says: nothing refuses it once the night has begun."""
    for one in design.committed().configurations:
        scenario = scenario_of(one.name, one.setting, one.cycles)
        spec = require_runnable(scenario, KnativeVersion.parse("1.23"), tmp_path, slots=one.slots)
        assert spec.service.timeout_s == (10 if one.setting.ignores_sigterm else 300)


def test_a_configuration_that_knative_refuses_is_not_allowed() -> None:
    """A period of 0 s with a threshold asks for the aggressive probing, which takes none."""
    refused = replace(S1_LIKE, readiness="same", readiness_period_s=0, readiness_threshold=3)
    assert pod_of(refused)[0]
    assert not design.allowed([S1_LIKE, refused])


def test_two_configurations_of_one_pod_are_not_allowed() -> None:
    """The timing of a readiness probe that is not written makes no difference."""
    assert design.allowed([S1_LIKE, replace(S1_LIKE, boot_s=1.0)])
    assert not design.allowed([S1_LIKE, replace(S1_LIKE, readiness_period_s=2)])


def test_the_budget_of_time_is_kept() -> None:
    """A restart that takes long is refused, with three pods earlier."""
    assert not design.allowed([replace(S1_LIKE, boot_s=40.0)])
    assert not design.allowed([replace(S1_LIKE, boot_s=8.0, pods=3)])


def test_the_service_of_a_configuration() -> None:
    """S1's or S12's with its probes. The first liveness probe comes 5 s after the app listens, at the earliest."""
    setting = replace(S1_LIKE, boot_s=2.5, sigterm="ignore", readiness="other", readiness_period_s=2, readiness_threshold=1)
    one = setting.service
    assert (one.app.startup_delay_s, one.app.sigterm, one.timeout_s) == (2.5, "ignore", 10)
    assert one.liveness == Probe(period_s=1, failure_threshold=3, timeout_s=1, initial_delay_s=8)
    assert one.readiness == Probe(path="/readyz", period_s=2, failure_threshold=1)
    assert one.startup is None
    started = replace(S1_LIKE, startup=True, pods=3).service
    assert (started.min_scale, started.max_scale, started.target_burst_capacity) == (3, 3, 0)
    assert started.startup == Probe(period_s=1, failure_threshold=30)
    assert started.liveness is not None and started.liveness.initial_delay_s == 0


def test_the_formula_of_the_reference() -> None:
    """Of S1, of a readiness that acts before, and of an app that lives on without its listener."""
    assert by_the_formula(S1_LIKE) == pytest.approx((5.3, 7.0))
    fast = replace(S1_LIKE, readiness="other", readiness_period_s=1, readiness_threshold=1)
    assert by_the_formula(fast) == pytest.approx((0.1, 3.0))
    assert by_the_formula(replace(S1_LIKE, sigterm="ignore-close")) == pytest.approx((14.3, 16.0))
    assert by_the_formula(replace(S1_LIKE, sigterm="ignore")) == pytest.approx((5.3, 7.0))


# --- what a restart cost ------------------------------------------------------------------------------------------------


def test_the_refused_requests_are_those_of_the_cycle() -> None:
    """2.5 s at 50 requests a second; nobody waits, the pod stays Ready."""
    first, second = costs_of(restarts().history())
    assert (first.refused, second.refused) == (125, 125)
    assert first.refused_s == pytest.approx(2.48, abs=0.01)
    assert (first.failed_otherwise, first.waited, first.waited_sum_s, first.waited_max_s) == (0, 0, 0.0, 0.0)
    assert (first.not_ready_s, first.restarts) == (0.0, 1)
    assert first.sent == 450
    assert first.stack == "Knative v1.23.0, Kubernetes ?, ? cores"
    assert first.steps == {"decided": 2.7, "pre_stop": 0.5, "restart": 0.5, "booted": 2.0, "back": 0.003}


def test_what_an_answer_took_longer_than_before_the_fault_is_a_wait() -> None:
    """3 ms are the median before it. A slow answer before the fault is none of the restart's, 50 ms are no wait."""
    story = restarts(cycles=1)
    story.request(0, at(0, 2), took_ns=800 * MS)
    story.request(0, at(0, 11), took_ns=1503 * MS)
    story.request(0, at(0, 11.2), took_ns=1003 * MS)
    story.request(0, at(0, 11.4), took_ns=53 * MS)
    story.request(0, at(0, 11.6), took_ns=203 * MS)
    (cost,) = costs_of(story.history())
    assert cost.waited == 3
    assert cost.waited_sum_s == pytest.approx(2.7, abs=0.001)
    assert cost.waited_max_s == pytest.approx(1.5, abs=0.001)


def test_a_request_that_was_sent_late_waited_from_its_intended_time() -> None:
    """As its user did; and a request past the ingress is no user's."""
    story = restarts(cycles=1)
    story.request(0, at(0, 11.2))
    story.requests[-1]["intended_ns"] -= 200 * MS
    assert costs_of(story.history())[0].waited == 1
    (mark,) = story.cycles
    story.requests[-1]["lane"] = Lane.GET_POD.value
    assert len(costs._added(costs._asked(story.history(), mark), mark)[1]) == 0


def test_another_failure_is_no_refusal() -> None:
    """It is counted apart; one before the steady state is none of the restart's, and after one in it the cycle does not count."""
    story = restarts(cycles=1)
    story.request(0, at(0, 11), Outcome.TIMEOUT, status=0, answer=-1)
    assert costs_of(story.history())[0].failed_otherwise == 1
    story = restarts(cycles=1)
    story.request(0, at(0, 2), Outcome.TIMEOUT, status=0, answer=-1)
    assert costs_of(story.history()) == []
    story.spec(steady_s=1.0)
    assert costs_of(story.history())[0].failed_otherwise == 0


def test_the_time_not_ready_is_that_of_the_pod_that_was_hit() -> None:
    """Seen not Ready twice; the second time lasts to the end of the cycle."""
    story = restarts(cycles=1)
    story.pod("pod-0", at(0, 5), ready=False)
    story.pod("pod-0", at(0, 7), ready=True)
    story.pod("pod-0", at(0, 12), ready=False, restarts=1)
    story.pod("pod-9", at(0, 6), ready=False)
    story.observations.sort(key=lambda one: one.seen_ns)
    (cost,) = costs_of(story.history())
    assert cost.not_ready_s == pytest.approx(3.0, abs=0.01)


def test_the_time_not_ready_ends_with_the_cycle() -> None:
    """What is seen later belongs to another one; of a pod that was not seen before the fault it is not known."""
    seen = [PodState(seen_s * 10**9, ready, 0, "", None, 1) for seen_s, ready in ((1, True), (12, False), (14, True))]
    assert costs.not_ready_s(seen, 10 * 10**9, 20 * 10**9) == 2.0
    assert costs.not_ready_s(seen, 10 * 10**9, 13 * 10**9) == 1.0
    assert costs.not_ready_s(seen[1:], 10 * 10**9, 20 * 10**9) is None


def test_each_step_lies_between_its_edges() -> None:
    """Of a pod that left its endpoints, too; each edge counts from when it had been seen."""
    edges = (
        "fault first-failed-probe killing listener-closed queue-proxy-unready endpoint-unready container-started listening first-ok"
    )
    anatomy = {edge: Bracket(0, 2**place * 10**9, "a test", 1) for place, edge in enumerate(edges.split())}
    assert costs.steps_of(anatomy) == {
        "decided": 2, "pre_stop": 4, "restart": 56, "booted": 64, "unready": 8, "published": 16, "back": 128
    }  # fmt: skip
    del anatomy["killing"]
    assert set(costs.steps_of(anatomy)) == {"restart", "booted", "unready", "published", "back"}


def test_a_cycle_that_does_not_count_has_no_cost() -> None:
    """Voided, or without the proof that the fault landed."""
    story = restarts(cycles=2)
    story.generators[1] = replace(story.generators[1], steal=0.5)
    assert [cost.cycle for cost in costs_of(story.history())] == [0]
    story = restarts(cycles=2)
    story.drop(lambda one: one.pod == "pod-0" and '"probe"' in one.payload)
    assert [cost.cycle for cost in costs_of(story.history())] == [1]


def test_a_cycle_whose_refused_requests_are_not_known_has_no_cost() -> None:
    """Without queue-proxy's lines the failed requests would be 'otherwise failed', and none refused."""
    story = restarts(cycles=2)
    story.drop(lambda one: one.pod == "pod-0" and one.stream is Stream.QUEUE_PROXY)
    assert [(cost.cycle, cost.refused) for cost in costs_of(story.history())] == [(1, 125)]


def test_a_cycle_about_which_there_is_a_doubt_has_no_cost() -> None:
    """Another pod served it, or the restart of another slot came within its own: five at once refuse up to seven times as long."""
    story = restarts(cycles=2)
    story.answers[0]["headers"] = story.answers[0]["headers"].replace("pod-0", "stranger")
    assert [cost.cycle for cost in costs_of(story.history())] == [1]
    story = restarts(cycles=3)
    found = analyse(story.history())
    overlap = replace(found, doubts=("cycles 0 and 2: the second fault came 1.000 s before the first container served",))
    assert [cycle.index for cycle in found.cycles if not why_not_counted(overlap, cycle)] == [1]


def test_a_doubt_about_the_run_leaves_no_cost() -> None:
    """Its clock was stepped. That it was interrupted, or lacks cycles, leaves the finished ones."""
    story = restarts(cycles=2)
    story.meta = replace(story.meta, clock_step_ns=10**9)
    assert costs_of(story.history()) == []
    story = restarts(cycles=2)
    story.spec(cycles=3)
    story.meta = replace(story.meta, interrupted="by hand")
    assert [cost.cycle for cost in costs_of(story.history())] == [0, 1]


def test_the_interval_of_a_mean() -> None:
    """By Student's t, above zero; of equal values the value alone."""
    found = interval([5.0, 5.2, 5.4])
    assert (found.mean, found.lo, found.hi) == pytest.approx((5.2, 4.703, 5.697), abs=0.001)
    assert interval([0.0, 0.1]).lo == 0.0
    assert interval([0.0, 0.0]) == Interval(0.0, 0.0, 0.0)
    assert found.apart(interval([7.0]))
    assert interval([7.0]).apart(found)
    assert not found.apart(interval([5.6]))
    with pytest.raises(ValueError, match="no value"):
        interval([])


def test_cycles_are_put_together_by_configuration() -> None:
    """The time not ready is known only where every cycle knows it."""
    costs = [COST, replace(COST, refused=110), replace(COST, name="SWEEP-F02", not_ready_s=None)]
    found = summed(costs)
    assert [(one.name, one.cycles, one.refused.mean) for one in found.values()] == [("SWEEP-F01", 2, 105), ("SWEEP-F02", 1, 100)]
    assert found["SWEEP-F02"].not_ready_s is None
    assert summed([COST, replace(COST, not_ready_s=None)])["SWEEP-F01"].not_ready_s is None


# --- measuring ----------------------------------------------------------------------------------------------------------


class World:
    """Measures by writing a directory for each run. gives: counted cycles of each further run."""

    def __init__(self, out: Path, gives: Sequence[int | Exception]) -> None:
        self.out = out
        self.gives = list(gives)
        self.asked: list[tuple[str, int, int]] = []
        self.said: list[str] = []
        self.counted: dict[str, tuple[str, int]] = {}

    def measure(self, _: object, scenario: Scenario, slots: int, below: Path) -> None:
        """Like `harness.run.measure`."""
        self.asked.append((scenario.name, scenario.cycles, slots))
        given = self.gives.pop(0) if self.gives else scenario.cycles
        run = f"20261128T000000Z-{len(self.asked)}"
        place = below / scenario.name / run
        place.mkdir(parents=True)
        (place / "closed.json").write_text("{}", encoding="utf-8")
        (below / "latest").mkdir(exist_ok=True)
        link = below / "latest" / scenario.name
        link.unlink(missing_ok=True)
        link.symlink_to(place)
        self.counted[run] = (scenario.name, given if isinstance(given, int) else 1)
        if isinstance(given, Exception):
            raise given

    def read_run(self, place: Path) -> list[Cost]:
        """Of a run that this world measured."""
        name, number = self.counted[place.name]
        return [replace(COST, name=name, run=place.name, cycle=cycle) for cycle in range(number)]

    def sweep(self) -> Unattended[design.Configuration]:
        """Of this world, in four slots."""
        return Unattended("sweep", self.out, Progress(self.said.append), self.measure, self.read_run, 4)


def two() -> tuple[design.Configuration, ...]:
    """Two configurations of five cycles each."""
    return tuple(
        design.Configuration(f"SWEEP-F0{number}", design.FIT, 5, 5, replace(S1_LIKE, boot_s=float(number))) for number in (1, 2)
    )


def test_what_was_measured_is_not_measured_again(tmp_path: Path) -> None:
    """In at most four slots; a second start finds everything done."""
    world = World(tmp_path, [])
    kept = world.sweep().run(two())
    assert world.asked == [("SWEEP-F01", 5, 4), ("SWEEP-F02", 5, 4)]
    assert (kept.counted("SWEEP-F01"), kept.counted("SWEEP-F02")) == (5, 5)
    assert kept_in(tmp_path) == kept
    assert world.sweep().run(two()) == kept
    assert len(world.asked) == 2
    assert "sweep: 2 of 2 configurations are measured; the others take about 0 min" in world.said


def test_pods_take_the_place_of_slots(tmp_path: Path) -> None:
    """A configuration of three pods is measured in the slots that the design gives it."""
    world = World(tmp_path, [])
    world.sweep().run([replace(one, slots=2) for one in two()])
    assert [slots for _, _, slots in world.asked] == [2, 2]


def test_a_run_with_too_few_cycles_is_completed_at_the_next_start(tmp_path: Path) -> None:
    """Only the cycles that lack; what an error ended counts as far as it came, and the next configuration is measured."""
    world = World(tmp_path, [3, BadInput("no.")])
    world.sweep().run(two())
    assert world.sweep().run(two()).counted("SWEEP-F02") == 5
    assert world.asked == [("SWEEP-F01", 5, 4), ("SWEEP-F02", 5, 4), ("SWEEP-F01", 2, 2), ("SWEEP-F02", 4, 4)]
    assert "no." in "".join(world.said)


def test_a_killed_program_loses_no_run(tmp_path: Path) -> None:
    """A run that was closed but is not in the file is read at the next start; a half-written one is not."""
    world = World(tmp_path, [])
    (one, other) = two()
    world.measure(one, one.scenario(5), 5, tmp_path)
    (tmp_path / other.name / "20261128T000001Z-9").mkdir(parents=True)
    assert kept_in(tmp_path) == Kept()
    assert world.sweep().caught_up().counted(one.name) == 5
    assert world.sweep().caught_up() == kept_in(tmp_path)


def test_the_results_are_those_of_the_runs_themselves(tmp_path: Path) -> None:
    """As the code of today reads them: what an earlier one kept of the same runs is in costs.json alone."""
    world = World(tmp_path, [])
    world.sweep().run(two())

    def later(place: Path) -> list[Cost]:
        return [replace(cost, refused=7) for cost in world.read_run(place)]

    again = read_again(tmp_path, later)
    assert {cost.refused for cost in again.costs} == {7}
    assert (again.runs, len(again.costs)) == (kept_in(tmp_path).runs, 10)
    assert {cost.refused for cost in world.sweep().caught_up().costs} == {100}


def test_a_run_of_another_configuration_of_that_name_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measured for an earlier design, or with another fault: only its words and its number of cycles may differ."""

    def of(setting: Setting) -> design.Configuration:
        return design.Configuration("SWEEP-F01", design.FIT, 4, 4, setting)

    setting = replace(S1_LIKE, readiness="same", readiness_period_s=2, readiness_threshold=1)
    spec = require_runnable(scenario_of("SWEEP-F01", setting, 4), KnativeVersion.parse("1.23"), tmp_path)
    assert is_of(replace(spec, title="else", cycles=2, max_replacements=3), of(setting))
    assert not is_of(spec, of(replace(setting, readiness_period_s=1)))
    assert not is_of(spec, of(replace(setting, boot_s=4.0)))
    assert not is_of(replace(spec, fault=replace(spec.fault, kind="readiness")), of(setting))
    story = restarts()
    monkeypatch.setattr(measuring, "read_history", lambda _: story.history())
    monkeypatch.setattr(measuring, "costs_of", lambda _: [COST])
    read_run = reader([of(setting)])
    story.spec(**{one.name: getattr(scenario_of("SWEEP-F01", setting, 2), one.name) for one in fields(Procedure)})
    story.spec(scenario="SWEEP-F01")
    assert read_run(tmp_path)
    story.spec(scenario="S1")
    assert not read_run(tmp_path)
    story.spec(scenario="SWEEP-F01", service=S1_LIKE.service)
    assert not read_run(tmp_path)


def test_an_interrupt_ends_the_sweep(tmp_path: Path) -> None:
    """And keeps what the interrupted run measured."""
    stopped = Interrupted("by hand")
    stopped.__cause__ = KeyboardInterrupt()
    world = World(tmp_path, [stopped])
    with pytest.raises(Interrupted):
        world.sweep().run(two())
    assert len(world.asked) == 1
    assert world.sweep().caught_up().counted("SWEEP-F01") == 1


def test_the_progress_says_step_elapsed_and_expected(tmp_path: Path) -> None:
    """Before, between and after the configurations."""
    world = World(tmp_path, [])
    world.sweep().run(two())
    assert world.said[0].startswith("sweep: 0 of 2 configurations are measured; the others take about 3 min")
    assert any(
        line.startswith("sweep 1 of 2, SWEEP-F01: 5 of 5 cycles count; 0 min elapsed, about 2 min left") for line in world.said
    )
