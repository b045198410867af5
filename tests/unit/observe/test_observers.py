"""All observers together, against an API and a node that are made up but answer for real."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.adapters.clock import Reading
from harness.adapters.kube import Kube
from harness.errors import ObserveError
from harness.knative.names import INGRESS_CONTAINER, INGRESS_NAMESPACE
from harness.knative.times import rfc3339_ns
from harness.model import ClusterHandle, HostPorts, Pod, Stream
from harness.observe import Feed, LogSource, Observers
from harness.observe.worker import Closable
from tests.unit.observe.fakeapi import HOLD, FakeApi, obj, serving, told
from tests.unit.observe.fakelogs import T0, stamped
from tests.unit.observe.kit import WITHIN_S, FullDisk, observers_running, payloads, until

HANDLE = ClusterHandle("fake", "fake", "", HostPorts(0, 0, 0, 0), "node", "podman", "", "", created=False)
PODS, SYSTEM = "/api/v1/namespaces/n/pods", "/api/v1/namespaces/knative-serving/pods"
INGRESS = f"/api/v1/namespaces/{INGRESS_NAMESPACE}/pods"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/n/endpointslices"
EVENTS = "/api/v1/namespaces/n/events"
P = Pod("p", "uid-p", "10.0.0.1", "node")

ENTRY = {"MESSAGE": '"x" pod="n/p"', "_SYSTEMD_UNIT": "kubelet.service", "__CURSOR": "c", "__REALTIME_TIMESTAMP": "5"}
JOURNALCTL = f"import sys, time; print({json.dumps(ENTRY)!r}, flush=True); '--follow' in sys.argv and time.sleep(300)"


def in_node(command: Sequence[str]) -> list[str]:
    """The node's journal has one entry, for ever."""
    return ["true"] if command[0] == "pkill" else [sys.executable, "-c", JOURNALCTL, *command]


def steady() -> Reading:
    """Clocks that keep together, whatever is done to those of this host meanwhile."""
    raw_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
    return Reading(T0 + raw_ns, raw_ns)


def running(name: str, *containers: str) -> dict[str, Any]:
    """A pod whose containers run; each but queue-proxy has a port."""
    status = [{"name": c, "restartCount": 0, "state": {"running": {}}, "containerID": f"containerd://{c}"} for c in containers]
    spec = {"containers": [{"name": c, "ports": [{}]} for c in containers]}
    return obj(name, 90, spec=spec, status={"phase": "Running", "containerStatuses": status})


@pytest.fixture
def api() -> FakeApi:
    """One pod with its slice, one activator."""
    fake = FakeApi()
    pod, activator = running("p", "queue-proxy", "user-container"), running("act", "activator")
    fake.lists = {PODS: [pod], SYSTEM: [activator], EVENTS: []}
    fake.lists[SLICES] = [obj("s", 91, endpoints=[{"addresses": ["10.0.0.1"], "targetRef": {"kind": "Pod", "name": "p"}}])]
    fake.objects = {f"{PODS}/p": pod, f"{SYSTEM}/act": activator}
    fake.logs = {f"{PODS}/p/log": stamped(T0, "hello") + b"\n", f"{SYSTEM}/act/log": stamped(T0, "old") + b"\n"}
    return fake


@pytest.fixture
def kube(api: FakeApi) -> Iterator[Kube]:
    """Its client."""
    with serving(api) as served:
        yield served


Make = Callable[..., Observers]


@pytest.fixture
def make(kube: Kube, tmp_path: Path) -> Iterator[Make]:
    """Makes observers and ends them."""
    made: list[Observers] = []

    def makes(**more: Any) -> Observers:
        usual = {"sink": Feed(), "raw_dir": tmp_path / "raw", "exec_argv": in_node, "read_clocks": steady, "kube": kube}
        given = {**usual, **more}
        made.append(Observers(HANDLE, "n", **given))
        return made[-1]

    yield makes
    for observers in made:
        observers.stop()


def refused(observers: Observers, why: str) -> None:
    """Wait until a look at all streams is refused for this reason; a look that finds all of them well fails the test."""

    def said() -> str:
        with pytest.raises(ObserveError) as caught:
            observers.prove((P,), within_s=0)
        return str(caught.value)

    until(f"a refusal with {why}", lambda: re.search(why, said()) is not None)


