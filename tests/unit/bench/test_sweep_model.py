"""The window model on the sweep: what was planted in the cycles is found by the fit, and the check fails where it must."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.advise.advising import case_of
from harness.advise.case import Load
from harness.advise.data import MODEL, Constant, Model, model
from harness.advise.spans import Span
from harness.advise.window import Probes, Timing
from harness.deploy.manifest import render
from harness.knative.manifest.settings import NEWEST, Settings
from tests.bench.restarts.costs import Cost
from tests.bench.sweep import check, design, fit
from tests.bench.sweep.reference import readiness_of
from tests.bench.sweep.results import PAGE
from tests.bench.sweep.setting import Setting
from tests.unit.advise.constants import RANGES
from tests.unit.bench.test_sweep import COST, S1_LIKE

PLANTED = {"decision": 0.05, "pre_stop": 1.05, "restart": 0.4, "propagation": 0.08, "restart_noticed": 1.2, "back": 0.2}
SPREAD = 0.02


def cycles(part: str, **planted: float) -> Iterator[Cost]:
    """Cycles of a part, as a restart of these steps gives them; each step varies a little, the phase of each probe at random."""
    draw = random.Random(7)  # noqa: S311 - a test's own numbers
    for name, setting in design.settings_of(part).items():
        for cycle in range(4):
            yield one(name, setting, cycle, {**PLANTED, **planted}, draw)


def one(name: str, setting: Setting, cycle: int, steps: dict[str, float], draw: random.Random) -> Cost:
    """A restart by the steps of the model, all of them known."""
    took = {step: max(0.0, value + draw.uniform(-SPREAD, SPREAD)) for step, value in steps.items()}
    killed_s = setting.liveness_period_s * (setting.liveness_threshold - 1 + draw.random()) + took["decision"]
    to_close_s = setting.grace_s if setting.sigterm == "ignore" else took["pre_stop"]
    tail_s = setting.grace_s - took["pre_stop"] if setting.sigterm == "ignore-close" else 0.0
    open_s = tail_s + took["restart"] + setting.boot_s
    period_s, threshold = readiness_of(setting)
    acts_s = period_s * (threshold - 1 + draw.random())
    since_s = {"same": killed_s + to_close_s}.get(setting.readiness, 0.0 if setting.sigterm == "ignore" else to_close_s)
    unready_s = acts_s - since_s
    out_s = min(unready_s + took["propagation"], tail_s + took["restart_noticed"] if setting.startup else 1e9)
    window_s = max(0.0, min(open_s, out_s))
    return replace(
        COST,
        name=name,
        cycle=cycle,
        refused=round(window_s * 50 / setting.pods),
        refused_s=window_s,
        waited=int(out_s < open_s),
        steps={
            "decided": (setting.liveness_threshold - 1) * setting.liveness_period_s + took["decision"],
            "pre_stop": to_close_s,
            "back": took["back"],
            **({"unready": unready_s} if out_s < open_s else {}),
        },
    )


def made(**planted: float) -> Model:
    """The model fitted on cycles with these steps."""
    of_fit = design.settings_of(design.FIT)
    return fit.fitted(fit.values(of_fit, cycles(design.FIT, **planted), model()), model(), "planted")


def test_the_probes_of_a_configuration() -> None:
    """Knative's own readiness where none is written; the grace of an app that ignores SIGTERM."""
    assert fit.probes_of(S1_LIKE) == Probes(Timing(1, 3), Timing(10, 3, fails_within_s=1.0))
    other = replace(S1_LIKE, readiness="same", readiness_period_s=2, readiness_threshold=1, startup=True, sigterm="ignore")
    assert fit.probes_of(other) == Probes(Timing(1, 3), Timing(2, 1), same_check=True, kept_s=1, grace_s=10.0, listens_on=True)


def test_the_advisor_predicts_the_same_from_the_manifest() -> None:
    """Of every configuration whose app ends on SIGTERM, which a manifest does not say: the sweep checks what users are told."""
    for configuration in design.committed().configurations:
        setting = configuration.setting
        if setting.ignores_sigterm:
            continue
        found = case_of(render(setting.service), Settings(NEWEST), Load(50.0, setting.boot_s), model()).window
        assert found is not None
        assert found.refused_s == fit.predicted(setting, model()), setting.words


@pytest.mark.parametrize("name", PLANTED)
def test_the_fit_finds_what_was_planted(name: str) -> None:
    """Each constant holds its planted value in a narrow interval, and says of how many cycles it is; another value moves it."""
    found: Constant = getattr(made(), name)
    assert found.lo <= PLANTED[name] <= found.hi
    assert found.hi - found.lo < 5 * SPREAD
    assert found.source.startswith("planted: ")
    moved = PLANTED[name] + 0.15
    other: Constant = getattr(made(**{name: moved}), name)
    assert other.lo <= moved <= other.hi
    assert other.lo > found.lo


