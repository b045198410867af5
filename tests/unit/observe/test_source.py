"""Container logs and states by the API."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from harness.adapters.answers import Broken, Refused, Silent
from harness.adapters.kube import Kube
from harness.knative.pods import ContainerState, container_state
from harness.observe.source import KubeLogs, LogLine, NotStarted, PodGone, parse_line
from harness.observe.worker import Closable
from tests.unit.observe.fakeapi import FakeApi, serving
from tests.unit.observe.fakelogs import T0, stamped
from tests.unit.observe.kit import WITHIN_S

LOG = "/api/v1/namespaces/n/pods/p/log"


@pytest.fixture
def api() -> FakeApi:
    """The API."""
    return FakeApi()


@pytest.fixture
def kube(api: FakeApi) -> Iterator[Kube]:
    """Its client."""
    with serving(api) as served:
        yield served


def test_a_line_keeps_its_bytes_and_gets_its_time() -> None:
    """Blanks of the line are its own; what is no UTF-8 is shown as such and kept in the raw copy."""
    line = parse_line(stamped(T0 + 1, "  a b ") + b"\xff")
    assert (line.stamp_ns, line.text) == (T0 + 1, "  a b �")
    assert line == LogLine(T0 + 1, stamped(T0 + 1, "  a b ") + b"\xff")


def test_an_unstamped_line_is_the_kubelets_own_trouble() -> None:
    """It ends the stream with its words."""
    with pytest.raises(Broken, match="failed to watch"):
        parse_line(b"failed to watch file")


def test_following_asks_for_stamps_from_a_whole_second_on(kube: Kube, api: FakeApi) -> None:
    """The API knows times to a second: earlier lines of that second come too."""
    api.logs[LOG] = stamped(T0, "1") + b"\n" + stamped(T0 + 5, "2") + b"\n" + stamped(T0 + 6, "cut")
    handles: list[Closable] = []
    stream = KubeLogs(kube, "n").follow("p", "c", since_ns=T0 + 999, opened=handles.append)
    assert [next(stream), next(stream)] == [stamped(T0, "1"), stamped(T0 + 5, "2")]
    (asked,) = [query for path, query in api.asked if path == LOG]
    assert asked == {"container": "c", "timestamps": "true", "follow": "true", "sinceTime": "2023-11-14T22:13:20Z"}
    handles[0].close()
    assert list(stream) == []


def test_a_stream_is_ended_by_another_thread_while_it_waits(kube: Kube, api: FakeApi) -> None:
    """Nothing waits for a read timeout at the end of a run."""
    api.logs[LOG] = b""
    handles: list[Closable] = []
    got: list[bytes] = []
    stream = KubeLogs(kube, "n").follow("p", "c", since_ns=None, opened=handles.append)
    thread = threading.Thread(target=lambda: got.extend(stream))
    thread.start()
    handles[0].close()
    thread.join(WITHIN_S)
    assert not thread.is_alive()
    assert got == []


def test_silence_beyond_the_timeout_is_told_apart_from_a_break(kube: Kube, api: FakeApi) -> None:
    """Both are opened again, only the second is worth a pause."""
    api.logs[LOG] = b""

    def soon(handle: Any) -> None:
        """The timeout covers the answer's head, too, for which a busy machine needs longer: shortened once that is there."""
        assert handle._response.connection.sock.gettimeout() == 40
        handle._response.connection.sock.settimeout(0.2)

    with pytest.raises(Silent):
        list(KubeLogs(kube, "n", silence_s=40).follow("p", "c", since_ns=None, opened=soon))


def test_a_reading_keeps_a_last_line_without_its_end(kube: Kube, api: FakeApi) -> None:
    """A container that was killed may have been in the middle of a line: the answer is whole all the same."""
    api.logs[LOG] = stamped(T0, "1") + b"\n" + stamped(T0 + 1, "half a li")
    assert KubeLogs(kube, "n").read("p", "c", previous=True, last=7) == [stamped(T0, "1"), stamped(T0 + 1, "half a li")]
    assert api.asked[-1][1] == {"container": "c", "timestamps": "true", "previous": "true", "tailLines": "7"}


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (404, 'pods "p" not found', PodGone),
        (400, 'container "c" in pod "p" is waiting to start: ContainerCreating', NotStarted),
        (400, 'previous terminated container "c" in pod "p" not found', Refused),
        (500, "planted", Refused),
    ],
)
def test_refusals_mean_what_they_say(kube: Kube, api: FakeApi, status: int, message: str, kind: type[Exception]) -> None:
    """Gone, not there yet, and trouble are three things."""
    api.fails[LOG] = (status, message)
    with pytest.raises(kind):
        KubeLogs(kube, "n").read("p", "c")
    with pytest.raises(kind):
        KubeLogs(kube, "n").follow("p", "c", since_ns=None, opened=lambda _handle: None)


def test_the_state_is_asked_of_the_pod(kube: Kube, api: FakeApi) -> None:
    """One call, and PodGone when there is none."""
    with pytest.raises(PodGone):
        KubeLogs(kube, "n").container("p", "c")
    api.objects["/api/v1/namespaces/n/pods/p"] = pod({"running": {}}, restarts=3)
    assert KubeLogs(kube, "n").container("p", "c") == ContainerState(3, started=True, ended=False, previous=None, id="abc")


def pod(state: dict[str, Any], *, restarts: int = 0, last: dict[str, Any] | None = None) -> dict[str, Any]:
    """A pod with one container."""
    status = {"name": "c", "restartCount": restarts, "containerID": "containerd://abc", "state": state, "lastState": last or {}}
    return {"status": {"containerStatuses": [{"name": "other", "restartCount": 9}, status]}}


DEAD = {"terminated": {"exitCode": 1}}


@pytest.mark.parametrize(
    ("obj", "state"),
    [
        ({}, ContainerState(0, started=False, ended=False, previous=None)),
        (pod({"waiting": {"reason": "ContainerCreating"}}), ContainerState(0, started=False, ended=False, previous=None, id="abc")),
        (pod(DEAD), ContainerState(0, started=True, ended=True, previous=None, id="abc")),
        (pod({"running": {}}, restarts=2, last=DEAD), ContainerState(2, started=True, ended=False, previous=1, id="abc")),
        (pod({"waiting": {"reason": "CrashLoopBackOff"}}, restarts=2, last=DEAD), ContainerState(2, True, True, 2, "abc")),
    ],
    ids=["no status", "creating", "dead", "restarted", "crash loop"],
)
def test_states_of_a_container(obj: dict[str, Any], state: ContainerState) -> None:
    """While a crashed container waits, `previous` is the very instance that is counted."""
    assert container_state(obj, "c") == state