def test_a_run_is_observed_proved_sealed_and_ended(make: Make, tmp_path: Path) -> None:
    """Every stream is seen to work; then every one is whole; then nothing is left running."""
    feed = Feed()
    observers = make(sink=feed)
    assert observers.feed is feed
    observers.start()
    observers.prove((P,), within_s=WITHIN_S)
    assert observers.broken() == ()
    assert observers.seal()
    assert observers.stop()
    assert observers_running() == []
    assert feed.gaps() == ()
    assert {seen.stream for seen in feed.snapshot()} == {
        Stream.PODS, Stream.ENDPOINTS, Stream.QUEUE_PROXY, Stream.APP, Stream.KUBELET,
    }  # fmt: skip
    assert sorted(path.relative_to(tmp_path / "raw").as_posix() for path in (tmp_path / "raw").rglob("*.log")) == [
        "journal/kubelet.log", "p/queue-proxy.0.log", "p/user-container.0.log",
    ]  # fmt: skip
    assert observers.stop(), "ending twice is ending once"


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (PODS, "pods"),
        (SLICES, "endpointslices"),
        (EVENTS, "events"),
        (SYSTEM, "activator"),
        (f"{PODS}/p/log", "log of queue-proxy in p"),
        (f"{SYSTEM}/act/log", "log of activator in act"),
    ],
)
def test_a_stream_that_sees_nothing_is_named(make: Make, api: FakeApi, path: str, named: str) -> None:
    """The load must not start then."""
    api.fails[path] = (403, "planted")
    observers = make()
    observers.start()
    until("the note", lambda: any(named in note and "planted" in note for note in observers.broken()))
    refused(observers, named)


def test_a_pod_without_a_slice_or_unseen_is_not_proved(make: Make, api: FakeApi) -> None:
    """Each stream must have seen this very pod."""
    api.lists[SLICES] = []
    api.lists[PODS] = []
    observers = make()
    observers.start()
    refused(observers, r"p has not been seen.*no slice with p .*p is not followed")


def more_pods(api: FakeApi, *names: str, containers: tuple[str, ...] = ("queue-proxy", "user-container")) -> tuple[Pod, ...]:
    """These pods are there too, with their logs and in a slice."""
    api.lists[PODS] = [*api.lists[PODS], *(running(name, *containers) for name in names)]
    targets = [{"addresses": ["10.0.0.2"], "targetRef": {"kind": "Pod", "name": name}} for name in names]
    api.lists[SLICES] = [*api.lists[SLICES], obj("s2", 92, endpoints=targets)]
    for name in names:
        api.objects[f"{PODS}/{name}"] = running(name, *containers)
        api.logs[f"{PODS}/{name}/log"] = stamped(T0, f"hello from {name}") + b"\n"
    return (P, *(Pod(name, f"uid-{name}", "10.0.0.2", "node") for name in names))


def test_each_of_three_pods_is_proved_and_sealed(make: Make, api: FakeApi) -> None:
    """Whoever serves, its log is evidence."""
    three = more_pods(api, "q", "r")
    observers = make()
    observers.start()
    observers.prove(three, within_s=WITHIN_S)
    assert sorted(observers.followed()) == ["p", "q", "r"]
    assert observers.seal()
    assert observers.followed() == ()
    assert observers.feed.gaps() == ()
    assert {seen.pod for seen in observers.feed.snapshot() if seen.stream is Stream.QUEUE_PROXY} == {"p", "q", "r"}


def test_one_of_three_pods_whose_log_does_not_come_is_named(make: Make, api: FakeApi) -> None:
    """The load must not start, though two of three would do."""
    three = more_pods(api, "q", "r")
    api.fails[f"{PODS}/q/log"] = (403, "planted")
    observers = make()
    observers.start()
    until("the notes", lambda: any("in q" in note and "planted" in note for note in observers.broken()))
    # The other two pods prove themselves once their lines have come through; that of q never does.
    others = tuple(pod for pod in three if pod.name != "q")
    observers.prove(others, within_s=WITHIN_S)
    with pytest.raises(ObserveError, match="log of queue-proxy in q") as caught:
        observers.prove(three, within_s=0)
    assert "in r:" not in str(caught.value)


