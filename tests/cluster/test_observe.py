"""The observers on a real cluster: a restart seen by every stream, streams that are cut, a pod that is gone."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.adapters.engine import Engine
from harness.adapters.files import State
from harness.adapters.kube import Kube
from harness.adapters.wait import Look, wait_for
from harness.inject import ClusterAccess, inject
from harness.knative.names import USER_CONTAINER
from harness.model import AppSpec, ClusterHandle, Deployed, FaultSpec, Observation, Probe, ServiceSpec, Stream
from harness.observe import Feed, KubeLogs, LogSource, Observers

pytestmark = [pytest.mark.cluster, pytest.mark.beside]

Deploy = Callable[[ServiceSpec], Deployed]
Wrap = Callable[[LogSource], LogSource]
SPEC = ServiceSpec(app=AppSpec(startup_delay_s=2), liveness=Probe(initial_delay_s=5), readiness=Probe(path="/readyz"))
WITHIN_S = 60.0


@contextmanager
def observing(handle: ClusterHandle, deployed: Deployed, raw: Path, wrap: Wrap | None = None) -> Iterator[Observers]:
    """Observers that have been proved to see the target's pod."""
    engine = Engine.detect(State.default(), prefer=handle.engine)
    observers = Observers(
        handle,
        deployed.namespace,
        sink=Feed(),
        raw_dir=raw,
        exec_argv=lambda command: engine.exec_argv(handle.node, command),
        exec_env=engine.env,
        wrap_source=wrap,
    )
    try:
        observers.start()
        observers.prove(deployed.pods, WITHIN_S)
        yield observers
    finally:
        observers.stop()
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("observe ")]


def wait_seen(feed: Feed, what: str, wanted: Callable[[Observation], bool]) -> Observation:
    """The first observation that is as wanted."""
    at = 0

    def look() -> Look[Observation]:
        nonlocal at
        new, at = feed.since(at)
        return Look(next(filter(wanted, new), None), f"{at} observations")

    return wait_for(what, look, within_s=WITHIN_S)


def restarts(seen: Observation) -> int:
    """Of the user container, in an observation of a pod."""
    return int(json.loads(seen.payload)["containers"].get("user-container", {}).get("restarts", 0))


def test_a_liveness_restart_is_seen_by_every_stream_without_a_gap(
    kind_cluster: ClusterHandle, service: Deploy, tmp_path: Path
) -> None:
    """Pod status, event, the app's own log of both instances, queue-proxy, the runtime's journal; and nothing stays in the node."""
    deployed = service(SPEC)
    with observing(kind_cluster, deployed, tmp_path) as observers:
        feed = observers.feed
        inject(ClusterAccess(kind_cluster), deployed, deployed.pods[0], FaultSpec("liveness"), cycle=0)
        wait_seen(feed, "the restart", lambda o: o.stream is Stream.PODS and o.pod == deployed.pods[0].name and restarts(o) == 1)
        wait_seen(feed, "Killing", lambda o: o.stream is Stream.EVENTS and json.loads(o.payload)["reason"] == "Killing")
        wait_seen(feed, "the app's next life", lambda o: o.stream is Stream.APP and o.instance == 1 and '"listen' in o.payload)
        wait_seen(feed, "the drain", lambda o: o.stream is Stream.QUEUE_PROXY and "drain handler" in o.payload)
        wait_seen(
            feed,
            "the runtime's start of the new container",
            lambda o: o.stream is Stream.CONTAINERD and "StartContainer" in o.payload and o.instance == 1,
        )
        wait_seen(
            feed,
            "the runtime's stop of the old one",
            lambda o: o.stream is Stream.CONTAINERD and "StopContainer" in o.payload and o.instance == 0,
        )
        assert observers.seal()
        assert observers.broken() == ()
    assert feed.gaps() == ()
    dead = [o.payload for o in feed.snapshot() if o.stream is Stream.APP and o.instance == 0]
    kept = Kube.of(kind_cluster).core.read_namespaced_pod_log(
        deployed.pods[0].name, deployed.namespace, container="user-container", previous=True, _request_timeout=10
    )
    assert dead == str(kept).splitlines()
    engine = Engine.detect(State.default(), prefer=kind_cluster.engine)
    left = engine.exec(kind_cluster.node, ["pgrep", "-f", observers.journal_mark], check=False)
    assert left.stdout == ""


