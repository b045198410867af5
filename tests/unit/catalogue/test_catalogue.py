"""The catalogue is data that other rooms can rely on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.catalogue import N1, S1, SCENARIOS, broken_on, claim, holds_on, resolve, scenario
from harness.catalogue.bugs import BUGS
from harness.catalogue.claims import STATEMENTS
from harness.errors import BadInput
from harness.judge.checks import CHECKS
from harness.judge.numbers import NUMBERS
from harness.model import Expectation, KnativeVersion, Scenario
from harness.run import require_runnable


@pytest.mark.parametrize("spec", SCENARIOS.values(), ids=SCENARIOS)
def test_every_claim_names_a_check_that_exists_and_a_source(spec: Scenario) -> None:
    """A claim nobody can check, or nobody can trace, is not a claim."""
    assert spec.claims
    for made in spec.claims:
        assert all(made.check in (NUMBERS if one.bounds else CHECKS) for one in made.expected)
        assert all(one.source for one in made.expected)
        assert made.statement == STATEMENTS[made.check]
    assert len({claim.id for claim in spec.claims}) == len(spec.claims)


@pytest.mark.parametrize("spec", SCENARIOS.values(), ids=SCENARIOS)
def test_the_liveness_probe_starts_after_the_app_listens(spec: Scenario) -> None:
    """Otherwise the kubelet kills the app before it ever listens, and the run measures that instead."""
    probe, delay_s = spec.service.liveness, spec.service.app.startup_delay_s
    assert probe is None or probe.initial_delay_s > delay_s or (probe.failure_threshold - 1) * probe.period_s > delay_s


@pytest.mark.parametrize("spec", SCENARIOS.values(), ids=SCENARIOS)
def test_every_scenario_can_be_run_on_the_pinned_version(spec: Scenario, tmp_path: Path) -> None:
    """Fault, course, workload, load and claims go together."""
    assert require_runnable(spec, KnativeVersion.parse("1.23"), tmp_path).scenario == spec.name


@pytest.mark.parametrize("spec", [one for one in SCENARIOS.values() if one.name not in {"S1", "N1"}], ids=lambda one: one.name)
def test_what_it_will_show_was_written_before_it_was_run(spec: Scenario) -> None:
    """Each has its prediction, under its own name and title."""
    text = (Path(__file__).parents[3] / "docs" / "predictions.md").read_text(encoding="utf-8")
    assert f"\n## {spec.name}: {spec.title}\n" in text


NUMBERED = (
    *("S6", "S10", "S20", "S23", "S28A", "S28B", "S30A", "S34", "N2", "N4A", "N4B", "N5"),
    *(
        "S3",
        "S8",
        "S8B",
        "S9",
        "S11",
        "S11B",
        "S11C",
        "S28D",
        "S28F",
        "S16A",
        "S16B",
        "S18B",
        "S21",
        "S24",
        "S32",
        "S33B",
        "N3",
        "N4C",
        "N4D",
    ),
)


@pytest.mark.parametrize("name", NUMBERED)
def test_what_many_outcomes_would_satisfy_is_claimed_by_its_numbers(name: str) -> None:
    """That requests fail says neither why nor for how long; that none fails says nothing of how long they wait."""
    claimed = {made.check: made.expected[0].expectation for made in SCENARIOS[name].claims}
    fails = claimed["requests-do-not-fail"] is Expectation.BROKEN
    assert set(claimed) >= ({"failed-requests", "other-failures"} if fails else {"slowest-answer"})


@pytest.mark.parametrize("spec", SCENARIOS.values(), ids=SCENARIOS)
def test_only_an_open_bug_is_expected_to_be_broken(spec: Scenario) -> None:
    """A scenario without a fault has nothing to blame a broken claim on but a bug of the corpus."""
    if spec.fault.kind == "none":
        broken = [one for claim in spec.claims for one in claim.expected if one.expectation is Expectation.BROKEN]
        assert all(one.source.partition(",")[0] in BUGS for one in broken)


def test_an_unknown_scenario_is_refused_with_the_known_names() -> None:
    """One clear line instead of a KeyError."""
    with pytest.raises(BadInput, match="S1, N1"):
        scenario("S99")
    assert scenario("s1").name == "S1"


@pytest.mark.parametrize("text", ["1.7", "1.7.2", "1.16", "1.23", "1.99"])
def test_the_bug_of_s1_is_expected_from_1_7_on(text: str) -> None:
    """knative/serving #14980 came with the reset of queue-proxy's drain, and is open."""
    spec = resolve(S1, KnativeVersion.parse(text))
    assert [(claim.check, claim.expected) for claim in spec.claims] == [
        ("ready-pod-is-not-refused", Expectation.BROKEN),
        ("failures-only-while-not-listening", Expectation.HOLDS),
        ("container-restarts-once", Expectation.HOLDS),
    ]
    assert "#14980" in spec.claims[0].source


@pytest.mark.parametrize("text", ["1.6.3", "1.1", "1.0.2", "0.25"])
def test_a_version_without_an_expectation_is_refused(text: str) -> None:
    """By the claim, with the ranges there are."""
    with pytest.raises(BadInput, match=rf"'ready-pod-is-not-refused' of S1 .* Knative {text}.*it has: >=1\.7 \(broken\)"):
        resolve(S1, KnativeVersion.parse(text))


@pytest.mark.parametrize("text", ["0.25", "1.0", "1.23"])
def test_without_a_fault_nothing_fails_on_any_version(text: str) -> None:
    """N1 is the control of all of them."""
    assert {claim.expected for claim in resolve(N1, KnativeVersion.parse(text)).claims} == {Expectation.HOLDS}


def test_a_claim_of_several_ranges_takes_the_one_of_the_version() -> None:
    """With its own source; what a scenario says beside its claims goes into the run as it is."""
    mixed = claim("no-restart", holds_on("<1.7", "a"), broken_on("1.7-1.9", "b"), holds_on(">=1.10", "c"))
    asked = replace(S1, name="mine", claims=(mixed,), cycles=7, request_log=True)
    specs = [resolve(asked, KnativeVersion.parse(text)) for text in ("1.6.3", "1.7", "1.9.9", "1.10")]
    assert [(spec.claims[0].expected.value, spec.claims[0].source) for spec in specs] == [
        ("holds", "a"),
        ("broken", "b"),
        ("broken", "b"),
        ("holds", "c"),
    ]
    assert (specs[0].scenario, specs[0].service, specs[0].cycles, specs[0].request_log) == ("mine", S1.service, 7, True)


def test_two_expectations_of_one_version_are_refused() -> None:
    """Nobody could say which of them to judge by."""
    with pytest.raises(ValueError, match=r"expects two things: >=1\.7 and 1\.9 overlap"):
        claim("no-restart", holds_on(">=1.7", "a"), broken_on("1.9", "b"))
