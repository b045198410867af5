"""What the generator measured against what a misbehaving server knows it did: kinds, counts and edges, for each lane.

For each kind of fault there is one run with all lanes; a lane that was late in it is judged by another, three at most, and
all of them are told (see meeting.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from harness.adapters.wait import Look, wait_for
from harness.load.process import start
from harness.load.records import RecordReader
from harness.model import LANES, USERS_ROUTE, Answer, Lane, Outcome
from tests.unit.load.held import EVEN, WITHIN_S, spec_for, truth_ports
from tests.unit.load.meeting import DEADLINE_S, KINDS, PATIENCE_S, TRIED_AGAIN, Meetings, Try, disagreements, key
from tests.unit.load.truth import Truth

pytestmark = pytest.mark.timeout(900)  # three tries, of which two may have to wait a minute for a calm moment

Judge = Callable[[str, Lane], tuple[Try, list[str]]]


@pytest.fixture(scope="module")
def meetings(tmp_path_factory: pytest.TempPathFactory) -> Meetings:
    """All runs of this module."""
    return Meetings(lambda: tmp_path_factory.mktemp("met"))


@pytest.fixture
def judge(meetings: Meetings, request: pytest.FixtureRequest) -> Judge:
    """(the run through this fault by which this lane is judged, in what it differs); tells of all tries if it took several."""

    def judged(kind: str, lane: Lane) -> tuple[Try, list[str]]:
        done, differs, told = meetings.judged(kind, lane)
        if len(told) > 1:
            request.node.user_properties.append(("tries", "; ".join(told)))
            request.node.add_report_section("setup", "tries", "\n".join(told))
        return done, [*differs, *told] if differs else []

    return judged


@pytest.mark.parametrize("lane", [lane for lane, _ in EVEN])
@pytest.mark.parametrize("kind", KINDS)
def test_each_fault_is_measured_as_it_was(judge: Judge, kind: str, lane: Lane) -> None:
    """Count, edges and kind, on each lane."""
    _, differs = judge(kind, lane)
    assert differs == []


def _hide(met: Try) -> Try:
    """Two failures in the middle look like successes, as with a client that tries again."""
    hidden = {one.seq for one in met.failures(Lane.GET_NEW)[5:7]}
    return replace(met, requests=tuple(replace(o, outcome=Outcome.OK) if o.seq in hidden else o for o in met.requests))


def _forget(met: Try) -> Try:
    """The retrying lane keeps its last attempts only, as such a client does."""
    return replace(met, attempts=())


def _shift(met: Try) -> Try:
    """Everything was sent earlier than it says by a little more than may be, as with a client that queues."""
    by = met.period_ns(Lane.GET_NEW) + 2_500_000
    return replace(met, requests=tuple(replace(o, sent_ns=o.sent_ns - by) for o in met.requests))


def _confuse(met: Try) -> Try:
    """Resets are taken for closes."""
    swap = {Outcome.RESET: Outcome.CLOSED}
    return replace(met, requests=tuple(replace(o, outcome=swap.get(o.outcome, o.outcome)) for o in met.requests))


@pytest.mark.parametrize(
    ("plant", "lane", "says"),
    [
        (_hide, Lane.GET_NEW, "count"),
        (_forget, Lane.GET_RETRYING, "count"),
        (_shift, Lane.GET_NEW, "edge"),
        (_confuse, Lane.GET_NEW, "kind"),
    ],
)
def test_a_generator_that_were_wrong_would_be_caught(judge: Judge, plant: Callable[[Try], Try], lane: Lane, says: str) -> None:
    """The comparison itself can fail: on a hidden failure, a moved edge, a wrong kind."""
    done, differs = judge("reset", lane)
    assert differs == []
    found = disagreements(plant(done), lane)
    assert any(says in one for one in found), found


def test_a_late_try_does_not_count_though_it_agrees(judge: Judge, tmp_path: Path) -> None:
    """One is followed by another; after three there is no more, and that nothing was measured is what is told."""
    lane = Lane.GET_NEW
    done, differs = judge("reset", lane)
    assert differs == []
    by = 2 * done.period_ns(lane)
    late = replace(done, requests=tuple(replace(one, intended_ns=one.intended_ns - by) for one in done.requests))
    assert disagreements(late, lane) == []
    found, differs, told = Meetings(lambda: tmp_path, {"reset": [late, late, done]}).judged("reset", lane)
    assert (found is done, differs, len(told)) == (True, [], 3)
    _, differs, told = Meetings(lambda: tmp_path, {"reset": [late] * 3}).judged("reset", lane)
    assert differs == ["no try was in time, so nothing was measured"]
    assert len(told) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_server_saw_is_what_was_recorded(meetings: Meetings, kind: str) -> None:
    """By request and attempt, in time or not: each came to the outcome the server gave it; it got none twice, and none unasked."""
    done = meetings.first(kind)
    mine = {key(one): one for one in (*done.requests, *done.attempts)}
    assert len(mine) == len(done.requests) + len(done.attempts)
    assert len(done.served) == len(done.truth.served)
    assert set(done.served) <= set(mine)
    wrong = [mine[one] for one, served in done.served.items() if mine[one].outcome is not KINDS.get(served.did, Outcome.OK)]
    if kind == "refuse":
        # A server that closes everything may take with it what it had answered a moment ago.
        assert len(wrong) <= len(LANES) and {one.outcome for one in wrong} <= {Outcome.RESET, Outcome.CLOSED}
    elif kind == "stall":
        # With a deadline as short as this, so may a machine that stands still.
        assert all(one.outcome is Outcome.TIMEOUT and done.late(one.lane) for one in wrong)
    else:
        assert wrong == []
    # What is not sent is what the generator came too late for; nothing else keeps it from sending.
    held = [one for one in done.requests if one.outcome is Outcome.NOT_SENT]
    assert done.report.not_sent == len(held)
    deadline_s = DEADLINE_S if kind == "stall" else PATIENCE_S
    assert all(one.done_ns - one.intended_ns >= deadline_s * 1e9 for one in held)


@pytest.mark.parametrize("kind", KINDS)
def test_each_lane_goes_its_own_way(meetings: Meetings, kind: str) -> None:
    """Lanes of another route than the users' connect to its port, and HTTP/2 is what one lane speaks."""
    lanes = {one.seq: one.lane for one in meetings.first(kind).requests}
    served = meetings.first(kind).served
    assert served
    assert all(one.port == (lanes[seq].route != USERS_ROUTE) for (seq, _), one in served.items())
    assert all(one.http == (2 if lanes[seq] is Lane.GET_H2C else 1) for (seq, _), one in served.items())


