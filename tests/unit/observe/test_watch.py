"""List and watch against an API on loopback."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness.adapters.kube import Kube
from harness.knative import missed
from harness.knative.pods import pod
from harness.model import NOBODY, Stream
from harness.observe.feed import Feed
from harness.observe.watch import Watch
from tests.unit.observe.fakeapi import BREAK, END, HOLD, FakeApi, Step, expired, obj, serving, told
from tests.unit.observe.kit import WITHIN_S, until

PODS = "/api/v1/namespaces/n/pods"
Start = Callable[..., Watch]


@pytest.fixture
def api() -> FakeApi:
    """The API, with one pod at version 90."""
    fake = FakeApi()
    fake.lists[PODS] = [obj("a", 90, status={"phase": "Running"})]
    return fake


@pytest.fixture
def kube(api: FakeApi) -> Iterator[Kube]:
    """Its client."""
    with serving(api) as served:
        yield served


@pytest.fixture
def feed() -> Feed:
    """What was observed."""
    return Feed()


@pytest.fixture
def start(kube: Kube, feed: Feed) -> Iterator[Start]:
    """Starts watches of pods and ends them."""
    begun: list[Watch] = []

    def starts(**more: object) -> Watch:
        given = {"retry_s": 0.02, **more}
        watch = Watch("pods", Stream.PODS, functools.partial(kube.core.list_namespaced_pod, "n"), pod, feed, **given)  # type: ignore[arg-type]
        watch.start()
        begun.append(watch)
        return watch

    yield starts
    for watch in begun:
        watch.end()
        assert watch.join(WITHIN_S)


def pods(feed: Feed) -> list[str]:
    """Names in the order seen."""
    return [seen.pod for seen in feed.snapshot()]


def test_what_is_there_and_what_changes_is_observed(start: Start, feed: Feed, api: FakeApi) -> None:
    """The list first, then each change; the watch begins where the list ended and asks for bookmarks and an end."""
    api.watches[PODS] = [[told("MODIFIED", obj("a", 101)), told("ADDED", obj("b", 102)), told("DELETED", obj("b", 103)), HOLD]]
    start()
    until("four observations", lambda: pods(feed) == ["a", "a", "b", "b"])
    assert '"deleting":true' in feed.snapshot()[-1].payload
    (query,) = api.watched(PODS)
    assert query["resourceVersion"] == "100"
    assert query["allowWatchBookmarks"] == "true"
    assert 60 <= int(query["timeoutSeconds"]) <= 120
    assert feed.gaps() == ()


def test_a_dropped_connection_is_resumed_at_the_last_version_without_a_gap(start: Start, feed: Feed, api: FakeApi) -> None:
    """Bookmarks count as versions; nothing is listed again."""
    api.watches[PODS] = [
        [told("ADDED", obj("b", 105)), told("BOOKMARK", {"metadata": {"resourceVersion": "110"}}), BREAK],
        [told("ADDED", obj("c", 111)), END],
        [told("ADDED", obj("d", 112)), HOLD],
    ]
    start()
    until("all pods", lambda: pods(feed) == ["a", "b", "c", "d"])
    assert [query["resourceVersion"] for query in api.watched(PODS)] == ["100", "110", "111"]
    assert feed.gaps() == ()


@pytest.mark.parametrize("how", ["in the stream", "by status"])
def test_an_expired_version_is_a_gap_and_a_new_list(start: Start, feed: Feed, api: FakeApi, how: str) -> None:
    """What happened between cannot be known; what is there now is."""
    go = threading.Event()

    class Later(list[object]):
        """A script that goes on when told."""

        def __iter__(self) -> Iterator[object]:
            yield told("ADDED", obj("b", 105))
            go.wait(WITHIN_S)
            yield BREAK if how == "by status" else expired()

    api.watches[PODS] = [Later()]  # type: ignore[list-item]
    watch = start()
    until("b", lambda: pods(feed) == ["a", "b"])
    if how == "by status":
        api.fails[PODS] = (410, "too old resource version")
        go.set()
        until("the note", lambda: "too old" in watch.note)
        api.lists[PODS] = [obj("a", 120)]
        del api.fails[PODS]
    else:
        api.lists[PODS] = [obj("a", 120)]
        go.set()
    until("the new list", lambda: pods(feed) == ["a", "b", "b", "a"])
    (gap,) = feed.gaps()
    seen = feed.snapshot()
    assert (gap.stream, gap.pod) == (Stream.PODS, "")
    assert seen[1].seen_ns <= gap.from_ns <= gap.until_ns <= seen[2].seen_ns
    assert '"deleting":true' in seen[2].payload


def relisted(api: FakeApi, start: Start, *now: dict[str, Any], **more: object) -> Watch:
    """A watch that has found its version expired and listed these pods instead."""
    go = threading.Event()

    class Later(list[object]):
        """A script that goes on when told."""

        def __iter__(self) -> Iterator[object]:
            go.wait(WITHIN_S)
            yield expired()

    api.watches[PODS] = [Later()]  # type: ignore[list-item]
    watch = start(**more)
    until("the watch", lambda: len(api.watched(PODS)) == 1)
    api.lists[PODS] = list(now)
    go.set()
    until("the next watch", lambda: len(api.watched(PODS)) == 2)
    return watch


def test_an_expired_version_is_bridged_for_pods_that_were_not_touched(start: Start, feed: Feed, api: FakeApi) -> None:
    """The gap is kept, of pods that nobody knows: whatever changed is named, and nothing else is doubted."""
    relisted(api, start, *api.lists[PODS], missed=missed.pod)
    assert [(gap.stream, gap.pod) for gap in feed.gaps()] == [(Stream.PODS, NOBODY)]
    assert "listed anew" in feed.gaps()[0].reason
    assert pods(feed) == ["a"]


def test_an_expired_version_is_a_gap_of_each_pod_that_may_have_hidden_something(start: Start, feed: Feed, api: FakeApi) -> None:
    """One that is new, one that is gone; the one that stayed is whole."""
    api.lists[PODS].append(obj("b", 91))
    relisted(api, start, obj("a", 90), obj("c", 120), missed=missed.pod)
    assert sorted((gap.pod, gap.reason.rpartition(": ")[2]) for gap in feed.gaps()) == [("b", "b is gone"), ("c", "c is new")]
    assert pods(feed) == ["a", "b", "b", "c"]
    assert '"deleting":true' in feed.snapshot()[2].payload
    seen = feed.snapshot()
    assert all(seen[1].seen_ns <= gap.from_ns <= gap.until_ns <= seen[2].seen_ns for gap in feed.gaps())


def test_a_connection_that_says_nothing_beyond_its_time_is_opened_again(start: Start, feed: Feed, api: FakeApi) -> None:
    """The server was to end it; if it does not, the connection is dead."""
    # Each later one tells of b: on a busy machine a connection may be given up before it was answered.
    later: list[Step] = [told("ADDED", obj("b", 105)), HOLD]
    api.watches[PODS] = [[HOLD], *[later] * 200]
    start(server_s=0, margin_s=0.3)
    until("b", lambda: "b" in pods(feed))
    assert feed.gaps() == ()


def test_an_api_that_refuses_is_told_and_asked_again(start: Start, feed: Feed, api: FakeApi) -> None:
    """Whoever asks what is broken hears the API's own words."""
    api.fails[PODS] = (403, "pods is forbidden")
    watch = start()
    until("the note", lambda: "403" in watch.note and "forbidden" in watch.note)
    del api.fails[PODS]
    until("the list", lambda: pods(feed) == ["a"] and not watch.note)


