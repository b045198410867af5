"""Whose probe it was that the app answered well: what a scenario waits for before it calls a cycle recovered."""

from __future__ import annotations

import json

import pytest

from harness.apps.toggle_probes import well_probed
from harness.catalogue import S1
from harness.model import Handler, Observation, Probe, Stream

KUBELET, QUEUE_PROXY = "10.244.0.1", "127.0.0.1"


def told(boot: str, t_ns: int, *, peer: str = KUBELET, ok: bool = True, via: str = "http") -> Observation:
    """One probe in the app's log."""
    more = {"which": "liveness", "via": via, "ok": ok, "status": 200 if ok else 503, "peer": peer}
    line = json.dumps({"t_ns": t_ns, "event": "probe", "pod": "p", "boot": boot, "pid": 1, **more})
    return Observation(Stream.APP, "p", "user-container", 0, t_ns, 1, t_ns, line)


@pytest.mark.parametrize(
    ("seen", "boots"),
    [
        ([told("a", 1)], {"a"}),
        ([told("a", 1, ok=False)], set()),
        ([told("a", 1, peer=QUEUE_PROXY)], set()),
        ([told("a", 1), told("b", 2, peer=QUEUE_PROXY)], {"a"}),
        ([told("a", 1), told("b", 2)], {"a", "b"}),
        ([], set()),
    ],
)
def test_readiness_that_asks_the_same_is_no_liveness_probe(seen: list[Observation], boots: set[str]) -> None:
    """queue-proxy asks for readiness from the pod's own loopback, the kubelet for liveness from the node."""
    service = S1.service.with_probes(readiness=Probe(path="/healthz", period_s=1, failure_threshold=1))
    assert well_probed("liveness", service, seen) == boots


def test_a_startup_probe_that_asks_the_same_comes_first() -> None:
    """There is no liveness probe before the startup probe did well: the first good answer of a boot is not liveness's."""
    asked = Probe(path="/healthz", period_s=1)
    service = type(S1.service)(liveness=asked, startup=asked)
    assert well_probed("liveness", service, [told("a", 1)]) == set()
    assert well_probed("liveness", service, [told("a", 1), told("a", 2)]) == {"a"}


def test_a_probe_of_another_kind_is_not_it() -> None:
    """An exec probe that asks over the loopback is told by how it came, whoever the peer is."""
    service = S1.service.with_probes(liveness=Probe(handler=Handler.EXEC, path="liveness"))
    assert well_probed("liveness", service, [told("a", 1)]) == set()
    assert well_probed("liveness", service, [told("a", 1, via="exec", peer=QUEUE_PROXY)]) == {"a"}
