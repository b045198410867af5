"""What was seen of a pod, as lanes: literal observations in, spans and marks out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from harness.model import Observation, Stream
from harness.report import pod_lanes
from harness.report.tracks import LONGEST, Frame, Span, Tone, Track
from tests.unit.report.large import ERROR, endpoints, note, pod_object, rows_of

S, MS = 1_000_000_000, 1_000_000
T = 1_795_000_000 * S
POD = "toggle-0"
FRAME = Frame(index=0, pod=POD, origin_ns=T, lo_ns=T - 5 * S, hi_ns=T + 15 * S)


def rows(*seen: Observation) -> pl.DataFrame:
    """The observations as a History holds them."""
    return rows_of(list(seen))


def app(after_s: float, event: str, **more: object) -> Observation:
    """An event in the app's log; its own stamp is a millisecond earlier than the log's."""
    at = T + round(after_s * S)
    return note(Stream.APP, POD, at + MS, {"t_ns": at, "event": event, "boot": "b", **more}, container="user-container")


def pod(after_s: float, **state: Any) -> Observation:
    """An observed state of the pod; seen a millisecond after its time."""
    return note(
        Stream.PODS, POD, T + round(after_s * S) - MS, pod_object(**{"ready": True, "since_ns": T - 60 * S, **state}), true_to=S
    )


def states(track: Track) -> list[tuple[float, float, str, str]]:
    """(from, until, tone, word) of the spans, to the millisecond."""
    return [(round(one.from_s, 3), round(one.until_s, 3), one.tone.value, one.word) for one in track.spans]


def test_probes_are_marks_by_what_the_app_answered() -> None:
    """Good and failed ones of that name, by the app's own clock; another name's and those outside the cycle are not in the lane."""
    seen = rows(
        app(-1, "probe", which="liveness", ok=True, status=200),
        app(0.4, "probe", which="liveness", ok=False, status=503),
        app(1, "probe", which="readiness", ok=True, status=200),
        app(99, "probe", which="liveness", ok=True, status=200),
    )
    track = pod_lanes.probes(seen, FRAME, "liveness", most=10)
    assert [(mark.at_s, mark.tone) for mark in track.marks] == [(-1.0, Tone.GOOD), (0.4, Tone.BAD)]
    assert "FAILED, answered 503" in track.marks[1].text
    assert pod_lanes.probe_names(seen, FRAME) == ["liveness", "readiness"]


def test_what_is_not_a_plain_true_is_no_good_probe() -> None:
    """A pod may log what it likes: only ok: true is good, and a stamp that is no number is the log's."""
    seen = rows(app(1, "probe", which="liveness", ok="true", status="<b>"), app(2, "probe", which="liveness", t_ns="soon"))
    track = pod_lanes.probes(seen, FRAME, "liveness", most=10)
    assert [(mark.at_s, mark.tone) for mark in track.marks] == [(1.0, Tone.BAD), (2.001, Tone.BAD)]


def test_marks_beyond_the_limit_are_counted() -> None:
    """The first ones are drawn, the number of the others is said."""
    seen = rows(*(app(n / 10, "probe", which="liveness", ok=True) for n in range(30)))
    track = pod_lanes.probes(seen, FRAME, "liveness", most=12)
    assert (len(track.marks), track.left_out) == (12, 18)


def test_the_listener_is_open_closed_and_open_again() -> None:
    """As the app says itself; before its first word nobody knows."""
    seen = rows(app(-3, "listening"), app(3, "closed"), app(3.5, "boot"), app(8.5, "listening"))
    assert states(pod_lanes.listener(seen, FRAME)) == [
        (-5.0, -3.0, "unknown", "not known"),
        (-3.0, 3.0, "good", "open"),
        (3.0, 3.5, "bad", "closed"),
        (3.5, 8.5, "bad", "closed, starting"),
        (8.5, 15.0, "good", "open"),
    ]


def test_what_came_before_the_cycle_tells_how_it_begins() -> None:
    """A listener opened long ago is open from the first moment that is shown."""
    assert states(pod_lanes.listener(rows(app(-60, "listening")), FRAME)) == [(-5.0, 15.0, "good", "open")]


def journal(after_s: float, text: str) -> Observation:
    """A line of containerd's journal."""
    line = f'time="x" level=info msg="{text}"'
    return note(Stream.CONTAINERD, POD, T + round(after_s * S), line, container="user-container", true_to=1000)


