"""Lines of the kubelet's journal."""

from __future__ import annotations

from harness.knative import kubelet

PROBE = (
    'I1123 18:18:06.855179     712 prober.go:107] "Probe failed" probeType="Liveness" pod="ns/toggle-1" '
    'podUID="0b5f2a6e-8f0a-4c1e-9d0e-2f4d6c8b0a1e" containerName="user-container" probeResult="failure"'
)
KILLED = (
    '"Message for Container of pod" containerName="user-container" '
    'containerStatusID={"Type":"containerd"} pod="ns/toggle-1" containerMessage="Container user-container failed liveness probe"'
)


def test_a_line_names_its_pod_and_container() -> None:
    """By name within a namespace, or by the pod's uid."""
    found = kubelet.pod_pattern("ns").search(PROBE)
    assert found is not None
    assert found.group(1) == "toggle-1"
    assert kubelet.pod_pattern("n").search(PROBE) is None
    assert kubelet.container_named(PROBE) == "user-container"
    assert kubelet.container_named("nothing") == ""
    assert kubelet.pod_uids(PROBE) == ["0b5f2a6e-8f0a-4c1e-9d0e-2f4d6c8b0a1e"]
    assert kubelet.pod_uids("kubepods-pod0b5f2a6e_8f0a_4c1e_9d0e_2f4d6c8b0a1e.slice") == ["0b5f2a6e-8f0a-4c1e-9d0e-2f4d6c8b0a1e"]


def test_a_kill_for_liveness_is_of_one_container() -> None:
    """Of this pod, and of no other container of it."""
    assert kubelet.kills_for_liveness(KILLED, "toggle-1")
    assert not kubelet.kills_for_liveness(KILLED, "toggle-2")
    assert not kubelet.kills_for_liveness(KILLED, "toggle-1", "queue-proxy")
    assert not kubelet.kills_for_liveness(PROBE, "toggle-1")
    assert kubelet.kills('"Killing container with a grace period" pod="ns/toggle-1"')
    assert not kubelet.kills(PROBE)
