"""When a port was listened on by its sockets, and what claims may rest on them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from harness.analyse import analyse
from harness.analyse.listeners import Shut, shuts
from harness.analyse.windows import Window
from harness.judge import judge
from harness.knative.listeners import LOOPBACK, stretch_of
from harness.model import Gap, Observed, Outcome, Stream
from tests.unit.analyse.sampled import Socket, lines, listener, sampled, usual
from tests.unit.analyse.story import BAD, CLOSED_S, LISTENING_S, MS, S, Story, at, restarts
from tests.unit.analyse.test_plain import plain

CLAIM = "failures-only-while-not-listening"
ENDS = ('"closed"', '"exit"')


def shown(sockets: Callable[[float], Iterable[Socket]], address: str = LOOPBACK) -> list[Shut]:
    """The times without a listener in cycle 0."""
    stretches = [stretch for _, line in lines("p", 0, sockets) if (stretch := stretch_of(line)) is not None]
    return list(shuts(reversed(stretches), address, 8080))


def bracket(from_s: float, until_s: float) -> Window:
    """From the beginning of a look to the end of the next."""
    return Window(at(0, from_s), at(0, until_s) + 120_000)


def test_each_edge_lies_between_two_looks() -> None:
    """The last one that saw the old state, and the first one that saw the new one, in whatever order the lines came."""
    assert shown(usual) == [Shut(bracket(7.487, 7.507), bracket(9.987, 10.007))]


def test_a_socket_that_is_replaced_between_two_looks_was_closed() -> None:
    """The inode tells; whether nobody listened is known to one bracket."""
    assert shown(lambda t: [listener(17 if t < 5 else 18)]) == [Shut(bracket(4.987, 5.007), bracket(4.987, 5.007))]


def test_of_several_sockets_the_last_one_closes_the_port() -> None:
    """SO_REUSEPORT: a worker that goes, and one that comes, change nothing."""
    assert shown(lambda t: [listener(n) for n in (17, 18, 19) if not (n == 17 and t > 3) and not (n == 19 and t < 2)]) == []


def test_the_time_before_the_first_listener_is_none() -> None:
    """A pod that starts has not stopped listening; and one that never listens again has no end."""
    assert shown(lambda t: [listener(17)] if -2 < t < 5 else []) == [Shut(bracket(4.987, 5.007), None)]


@pytest.mark.parametrize("address", ["::1", "10.244.0.9"])
def test_another_address_than_the_one_asked_is_no_listener(address: str) -> None:
    """Queue-proxy asks at 127.0.0.1; it is refused by an app that comes back on another address."""
    assert shown(lambda t: [listener(17)] if t < 5 else [listener(18, address)]) == [Shut(bracket(4.987, 5.007), None)]


def reading(story: Story, cycle: int = 0) -> tuple[Observed, str]:
    """What the claim comes to in one cycle, and why."""
    findings = analyse(story.history())
    result = next(one for one in judge(story.meta.spec, findings).claims if one.claim.id == CLAIM)
    return result.readings[cycle].observed, findings.cycles[cycle].unknown.get("listener", "") or result.readings[cycle].why


def silent(story: Story) -> Story:
    """As after SIGKILL: its log has no end of its listener."""
    story.drop(lambda one: one.stream is Stream.APP and any(word in one.payload for word in ENDS))
    return story


def test_a_program_that_says_nothing_is_decided_by_its_sockets() -> None:
    """Undecided without them."""
    assert reading(silent(restarts()))[0] is Observed.UNDECIDED
    assert reading(silent(sampled(restarts()))) == (Observed.HOLDS, "no request failed while the app listened")


def test_a_program_without_a_log_has_its_edges() -> None:
    """Each to the interval between two looks, or as sharp as the clients have it."""
    story = sampled(restarts())
    story.drop(lambda one: one.stream is Stream.APP)
    edges = analyse(story.history()).cycles[0].anatomy
    for name, second in (("listener-closed", CLOSED_S), ("listening", LISTENING_S)):
        assert edges[name].lo_ns <= at(0, second) <= edges[name].hi_ns <= edges[name].lo_ns + 21 * MS
        assert "the pod's sockets" in edges[name].evidence


def test_a_failure_while_a_silent_program_listens_breaks_the_claim() -> None:
    """It lies outside of the brackets."""
    story = silent(sampled(restarts()))
    story.request(0, at(0, 12.0105), Outcome.HTTP_ERROR, status=502, answer=BAD)
    story.refused_line("pod-0", at(0, 12.0115))
    assert reading(story) == (Observed.BROKEN, "1 requests failed while the app listened")
    assert reading(story, 1)[0] is Observed.HOLDS


def goes_on_refusing(story: Story) -> Story:
    """A queue-proxy that answers refused for a second after the port is open."""
    for row in story.requests:
        if row["cycle"] == 0 and at(0, LISTENING_S) <= row["sent_ns"] < at(0, LISTENING_S + 1):
            row.update(outcome="http-error", status=502, answer=BAD)
            story.refused_line("pod-0", row["sent_ns"] + MS)
    return story


def test_a_queue_proxy_that_goes_on_refusing_contradicts_the_app_alone() -> None:
    """With the sockets there are two witnesses of the listener itself: the claim is decided. The dispute stays in the anatomy."""
    observed, why = reading(goes_on_refusing(restarts()))
    assert observed is Observed.UNDECIDED
    assert "contradicts itself: listening" in why
    story = sampled(goes_on_refusing(restarts()))
    assert reading(story) == (Observed.BROKEN, "49 requests failed while the app listened")
    assert any(text.startswith("listening") for text in analyse(story.history()).cycles[0].disputes)


def test_the_whole_story_is_as_before() -> None:
    """Where the app's log and the sockets agree the outage is the app's, which is sharper."""
    plainly, both = analyse(restarts().history()), analyse(sampled(restarts()).history())
    assert [one.outside_window for one in both.cycles] == [one.outside_window for one in plainly.cycles] == [0, 0]
    assert all(not one.unknown and not one.disputes for one in both.cycles)
    before, after = plainly.cycles[0].anatomy["listening"], both.cycles[0].anatomy["listening"]
    assert (before.lo_ns, before.hi_ns) == (at(0, 9.98), at(0, 10))
    assert (after.lo_ns, after.hi_ns) == (at(0, 9.987), at(0, 10))


@pytest.mark.parametrize(
    ("sockets", "said"),
    [
        (lambda t: [listener(17 if t < 9 else 18)], "no listener at most from +4.987000 s to +5.007120 s"),
        (lambda t: [listener(17)] if t < CLOSED_S else [listener(18)] if t >= 10.2 else [], "to +6.207120 s"),
        (lambda _: [listener(17)], "a listener throughout"),
        (lambda t: usual(t) if t < 12 else [], "no other end of its listener"),
    ],
)
def test_an_app_that_its_sockets_contradict_is_not_believed(sockets: Callable[[float], Iterable[Socket]], said: str) -> None:
    """Neither are they: the claim is undecided, and both are named."""
    observed, why = reading(sampled(restarts(), sockets))
    assert observed is Observed.UNDECIDED
    assert said in why
    assert "the evidence contradicts itself" in why


def test_an_exit_is_reported_before_the_kernel_closes_the_sockets() -> None:
    """By the time that a process takes to end."""
    story = sampled(restarts(), lambda t: [listener(17)] if t < CLOSED_S + 0.3 else [listener(18)] if t >= LISTENING_S else [])
    assert reading(story)[0] is Observed.UNDECIDED
    story.drop(lambda one: '"closed"' in one.payload)
    assert reading(story)[0] is Observed.HOLDS


def holed(story: Story, from_s: float, until_s: float) -> Story:
    """No look at the sockets of cycle 0 in this time, and the gap of which the sampler's observer tells."""
    kept = []
    for one in story.observations:
        stretch = stretch_of(one.payload) if one.stream is Stream.LISTENERS and one.pod == "pod-0" else None
        looks = [look for look in stretch.looks if not at(0, from_s) < look[0] < at(0, until_s)] if stretch else []
        if stretch and len(looks) < len(stretch.looks):
            for begun, ended in looks:
                line = json.loads(one.payload) | {"at_ns": begun, "looks_us": [[0, (ended - begun) // 1_000]]}
                kept.append(replace(one, at_ns=begun, payload=json.dumps(line)))
        else:
            kept.append(one)
    story.observations = kept
    left = [look for one in kept if one.stream is Stream.LISTENERS and one.pod == "pod-0" for look in _looks(one.payload)]
    before = max(look for look in left if look[0] <= at(0, from_s))
    after = min(look for look in left if look[0] >= at(0, until_s))
    story.gaps.append(Gap(Stream.LISTENERS, "pod-0", before[0], after[1], "no look for 0.1 s"))
    return story


def _looks(payload: str) -> tuple[tuple[int, int], ...]:
    stretch = stretch_of(payload)
    return stretch.looks if stretch else ()


@pytest.mark.parametrize(("from_s", "until_s"), [(CLOSED_S - 0.1, CLOSED_S + 0.1), (9.95, 10.05), (4.0, 5.5), (8.0, 9.5)])
def test_a_hole_leaves_what_rests_on_the_sockets_alone_undecided(from_s: float, until_s: float) -> None:
    """In its cycle, where the sockets changed in it or it is longer than a second; an app that reports its listener is believed."""
    story = holed(silent(sampled(restarts())), from_s, until_s)
    observed, why = reading(story)
    assert observed is Observed.UNDECIDED
    assert "the app's log does not show when it listened, and listeners has a gap of" in why
    assert reading(story, 1)[0] is Observed.HOLDS
    assert reading(holed(sampled(restarts()), from_s, until_s))[0] is Observed.HOLDS


@pytest.mark.parametrize(("from_s", "until_s"), [(4.0, 4.9), (8.0, 8.3), (12.0, 12.1)])
def test_a_short_hole_with_the_same_sockets_at_both_ends_is_bridged(from_s: float, until_s: float) -> None:
    """The inode tells: none of them was closed. Another socket with the same address is no bridge."""
    assert reading(holed(silent(sampled(restarts())), from_s, until_s)) == (
        Observed.HOLDS,
        "no request failed while the app listened",
    )
    middle = at(0, (from_s + until_s) / 2)
    other = sampled(
        restarts(), lambda t: [listener(9, "::", 8012) if at(0, t) < middle else listener(10, "::", 8012), *usual(t)[1:]]
    )
    assert reading(holed(silent(other), from_s, until_s))[0] is Observed.UNDECIDED


def unrecorded(story: Story) -> Story:
    """The same, without the gaps of the sampler."""
    story.gaps = [gap for gap in story.gaps if gap.stream is not Stream.LISTENERS]
    return story


@pytest.mark.parametrize(
    ("from_s", "until_s"), [(CLOSED_S - 0.1, CLOSED_S + 0.1), (9.95, 10.05), (4.0, 5.5), (8.0, 9.5), (3.5, 8.0)]
)
def test_a_hole_is_one_whether_a_gap_was_recorded_or_not(from_s: float, until_s: float) -> None:
    """It makes one wide bracket, in which any number of failures would be excused. An app that reports its listener is believed."""
    story = unrecorded(holed(silent(sampled(restarts())), from_s, until_s))
    for row in story.requests:  # refused while the app listened
        if row["cycle"] == 0 and at(0, CLOSED_S - 0.3) <= row["sent_ns"] < at(0, CLOSED_S):
            row.update(outcome="http-error", status=502, answer=BAD)
            story.refused_line("pod-0", row["sent_ns"] + MS)
    observed, why = reading(story)
    assert observed is Observed.UNDECIDED
    assert "the app's log does not show when it listened, and the listening sockets were not sampled for" in why
    assert reading(story, 1)[0] is Observed.HOLDS
    assert reading(unrecorded(holed(sampled(restarts()), from_s, until_s)))[0] is Observed.HOLDS


@pytest.mark.parametrize(("from_s", "until_s"), [(3.5, 4.4), (8.0, 8.3), (12.6, 12.95)])
def test_a_hole_without_a_gap_is_bridged_as_one_with_a_gap(from_s: float, until_s: float) -> None:
    """By the same sockets at both ends; also where the fault, or the last answer, lies in it."""
    story = unrecorded(holed(silent(sampled(restarts())), from_s, until_s))
    assert reading(story) == (Observed.HOLDS, "no request failed while the app listened")


@pytest.mark.parametrize(("from_s", "until_s"), [(1.0, 3.0), (13.05, 13.4)])
def test_a_hole_before_the_fault_or_after_the_last_answer_is_none(from_s: float, until_s: float) -> None:
    """Nobody asks what listened then."""
    assert reading(unrecorded(holed(silent(sampled(restarts())), from_s, until_s)))[0] is Observed.HOLDS


def test_three_intervals_are_no_hole() -> None:
    """The limit of the sampler: a look may be two intervals late. Here the sockets changed in it."""
    for until_s, observed in ((7.54, Observed.HOLDS), (7.56, Observed.UNDECIDED)):
        assert reading(unrecorded(holed(silent(sampled(restarts())), 7.495, until_s)))[0] is observed


def test_a_lost_log_of_the_app_is_replaced() -> None:
    """Without the sockets its gap leaves the claim undecided."""
    for story, observed in ((restarts(), Observed.UNDECIDED), (sampled(restarts()), Observed.HOLDS)):
        story.gaps.append(Gap(Stream.APP, "pod-0", at(0, 8), at(0, 9), "planted"))
        assert reading(story)[0] is observed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: stretch_starts(one) < at(0, 5), "were not sampled before the fault"),
        (lambda one: stretch_starts(one) > at(0, 11), "were not sampled to the end of the load"),
        (lambda one: one.stream is Stream.LISTENERS and one.pod == "pod-0", "nothing was seen of pod-0 on listeners"),
    ],
)
def test_a_witness_that_did_not_look_throughout_shows_nothing(change: Callable[[object], bool], said: str) -> None:
    """Stopped, started late, or never there, without a gap that says so."""
    story = silent(sampled(restarts()))
    assert story.drop(change)
    observed, why = reading(story)
    assert observed is Observed.UNDECIDED
    assert said in why


