"""The table and the picture of the sweep."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from harness.advise.data import CONSTANTS, MODEL, model
from harness.advise.spans import Span
from tests.bench.restarts.intervals import summed
from tests.bench.restarts.measuring import Kept
from tests.bench.results import read
from tests.bench.sweep import __main__ as sweep
from tests.bench.sweep import check, design, fit, picture, results, table
from tests.unit.bench.test_sweep import COST, S1_LIKE


def test_the_table_has_a_row_for_each_configuration_that_was_measured() -> None:
    """The one that refuses fewest first, with intervals where there are some."""
    costs = [
        replace(COST, name="SWEEP-F02", refused=10),
        replace(COST, name="SWEEP-F02", refused=20),
        replace(COST, name="SWEEP-C01", refused=0, not_ready_s=None),
    ]
    head, _, first, second = table.markdown(design.committed().configurations, summed(costs)).splitlines()
    assert head.count("|") == first.count("|") == second.count("|") == 15
    assert first.startswith("| C01 (held back) |")
    assert first.endswith("| - |")
    assert second.startswith("| F02 |")
    assert "| 15 [0, 79] |" in second


def test_the_picture_shows_them_in_the_same_order() -> None:
    """Well-formed, the same bytes each time, everything escaped; the shape of a mark says the kind of readiness."""
    configurations = design.committed().configurations
    costs = [replace(COST, name=one.name, refused=10 * number) for number, one in enumerate(configurations)]
    costs.append(replace(COST, name=configurations[0].name, refused=400, waited_sum_s=200.0))
    drawn = picture.svg(configurations, summed(costs))
    assert drawn == picture.svg(configurations, summed(costs))
    root = ET.fromstring(drawn)  # noqa: S314 - made here
    words = [element.text or "" for element in root.iter() if element.tag.endswith("text")]
    order = [table.short(one.name) for one in table.ranked(configurations, summed(costs))]
    assert [word[:3] for word in words if word[:3] in order] == order
    assert all(f"of-{kind}" in drawn for kind in ("none", "same", "other"))
    strange = replace(configurations[0], setting=replace(configurations[0].setting, sigterm="<script>"))
    assert "<script>" not in picture.svg([strange], summed([replace(COST, name=strange.name)]))


def test_without_a_measurement_there_is_no_picture() -> None:
    """And it says so."""
    with pytest.raises(ValueError, match="nothing to draw"):
        picture.svg(design.committed().configurations, {})


def kept() -> Kept:
    """Two cycles of every configuration."""
    costs = [
        replace(COST, name=one.name, refused_s=one.setting.boot_s + 0.3 + 0.01 * cycle, cycle=cycle)
        for one in design.committed().configurations
        for cycle in range(2)
    ]
    return Kept(("20261128T104500Z-a", "20261127T104500Z-b"), tuple(costs))


def test_the_results_have_the_table_the_constants_and_the_check() -> None:
    """By the date of the first run. A constant that no cycle shows is not said to be fitted."""
    made, shown = results.model_of(kept())
    text = results.text(kept(), made, shown, results.checked(kept(), made))
    assert text.startswith("Measured on 2026-11-27, Knative 1.23.0, Kubernetes v1.34.4, 2 cores: ")
    mixed = replace(kept(), costs=(*kept().costs, replace(COST, stack="Knative 1.22.0, Kubernetes v1.34.4, 2 cores")))
    assert "Knative 1.22.0, Kubernetes v1.34.4, 2 cores; Knative 1.23.0" in results.text(mixed, made, shown, None)
    assert "58 cycles of 29 of 29 configurations" in text
    assert "| restart | 0.150 to 0.700 | 0." in text
    assert "| back | 0.100 to 0.500 | - | 0 |" in text
    assert "NOT KEPT" in text
    assert results.page("# x\n\n## Results\n\nold\n", text) == f"# x\n\n## Results\n\n{text}"
    with pytest.raises(ValueError, match="## Results"):
        results.page("# x\n", text)


def test_what_was_held_back_does_not_reach_the_fit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever its cycles show; and the fit begins from the model before the sweep, not from what an earlier fit wrote."""
    part = design.settings_of(design.CHECK)
    strange = [replace(cost, refused_s=cost.refused_s + 9.0) if cost.name in part else cost for cost in kept().costs]
    made, shown = results.model_of(kept())
    assert results.model_of(replace(kept(), costs=tuple(strange))) == (made, shown)
    start = tmp_path / "start.toml"
    start.write_text(
        fit.START.read_text(encoding="utf-8").replace("lo = 0.1\nhi = 0.5\n", "lo = 0.2\nhi = 0.4\n"), encoding="utf-8"
    )
    monkeypatch.setattr(fit, "START", start)
    assert (results.model_of(kept())[0].back.lo, results.model_of(kept())[0].back.hi) == (0.2, 0.4)