def test_one_of_three_pods_gone_before_its_log_was_read_is_a_gap(make: Make, api: FakeApi) -> None:
    """From the pod's beginning, in both of its logs; the others are whole."""
    more_pods(api, "q", "r")
    made = "2023-11-14T22:13:00Z"
    api.lists[PODS][1]["metadata"]["creationTimestamp"] = made
    del api.objects[f"{PODS}/q"], api.logs[f"{PODS}/q/log"]
    observers = make()
    observers.start()
    until("the gaps", lambda: len(observers.feed.gaps()) == 2)
    assert {(gap.stream, gap.pod, gap.from_ns) for gap in observers.feed.gaps()} == {
        (Stream.QUEUE_PROXY, "q", rfc3339_ns(made)),
        (Stream.APP, "q", rfc3339_ns(made)),
    }
    assert all("gone before its log was read" in gap.reason for gap in observers.feed.gaps())


def test_a_pod_that_comes_during_a_cycle_is_followed_from_its_beginning(make: Make, api: FakeApi) -> None:
    """A rollout, the first request from zero, a pod deleted: nobody names the new one."""
    late = running("late", "queue-proxy", "user-container")
    late["metadata"]["resourceVersion"] = "120"
    api.watches[PODS] = [[told("ADDED", late), HOLD]]
    api.objects[f"{PODS}/late"] = late
    api.logs[f"{PODS}/late/log"] = stamped(T0, "first words") + b"\n"
    observers = make()
    observers.start()
    until("its first words", lambda: payloads(observers.feed).count("first words") == 2)
    assert "late" in observers.followed()


def test_a_pod_that_came_and_went_unseen_is_a_gap(make: Make, api: FakeApi) -> None:
    """The watch tells only of its end."""
    lost = running("lost", "queue-proxy", "user-container")
    lost["metadata"]["resourceVersion"] = "120"
    api.watches[PODS] = [[told("DELETED", lost), HOLD]]
    observers = make()
    observers.start()
    until("the gaps", lambda: {gap.pod for gap in observers.feed.gaps()} == {"lost"} and len(observers.feed.gaps()) == 2)


def test_a_pod_that_is_on_its_way_out_at_the_start_is_left_alone(make: Make, api: FakeApi) -> None:
    """It is of before the run."""
    old = running("old", "queue-proxy", "user-container")
    old["metadata"]["deletionTimestamp"] = "2023-11-14T22:13:00Z"
    api.lists[PODS] = [*api.lists[PODS], old]
    observers = make()
    observers.start()
    observers.prove((P,), within_s=WITHIN_S)
    assert observers.followed() == ("p",)
    observers.stop()
    assert observers.feed.gaps() == ()


def test_a_pod_without_queue_proxy_has_one_log(make: Make, api: FakeApi) -> None:
    """A plain Deployment's, whatever its container's name: nothing demands a log that cannot be."""
    api.lists[PODS], api.lists[SLICES] = [], []
    (_, plain) = more_pods(api, "plain", containers=("web",))
    observers = make()
    observers.start()
    observers.prove((plain,), within_s=WITHIN_S)
    assert observers.seal()
    assert [(seen.stream, seen.container) for seen in observers.feed.snapshot() if seen.pod == "plain" and seen.container] == [
        (Stream.APP, "web")
    ]
    assert observers.feed.gaps() == ()


def test_the_log_of_a_sidecar_is_followed(make: Make, api: FakeApi) -> None:
    """As a stream of its own, which names the container."""
    api.lists[PODS], api.lists[SLICES] = [], []
    (_, two) = more_pods(api, "two", containers=("user-container", "sidecar", "queue-proxy"))
    observers = make()
    observers.start()
    observers.prove((two,), within_s=WITHIN_S)
    assert observers.seal()
    assert {(seen.stream, seen.container) for seen in observers.feed.snapshot() if seen.pod == "two" and seen.container} == {
        (Stream.APP, "user-container"),
        (Stream.SIDECAR, "sidecar"),
        (Stream.QUEUE_PROXY, "queue-proxy"),
    }


def test_without_a_pod_the_standing_streams_are_proved(make: Make, api: FakeApi) -> None:
    """From zero there is none yet."""
    api.lists[PODS], api.lists[SLICES] = [], []
    observers = make()
    observers.start()
    observers.prove((), within_s=WITHIN_S)
    assert observers.seal()


def test_a_journal_that_says_nothing_is_named(make: Make) -> None:
    """An engine that cannot run a command in the node is found out before the load."""
    observers = make(exec_argv=lambda _command: [sys.executable, "-c", "import sys; sys.exit('planted: no such container')"])
    observers.start()
    refused(observers, r"node journal: .*planted")


