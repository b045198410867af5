"""The table and the picture of the sweep."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from harness.advise.data import model
from tests.bench.restarts.intervals import summed
from tests.bench.restarts.measuring import Kept
from tests.bench.results import read
from tests.bench.sweep import design, picture, results, table
from tests.unit.bench.test_sweep import COST


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
    assert model() == made
