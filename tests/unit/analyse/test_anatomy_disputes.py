"""Witnesses that contradict each other, and edges that contradict their order, are reported; those that know less are not."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from harness.analyse import analyse
from harness.analyse.anatomy import agree
from harness.analyse.anatomy.sources import Source, choose, contradictions, disagreements
from harness.faults import EDGES, FAULTS
from harness.knative.times import stamp_ns
from harness.model import Bracket, Outcome, Stream
from tests.unit.analyse.dissection import dissected, drained
from tests.unit.analyse.story import BAD, CLOSED_S, LISTENING_S, MS, OK, S, Story, at, restarts, stamp

US = 1_000


def source(lo_ms: float, hi_ms: float, resolution_ns: int = US, who: str = "one") -> Source:
    """A witness that knows these two ends, in milliseconds."""
    return Source(round(lo_ms * MS), round(hi_ms * MS), f"{who}: before", f"{who}: after", resolution_ns)


@pytest.mark.parametrize(
    ("sources", "chosen"),
    [
        pytest.param([source(1, 3)], (1, 3, "one: before, after"), id="one"),
        pytest.param([source(0, 9), source(4, 5, who="two")], (4, 5, "two: before, after"), id="the sharper"),
        pytest.param([source(2, 9), source(0, 4, who="two")], (2, 4, "one: before; two: after"), id="each gives an end"),
        pytest.param([source(1, 3), source(0, 2.5, S, "two")], (1, 3, "one: before, after"), id="a second moves no millisecond"),
        pytest.param([source(0, 5000), source(1000, 1999, S, "two")], (1000, 1999, "two: before, after"), id="but a wide one"),
        pytest.param([source(1, 2), source(7, 9, who="two")], (1, 2, "one: before, after"), id="the sharper of two that disagree"),
        pytest.param(
            [source(2000, 3010), source(0, 2005, MS, "two"), source(2002, 3001, S, "three")],
            (2000, 2005, "one: before; two: after"),
            id="nor where two that are wider than a second make a millisecond together",
        ),
    ],
)
def test_the_sharpest_bracket(sources: list[Source], chosen: tuple[float, float, str]) -> None:
    """The narrowest that the witnesses allow, with the words of those that gave its ends, in whatever order they come."""
    for given in (sources, sources[::-1]):
        best = choose(given)
        assert (best.lo_ns / MS, best.hi_ns / MS, best.evidence) == chosen


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        pytest.param(source(1, 2), source(2, 3), False, id="they touch"),
        pytest.param(source(1, 2), source(2.0019, 3), False, id="within both errors"),
        pytest.param(source(1, 2), source(2.0021, 3), True, id="past them"),
        pytest.param(source(2999, 2999.5), source(1000, 1999.999999, S), False, id="a second, give or take one"),
        pytest.param(source(3002, 3002.5), source(1000, 1999.999999, S), True, id="more than that"),
        pytest.param(source(0, 9000), source(4, 5), False, id="one that knows less"),
    ],
)
def test_two_witnesses(one: Source, other: Source, *, apart: bool) -> None:
    """They disagree when no moment fits both, give or take the errors of both clocks."""
    for given in ([one, other], [other, one]):
        assert bool(disagreements("listening", given, 0)) is apart


def test_a_dispute_is_said_in_words() -> None:
    """The edge, who says what, in seconds after the fault, and how far they are apart."""
    (told,) = disagreements("listening", [source(1000, 1001), source(1500, 1600, who="two")], 500 * MS)
    assert told == (
        "listening: +0.500000 to +0.501000 s (one: before, after), but +1.000000 to +1.100000 s (two: before, after): "
        "0.498998 s apart"
    )


def test_the_order_is_partial_and_has_no_circle() -> None:
    """Each pair names edges there are, none must be before itself, and what need not be ordered is not."""
    for kind, fault in FAULTS.items():
        pairs = fault.order
        after = {edge: {later for earlier, later in pairs if earlier == edge} for edge in EDGES}
        assert {edge for pair in pairs for edge in pair} <= set(EDGES)
        for edge in EDGES:
            reached: set[str] = set()
            border = after[edge]
            while border:
                reached |= border
                border = {further for one in border for further in after[one]} - reached
            assert edge not in reached, kind
            if edge == "first-ok":
                assert "first-good-probe" not in reached


@pytest.mark.parametrize("kind", FAULTS)
def test_each_pair_of_the_order_can_be_broken(kind: str) -> None:
    """The second provably before the first is a contradiction; overlapping or unseen ones are none."""
    for earlier, later in FAULTS[kind].order:
        first, second = Bracket(0, 10 * MS, "a", US), Bracket(5 * MS, 20 * MS, "b", US)
        assert contradictions({earlier: first, later: second}, FAULTS[kind].order, 0) == ()
        assert contradictions({earlier: second, later: first}, FAULTS[kind].order, 0) == ()
        assert contradictions({earlier: first}, FAULTS[kind].order, 0) == ()
        late = replace(second, lo_ns=12 * MS)
        (told,) = contradictions({earlier: late, later: first}, FAULTS[kind].order, 0)
        assert told.startswith(f"{earlier}, {later}: ")


def shifted(story: Story, seconds: float, *, own: bool = True, journal: bool = True) -> Story:
    """The stamps of containerd's journal moved, containerd's own or the journal's or both."""

    def moved(found: re.Match[str]) -> str:
        ns = stamp_ns(found.group(1))
        assert ns is not None
        return f'time="{stamp(ns + round(seconds * S))}"'

    story.observations = [
        replace(
            one,
            at_ns=one.at_ns + (round(seconds * S) if journal else 0),
            payload=re.sub(r'time="([^"]+)"', moved, one.payload) if own else one.payload,
        )
        if one.stream is Stream.CONTAINERD
        else one
        for one in story.observations
    ]
    return story


