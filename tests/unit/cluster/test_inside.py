"""What is meant for the cluster is dropped where it would leave the node."""

from __future__ import annotations

from collections.abc import Sequence
from subprocess import CompletedProcess
from typing import Any

import pytest

from harness.cluster.inside import keep_inside, ruleset, service_ranges
from harness.errors import ClusterError
from tests.unit.cluster.kit import FakeEngine

NODE = "knative-chaos-a-control-plane"


def test_services_and_pods_of_the_node_are_kept_inside() -> None:
    """Both ranges are those that the node itself names."""
    engine = FakeEngine()
    assert keep_inside(NODE, engine.real()) == ("10.96.0.0/16", "10.244.0.0/24")
    ((node, rules),) = engine.rules
    assert node == NODE
    assert 'oifname "eth0" ip daddr 10.96.0.0/16 counter drop' in rules
    assert 'oifname "eth0" ip daddr 10.244.0.0/24 counter drop' in rules


def test_the_table_replaces_itself_and_judges_translated_addresses() -> None:
    """Doing it twice leaves one set of rules; a Service that kube-proxy has translated is a pod's address by then."""
    rules = ruleset(("10.96.0.0/16",), ("eth0",))
    lines = [line.strip() for line in rules.splitlines()]
    assert lines[:3] == ["table inet knative_chaos", "delete table inet knative_chaos", "table inet knative_chaos {"]
    assert "type filter hook postrouting priority filter; policy accept;" in lines


def test_each_family_has_its_own_rule() -> None:
    """Dual-stack clusters name two ranges."""
    rules = ruleset(("10.96.0.0/16", "fd00:10:96::/112"), ("eth0", "eth1"))
    assert rules.count(" drop") == 4
    assert 'oifname "eth1" ip6 daddr fd00:10:96::/112 counter drop' in rules


def test_the_ranges_come_from_the_api_servers_own_arguments() -> None:
    """None is a finding, not a default."""
    assert service_ranges("  - --service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112\n") == ("10.96.0.0/16", "fd00:10:96::/112")
    assert service_ranges("  - --secure-port=6443\n") == ()


@pytest.mark.parametrize(
    ("command", "answer", "said"),
    [
        ("cat /etc/kubernetes/manifests/kube-apiserver.yaml", "- --secure-port=6443", "its Services have"),
        ("kubectl --kubeconfig /etc/kubernetes/admin.conf get node", "", "its pods have"),
    ],
)
def test_a_node_that_does_not_say_its_ranges_is_refused(command: str, answer: str, said: str) -> None:
    """No range is guessed."""
    engine = FakeEngine()
    engine.in_node[command] = answer
    with pytest.raises(ClusterError, match="does not say") as refused:
        keep_inside(NODE, engine.real(), within_s=0)
    assert said in refused.value.what
    assert not engine.rules


def test_a_node_without_nftables_is_refused_with_its_words() -> None:
    """Then a network outside could answer for a Service, and the causes of failures would be wrong."""
    engine = FakeEngine()
    del engine.in_node["nft -f -"]
    with pytest.raises(ClusterError, match="does not keep the cluster's own packets inside") as refused:
        keep_inside(NODE, engine.real())
    assert "make up" in refused.value.fix


def test_a_new_node_is_given_time_to_get_addresses_for_its_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen on the cluster: a node was Ready before the controller manager had given it any."""
    engine = FakeEngine()
    asked: list[str] = []
    real = engine.exec

    def slow(container: str, argv: Sequence[str], **more: Any) -> CompletedProcess[str]:
        asked.append(argv[0])
        return CompletedProcess(list(argv), 0, "", "") if asked.count("kubectl") == 1 else real(container, argv, **more)

    monkeypatch.setattr(engine, "exec", slow)
    assert keep_inside(NODE, engine.real()) == ("10.96.0.0/16", "10.244.0.0/24")
    assert asked.count("kubectl") == 2