def test_the_container_stops_goes_is_created_and_runs() -> None:
    """By containerd's journal, to the millisecond; what ran before is known from the pod's status."""
    seen = rows(
        pod(-4),
        journal(3.386, "StopContainer for c with timeout 299 (s)"),
        journal(3.403, 'received exit event container_id:"c"  id:"c"  pid:7'),
        journal(3.428, 'msg="shim disconnected" id=c'),
        journal(3.440, "StopContainer for c returns successfully"),
        journal(3.447, 'CreateContainer within sandbox "b" for container &ContainerMetadata{Name:user-container,Attempt:1,}'),
        journal(3.543, "StartContainer for d returns successfully"),
    )
    assert states(pod_lanes.container(seen, FRAME)) == [
        (-5.0, 3.386, "good", "running"),
        (3.386, 3.403, "turn", "stopping"),
        (3.403, 3.447, "bad", "gone"),
        (3.447, 3.543, "turn", "creating"),
        (3.543, 15.0, "good", "running"),
    ]


def test_without_a_journal_the_pods_status_speaks_and_says_how_true_it_is() -> None:
    """A second is a second."""
    after = pod_object(ready=True, since_ns=T + 4 * S)
    after["containers"]["user-container"]["last_terminated"] = {"finished_ns": T + 3 * S}
    seen = rows(pod(-4), note(Stream.PODS, POD, T + 5 * S, after, true_to=S))
    track = pod_lanes.container(seen, FRAME)
    assert states(track) == [(-5.0, 3.0, "good", "running"), (3.0, 4.0, "bad", "gone"), (4.0, 15.0, "good", "running")]
    assert "true to 1 s" in track.spans[1].text


def test_pod_and_queue_proxy_turn_unready_and_back() -> None:
    """Each by its own word in the pod's object; a pod that is being deleted is told apart."""
    seen = rows(pod(-4), pod(2, ready=False), pod(6, queue_proxy=False), pod(12, deleting=True))
    assert [one[2:] for one in states(pod_lanes.pod_ready(seen, FRAME))][1:] == [
        ("good", "Ready"),
        ("bad", "not Ready"),
        ("good", "Ready"),
        ("bad", "being deleted"),
    ]
    found = states(pod_lanes.queue_proxy(seen, FRAME, most=9))
    assert (6.0, 12.0, "bad", "not ready") in found


def test_failed_probes_of_queue_proxy_are_events_true_to_a_second() -> None:
    """They lie within that second and nowhere more exactly; one that may be of the pod's end is no failure of the cycle."""
    told_so = {
        "reason": "Unhealthy",
        "message": "Readiness probe failed",
        "type": "Warning",
        "count": 3,
        "container": "queue-proxy",
    }
    seen = rows(
        *(note(Stream.EVENTS, POD, T + n * S, told_so, container="queue-proxy", true_to=S) for n in (4, 15)),
        note(Stream.EVENTS, POD, T + 4 * S, told_so, container="user-container", true_to=S),
    )
    marks = pod_lanes.queue_proxy(seen, FRAME, most=9).marks
    assert [(mark.at_s, mark.until_s, mark.tone) for mark in marks] == [(4.0, 5.0, Tone.BAD), (15.0, 16.0, Tone.INFO)]
    assert "(x3)" in marks[0].text
    assert marks[1].text.startswith("(perhaps after the cycle)")


def test_the_endpoint_is_that_of_the_private_slice() -> None:
    """The public one may hold the activator; a slice that lists the pod no longer says so."""
    public = {"slice": "public", "service": "toggle", "endpoints": [{"pod": POD, "ready": False}]}
    gone = {"slice": "toggle-private-x", "service": "toggle-private", "endpoints": []}
    seen = rows(
        note(Stream.ENDPOINTS, "", T - 4 * S - MS, endpoints(POD, ready=True)),
        note(Stream.ENDPOINTS, "", T - MS, public),
        note(Stream.ENDPOINTS, "", T + 2 * S - MS, endpoints(POD, ready=False)),
        note(Stream.ENDPOINTS, "", T + 4 * S - MS, gone),
        note(Stream.ENDPOINTS, "", T + 6 * S - MS, endpoints(POD, ready=True)),
    )
    assert [one[2:] for one in states(pod_lanes.endpoint(seen, FRAME))][1:] == [
        ("good", "ready"),
        ("bad", "not ready"),
        ("bad", "not listed"),
        ("good", "ready"),
    ]