@pytest.mark.parametrize("seconds", [-3, -0.7, 0.3, 3])
def test_a_journal_whose_clock_is_off_is_found_out(seconds: float) -> None:
    """The app's own log and the pod's status tell otherwise."""
    told = dissected(shifted(restarts(), seconds)).disputes
    about = {name for text in told for name in text.partition(": ")[0].split(", ")}
    assert {"container-created", "container-started"} & about
    assert any("the app's log" in text for text in told)


@pytest.mark.parametrize(("own", "journal"), [(True, False), (False, True)])
@pytest.mark.parametrize("seconds", [-3, 3])
def test_containerd_and_the_journal_must_agree_on_the_time(seconds: float, *, own: bool, journal: bool) -> None:
    """The journal stamps each of its lines too, a little later: one of the two clocks is off."""
    told = dissected(shifted(restarts(), seconds, own=own, journal=journal)).disputes
    assert any("the journal's stamp of containerd's line" in text for text in told)


def test_a_journal_that_is_a_little_late_is_not_disputed() -> None:
    """Half a second under load is the journal's right."""
    assert dissected(shifted(restarts(), 0.5, own=False)).disputes == ()


def test_a_status_of_another_time_is_disputed() -> None:
    """A start 3 s from containerd's, by the pod's status."""
    story = restarts(1)
    story.drop(lambda one: one.stream is Stream.PODS and one.at_ns > at(0, 8))
    story.pod("pod-0", at(0, 8.2), restarts=1, since_ns=at(0, 11))
    (told,) = dissected(story).disputes
    assert told.startswith("container-started: ")
    assert "the pod's status: startedAt" in told


def test_an_app_clock_that_is_off_is_disputed() -> None:
    """It says it took the fault before it was sent, or after it answered."""
    story = restarts(1)
    story.app("pod-0", "old0", at(0, 4.5), "fault", kind="liveness")
    assert any(text.startswith("fault: ") for text in dissected(story).disputes)


def test_clients_that_were_refused_before_the_app_closed_are_heard() -> None:
    """The refusal of a listener that was open, and the doubt that follows: the check of the outage rests on the app's word."""
    story = restarts(1)
    story.request(0, at(0, 6.1), Outcome.HTTP_ERROR, status=502, answer=BAD)
    told = dissected(story).disputes
    assert any(text.startswith("listener-closed: ") and "requests: the first refused" in text for text in told)
    (cycle,) = analyse(story.history()).cycles
    assert "the evidence contradicts itself: listener-closed: " in cycle.unknown["listener"]


def test_clients_that_were_answered_before_the_app_listened_are_heard() -> None:
    """By a boot that says it was not listening yet."""
    story = restarts(1)
    story.drop(lambda one: '"listening"' in one.payload and '"new0"' in one.payload)
    story.app("pod-0", "new0", at(0, LISTENING_S), "listening", before_ns=at(0, LISTENING_S) - US, port=8080)
    story.answer(0, 200, "hello", x_toggle_pod="pod-0", x_toggle_boot="new0")
    story.request(0, at(0, 9), Outcome.OK, answer=3)
    told = dissected(story).disputes
    assert any(text.startswith("listening: ") for text in told)
    (cycle,) = analyse(story.history()).cycles
    about = [text for text in told if "listen" in text.partition(": ")[0]]
    assert all(text in cycle.unknown["listener"] for text in about)


