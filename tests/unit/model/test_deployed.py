"""What stands, asked by name."""

from __future__ import annotations

import pytest

from harness.model import Deployed, Pod, Route

PODS = (Pod("a", "u1", "10.0.0.1", "node"), Pod("b", "u2", "10.0.0.2", "node", "boot", {"user": "main"}))
USERS = Route("users", "127.0.0.1", 1, "host", ())


def test_routes_and_pods_are_found_by_name() -> None:
    """The one of this name."""
    deployed = Deployed("knative-service", "ns", "toggle", "toggle-00001", PODS, (USERS,))
    assert deployed.route("users") is USERS
    assert deployed.pod("b") is PODS[1]


@pytest.mark.parametrize("pods", [PODS, ()])
def test_what_is_not_there_is_told_with_what_is(pods: tuple[Pod, ...]) -> None:
    """Also where nothing is: from zero there is no pod."""
    deployed = Deployed("knative-service", "ns", "toggle", "", pods, (USERS,))
    with pytest.raises(LookupError, match="no route 'pod'; it has: users"):
        deployed.route("pod")
    with pytest.raises(LookupError, match="no pod 'c'; it has: " + ("a, b" if pods else "none")):
        deployed.pod("c")
