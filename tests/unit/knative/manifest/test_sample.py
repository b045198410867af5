"""Recorded answers of Knative's own code: each must be predicted. `make probes-judge` records them anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.knative.manifest.settings import NEWEST
from harness.model import KnativeVersion
from tests.judge.compare import difference, predicted
from tests.judge.generator import manifests
from tests.judge.sample import SAMPLE, read

FILES = sorted(SAMPLE.glob("*.jsonl.gz"))


def version_of(path: Path) -> KnativeVersion:
    """Of the Serving that gave the answers."""
    return KnativeVersion.parse(path.name.removesuffix(".jsonl.gz"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_recorded_answers_are_predicted(path: Path) -> None:
    """Refused or accepted, and the probes of the pods."""
    version = version_of(path)
    differences = [difference(predicted(manifest, version, probing=probing), answer) for manifest, probing, answer in read(path)]
    assert [one for one in differences if one] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_sample_can_fail(path: Path) -> None:
    """It holds both kinds of answers, and another version's rules are noticed."""
    whole = list(read(path))
    accepted = sum("rendered" in answer for _, _, answer in whole)
    assert 0.3 * len(whole) <= accepted <= 0.7 * len(whole)
    other = KnativeVersion.parse("1.13" if version_of(path) >= KnativeVersion.parse("1.14") else "1.22")
    assert any(difference(predicted(manifest, other, probing=probing), answer) for manifest, probing, answer in whole)


def test_the_generator_is_repeatable() -> None:
    """By its seed."""
    assert list(manifests(7, 20, NEWEST)) == list(manifests(7, 20, NEWEST))
    assert list(manifests(7, 20, NEWEST)) != list(manifests(8, 20, NEWEST))