def test_an_old_boot_that_answered_after_refusing_contradicts_itself() -> None:
    """Two requests cannot both be right about one listener."""
    story = restarts(1)
    story.request(0, at(0, 9), Outcome.OK, answer=OK)
    assert any("requests: the last one the old boot answered" in text for text in dissected(story).disputes)


def test_a_dispute_no_claim_rests_on_leaves_no_fact_open() -> None:
    """Two sources of when the process was gone contradict each other; when the app listened is known all the same."""
    story = restarts(1)
    gone_ns = at(0, 7.51)
    later = f'container_id:"pod-0-0"  id:"pod-0-0"  pid:9  exited_at:{{seconds:{(gone_ns - 2 * S) // S}  nanos:0}}'
    story.drop(lambda one: "exited_at" in one.payload)
    story.containerd("pod-0", 0, at(0, 7.512), f"received exit event {later}")
    (cycle,) = analyse(story.history()).cycles
    assert any(text.startswith("process-gone: ") for text in cycle.disputes)
    assert not [text for text in cycle.disputes if "listen" in text.partition(": ")[0]]
    assert cycle.unknown == {}


def test_edges_out_of_order_are_a_dispute_though_each_has_one_witness() -> None:
    """A probe of the app's log that did well before its boot listened."""
    story = restarts(1)
    story.probe("pod-0", "new0", at(0, 8.5), ok=True)
    (told,) = dissected(story).disputes
    assert told.startswith("listening, first-good-probe: ")


def test_nothing_contradicts_itself_in_a_story() -> None:
    """The control: all witnesses of an undisturbed restart agree."""
    story = restarts()
    for cycle in range(2):
        drained(story, f"pod-{cycle}", at(cycle, 6.4))
        assert dissected(story, cycle).disputes == ()


PERIOD = 20 * MS


@pytest.mark.parametrize(
    ("client", "queue_proxy", "told"),
    [
        pytest.param(None, None, "", id="neither"),
        pytest.param((0, S), None, "refused-window: only the client tells of one", id="one"),
        pytest.param(None, (0, S), "refused-window: only queue-proxy's log tells of one", id="the other"),
        pytest.param((0, S), (25 * MS, S - 25 * MS), "", id="at the limit"),
        pytest.param((0, S), (25 * MS + 1, S), "the start by 25.000 ms, more than one period and 5 ms (25.000 ms)", id="start"),
        pytest.param((0, S), (0, S + 26 * MS), "the end by 26.000 ms", id="end"),
        pytest.param((0, S), (-30 * MS, S + 26 * MS), "the start by 30.000 ms and the end by 26.000 ms", id="both"),
    ],
)
def test_the_two_windows(client: tuple[int, int] | None, queue_proxy: tuple[int, int] | None, told: str) -> None:
    """The client's and queue-proxy's agree within one period and 5 ms at both ends, or it is said how far they do not."""
    said = agree(client, queue_proxy, PERIOD)
    assert told in said
    assert bool(told) is bool(said)
    assert not said or said.startswith("refused-window: ")


def test_an_end_within_what_the_client_knows_agrees() -> None:
    """The first refused request was on its way for 48 ms: queue-proxy's line lies between its sending and its answer."""
    outer, inner = (0, S), (48 * MS, S - 10 * MS)
    assert "the start by 43.000 ms" in agree(outer, (43 * MS, S), PERIOD)
    assert agree(outer, (43 * MS, S), PERIOD, inner_window=inner) == ""
    assert agree(outer, (73 * MS, S - 35 * MS), PERIOD, inner_window=inner) == ""
    assert "the start by 25.001 ms and the end by 26.000 ms" in agree(
        outer, (73 * MS + 1000, S - 36 * MS), PERIOD, inner_window=inner
    )
    assert "the start by 26.000 ms" in agree(outer, (-26 * MS, S), PERIOD, inner_window=inner)


def test_the_window_of_a_story_lies_where_nobody_listened() -> None:
    """What the clients say of both ends, against the app's own stamps."""
    seen = dissected(restarts()).edges
    assert seen["listener-closed"].hi_ns <= at(0, CLOSED_S)
    assert seen["listening"].hi_ns <= at(0, LISTENING_S)
