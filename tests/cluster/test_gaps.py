"""What may be lost of a stream, planted on the real cluster: each is noticed, recorded, and keeps what rests on it undecided."""

from __future__ import annotations

import functools
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from fixtures.experiment import Experiment
from harness.adapters.clock import Reading, now_ns
from harness.adapters.kube import Kube
from harness.adapters.objects import ApiRefused, Objects, Ref
from harness.adapters.wait import Look, wait_for
from harness.catalogue import holds
from harness.inject import ClusterAccess, inject
from harness.knative import missed, pods
from harness.knative.times import rfc3339_ns
from harness.load.process import Generator
from harness.model import NOBODY, RUN_LABEL, AppSpec, Deployed, FaultSpec, Probe, Ruling, ServiceSpec, Stream
from harness.observe import Feed, KubeLogs, LogSource, Observers
from harness.observe.logs import LogFollower
from harness.observe.rawcopy import RawCopies
from harness.observe.watch import Watch
from harness.run import Planted, Run, World
from tests.cluster.quick import N1, S1

pytestmark = pytest.mark.cluster

WITHIN_S = 120.0
LINES = 150_000
WRITER = f"""
import itertools, sys, time
for i in itertools.count():
    sys.stdout.write('%08d ' % i + 'x' * 230 + chr(10))
    if i % 100 == 0 or i >= {LINES}:
        sys.stdout.flush()
        time.sleep(0.015 if i < {LINES} else 0.2)
"""
"""Some 40 MB in 25 s, for the kubelet looks every 10 s for logs of more than 10 MiB; then a line now and then."""


def reasons(run: Run, words: str) -> list[str]:
    """Reasons of an inconclusive run with these words."""
    return [reason for reason in run.verdict.reasons if words in reason] if run.verdict.ruling is Ruling.INCONCLUSIVE else []


def plain_pod(world: World, namespace: str, *command: str) -> None:
    """A pod "p" of one container "c" that runs a command of ours; it goes with its namespace."""
    core: Any = Kube.of(world.handle).core
    core.create_namespace(
        {"metadata": {"name": namespace, "labels": {RUN_LABEL: namespace.rpartition("-")[2]}}}, _request_timeout=10
    )
    container = {"name": "c", "image": world.provision.app_image, "imagePullPolicy": "IfNotPresent", "command": [*command]}
    spec = {"terminationGracePeriodSeconds": 0, "automountServiceAccountToken": False, "containers": [container]}
    wait_for(
        "a pod in the new namespace",
        lambda: Look(core.create_namespaced_pod(namespace, {"metadata": {"name": "p"}, "spec": spec}, _request_timeout=10), "made"),
        within_s=WITHIN_S,
        tolerate=(ApiException,),  # its service account comes a little later than the namespace
    )
    wait_for("its running", lambda: _phase(core, namespace), within_s=WITHIN_S)


def _phase(core: Any, namespace: str) -> Look[bool]:
    phase = core.read_namespaced_pod("p", namespace, _request_timeout=10).status.phase
    return Look(phase == "Running" or None, str(phase))


class _Stuck:
    """A log source whose stream is read no further after its first lines until it is told to go on.

    refuse: whether the rotated files cannot be read.
    """

    def __init__(self, real: LogSource, go: threading.Event, *, refuse: bool) -> None:
        self._real = real
        self._go = go
        self._refuse = refuse
        self.given = set[bytes]()
        """Different lines, for a file may be sent twice."""

    def follow(self, *args: Any, **kwargs: Any) -> Iterator[bytes]:
        for line in self._real.follow(*args, **kwargs):
            self.given.add(line)
            yield line
            if len(self.given) >= 1_000 and not self._go.wait(WITHIN_S):
                raise ConnectionError("the test never went on")

    def read(self, *args: Any, **kwargs: Any) -> list[bytes]:
        if self._refuse and kwargs.get("rotated") is not None:
            raise ConnectionError("planted: the node's files cannot be read")
        return self._real.read(*args, **kwargs)


