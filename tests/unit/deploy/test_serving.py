"""Which answers say that a workload serves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.adapters.ingress import Reply
from harness.deploy.serving import _is_good
from harness.model import Hop, Route, UserRequest
from tests.unit.deploy.test_direct import DEPLOYED

BEHIND = {"server": "envoy", "x-envoy-upstream-service-time": "2"}


@pytest.mark.parametrize(
    ("reply", "through", "straight"),
    [
        (Reply(200, {}, ""), True, True),
        (Reply(404, BEHIND, "no such cart"), True, True),
        (Reply(404, {"server": "envoy"}, ""), False, True),
        (Reply(404, BEHIND, "Error getting active endpoint: a not found"), False, True),
        (Reply(503, BEHIND, ""), False, False),
        (Reply(0, {}, "refused"), False, False),
    ],
)
def test_where_404_is_good_it_must_be_the_programs(reply: Reply, *, through: bool, straight: bool) -> None:
    """Through the ingress, Envoy and the activator give one too; straight to the pods nobody else can."""
    for hops, good in (((Hop.INGRESS, Hop.USER_CONTAINER), through), ((Hop.USER_CONTAINER,), straight)):
        deployed = replace(DEPLOYED, routes=(Route("users", "127.0.0.1", 1, "h", hops),), request=UserRequest(expect=(200, 404)))
        assert _is_good(deployed, reply) is good