@pytest.mark.parametrize("kind", TRIED_AGAIN)
def test_what_a_retrying_client_hides_is_known_exactly(meetings: Meetings, kind: str) -> None:
    """Attempts are numbered without a hole, follow each other after doubled waits, and each failure the server knows of is one."""
    done = meetings.first(kind)
    for request in (one for one in done.requests if one.lane is Lane.GET_RETRYING):
        before = [one for one in done.attempts if one.seq == request.seq]
        assert [one.attempt for one in (*before, request)] == list(range(len(before) + 1))
        for number, (one, following) in enumerate(pairwise((*before, request))):
            assert one.outcome is not Outcome.OK
            assert one.done_ns + (20_000_000 << number) <= following.sent_ns
            assert one.intended_ns == following.intended_ns
    hidden = {one.seq for one in done.attempts} & {one.seq for one in done.requests if one.outcome is Outcome.OK}
    assert hidden or done.late(Lane.GET_RETRYING)  # those of the fault's last moments were made good
    failed = {one for one, served in done.served.items() if served.did == kind}
    retrying = {
        key(one) for one in (*done.requests, *done.attempts) if one.lane is Lane.GET_RETRYING and one.outcome is not Outcome.OK
    }
    assert kind == "refuse" or {one for one in failed if one in retrying} == retrying