def test_a_log_rotated_under_its_stream_is_read_back_or_is_a_gap(world: World, namespace: str, tmp_path: Path) -> None:
    """The API's stream loses whole files and says nothing; two followers of one log, one of which may read the node's files."""
    kube = Kube.of(world.handle)
    logs, go, beginnings = KubeLogs(kube, namespace), threading.Event(), set[bytes]()
    plain_pod(world, namespace, "python3", "-c", WRITER)
    with ExitStack() as ending:
        followers, sources, feeds = [], [], (Feed(), Feed())
        for refuse, feed in zip((False, True), feeds, strict=True):
            raw = RawCopies(tmp_path / str(refuse))
            ending.callback(raw.close)
            sources.append(_Stuck(logs, go, refuse=refuse))
            followers.append(LogFollower(sources[-1], logs.container, "p", "c", Stream.APP, feed, raw))
            ending.callback(functools.partial(followers[-1].join, 30))
            ending.callback(followers[-1].end)
            followers[-1].start()
        ending.callback(go.set)

        def turned() -> Look[bool]:
            beginnings.update(line.partition(b" ")[0] for line in logs.read("p", "c", first=True))
            return Look(len(beginnings) >= 3 or None, f"{len(beginnings) - 1} rotations")

        wait_for("two rotations: the file between them is the one that is passed over", turned, within_s=WITHIN_S, every_s=0.5)
        go.set()
        whole, holed = followers

        def written() -> Look[bool]:
            last = int(logs.read("p", "c", last=1)[0].split(b" ")[1])
            return Look(last >= LINES or None, f"line {last}")

        wait_for("the writer's end", written, within_s=WITHIN_S, tolerate=(IndexError,))
        assert whole.seal(), feeds[0].gaps()
        holed.seal()
        kept = logs.read("p", "c")
    read_back, doubted = feeds
    assert read_back.gaps() == ()
    assert len(sources[0].given) < len(read_back.snapshot()), "the stream lost nothing: this test would prove nothing"
    times = Counter(int(seen.payload[:8]) for seen in read_back.snapshot())
    assert [number for number, count in times.items() if count > 1][:5] == [], "lines were delivered twice"
    assert [number for number in range(LINES) if number not in times][:5] == [], "lines are missing"
    assert b" 00000000 " not in kept[0], "a plain reading gives the newest file alone"
    there = {seen.payload for seen in doubted.snapshot()}
    lost = [seen.at_ns for seen in read_back.snapshot() if seen.payload not in there]
    assert all(any(gap.from_ns <= at <= gap.until_ns for gap in doubted.gaps()) for at in lost)
    assert any("planted" in gap.reason for gap in doubted.gaps())


def test_an_expired_version_is_listed_anew_and_the_watch_goes_on(world: World, namespace: str) -> None:
    """The real API answers 410 to a version it does not keep; a pod that was not touched has lost nothing."""
    kube, feed = Kube.of(world.handle), Feed()
    call = functools.partial(kube.core.list_namespaced_pod, namespace)
    watch = Watch("pods", Stream.PODS, call, pods.pod, feed, missed=missed.pod)
    plain_pod(world, namespace, "sleep", "600")
    watch.start()
    try:
        wait_for("the pod", lambda: Look(bool(feed.snapshot()) or None, watch.note), within_s=WITHIN_S)
        watch._resume_at = "1"
        watch.interrupt()
        wait_for("the gap", lambda: Look(bool(feed.gaps()) or None, watch.note), within_s=WITHIN_S)
        kube.core.patch_namespaced_pod("p", namespace, {"metadata": {"labels": {"a": "b"}}}, _request_timeout=10)
        wait_for("the next change", lambda: Look(watch.objects()[0]["metadata"].get("labels") or None, ""), within_s=WITHIN_S)
        assert watch.seal()
    finally:
        watch.end()
        assert watch.join(30)
    assert [(gap.stream, gap.pod) for gap in feed.gaps()] == [(Stream.PODS, NOBODY)]
    assert "listed anew" in feed.gaps()[0].reason