def test_the_interval_of_one_more_value() -> None:
    """By Student's t at 95 %, wider than that of the mean; four values are enough for one, and three are not."""
    assert fit.prediction([1.0, 2.0, 3.0, 4.0]) == (0.0, 7.093)
    assert fit.prediction([11.0, 12.0, 13.0, 14.0]) == (7.907, 17.093)
    assert fit.fitted({"restart": [1.0, 2.0, 3.0, 4.0]}, model(), "planted").restart.hi == 7.093
    assert fit.fitted({"restart": [1.0, 2.0, 3.0]}, model(), "planted").restart == model().restart


def test_a_constant_that_few_cycles_show_stays() -> None:
    """No cycle shows it: what model.toml has is kept, with its source."""
    few = {name: [0.3] * (fit.LEAST - 1) for name in PLANTED}
    assert replace(fit.fitted(few, model(), "planted"), name="") == replace(model(), name="")


def test_cycles_in_which_another_step_decides_say_nothing() -> None:
    """The window of a pod that is out before the app listens is no restart's; that of one that never is out no propagation's; and
    one with the rest of a grace in it does not show how soon a restart is noticed.
    """
    settings = {"SWEEP-F01": replace(S1_LIKE, readiness="other", readiness_period_s=1, readiness_threshold=1)}
    shown = fit.values(settings, [replace(COST, refused_s=0.1, steps={"unready": 0.05})], model())
    assert shown["restart"] == []
    assert shown["propagation"] == pytest.approx([0.05])
    kept = {"SWEEP-F01": replace(S1_LIKE, startup=True), "SWEEP-F02": replace(S1_LIKE, startup=True, sigterm="ignore-close")}
    shown = fit.values(kept, [replace(COST, refused_s=1.2), replace(COST, name="SWEEP-F02", refused_s=10.2)], model())
    assert shown["restart_noticed"] == [1.2]
    shown = fit.values(kept, [replace(COST, waited=1, steps={"back": 0.9})], model())
    assert shown["back"] == []
    shown = fit.values({"SWEEP-F01": S1_LIKE}, [replace(COST, refused_s=5.4, steps={"unready": 0.05})], model())
    assert fit.values({"SWEEP-F01": S1_LIKE}, [replace(COST, refused=0, refused_s=0.0)], model())["restart"] == []
    assert shown["restart"] == pytest.approx([0.4])
    assert shown["propagation"] == shown["restart_noticed"] == shown["back"] == []


def test_the_file_keeps_its_comments() -> None:
    """Only the numbers, their sources and the name change; what was written is what is read again."""
    text = MODEL.read_text(encoding="utf-8")
    assert fit.rewritten(text, model()).split() == text.split()
    changed = fit.rewritten(text, replace(model(), name="new", restart=Constant(0.2, 0.6, "planted")))
    assert 'name = "new"' in changed
    assert 'lo = 0.2\nhi = 0.6\nsource = "planted"\n\n[propagation]' in changed
    assert [line for line in changed.splitlines() if line.startswith("#")] == [
        line for line in text.splitlines() if line.startswith("#")
    ]
    with pytest.raises(ValueError, match="decision"):
        fit.rewritten('name = "x"\n', model())


# --- the check ----------------------------------------------------------------------------------------------------------


WANTED = {one.name: one.cycles for one in design.committed().configurations}


def of_check(fitted: Model, **planted: float) -> check.Checked:
    """The check of this model on held-back cycles with these steps."""
    return check.checked(design.settings_of(design.CHECK), WANTED, cycles(design.CHECK, **planted), fitted)


def test_the_model_holds_on_what_was_held_back() -> None:
    """Where both parts are made by the same steps: covered, narrow, in order. The formula is much wider."""
    found = of_check(made())
    assert found.covered >= check.COVERED
    assert found.width <= check.WIDTH
    assert (found.wrong, found.tied) == ((), ())
    assert found.apart > 5
    assert found.holds
    assert "NOT KEPT" not in check.markdown(found)


def test_windows_outside_of_their_intervals_break_it() -> None:
    """The held-back restarts take 0.5 s longer than the fitted ones."""
    found = of_check(made(), restart=0.9)
    assert found.covered < check.COVERED
    assert not found.holds
    assert "NOT KEPT" in check.markdown(found)


def test_wide_intervals_break_it() -> None:
    """Whoever predicts everything predicts nothing."""
    found = of_check(replace(model(), restart=Constant(0.0, 4.0, "planted"), restart_noticed=Constant(0.0, 6.0, "planted")))
    assert found.width > check.WIDTH
    assert not found.holds


def test_the_limits_are_those_that_were_fixed_before_the_measurement() -> None:
    """Those of docs/sweep.md."""
    assert (check.COVERED, check.WIDTH, check.PAIRS) == (0.9, 0.5, 10)
    text = PAGE.read_text(encoding="utf-8")
    assert "at least 90 % of the measured windows lie in the predicted intervals; their median width is at most half" in text
    assert "(10 of the 28 pairs at least" in text