class _Flaky:
    """A log source whose stream breaks after every sixth new line, and comes back."""

    def __init__(self, real: LogSource) -> None:
        self._real = real
        self._given: set[bytes] = set()

    def follow(self, *args: Any, **kwargs: Any) -> Iterator[bytes]:
        """Six new lines, and before them whatever comes again."""
        new = 0
        for line in self._real.follow(*args, **kwargs):
            new += line not in self._given
            if new > 6:
                raise ConnectionError("planted: broken")
            self._given.add(line)
            yield line

    def read(self, *args: Any, **kwargs: Any) -> list[bytes]:
        """As it is."""
        return self._real.read(*args, **kwargs)


def test_a_stream_that_breaks_again_and_again_delivers_each_line_once(
    kind_cluster: ClusterHandle, service: Deploy, tmp_path: Path
) -> None:
    """Resumed at the last line each time: the raw copy is the log, byte for byte."""
    deployed = service(SPEC)
    with observing(kind_cluster, deployed, tmp_path, _Flaky) as observers:
        wait_for(
            "forty lines of the app",
            lambda: Look(sum(o.stream is Stream.APP for o in observers.feed.snapshot()) >= 40 or None, "fewer"),
            within_s=WITHIN_S,
        )
        assert observers.seal()
    assert observers.feed.gaps() == ()
    copied = (tmp_path / deployed.pods[0].name / "user-container.0.log").read_bytes().splitlines()
    assert len(copied) >= 40
    assert (
        copied == KubeLogs(Kube.of(kind_cluster), deployed.namespace).read(deployed.pods[0].name, "user-container")[: len(copied)]
    )


class _Cut:
    """A log source in which the app's log ends in the middle and does not come back; the other logs are whole."""

    def __init__(self, real: LogSource) -> None:
        self._real = real
        self._cut = False

    def follow(self, pod: str, container: str, **kwargs: Any) -> Iterator[bytes]:
        """Twenty lines of the app, then never again."""
        if container != USER_CONTAINER:
            yield from self._real.follow(pod, container, **kwargs)
            return
        if self._cut:
            raise ConnectionError("planted: the stream does not come back")
        for count, line in enumerate(self._real.follow(pod, container, **kwargs)):
            if count == 20:
                self._cut = True
                return
            yield line

    def read(self, pod: str, container: str, **kwargs: Any) -> list[bytes]:
        """Nor can the app's log be read once it was cut."""
        if self._cut and container == USER_CONTAINER:
            raise ConnectionError("planted: the log cannot be read")
        return self._real.read(pod, container, **kwargs)


def test_a_cut_stream_is_a_gap_from_its_last_line_to_the_seal(kind_cluster: ClusterHandle, service: Deploy, tmp_path: Path) -> None:
    """The app goes on writing; nobody knows what."""
    deployed = service(SPEC)
    with observing(kind_cluster, deployed, tmp_path, _Cut) as observers:
        wait_for(
            "the cut",
            lambda: Look(any("does not come back" in note for note in observers.broken()) or None, str(observers.broken())),
            within_s=WITHIN_S,
        )
        assert not observers.seal()
    lines = [o for o in observers.feed.snapshot() if o.stream is Stream.APP]
    gaps = [gap for gap in observers.feed.gaps() if gap.stream is Stream.APP]
    assert len(lines) == 20
    assert len(gaps) == 1
    assert gaps[0].from_ns >= lines[-1].at_ns
    assert gaps[0].until_ns > lines[-1].at_ns


def test_a_pod_that_is_gone_before_its_logs_were_sealed_is_a_gap(
    kind_cluster: ClusterHandle, service: Deploy, tmp_path: Path
) -> None:
    """Its logs went with it; the streams' clean end proves nothing."""
    deployed = service(SPEC)
    with observing(kind_cluster, deployed, tmp_path) as observers:
        Kube.of(kind_cluster).core.delete_namespaced_pod(
            deployed.pods[0].name, deployed.namespace, grace_period_seconds=0, _request_timeout=10
        )
        wait_for(
            "the gap",
            lambda: Look(
                any(gap.stream is Stream.QUEUE_PROXY and gap.pod == deployed.pods[0].name for gap in observers.feed.gaps()) or None,
                str(observers.broken()),
            ),
            within_s=WITHIN_S,
        )
        assert not observers.seal()