def _api_server(world: World) -> str:
    """Process id of the API server inside the node, "" while there is none."""
    return world.engine.exec(world.handle.node, ["pgrep", "-x", "kube-apiserver"], check=False).stdout.strip()


def _restart_api(world: World) -> None:
    """Kill the API server and wait until it, the control plane and Knative are back: the next measurement must find them well."""
    before, killed_ns = _api_server(world), now_ns()
    world.engine.exec(world.handle.node, ["kill", "-KILL", before])
    kube = Kube.of(world.handle)
    core: Any = kube.core
    objects = Objects(kube)
    service = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "dry", "namespace": "default"}}
    spec = {"template": {"spec": {"containers": [{"image": world.provision.app_image}]}}}

    def back() -> Look[bool]:
        if (now := _api_server(world)) in {"", before}:
            return Look(None, f"the API server's process is {now or 'none'}")
        unready = [
            pod.metadata.name
            for space in ("kube-system", "knative-serving", "kourier-system")
            for pod in core.list_namespaced_pod(space, _request_timeout=5).items
            if not any(one.type == "Ready" and one.status == "True" for one in pod.status.conditions or [])
        ]
        if unready:
            return Look(None, f"not Ready: {', '.join(unready)}")
        for name in ("kube-controller-manager", "kube-scheduler"):
            lease = objects.get(Ref("coordination.k8s.io/v1", "Lease", name, "kube-system")) or {}
            if rfc3339_ns(lease["spec"]["renewTime"]) <= killed_ns:
                return Look(None, f"{name} has not come back")
        objects.apply({**service, "spec": spec}, dry_run=True)
        return Look(value=True, seen="Knative's webhook answers")

    wait_for("the control plane", back, within_s=180, every_s=1.0, tolerate=(ApiException, ApiRefused, HTTPError))


def test_an_api_server_that_is_killed_in_a_cycle_costs_nothing_or_is_named(experiment: Experiment, world: World) -> None:
    """Logs and journals are resumed; watches are listed anew, and what that cannot make up for is a reason."""

    def kill(_deployed: Deployed, _generator: Generator) -> None:
        _restart_api(world)

    run = experiment(S1, name="planted-api-restart", claims=S1.claims, cycles=1, planted=Planted(before_fault=kill))
    assert any("listed anew" in gap.reason for gap in run.findings.gaps), "no watch noticed: was it restarted?"
    assert run.findings.cycles[0].landed.proved
    assert run.findings.ledger.unattributed == 0
    if run.verdict.ruling is not Ruling.PASS:
        assert reasons(run, "has a gap") == list(run.verdict.reasons)


@pytest.mark.ci
def test_a_pod_that_goes_before_its_logs_were_sealed_is_inconclusive(experiment: Experiment, world: World) -> None:
    """What it said in its last moments cannot be had any more."""

    def delete(deployed: Deployed, _generator: Generator) -> None:
        Kube.of(world.handle).core.delete_namespaced_pod(
            deployed.pods[0].name, deployed.namespace, grace_period_seconds=0, _request_timeout=10
        )

    # Each log has a claim that rests on it; of N1's own, none rests on the app's, whose probes no other stream shows.
    spec = replace(N1, after_s=3.0, claims=(*N1.claims, holds("container-restarts-once")))
    run = experiment(spec, name="planted-pod-gone", cycles=1, planted=Planted(before_fault=delete))
    for stream in (Stream.QUEUE_PROXY, Stream.APP):
        assert [gap.stream for gap in run.findings.gaps if gap.stream is stream and "was gone before" in gap.reason] == [stream]
        assert reasons(run, f"{stream.value} has a gap")


