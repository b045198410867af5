"""The Prometheus that `make monitoring` starts, without a cluster: its configuration, its life on this host, what it says fired."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
import yaml

from harness.adapters.documents import Obj
from harness.adapters.files import State
from harness.adapters.ports import free_ports
from harness.adapters.process import run
from harness.cluster.strays import find, is_prometheus
from harness.errors import HostError
from tests.monitoring.programs import programs
from tests.monitoring.prometheus import EVERY_S, Api, Fired, Prometheus, Targets, configuration, fired, targets

pytestmark = pytest.mark.promtool

RULES = sorted((Path(__file__).parents[2] / "monitoring" / "rules").glob("*.yaml"))
NOWHERE = Api("127.0.0.1:1", b"ca", b"cert", b"key")
S = 1_000_000_000


def test_promtool_takes_the_configuration(tmp_path: Path) -> None:
    """As it is written for the cluster; unknown keys and bad relabelling are errors."""
    for name in ("ca", "cert", "key"):
        (tmp_path / f"{name}.pem").touch()
    written = configuration("127.0.0.1:6443", ["node"], RULES, tmp_path)
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(written), encoding="utf-8")
    promtool = programs(State.default())["promtool"]
    run([str(promtool), "check", "config", "--syntax-only", str(tmp_path / "prometheus.yml")])
    assert {job["job_name"] for job in written["scrape_configs"]} == {
        "queue-proxy",
        "activator",
        "kubelet",
        "kubelet-probes",
        "kubelet-cadvisor",
    }


def pod(name: str, labels: dict[str, str], *, namespace: str = "n", phase: str = "Running", **metadata: str) -> Obj:
    """As the API server gives it."""
    return {"metadata": {"name": name, "namespace": namespace, "labels": labels, **metadata}, "status": {"phase": phase}}


def test_the_pods_that_run_are_scraped_through_the_api_server(tmp_path: Path) -> None:
    """Of Revisions, and the activator; not those that are not there yet or about to go. A file is written when it changes."""
    revision, activator = {"serving.knative.dev/revision": "s-1"}, {"app": "activator"}
    pods = [
        pod("p", revision),
        pod("new", revision, phase="Pending"),
        pod("old", revision, deletionTimestamp="2026-11-28T10:00:00Z"),
        pod("a", activator, namespace="knative-serving"),
        pod("theirs", activator),
        pod("x", {}),
    ]
    found = targets("127.0.0.1:6443", pods)
    path = "/api/v1/namespaces/n/pods/p:9091/proxy/metrics"
    labels = {"__metrics_path__": path, "instance": "n/p", "namespace": "n", "pod": "p"}
    assert found["queue-proxy"] == [{"targets": ["127.0.0.1:6443"], "labels": labels}]
    assert [one["labels"]["__metrics_path__"] for one in found["activator"]] == [
        "/api/v1/namespaces/knative-serving/pods/a:9090/proxy/metrics"
    ]
    looking = Targets(lambda: pods, "127.0.0.1:6443", tmp_path)
    looking.look()
    assert json.loads((tmp_path / "queue-proxy.json").read_text(encoding="utf-8")) == found["queue-proxy"]
    (tmp_path / "queue-proxy.json").unlink()
    looking.look()
    assert not (tmp_path / "queue-proxy.json").exists()
    pods.pop(0)
    looking.look()
    assert json.loads((tmp_path / "queue-proxy.json").read_text(encoding="utf-8")) == []


def test_it_lives_on_loopback_and_leaves_nothing(tmp_path: Path) -> None:
    """It answers, its credentials are its user's alone and on no command line, and its files go with it."""
    (port,) = free_ports(1)
    place = tmp_path / "monitoring"
    with Prometheus(programs(State.default())["prometheus"], tmp_path, port, NOWHERE, RULES[:1], ["node"], list) as prometheus:
        assert {path.name: path.stat().st_mode & 0o077 for path in place.glob("*.pem")} == {
            "ca.pem": 0,
            "cert.pem": 0,
            "key.pem": 0,
        }
        assert prometheus.samples("ALERTS[1m]", 1_700_000_000 * S) == []
        assert [rule["name"] for group in prometheus.asked("rules")["groups"] for rule in group["rules"]]
        (stray,) = find(is_prometheus(tmp_path))  # as `down` finds it after a SIGKILL
        assert f"--web.listen-address=127.0.0.1:{port}" in stray.argv
        assert not any("key" in argument for argument in stray.argv)
    assert find(is_prometheus(tmp_path)) == ()
    assert not place.exists()


def test_one_that_a_killed_test_left_is_ended_by_the_next(tmp_path: Path) -> None:
    """Two would write into one directory."""
    first, second = free_ports(2)
    program = programs(State.default())["prometheus"]
    left = Prometheus(program, tmp_path, first, NOWHERE, RULES[:1], ["node"], list)
    try:
        left.wait_ready()
        with Prometheus(program, tmp_path, second, NOWHERE, RULES[:1], ["node"], list):
            assert len(find(is_prometheus(tmp_path))) == 1
    finally:
        left.close()


def test_one_that_does_not_start_says_why(tmp_path: Path) -> None:
    """A rule that is no rule: the end of its log is in the error, and it leaves nothing."""
    rules = tmp_path / "rules.yaml"
    rules.write_text("groups: [{name: a, rules: [{alert: A, expr: 'increase('}]}]", encoding="utf-8")
    (port,) = free_ports(1)
    with (
        pytest.raises(HostError, match="could not parse expression"),
        Prometheus(programs(State.default())["prometheus"], tmp_path, port, NOWHERE, [rules], ["node"], list),
    ):
        pytest.fail("it is ready")
    assert not (tmp_path / "monitoring").exists()


def test_the_credentials_of_one_context_are_read(tmp_path: Path) -> None:
    """Of several; another one's are not."""
    text = base64.b64encode
    users = [
        {"name": f"u{one}", "user": {"client-certificate-data": text(b"cert"), "client-key-data": text(b"k%d" % one)}}
        for one in (1, 2)
    ]
    config = {
        "contexts": [{"name": f"c{one}", "context": {"cluster": "k", "user": f"u{one}"}} for one in (1, 2)],
        "clusters": [{"name": "k", "cluster": {"server": "https://127.0.0.1:6443", "certificate-authority-data": text(b"ca")}}],
        "users": users,
    }
    (tmp_path / "config").write_text(yaml.dump(config), encoding="utf-8")
    assert Api.of(tmp_path / "config", "c2") == Api("127.0.0.1:6443", b"ca", b"cert", b"k2")


@pytest.mark.parametrize(
    ("seconds", "times"),
    [([], []), ([4], [(4, 4)]), ([4, 6, 8], [(4, 8)]), ([4, 6, 10, 12], [(4, 12)]), ([4, 6, 12, 14], [(4, 6), (12, 14)])],
    ids=["never", "once", "for a while", "one sample is missing", "twice"],
)
def test_each_time_an_alert_fired_is_found(seconds: list[int], times: list[tuple[int, int]]) -> None:
    """One sample each 2 s while it fires; the labels are those of the alert."""
    labels = {"__name__": "ALERTS", "alertname": "A", "alertstate": "firing", "pod": "p"}
    found = fired([(labels, [(at * S, 1.0) for at in seconds])], every_s=EVERY_S)
    assert found == [Fired("A", {"pod": "p"}, first * S, last * S) for first, last in times]