def test_looks_are_needed_to_the_last_answer_and_not_until_the_logs_were_sealed() -> None:
    """With slots the seal of all logs takes longer than the gap between two looks (S17A, `390ea55f`)."""
    story = silent(sampled(restarts()))
    last_ns = max(one.at_ns for one in story.observations if one.stream is Stream.LISTENERS and one.pod == "pod-0")
    story.cycles[0] = replace(story.cycles[0], ended_ns=last_ns + 2 * S)
    assert reading(story)[0] is Observed.HOLDS


def stretch_starts(one: object) -> int:
    """When a line of the sampler about pod-0 begins; else the middle of the cycle."""
    mine = getattr(one, "stream", None) is Stream.LISTENERS and getattr(one, "pod", "") == "pod-0"
    return int(getattr(one, "at_ns", 0)) if mine else at(0, 8)


def test_a_port_that_was_never_seen_open_shows_nothing() -> None:
    """A look into another network, or the wrong port, is no proof that nobody listened."""
    observed, why = reading(silent(sampled(restarts(), lambda _: [listener(9, "::", 8012)])))
    assert observed is Observed.UNDECIDED
    assert "no socket that takes connections to 127.0.0.1:8080 was seen before the fault" in why


def test_users_of_a_plain_deployment_ask_at_the_address_of_the_pod() -> None:
    """A listener on the loopback address alone is none for them; the API tells the address."""

    def at_the_pod(seconds: float) -> list[Socket]:
        return [listener(5), *(listener(inode, "10.244.0.9", port) for _, port, inode, _ in usual(seconds))]

    story = silent(sampled(plain(), at_the_pod))
    assert "the address of the pod was not seen" in reading(story)[1]
    story.observations = [
        replace(one, payload=one.payload.replace('{"ready"', '{"ip": "10.244.0.9", "ready"')) if one.stream is Stream.PODS else one
        for one in story.observations
    ]
    assert reading(story) == (Observed.HOLDS, "no request failed while the app listened")


def test_a_run_that_sampled_nothing_reads_as_ever() -> None:
    """A recording of an earlier release: no word of a stream that it cannot have."""
    story = silent(restarts())
    assert "listeners" not in str(analyse(story.history()).cycles[0].unknown)
    assert (at(0, LISTENING_S) - at(0, CLOSED_S)) // S == 2