def test_without_a_way_into_the_node_the_journals_are_one_gap(make: Make) -> None:
    """A given context has no node of ours: said, not passed over."""
    observers = make(exec_argv=None)
    observers.start()
    observers.prove((P,), within_s=WITHIN_S)
    observers.stop()
    assert {gap.stream for gap in observers.feed.gaps()} == {Stream.KUBELET, Stream.CONTAINERD}
    assert any("no way into the node" in note for note in observers.broken())


class Cut:
    """A source whose stream ends after the first line and never comes back."""

    def __init__(self, real: LogSource) -> None:
        self._real = real
        self._cut = False

    def follow(self, pod: str, container: str, *, since_ns: int | None, opened: Callable[[Closable], None]) -> Iterator[bytes]:
        """One line, then nothing, then never again."""
        if self._cut:
            raise ConnectionError("planted: the stream does not come back")
        for line in self._real.follow(pod, container, since_ns=since_ns, opened=opened):
            yield line
            self._cut = True
            return

    def read(self, *args: Any, **kwargs: Any) -> list[bytes]:
        """Nor can the log be read."""
        if self._cut:
            raise ConnectionError("planted: the log cannot be read")
        return self._real.read(*args, **kwargs)


def test_a_stream_cut_in_the_middle_is_a_gap(make: Make) -> None:
    """The planted fault: what was delivered stays, what came after is unknown and said to be."""
    observers = make(wrap_source=Cut)
    observers.start()
    # Both: a log that is sealed before its stream was cut is whole.
    cut = re.compile(r" in p: (the stream ended|ConnectionError: planted)")
    until("the cuts", lambda: sum(cut.search(note) is not None for note in observers.broken()) == 2)
    assert not observers.seal()
    assert {Stream.QUEUE_PROXY, Stream.APP} <= {gap.stream for gap in observers.feed.gaps()}
    assert all(gap.pod == "p" for gap in observers.feed.gaps() if gap.stream is Stream.QUEUE_PROXY)
    assert payloads(observers.feed).count("hello") == 2


def test_after_its_seal_a_pod_may_go(make: Make, api: FakeApi) -> None:
    """The next cycle gets a fresh pod: what becomes of the old one is no evidence."""
    observers = make()
    observers.start()
    observers.prove((P,), within_s=WITHIN_S)
    assert observers.seal()
    del api.objects[f"{PODS}/p"], api.logs[f"{PODS}/p/log"]
    observers.stop()
    assert observers.feed.gaps() == ()


def test_what_was_not_sealed_is_sealed_at_the_end(make: Make, api: FakeApi) -> None:
    """A run that is interrupted in a cycle still knows whether its logs are whole."""
    observers = make()
    observers.start()
    observers.prove((P,), within_s=WITHIN_S)
    api.fails[f"{PODS}/p/log"] = (500, "planted")
    assert not observers.stop()
    assert {gap.stream for gap in observers.feed.gaps()} == {Stream.QUEUE_PROXY, Stream.APP}


def test_a_seal_waits_for_an_api_server_that_is_being_restarted(make: Make, api: FakeApi) -> None:
    """What there is to read stays; only somebody has to answer."""
    observers = make()
    observers.start()
    observers.prove((P,), within_s=WITHIN_S)
    api.fails["/readyz"] = (500, "planted: not ready")
    api.fails[PODS] = (500, "planted: no list yet")

    def back() -> None:
        until("the seal's question", lambda: any(path == "/readyz" for path, _query in api.asked))
        del api.fails[PODS]
        del api.fails["/readyz"]

    restarting = threading.Thread(target=back)
    restarting.start()
    assert observers.seal()
    restarting.join()
    assert observers.feed.gaps() == ()