def held(name: str, predicted: tuple[float, float], *windows_s: float) -> check.Held:
    """One configuration."""
    return check.Held(name, S1_LIKE, Span(*predicted), sum(predicted) / 2, 2.0, (5.3, 7.0), windows_s)


def test_the_order_of_two_configurations() -> None:
    """Only pairs whose measured intervals do not overlap count; the other way round is wrong, as equal is a tie. One cycle has no
    interval; a difference below a request's spacing is none.
    """
    short_, long_ = held("A", (0.9, 1.1), 1.0, 1.01), held("B", (1.9, 2.1), 2.0, 2.01)
    assert check._order([short_, long_]) == (1, (), ())
    swapped = held("B", (0.4, 0.6), 2.0, 2.01)
    assert check._order([short_, swapped]) == (1, (("A", "B"),), ())
    tied = held("B", (0.9, 1.1), 2.0, 2.01)
    assert check._order([short_, tied]) == (1, (), (("A", "B"),))
    near = held("B", (0.9, 1.13), 2.0, 2.01)
    assert check._order([short_, near]) == (1, (), (("A", "B"),))
    unsure = held("B", (0.4, 0.6), 0.5, 2.5)
    assert check._order([short_, unsure]) == (0, (), ())
    once = held("B", (1.9, 2.1), 2.0)
    assert check._order([short_, once]) == (0, (), ())


def test_nothing_held_back_is_no_check() -> None:
    """The cycles of the other part are none."""
    with pytest.raises(ValueError, match="was measured"):
        check.checked(design.settings_of(design.CHECK), WANTED, cycles(design.FIT), model())


def test_a_part_of_the_cycles_decides_nothing() -> None:
    """One configuration that lies in its interval is no check; nor are all of them with a cycle less."""
    settings, fitted = design.settings_of(design.CHECK), made()
    every = list(cycles(design.CHECK))
    alone = [cost for cost in every if cost.name == "SWEEP-C05"]
    fewer = [cost for cost in every if cost.cycle < WANTED[cost.name] - 1]
    for part, lack in ((alone, "C01, C02, C03, C04, C06, C07, C08."), (fewer, "C01, C02, C03, C04, C05, C06, C07, C08.")):
        found = check.checked(settings, WANTED, part, fitted)
        assert found.covered >= check.COVERED
        assert not found.holds
        said = check.markdown(found)
        assert ": kept" not in said
        assert "not decided yet" in said
        assert f"Cycles lack of: {lack}" in said


def test_few_pairs_say_nothing_about_the_order() -> None:
    """Where no two measured intervals are apart, none is in the wrong order."""
    found = of_check(made())
    assert found.in_order
    unsure = replace(found, apart=check.PAIRS - 1)
    assert not unsure.in_order
    assert not unsure.holds
    assert "NOT KEPT" in check.markdown(unsure)


def test_windows_of_0_are_told_apart() -> None:
    """They count for the limit; how many of the others are in their intervals stands beside it, and the interval of the share."""
    one = held("A", (0.0, 0.1), 0.0, 0.0, 0.0, 0.05)
    other = held("B", (0.9, 1.1), 1.0, 1.3)
    found = check.Checked((one, other), 1, (), (), ())
    assert found.covered == pytest.approx(5 / 6)
    assert found.refusing == (2, 3)
    assert "5 of 6 cycles (83% [36%, 100%])" in check.markdown(found)
    assert "Of the 3 cycles in which requests were refused, 2" in check.markdown(found)


def test_an_interval_that_excludes_nothing_is_told_apart() -> None:
    """Any window that the closed port allows lies in it."""
    anything, sharp = held("A", (0.0, 2.0), 1.7, 0.2), held("B", (0.9, 1.9), 1.0, 0.8, 1.2)
    found = check.Checked((anything, sharp), 1, (), (), ())
    assert (anything.sharp, sharp.sharp, found.sharp) == (False, True, (2, 3))
    assert "of the 3 whose interval excludes at least half of what is possible, 2" in check.markdown(found)


def test_no_window_is_longer_than_the_port_is_closed() -> None:
    """The restart and the app's start, after the rest of a grace without a port; of C03 the model excludes nothing."""
    fast = replace(S1_LIKE, readiness="same", readiness_period_s=1, readiness_threshold=1, startup=True)
    assert fit.longest_s(fast, RANGES) == fit.longest_s(S1_LIKE, RANGES) == pytest.approx(5.7)
    assert fit.longest_s(replace(S1_LIKE, sigterm="ignore-close"), RANGES) == pytest.approx(14.7)
    sharp = {
        one.name: one.sharp for one in check.checked(design.settings_of(design.CHECK), WANTED, cycles(design.CHECK), RANGES).held
    }
    assert [name for name, known in sharp.items() if not known] == ["SWEEP-C03", "SWEEP-C07"]
