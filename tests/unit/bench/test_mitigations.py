"""The mitigations side by side: every pair has a cell or a reason, cells are what they say, and the page is made of the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.model import Handler, KnativeVersion, Lane, Probe
from harness.run import require_runnable
from tests.bench.mitigations import design, results
from tests.bench.mitigations.__main__ import chosen, is_on
from tests.bench.mitigations.design import ARMS, LEFT_OUT, SAME_CELL, SITUATIONS, Cell, designed
from tests.bench.mitigations.numbers import edge, hit, less_stock, shown, shown_edge
from tests.bench.restarts.costs import Cost
from tests.bench.restarts.measuring import Kept
from tests.bench.results import read
from tests.unit.bench.test_sweep import COST

STOCK = replace(
    COST,
    name="MITIGATION-S1-stock",
    refused=260,
    sent_by={"GET": 480, "POST": 120},
    failed_by={"GET": 208, "POST": 52},
    causes={"refused-dial": 260},
    edges={"killing": 3.0, "listener-closed": 4.02, "endpoint-unready": 5.0},
)
HELD = replace(STOCK, name="MITIGATION-S1-holding", refused=0, failed_by={}, causes={}, waited_max_s=5.3, edges={"killing": 2.5})


def kept(*costs: Cost) -> Kept:
    """As it is measured."""
    return Kept(("20261128T130000Z-1",), costs)


def row(text: str, situation: str, arm: str) -> list[str]:
    """The cells of an arm's row in the table of a situation."""
    section = text.partition(f"### {situation}:")[2].partition("\n### ")[0]
    (line,) = [line for line in section.splitlines() if line.startswith(f"| {arm} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


# --- the design ---------------------------------------------------------------------------------------------------------


def test_every_pair_is_measured_or_left_out_for_a_reason() -> None:
    """Exactly one of the two, or shown by another cell that is measured."""
    pairs = [(situation, arm) for situation in SITUATIONS for arm in ARMS]
    measured = [(one.situation, one.arm) for one in designed()]
    assert sorted([*measured, *LEFT_OUT, *SAME_CELL]) == sorted(pairs)
    assert set(SAME_CELL.values()) <= set(measured)
    assert {situation for situation, arm in measured if arm == design.STOCK} == set(SITUATIONS)
    assert all(LEFT_OUT.values())


def test_the_trial_comes_first() -> None:
    """Stock and the queue-proxy of our own; the order is the same each time."""
    assert [one.name for one in designed()[:2]] == ["MITIGATION-S1-stock", "MITIGATION-S1-holding"]
    assert designed() == designed()
    assert (Path(design.HOLDING_QUEUE_PROXY.removeprefix("path:")) / "main.go").exists()


def test_every_cell_can_be_measured(tmp_path: Path) -> None:
    """In as many slots as the design says: nothing refuses it once the run has begun."""
    for one in designed():
        spec = require_runnable(one.scenario(one.cycles), KnativeVersion.parse("1.23"), tmp_path, slots=one.slots)
        assert (spec.scenario, spec.cycles) == (one.name, one.cycles)
        assert [claim.id for claim in spec.claims]


def test_no_two_arms_of_a_situation_are_the_same() -> None:
    """Each changes the Service, the client or the queue-proxy."""
    for situation in SITUATIONS:
        cells = [one for one in designed() if one.situation == situation]
        made = [(repr(one.scenario(1).service), repr(one.scenario(1).load), one.queue_proxy) for one in cells]
        assert len(set(made)) == len(cells)


def test_the_probes_of_an_arm() -> None:
    """As docs/mitigations.md says; the delay before the first liveness probe is the situation's."""

    def timing(probe: Probe | None) -> tuple[str, int, int] | None:
        return None if probe is None else (probe.path, probe.period_s, probe.failure_threshold)

    found = {one.arm: one.scenario(1).service for one in designed() if one.situation == "S1"}
    assert {timing(found[arm].liveness) for arm in found if arm != "matching-fast"} == {("/healthz", 1, 3)}
    assert timing(found["matching-fast"].liveness) == timing(found["matching-fast"].readiness) == ("/healthz", 1, 1)
    assert timing(found["matching-slow"].readiness) == ("/healthz", 10, 3)
    assert timing(found["readiness-first"].readiness) == ("/healthz", 1, 1)
    assert timing(found["drain-alone"].readiness) == ("/readyz", 1, 1)
    assert found["exec"].readiness is not None
    assert (found["exec"].readiness.handler, found["exec"].readiness.failure_threshold) == (Handler.EXEC, 1)
    assert timing(found["startup"].startup) == ("/healthz", 1, 30)
    assert found["stock"].readiness is found["stock"].startup is None
    slow = Cell("S3", "startup").scenario(1).service
    assert slow.liveness is not None
    assert slow.liveness.initial_delay_s == 65
    assert timing(slow.startup) == ("/healthz", 1, 120)
    assert [Cell("cold", arm).scenario(1).service.initial_scale for arm in ("stock", "exec")] == [0, 0]
    assert Cell("cold", "exec").scenario(1).service.readiness == found["exec"].readiness
    assert Cell("cold", "stock").scenario(1).service.liveness == found["stock"].liveness


def test_clients_that_try_again_keep_the_rate_of_the_situation() -> None:
    """And its deadline; they send GETs alone. S3 has another rate than the scenario of the clients."""
    stock, retries = (Cell("S3", arm).scenario(1).load for arm in ("stock", "short-retries"))
    assert (retries.rate_rps, retries.deadline_s, retries.retries) == (stock.rate_rps, stock.deadline_s, 3)
    assert [lane for lane, _ in retries.lanes] == [Lane.GET_RETRYING]
    assert Cell("S1", "retries").scenario(1).load.retries == 7


def test_cells_can_be_chosen() -> None:
    """By situation and arm; what lacks cycles is named."""
    assert [one.name for one in chosen(["S1"], ["stock", "holding"])] == ["MITIGATION-S1-stock", "MITIGATION-S1-holding"]
    assert chosen(None, None) == designed()
    (stock,) = chosen(["S1"], ["stock"])
    assert [one.name for one in kept(STOCK, STOCK, STOCK).lacking([stock])] == ["MITIGATION-S1-stock"]
    assert kept(STOCK, STOCK, STOCK, STOCK).lacking([stock]) == []


def test_a_run_with_another_queue_proxy_is_not_of_the_cell() -> None:
    """The spec of a run does not say which one it had; its stack does."""
    own = "Knative 1.23.0, queue-proxy holding: files 8ab41c22d0e1, Kubernetes v1.34.4, 2 cores"
    assert is_on(own, "path:testapps/queue-proxies/holding")
    assert not is_on(own, "path:testapps/queue-proxies/refuse-longer")
    assert not is_on(own, "")
    assert is_on(STOCK.stack, "")
    assert not is_on(STOCK.stack, "path:testapps/queue-proxies/holding")


# --- the numbers --------------------------------------------------------------------------------------------------------


def test_a_number_of_a_cell() -> None:
    """Its mean and interval; what no cycle has, and a cell that was not measured, are no number."""
    assert shown("failed", [STOCK, replace(STOCK, refused=262)]) == "261 [248, 274]"
    assert shown("post", [STOCK]) == "52"
    assert shown("post", [replace(STOCK, sent_by={"GET": 600})], none="none sent") == "none sent"
    assert shown("post", [HELD]) == "0"
    assert shown("not-ready-s", [replace(STOCK, not_ready_s=None)]) == "-"
    assert shown("failed", []) == "not measured"
    assert shown("failed", [HELD, HELD, HELD, replace(HELD, refused=1)]) == "0.25 [0.00, 1.05]"
    assert shown("added-s", [HELD, replace(HELD, waited_max_s=5.36)]) == "5.3 [4.9, 5.7]"


def test_the_difference_to_stock_and_the_share_of_cycles() -> None:
    """With their intervals; one cycle has no difference."""
    stock = [STOCK, replace(STOCK, refused=264)]
    assert less_stock([HELD, HELD], stock) == "-262 [-287, -237]"
    assert less_stock([HELD], stock) == "-"
    assert less_stock([], stock) == "not measured"
    assert hit([HELD, HELD, HELD, replace(HELD, refused=1)]) == "1 of 4 [1%, 81%]"
    assert hit([]) == "not measured"


def test_edges_count_from_the_decision_to_kill() -> None:
    """Over the cycles that saw both; how many did not is said."""
    later = replace(STOCK, edges={"killing": 2.0, "listener-closed": 3.04})
    seen = edge("listener-closed", [STOCK, later])
    assert seen is not None
    assert (seen.mean, seen.first, seen.last) == pytest.approx((1.03, 1.02, 1.04))
    assert shown_edge("listener-closed", [STOCK, later]) == "+1.03 (+1.02 to +1.04)"
    assert shown_edge("endpoint-unready", [STOCK, later]) == "+2.00 (+2.00 to +2.00), in 1 of 2"
    assert shown_edge("endpoint-unready", [later]) == "not seen"
    assert shown_edge("endpoint-unready", []) == "not measured"


# --- the page -----------------------------------------------------------------------------------------------------------


def test_the_page_is_made_of_what_was_measured() -> None:
    """The committed page has the numbers of the committed file, and no others."""
    page = results.PAGE.read_text(encoding="utf-8")
    assert results.page(page, read(results.MEASURED, Kept)) == page
    assert results.page(page, kept(STOCK)) != page


def test_a_cell_without_a_cycle_says_so() -> None:
    """The others have their numbers."""
    text = results.text(kept(STOCK, STOCK, HELD, HELD))
    assert text.startswith("Measured on 2026-11-28: 2 of 24 cells, 4 cycles, on Knative 1.23.0, Kubernetes v1.34.4, 2 cores.")
    assert row(text, "S1", "stock")[1:6] == ["2", "208", "52", "", "2 of 2 [16%, 100%]"]
    assert row(text, "S1", "holding")[1:6] == ["2", "0", "0", "-260", "0 of 2 [0%, 84%]"]
    assert set(row(text, "S1", "startup")[1:]) == {"not measured"}
    assert set(row(text, "S3", "stock")[1:]) == {"not measured"}


def test_more_pods_in_s1_are_the_stock_of_s12() -> None:
    """One measurement, shown in both tables."""
    text = results.text(kept(STOCK, replace(STOCK, name="MITIGATION-S12-stock", failed_by={"GET": 70, "POST": 17})))
    assert row(text, "S1", "pods")[1:4] == row(text, "S12", "stock")[1:4] == ["1", "70", "17"]


def test_what_is_left_out_stands_below_its_table() -> None:
    """With the reason."""
    section = results.text(Kept()).partition("### S3:")[2].partition("\n### ")[0]
    for situation, arm in LEFT_OUT:
        assert (f"`{arm}`" in section) or situation != "S3"
    assert LEFT_OUT["S3", "retries"] in section


def test_explanations_quote_the_measurement() -> None:
    """Numbers and edges of cells; a name that there is not is an error and no text."""
    assert results.explained("{S1/stock/failed}, {S1/startup/failed}", [STOCK]) == "260, not measured"
    assert results.explained("{S1/stock/@listener-closed} s", [STOCK]) == "+1.02 (+1.02 to +1.02) s"
    assert results.explained("{S1/holding/@sigterm} s, {S1/startup/added-s} s", [HELD]) == "not seen, not measured"
    for wrong in ("{S2/stock/failed}", "{S1/nothing/failed}", "{S1/stock/nothing}", "{S1/stock/@nothing}", "{S3/exec/failed}"):
        with pytest.raises(KeyError):
            results.explained(wrong, [STOCK])


def test_every_arm_is_explained_once() -> None:
    """A paragraph each; every quotation in them is one of the design."""
    template = results.EXPLANATIONS.read_text(encoding="utf-8")
    quoted = {(found["situation"], found["arm"]) for found in results.QUOTED.finditer(template)}
    measured = {(one.situation, one.arm) for one in designed()}
    assert quoted == measured
    assert "{" not in results.explained(template, [])
    assert template.count("\n**") == len(ARMS) - 1  # both retries in one


def test_a_page_without_its_heading_is_refused() -> None:
    """Nothing is lost."""
    with pytest.raises(ValueError, match="no '## Results'"):
        results.page("# Mitigations\n", Kept())