def test_only_forwarding_errors_count_as_refused() -> None:
    """queue-proxy's own failed probe says the same words, another port is another matter, and the activator is another program."""
    probe = "aggressive probe error (failed 3 times): dial tcp 127.0.0.1:8080: connect: connection refused"
    elsewhere = {**ERROR, "error": "dial tcp 127.0.0.1:9090: connect: connection refused"}
    lines: list[str | dict[str, str]] = [ERROR, ERROR, probe, elsewhere, {**ERROR, "logger": "activator"}]
    seen = rows(*(note(Stream.QUEUE_PROXY, POD, T + n * 100 * MS, line) for n, line in enumerate(lines)))
    track = pod_lanes.refused_lines(seen, FRAME, port=8080, bin_us=50_000)
    assert track.density == ((0, 1), (2, 1))
    others = pod_lanes.lines(seen, FRAME, Stream.QUEUE_PROXY, port=8080, most=10)
    assert len(others.marks) == 3


def test_a_line_is_cut_and_harmless() -> None:
    """However long, and whatever it contains."""
    seen = rows(
        note(Stream.QUEUE_PROXY, POD, T, "\x1b[31m\u202e\x00" + "x" * 9000), note(Stream.KUBELET, POD, T, 'I0 1 "said \\"it\\""')
    )
    (mark,) = pod_lanes.lines(seen, FRAME, Stream.QUEUE_PROXY, port=8080, most=10).marks
    assert len(mark.text) <= LONGEST
    assert not set("\x1b\u202e\x00") & set(mark.text)


def test_an_error_in_a_log_is_marked_as_one() -> None:
    """By its severity; what is no object is just a line."""
    seen = rows(
        note(Stream.QUEUE_PROXY, POD, T, {"severity": "error", "message": "no", "error": "why"}),
        note(Stream.QUEUE_PROXY, POD, T + S, "[1, 2]"),
    )
    marks = pod_lanes.lines(seen, FRAME, Stream.QUEUE_PROXY, port=8080, most=10).marks
    assert [(mark.tone, mark.text) for mark in marks] == [(Tone.BAD, "+0.000 s: no | why"), (Tone.INFO, "+1.000 s: [1, 2]")]


@pytest.mark.parametrize("payload", ["{", "[]", "null", "{" * 5000, '{"containers": null}', '{"endpoints": 3}', '{"t_ns": 1e999}'])
def test_nonsense_is_survived(payload: str) -> None:
    """In every stream; nothing is claimed to have been seen."""
    seen = rows(
        *(note(stream, "" if stream is Stream.ENDPOINTS else POD, T, payload, container="user-container") for stream in Stream)
    )
    tracks = [
        pod_lanes.listener(seen, FRAME),
        pod_lanes.container(seen, FRAME),
        pod_lanes.pod_ready(seen, FRAME),
        pod_lanes.queue_proxy(seen, FRAME, most=9),
        pod_lanes.endpoint(pod_lanes.of_stream(seen, Stream.ENDPOINTS), FRAME),
    ]
    assert [track.spans for track in tracks] == [()] * 5
    assert all(isinstance(span, Span) for track in tracks for span in track.spans)


def test_the_lanes_of_a_fault_in_a_sidecar_are_the_sidecars() -> None:
    """Its log, its probes and its container; not those of the user container beside it, nor of another sidecar."""

    def of_sidecar(name: str, event: str, **more: object) -> Observation:
        return note(Stream.SIDECAR, POD, T + S, {"t_ns": T + S, "event": event, "boot": "b", **more}, container=name)

    seen = rows(
        app(0, "listening"),
        of_sidecar("proxy", "closed"),
        of_sidecar("proxy", "probe", which="liveness", ok=False),
        of_sidecar("other", "listening"),
    )
    shown = replace(FRAME, sidecar="proxy")
    own, users = pod_lanes.listener(seen, shown), pod_lanes.listener(seen, FRAME)
    assert (own.name, own.streams, own.spans[-1].word) == ("proxy's listener", (Stream.SIDECAR,), "closed")
    assert (users.name, users.streams, users.spans[-1].word) == ("App's listener", (Stream.APP,), "open")
    assert [mark.tone for mark in pod_lanes.probes(seen, shown, "liveness", most=9).marks] == [Tone.BAD]
    assert (pod_lanes.probe_names(seen, shown), pod_lanes.probe_names(seen, FRAME)) == (["liveness"], [])
    assert pod_lanes.container(seen, shown).name == "proxy's container"