def test_the_exit_code_says_whether_the_model_holds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """2 where configurations lack cycles, or nothing was measured, whatever the check of the others says."""
    measured: list[Kept] = []
    checked: list[check.Checked] = []
    monkeypatch.setattr(sweep, "read_again", lambda *_: measured[-1])
    monkeypatch.setattr(results, "checked", lambda *_: checked[-1])
    monkeypatch.setattr(results, "model_of", lambda _: (model(), {}))
    monkeypatch.setattr(results, "text", lambda *_: "")
    monkeypatch.setattr(picture, "svg", lambda *_: "")
    ask = ["report", "--out", str(tmp_path)]
    holds = check.Checked((check.Held("SWEEP-C05", S1_LIKE, Span(0.9, 1.1), 1.0, 5.0, (0.0, 1.0), (1.0,)),), 10, (), (), ())
    assert holds.holds
    full = Kept(kept().runs, tuple(replace(cost, cycle=cycle) for cost in kept().costs for cycle in range(3)))
    for one, found, code in (
        (full, holds, 0),
        (full, replace(holds, apart=0), 1),
        (kept(), holds, 2),
        (Kept(), holds, 2),
    ):
        measured.append(one)
        checked.append(found)
        assert sweep.main(ask) == code


@pytest.mark.parametrize("apart", [10, 0])
def test_the_advisor_gets_the_fitted_model_only_if_it_holds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, apart: int) -> None:
    """Otherwise it keeps what it has, and the page says which."""
    page, file = tmp_path / "sweep.md", tmp_path / "model.toml"
    page.write_text(results.HEAD, encoding="utf-8")
    file.write_text(MODEL.read_text(encoding="utf-8"), encoding="utf-8")
    fitted = replace(model(), decision=replace(model().decision, hi=0.0625))
    found = check.Checked((check.Held("SWEEP-C05", S1_LIKE, Span(0.9, 1.1), 1.0, 5.0, (0.0, 1.0), (1.0,)),), apart, (), (), ())
    monkeypatch.setattr(sweep, "read_again", lambda *_: kept())
    monkeypatch.setattr(sweep, "MODEL", file)
    monkeypatch.setattr(results, "PAGE", page)
    monkeypatch.setattr(results, "MEASURED", tmp_path / "measured.json")
    monkeypatch.setattr(results, "checked", lambda *_: found)
    monkeypatch.setattr(results, "model_of", lambda _: (fitted, {name: [] for name in CONSTANTS}))
    sweep.main(["page", "--out", str(tmp_path)])
    assert ("0.0625" in file.read_text(encoding="utf-8")) == found.holds == (apart == 10)
    assert ("uses the fitted model" in page.read_text(encoding="utf-8")) == found.holds


def test_without_the_held_back_part_nothing_is_checked() -> None:
    """And the results say so."""
    part = design.settings_of(design.FIT)
    some = replace(kept(), costs=tuple(cost for cost in kept().costs if cost.name in part))
    made, shown = results.model_of(some)
    assert results.checked(some, made) is None
    assert "Nothing was measured of it." in results.text(some, made, shown, None)


def test_the_page_shows_what_was_measured() -> None:
    """Its results, the picture and the advisor's model are those of measured.json; before the measurement there are none."""
    page = results.PAGE.read_text(encoding="utf-8")
    if not results.MEASURED.exists():
        assert page.endswith("## Results\n\nNot measured yet.\n")
        return
    measured = read(results.MEASURED, Kept)
    made, shown = results.model_of(measured)
    assert page == results.page(page, results.text(measured, made, shown, results.checked(measured, made)))
    drawn = picture.svg(design.committed().configurations, summed(measured.costs))
    assert results.PAGE.with_suffix(".svg").read_text(encoding="utf-8") == drawn
    found = results.checked(measured, made)
    assert model() == (made if found is not None and found.holds else model(fit.START))
