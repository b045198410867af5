"""No network outside the node answers for a Service or a pod of the cluster."""

from __future__ import annotations

import json
import re

import pytest

from harness.adapters.engine import Engine
from harness.adapters.kube import Kube
from harness.cluster.inside import TABLE
from harness.model import ClusterHandle
from harness.run import World

pytestmark = [pytest.mark.cluster, pytest.mark.beside, pytest.mark.ci]

TIMED_OUT = 28
"""curl's exit code when nobody answered in time."""


def free_addresses(handle: ClusterHandle) -> tuple[str, str]:
    """An address of the Services' range that no Service has, and one of the pods' range that no pod has."""
    core = Kube.of(handle).core
    services = {service.spec.cluster_ip for service in core.list_service_for_all_namespaces().items if service.spec}
    pods = {pod.status.pod_ip for pod in core.list_pod_for_all_namespaces().items if pod.status}
    service = next(f"10.96.211.{last}" for last in range(1, 255) if f"10.96.211.{last}" not in services)
    pod = next(f"10.244.0.{last}" for last in range(254, 1, -1) if f"10.244.0.{last}" not in pods)
    return service, pod


def dropped(handle: ClusterHandle, engine: Engine) -> int:
    """Packets that the harness's own rules have dropped since they were made."""
    listed = json.loads(engine.exec(handle.node, ["nft", "-j", "list", "table", "inet", TABLE]).stdout)
    return sum(int(packets) for packets in re.findall(r'"packets": ?(\d+)', json.dumps(listed)))


def test_nobody_outside_answers_for_a_service_or_a_pod(world: World) -> None:
    """The requests leave the program and are dropped in the node, both of them; a Service that exists answers as before."""
    handle, engine = world.handle, world.engine
    for address in free_addresses(handle):
        before = dropped(handle, engine)
        asked = engine.exec(
            handle.node,
            ["curl", "--silent", "--output", "/dev/null", "--max-time", "3", "--write-out", "%{http_code}", f"http://{address}/"],
            check=False,
        )
        assert (asked.returncode, asked.stdout) == (TIMED_OUT, "000"), f"{address} was answered"
        assert dropped(handle, engine) > before, f"what was sent to {address} was not dropped by the rules of the harness"
    api = engine.exec(handle.node, ["curl", "--silent", "--insecure", "--max-time", "10", "https://10.96.0.1/version"])
    assert '"gitVersion"' in api.stdout
