"""The histories the analysis is timed with are whole ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.analyse import analyse
from harness.history import read
from harness.judge import judge
from harness.model import Ruling, Stream
from tests.bench.sizes import CYCLES, build, split

SPEAKING = {
    Stream.PODS.value,
    Stream.ENDPOINTS.value,
    Stream.EVENTS.value,
    Stream.QUEUE_PROXY.value,
    Stream.APP.value,
    Stream.ACTIVATOR.value,
    Stream.KUBELET.value,
    Stream.CONTAINERD.value,
}


def test_a_built_history_is_decided_and_everything_in_it_attributed(tmp_path: Path) -> None:
    """What is timed must be the whole way: a quarter fails, every failure has its line, nothing is in doubt."""
    history = read(build(10_000, 10_000, tmp_path / "run"))
    findings = analyse(history)
    assert (history.requests.height, history.observations.height, len(findings.cycles)) == (10_000, 10_000, CYCLES)
    assert findings.doubts == ()
    assert 0.2 < findings.ledger.client_failures / 10_000 < 0.3
    assert (findings.ledger.unattributed, findings.ledger.unmatched) == (0, 0)
    assert findings.ledger.by_cause["refused-dial"] > 2_000
    assert judge(history.meta.spec, findings).ruling is Ruling.PASS
    assert set(history.observations["stream"]) == SPEAKING


def test_too_few_observations_are_refused() -> None:
    """A failed request without its line would not be attributed."""
    with pytest.raises(ValueError, match="too few"):
        split(500, 200, failing=125, story=30)