def test_a_seal_finds_every_listed_object_in_what_was_watched(start: Start, feed: Feed, api: FakeApi) -> None:
    """Then everything up to the listing has been seen."""
    api.watches[PODS] = [[told("ADDED", obj("b", 105)), HOLD]]
    watch = start()
    until("b", lambda: pods(feed) == ["a", "b"])
    api.lists[PODS].append(obj("b", 105))
    before = watch.proved_ns
    assert watch.seal()
    assert watch.proved_ns > before
    assert feed.gaps() == ()


def test_a_seal_of_a_watch_that_misses_something_is_a_gap_and_adds_it(
    start: Start, feed: Feed, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that is open and brings nothing is found out."""
    monkeypatch.setattr("harness.observe.watch.SEAL_S", 0.3)
    watch = start()
    until("a", lambda: pods(feed) == ["a"])
    api.lists[PODS] = [obj("a", 90), obj("missed", 130)]
    api.version = 130
    assert not watch.seal()
    assert pods(feed) == ["a", "missed"]
    assert ["missed" in gap.reason for gap in feed.gaps()] == [True]


def test_a_seal_notices_an_end_that_was_not_seen(start: Start, feed: Feed, api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object that is listed no more must have been seen to go."""
    monkeypatch.setattr("harness.observe.watch.SEAL_S", 0.3)
    watch = start()
    until("a", lambda: pods(feed) == ["a"])
    api.lists[PODS] = []
    assert not watch.seal()
    assert ["the end of a" in gap.reason for gap in feed.gaps()] == [True]


def test_a_seal_without_an_api_is_a_gap(start: Start, feed: Feed, api: FakeApi) -> None:
    """What cannot be proved is not claimed."""
    watch = start()
    until("a", lambda: pods(feed) == ["a"])
    api.fails[PODS] = (500, "planted")
    assert not watch.seal()
    assert ["planted" in gap.reason for gap in feed.gaps()] == [True]


def test_a_thread_that_fails_is_a_gap_and_stays_one(start: Start, feed: Feed, api: FakeApi) -> None:
    """An observer's own mistake is told like any other loss."""
    api.watches[PODS] = [[told("ADDED", {"metadata": "no object"}), HOLD]]
    watch = start()
    until("the gap", lambda: len(feed.gaps()) > 0)
    assert watch.crashed
    assert "AttributeError" in watch.note
    assert not watch.seal()
    assert len(feed.gaps()) == 2