class _Stepped:
    """The host's clocks, but UTC is set forward and back again in the cycle; nobody touches the real one."""

    def __init__(self) -> None:
        self._offset_ns = 0
        self._reads = 0

    def __call__(self) -> Reading:
        self._reads += 1
        reading = Reading.take()
        return replace(reading, utc_ns=reading.utc_ns + self._offset_ns)

    def step(self, _deployed: Deployed, _generator: Generator) -> None:
        """80 ms forth, looked at, and back."""
        self._offset_ns, seen = 80_000_000, self._reads
        wait_for("two looks", lambda: Look(self._reads >= seen + 2 or None, f"{self._reads} readings"), within_s=WITHIN_S)
        self._offset_ns = 0


@pytest.mark.busy_on_purpose
def test_a_clock_that_is_set_forth_and_back_in_a_cycle_is_inconclusive(experiment: Experiment) -> None:
    """At the end of the run the clocks agree; every time of the cycle is doubtful all the same."""
    clocks = _Stepped()
    spec = replace(N1, after_s=3.0)
    run = experiment(spec, name="planted-clock", cycles=1, planted=Planted(read_clocks=clocks, before_fault=clocks.step))
    head = json.loads((run.directory / "run.json").read_text(encoding="utf-8"))["meta"]
    assert abs(head["clock_step_ns"]) < 5_000_000
    assert sorted(gap.reason.rpartition("by ")[2][:3] for gap in run.findings.gaps) == ["+80", "-80"]
    assert len(reasons(run, "clock has a gap")) == len(run.verdict.reasons) == 2


def test_streams_that_are_ended_early_are_resumed_without_gap_or_doubles(
    world: World, service: Callable[[ServiceSpec], Deployed], tmp_path: Path
) -> None:
    """Every watch and the journal's follower are ended again and again while a container restarts."""
    probe = Probe(initial_delay_s=3)
    deployed = service(ServiceSpec(app=AppSpec(startup_delay_s=1), liveness=probe, readiness=Probe(path="/readyz")))
    node, engine, feed = world.handle.node, world.engine, Feed()
    observers = Observers(
        world.handle,
        deployed.namespace,
        sink=feed,
        raw_dir=tmp_path,
        exec_argv=lambda command: engine.exec_argv(node, command),
        exec_env=engine.env,
    )
    ended = set[str]()

    def restarted() -> Look[bool]:
        for worker in observers._standing():
            worker.interrupt()
        found = engine.exec(node, ["pgrep", "-f", f"^journalctl.*{observers.journal_mark}"], check=False).stdout.split()
        for pid in found:  # they are this very test's, by the mark in their command line
            engine.exec(node, ["kill", "-KILL", pid], check=False)
        ended.update(found)
        news = [json.loads(seen.payload) for seen in feed.snapshot() if seen.stream is Stream.EVENTS]
        up = [
            seen for seen in feed.snapshot() if seen.stream is Stream.APP and seen.instance == 1 and '"listening"' in seen.payload
        ]
        killed = any(one["reason"] == "Killing" for one in news)
        return Look((len(ended) >= 3 and killed and bool(up)) or None, f"{len(ended)} followers ended, {len(news)} events")

    try:
        observers.start()
        observers.prove(deployed.pods, WITHIN_S)
        inject(ClusterAccess(world.handle), deployed, deployed.pods[0], FaultSpec("liveness"), cycle=0)
        wait_for("the restart", restarted, within_s=WITHIN_S, every_s=1.0)
        assert observers.seal()
    finally:
        observers.stop()
    assert feed.gaps() == ()
    copied = (tmp_path / "journal/kubelet.log").read_text(encoding="utf-8").splitlines()
    since = int(copied[0].partition(" ")[0]) / 1e6
    asked = ["journalctl", "-u", "kubelet", f"--since=@{since:.6f}", "-o", "json", "--output-fields=MESSAGE", "--all", "--no-pager"]
    there = [json.loads(line) for line in engine.exec(node, asked).stdout.splitlines()]
    assert copied == [f"{entry['__REALTIME_TIMESTAMP']} {entry['MESSAGE']}" for entry in there][: len(copied)]
