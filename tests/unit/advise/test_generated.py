"""Services that nobody wrote by hand: the generator of tests/judge, whose manifests Knative's own code has judged."""

from __future__ import annotations

import pytest

from harness.advise import Advice, Load, advice
from harness.advise.patching import patched
from harness.knative.manifest.judged import judged
from harness.knative.manifest.places import Obj
from harness.knative.manifest.settings import NEWEST, Settings
from tests.judge.generator import manifests

LOAD = Load(check_path="/healthz")


def names(found: Advice) -> set[tuple[str, str]]:
    """Of the risks, each with its container."""
    return {(one.name, one.container) for one in found.risks}


@pytest.mark.usefixtures("all_measured")
def test_every_change_is_accepted_and_the_first_one_removes_its_risk() -> None:
    """Of 250 manifests, two in five of which Knative accepts."""
    seen: set[str] = set()
    for manifest, probing in manifests(11, 250, NEWEST):
        settings = Settings(NEWEST, probing=probing)
        if not judged(manifest, settings).problems:
            seen |= {name for name, _ in names(checked(manifest, settings))}
    assert {"liveness-alone", "readiness-too-slow", "startup-probe-too-late", "tcp-liveness", "no-check"} <= seen


def checked(manifest: Obj, settings: Settings) -> Advice:
    """The advice, after each of its changes was applied and judged again."""
    found = advice(manifest, settings, LOAD)
    for risk in found.risks:
        for index, change in enumerate(risk.changes):
            after = patched(manifest, change.patch)
            assert judged(after, settings).problems == (), (risk.name, manifest)
            if index == 0:
                assert (risk.name, risk.container) not in names(advice(after, settings, LOAD)), manifest
    return found
