"""The rules of `monitoring/` under a real Prometheus that scrapes the cluster: they fire during S1, resolve, and are silent in N1.

How long after the fault each alert fired is kept as monitoring.json in the directory of the run (docs/monitoring.md).
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl
import pytest

from harness import install
from harness.adapters.clock import now_ns
from harness.adapters.documents import Obj
from harness.adapters.files import run_alive, write_json
from harness.adapters.kube import Kube
from harness.adapters.objects import Objects
from harness.adapters.ports import free_ports
from harness.adapters.wait import Look, wait_for
from harness.catalogue import N1, S1
from harness.history import read
from harness.knative.metrics import Metric, generation_of, series
from harness.knative.names import ACTIVATOR_SELECTOR, REVISION_LABEL, SYSTEM_NAMESPACE
from harness.model import History, KnativeVersion, Ruling, Scenario
from harness.run import Run, World, measure
from tests.monitoring.programs import programs
from tests.monitoring.prometheus import EVERY_S, Api, Fired, Prometheus, fired

pytestmark = [pytest.mark.cluster, pytest.mark.monitoring]

RULES = Path(__file__).parents[2] / "monitoring" / "rules"

FIRES_WITHIN_S = 60.0
WINDOW_S = 120.0
"""Of the rules: an alert resolves so long after the last increase that it saw."""

WATCHED_S = WINDOW_S + 40.0
"""The load goes on so long after the last failed request. cadvisor may show an ended container for some 15 s more; then come the
window, a scrape and an evaluation."""

QUIET_S = 60.0
RUNS = ("run1", "run2", "run3")

SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class Monitored:
    """A world whose metrics are switched on, and the Prometheus that reads them."""

    world: World
    prometheus: Prometheus
    version: KnativeVersion
    calm: list[tuple[str, int]] = field(default_factory=list)
    """Namespaces of runs without a fault, and when each began."""

    def run(self, scenario: Scenario, pytestconfig: pytest.Config) -> Watched:
        """Measure one cycle, and read what fired in its namespace. One that the machine voids shows that too."""
        seed = pytestconfig.getoption("--kn-seed")
        began_ns = now_ns()
        run = measure(scenario, self.world, artifacts=pytestconfig.getoption("--kn-artifacts"), seed=seed)
        history = read(run.directory)
        return Watched(self, run, history, began_ns, self.alerts(history.meta.namespace, began_ns))

    def alerts(self, namespace: str, since_ns: int) -> list[Fired]:
        """Those that fired in a namespace since then."""
        selector = f'ALERTS{{alertstate="firing", namespace="{namespace}"}}'
        seconds = (now_ns() - since_ns) // SECOND_NS + 1
        return fired(self.prometheus.samples(f"{selector}[{seconds}s]", now_ns()))


@dataclass(frozen=True)
class Watched:
    """A run of one cycle, and the alerts in its namespace."""

    monitored: Monitored
    run: Run
    history: History
    began_ns: int
    alerts: list[Fired]

    def counted(self, selector: str) -> float:
        """What the series of the pod had grown to; its pod is gone by now."""
        namespace = self.history.meta.namespace
        seconds = (now_ns() - self.began_ns) // SECOND_NS + 1
        asked = selector.replace("{", f'{{namespace="{namespace}", ', 1)
        return self.monitored.prometheus.value(f"sum(max_over_time({asked}[{seconds}s]))", now_ns())

    def answered(self, status: int) -> int:
        """Requests of the run whose client got this status."""
        return self.history.requests.filter(pl.col("status") == status).height

    def require_scraped(self) -> None:
        """Silence proves something only if Prometheus saw the requests. Neither count has probes."""
        if self.monitored.version >= KnativeVersion.parse("1.19"):
            seen = self.counted('http_server_request_duration_seconds_count{job="queue-proxy"}')
        else:
            seen = self.counted('revision_request_count{job="queue-proxy"}')
        sent = self.history.requests.height
        assert seen >= 0.9 * sent, f"queue-proxy counted {seen:g} requests, {sent} were sent"
        probes = self.counted('prober_probe_total{probe_type="Liveness", result="successful"}')
        assert probes > 0, "the kubelet's probes were not scraped"
        assert self.counted('container_start_time_seconds{container="queue-proxy"}') > 0, "cadvisor was not scraped"

    def note(self, **more: object) -> None:
        """Beside the run, and on the terminal."""
        (mark,) = self.history.cycles
        since_ns = mark.fault_ns or self.began_ns

        def after(at_ns: int) -> float:
            return round((at_ns - since_ns) / SECOND_NS, 1)

        rows = [
            {
                "alert": one.alert,
                "fired_after_s": after(one.first_ns),
                "resolved_after_s": after(one.last_ns) + EVERY_S,
                **one.labels,
            }
            for one in self.alerts
        ]
        note = {
            "every_s": EVERY_S,
            "run": self.history.meta.run_id,
            "knative": str(self.monitored.version),
            "verdict": self.run.verdict.ruling.value,
            "alerts": rows,
            **more,
        }
        write_json(self.run.directory / "monitoring.json", note)
        say = self.monitored.world.progress.say
        for row in rows:
            say(
                f"{self.run.spec.scenario}: {row['alert']} fired {row['fired_after_s']} s after the fault,"
                f" resolved after {row['resolved_after_s']} s"
            )
        if not rows:
            say(f"{self.run.spec.scenario}: no alert fired")


def scraped_pods(objects: Objects) -> list[Obj]:
    """Those of Revisions, and the activator."""
    activators = objects.find("v1", "Pod", namespace=SYSTEM_NAMESPACE, labels=ACTIVATOR_SELECTOR)
    return [*objects.find("v1", "Pod", labels=REVISION_LABEL), *activators]


@pytest.fixture(scope="module")
def monitored(world: World) -> Iterator[Monitored]:
    """Knative with its metrics on and Prometheus beside it, for all tests of this file; both are taken back."""
    run_id, version = secrets.token_hex(4), world.stack.stack.version
    home = world.state.cluster(world.handle.name)
    own = "knative-opencensus" if not generation_of(version).settings else "knative-opentelemetry"
    objects = Objects(Kube.of(world.handle))
    with ExitStack() as undo:
        undo.enter_context(run_alive(world.state, run_id))
        undo.callback(functools.partial(install.metrics.give_back, world.handle, progress=world.progress))
        changes = (*world.stack.changes, *install.metrics.switch_on(world.handle, version, run_id=run_id, progress=world.progress))
        stack = replace(world.stack, changes=changes, stack=replace(world.stack.stack, changes=changes))
        (port,) = free_ports(1)
        prometheus = undo.enter_context(
            Prometheus(
                programs(world.state, world.progress.say)["prometheus"],
                home,
                port,
                Api.of(Path(world.handle.kubeconfig), world.handle.context),
                [RULES / f"{own}.yaml", RULES / "kubelet.yaml"],
                [world.handle.node],
                lambda: scraped_pods(objects),
            )
        )
        yield Monitored(replace(world, stack=stack), prometheus, version)


def expected(version: KnativeVersion) -> set[str]:
    """The alerts of a container that is ended by its liveness probe."""
    always = {"KnativeRequestsAnswered502", "KnativeContainerRestarted", "KnativeLivenessProbeFails"}
    return {*always, *({"KnativeContainerConnectionsFail"} if generation_of(version).settings else ())}


@pytest.mark.parametrize("name", RUNS)
def test_no_alert_fires_without_a_fault(monitored: Monitored, pytestconfig: pytest.Config, name: str) -> None:
    """N1, whose requests and probes Prometheus saw."""
    watched = monitored.run(replace(N1, name="N1-monitored", cycles=1, max_replacements=0, after_s=QUIET_S), pytestconfig)
    watched.note()
    watched.require_scraped()
    monitored.calm.append((watched.history.meta.namespace, watched.began_ns))
    assert watched.run.verdict.ruling is not Ruling.REGRESSION
    assert watched.alerts == []


@pytest.mark.parametrize("name", RUNS)
def test_each_alert_fires_after_the_fault_and_resolves(monitored: Monitored, pytestconfig: pytest.Config, name: str) -> None:
    """S1, and the load goes on until the last alert has resolved, so that it is not the end of the pod that ends it."""
    scenario = replace(
        S1, name="S1-monitored", cycles=1, max_replacements=0, after_s=WATCHED_S, recovery_s=S1.recovery_s + WATCHED_S
    )
    watched = monitored.run(scenario, pytestconfig)
    failed = watched.answered(502)
    counted: dict[str, float] = {}
    if generation_of(monitored.version).settings:
        counted = {
            "http_server": watched.counted(
                'http_server_request_duration_seconds_count{http_response_status_code="502", job="queue-proxy"}'
            ),
            "http_client": watched.counted(
                'http_client_request_duration_seconds_count{http_response_status_code="", job="queue-proxy"}'
            ),
            "net.OpError": watched.counted(
                'http_client_request_duration_seconds_count{error_type="net.OpError", job="queue-proxy"}'
            ),
        }
    watched.note(answered_502=failed, metrics=counted)
    watched.require_scraped()
    assert watched.run.verdict.ruling is not Ruling.REGRESSION
    (mark,) = watched.history.cycles
    assert mark.fault_ns and not mark.given_up and failed > 0
    assert {one.alert for one in watched.alerts} == expected(monitored.version)
    late = [one for one in watched.alerts if not 0 < one.first_ns - mark.fault_ns <= FIRES_WITHIN_S * SECOND_NS]
    assert late == []
    unresolved = [one for one in watched.alerts if one.last_ns + 2 * EVERY_S * SECOND_NS > mark.recovered_ns]
    assert unresolved == []
    again = sorted(one.alert for one in watched.alerts)
    assert again == sorted({one.alert for one in watched.alerts}), "an alert fired twice in one cycle"
    if generation_of(monitored.version).settings:
        assert counted["http_server"] == counted["http_client"] == failed


def test_no_alert_fires_once_the_pods_of_a_calm_run_are_gone(monitored: Monitored) -> None:
    """The deletion of a pod is no fault. N1's own test asks at its end, before a scrape and an evaluation could show it."""
    assert monitored.calm, "no run without a fault was scraped"
    over_ns = max(began_ns for _, began_ns in monitored.calm) + 2 * int(WINDOW_S) * SECOND_NS
    wait_for("the window of the rules", lambda: Look(now_ns() > over_ns or None, "too early"), within_s=3 * WINDOW_S)
    late = {space: monitored.alerts(space, began_ns) for space, began_ns in monitored.calm}
    assert not any(late.values()), late


def test_every_metric_of_the_tables_is_served(monitored: Monitored) -> None:
    """After the runs above: a name that this version of Serving does not serve any more is missing here."""
    generation = generation_of(monitored.version)
    wanted = {
        "queue-proxy": (generation.queue_proxy, generation.prefixes[1]),
        "activator": (generation.activator, generation.prefixes[0]),
    }

    def missing(job: str, metrics: tuple[Metric, ...], prefix: str) -> set[str]:
        served = monitored.prometheus.seen(job)
        always = [one for one in metrics if not one.only and one.served_by(monitored.version)]
        return {name for one in always for name in series(one, prefix)} - served

    def look() -> Look[bool]:
        found = {job: names for job, (metrics, prefix) in wanted.items() if (names := missing(job, metrics, prefix))}
        return Look(None if found else True, str(found))

    wait_for("every metric of the tables", look, within_s=4 * EVERY_S, every_s=EVERY_S)
