"""The table and the picture of the sweep."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from tests.bench.sweep import design, picture, table
from tests.bench.sweep.intervals import summed
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