def test_a_seal_does_not_wait_for_ever(make: Make, api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """An API server that does not come back is a gap in what it would have been asked."""
    monkeypatch.setattr("harness.observe.observers.API_BACK_S", 0.1)
    observers = make()
    observers.start()
    observers.prove((P,), within_s=WITHIN_S)
    api.fails["/readyz"] = (500, "planted: not ready")
    api.fails[PODS] = (500, "planted: no list")
    assert not observers.seal()
    assert {gap.stream for gap in observers.feed.gaps()} == {Stream.PODS}
    monkeypatch.setattr("harness.observe.observers.API_BACK_S", 10_000.0)
    assert not observers.stop(), "the second seal does not wait again"


def test_a_clock_that_is_set_while_observers_run_is_a_gap(make: Make) -> None:
    """They watch it from their start to their end."""
    steps: list[int] = []
    reading = Reading.take()
    observers = make(read_clocks=lambda: replace(reading, utc_ns=reading.utc_ns + sum(steps)))
    observers.start()
    observers.prove((P,), within_s=WITHIN_S)  # else what is not proved at the end is a gap, too
    steps.append(250_000_000)
    observers.stop()
    assert [(gap.stream, "+250.0 ms" in gap.reason) for gap in observers.feed.gaps()] == [(Stream.CLOCK, True)]


def test_an_activator_that_comes_later_is_followed_from_its_beginning(make: Make, api: FakeApi) -> None:
    """Every activator pod may have answered a request."""
    late = running("late", "activator")
    late["metadata"]["resourceVersion"] = "120"
    api.watches[SYSTEM] = [[told("ADDED", late), HOLD]]
    api.objects[f"{SYSTEM}/late"] = late
    api.logs[f"{SYSTEM}/late/log"] = stamped(T0, "first words") + b"\n"
    observers = make()
    observers.start()
    until("its first words", lambda: "first words" in payloads(observers.feed))
    assert [seen.pod for seen in observers.feed.snapshot() if seen.stream is Stream.ACTIVATOR] == ["late"]
    assert not any(seen.stream is Stream.PODS and seen.pod in ("act", "late") for seen in observers.feed.snapshot())


@pytest.mark.parametrize("asked", [True, False])
def test_the_ingress_is_followed_if_that_is_asked_for(make: Make, api: FakeApi, *, asked: bool) -> None:
    """From now on, for its log is long; the activator is followed either way."""
    gateway = running("gw", INGRESS_CONTAINER)
    api.lists[INGRESS] = [gateway]
    api.objects[f"{INGRESS}/gw"] = gateway
    api.logs[f"{INGRESS}/gw/log"] = stamped(T0, "old") + b"\n" + stamped(T0 + 1, "older") + b"\n"
    observers = make(ingress=asked)
    observers.start()
    observers.prove((P,), within_s=WITHIN_S)
    api.logs[f"{INGRESS}/gw/log"] += stamped(T0 + 2, "a request") + b"\n"
    api.logs[f"{SYSTEM}/act/log"] += stamped(T0 + 2, "a line") + b"\n"
    observers.seal()
    lines = [(seen.pod, seen.payload) for seen in observers.feed.snapshot() if seen.stream is Stream.INGRESS]
    assert lines == ([("gw", "a request")] if asked else [])
    assert [seen.payload for seen in observers.feed.snapshot() if seen.stream is Stream.ACTIVATOR] == ["a line"]


def test_an_ingress_that_is_asked_for_and_not_there_is_named(make: Make, api: FakeApi) -> None:
    """A run without its log would split no request, and say so too late."""
    api.lists[INGRESS] = []
    observers = make(ingress=True)
    observers.start()
    refused(observers, "no ingress pod has been seen")


def test_a_sink_that_fails_is_told_and_everything_still_ends(make: Make) -> None:
    """A full disk must neither hang the run nor look like a quiet cluster."""
    observers = make(sink=FullDisk())
    observers.start()
    until("the notes", lambda: sum("No space left" in note for note in observers.broken()) >= 2)  # pods and slices
    assert not observers.stop()
    assert observers_running() == []
    assert any("No space left" in note for note in observers.broken())


def test_observers_that_were_never_started_end_at_once(make: Make) -> None:
    """An undo that is registered early must not fail."""
    assert make().stop()


def test_the_listening_sockets_of_each_pod_are_sampled_until_its_cycle_is_sealed(make: Make, api: FakeApi) -> None:
    """A pod without a uid is not; one that is sealed is no longer."""
    api.lists[PODS][0]["metadata"]["uid"] = "u-1"
    told = (
        "import sys, json\n"
        "for line in sys.stdin:\n"
        "    print(json.dumps({'sealed': line.split()[1]} if 'seal' in line else {'told': line}), flush=True)"
    )
    feed = Feed()
    observers = make(sink=feed, exec_open=lambda _command: [sys.executable, "-c", told])
    observers.start()
    observers.prove((P,), within_s=WITHIN_S)
    assert not observers.seal()
    (gap,) = [gap for gap in feed.gaps() if gap.stream is Stream.LISTENERS]
    assert (gap.pod, gap.reason.rpartition(": ")[2]) == ("p", "no process of it was found")
    assert observers.seal()
    assert observers.stop()