@pytest.mark.parametrize("kind", ["malformed", "stall"])
def test_what_is_an_answer_or_took_too_long_is_not_tried_again(meetings: Meetings, kind: str) -> None:
    """The retrying lane leaves these as they are."""
    assert meetings.first(kind).attempts == ()


@pytest.mark.parametrize("lane", [Lane.GET_KEEPALIVE, Lane.GET_H2C])
def test_failures_carry_their_evidence(meetings: Meetings, lane: Lane) -> None:
    """Status and body of a 502 and the beginning of a truncated answer are kept; a reset has none."""

    def answer_of(kind: str) -> Answer | None:
        """Of the last attempt to which the server says that it did this."""
        done = meetings.judged(kind, lane)[0]
        return [one for one in done.failures(lane) if (seen := done.served.get(key(one))) and seen.did == kind][-1].answer

    answers = {kind: answer_of(kind) for kind in ("502", "truncate", "malformed", "reset")}
    said = {kind: (answer.status, answer.body) if answer else None for kind, answer in answers.items()}
    noise = (0, "this is not HTTP\r\n\r\n") if lane is Lane.GET_KEEPALIVE else None
    assert said == {"502": (502, "dial tcp: connection refused\n"), "truncate": (200, "half"), "malformed": noise, "reset": None}


def test_timeouts_count_from_the_intended_time(meetings: Meetings) -> None:
    """A stalled request is given up one deadline after it was due, not after it was sent, and never before."""
    deadline = int(DEADLINE_S * 1e9)
    met = meetings.judged("stall", Lane.GET_NEW)[0]  # a run in which the stall was met
    gone = [one.done_ns - one.intended_ns for one in met.requests if one.outcome is Outcome.TIMEOUT]
    assert min(gone) >= deadline


def test_no_failure_is_hidden_by_a_retry(tmp_path: Path) -> None:
    """A server that kills the second request of every connection is seen to do so each time, however late anybody was."""
    log = tmp_path / "truth.json"
    kept = {lane for lane, _ in EVEN} - {Lane.GET_NEW}
    with truth_ports(log, kill_second=True) as (port, other):
        with start(spec_for(port, straight=other), tmp_path) as generator:

            def look() -> Look[bool]:
                """Who stands still sends all of a lane's requests at once, each on a connection of its own: not for ever."""
                seen = {one.lane for one in (*generator.tail(0), *generator.attempts()) if one.outcome is not Outcome.OK}
                return Look(seen >= kept or None, f"killed on {sorted(seen)}")

            wait_for("a second request on a connection of each lane", look, within_s=WITHIN_S, every_s=0.1)
            generator.stop()
        reader = RecordReader(tmp_path)
    all_of_them = {key(one): one for one in (*reader.all(), *reader.attempts())}
    served = {(int(one.rid.rpartition("-")[2]), one.attempt): one for one in Truth.read(log).served}
    killed = {one for one, seen in served.items() if seen.did == "kill"}
    failed = {one for one, seen in all_of_them.items() if seen.outcome is not Outcome.OK}
    assert killed <= failed
    # Streams of one connection share its end: one that was sent before the kill was known went with it, and was never served.
    for one in (all_of_them[extra] for extra in failed - killed):
        shares = [all_of_them[kill] for kill in killed if all_of_them[kill].lane is one.lane]
        assert one.lane is Lane.GET_H2C and key(one) not in served
        assert any(kill.sent_ns <= one.sent_ns <= kill.done_ns for kill in shares)
    assert {all_of_them[one].lane for one in killed} == kept
    assert {all_of_them[one].outcome for one in killed} <= {Outcome.CLOSED, Outcome.RESET}
    assert all(all_of_them[one].reused for one in killed)
