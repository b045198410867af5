"""Which container of a pod has which role, whatever its name."""

from __future__ import annotations

import pytest

from harness.knative.objects import Object
from harness.knative.pods import roles_of


def pod(*containers: Object) -> Object:
    """Made with these."""
    return {"metadata": {"name": "p"}, "spec": {"containers": list(containers)}}


QUEUE_PROXY: Object = {"name": "queue-proxy", "ports": [{"containerPort": 8012}]}


@pytest.mark.parametrize(
    ("containers", "roles"),
    [
        ((), {}),
        (({"name": "user-container"}, QUEUE_PROXY), {"user": "user-container", "queue-proxy": "queue-proxy"}),
        (({"name": "web", "ports": [{}]},), {"user": "web"}),
        (
            ({"name": "log"}, {"name": "web", "ports": [{}]}, {"name": "mesh"}, QUEUE_PROXY),
            {"user": "web", "sidecar-1": "log", "sidecar-2": "mesh", "queue-proxy": "queue-proxy"},
        ),
    ],
    ids=["none", "Knative", "plain", "sidecars"],
)
def test_a_container_has_a_role(containers: tuple[Object, ...], roles: dict[str, str]) -> None:
    """Served is the one with a port; queue-proxy's own ports say nothing."""
    assert roles_of(pod(*containers)) == roles
