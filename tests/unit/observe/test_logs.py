"""One container's log, followed over everything that can happen to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.adapters.answers import Broken
from harness.errors import ObserveError
from harness.model import Stream
from harness.observe.feed import Feed
from harness.observe.logs import LogFollower, Turn
from harness.observe.rawcopy import RawCopies
from tests.unit.observe.fakelogs import FakeLogs
from tests.unit.observe.kit import WITHIN_S, FullDisk, payloads, until

Start = Callable[..., LogFollower]


@pytest.fixture
def feed() -> Feed:
    """What was observed."""
    return Feed()


@pytest.fixture
def start(feed: Feed, tmp_path: Path) -> Iterator[Start]:
    """Starts followers and ends them."""
    raw = RawCopies(tmp_path / "raw")
    begun: list[LogFollower] = []

    def starts(logs: FakeLogs, **more: object) -> LogFollower:
        given = {"settle_s": 0.3, "retry_s": 0.02, "sink": feed, **more}
        follower = LogFollower(logs, logs.container, "p", "c", Stream.APP, raw=raw, **given)  # type: ignore[arg-type]
        follower.start()
        begun.append(follower)
        return follower

    yield starts
    for follower in begun:
        follower.end()
        assert follower.join(WITHIN_S)
    raw.close()


def came(feed: Feed, *texts: str) -> None:
    """Wait for exactly these lines."""
    until(f"{texts}", lambda: payloads(feed) == list(texts))


def test_lines_from_before_and_after_the_start_come_as_they_were(start: Start, feed: Feed, tmp_path: Path) -> None:
    """From the container's beginning on; JSON stays text; the raw copy has the runtime's stamps."""
    logs = FakeLogs()
    logs.write('{"severity":"ERROR","error":"dial tcp 127.0.0.1:8080"}')
    start(logs)
    came(feed, '{"severity":"ERROR","error":"dial tcp 127.0.0.1:8080"}')
    logs.write("  two  words ")
    came(feed, '{"severity":"ERROR","error":"dial tcp 127.0.0.1:8080"}', "  two  words ")
    first = feed.snapshot()[0]
    assert (first.pod, first.container, first.instance, first.resolution_ns) == ("p", "c", 0, 1)
    assert first.at_ns == logs.files[0][0][0]
    assert (tmp_path / "raw/p/c.0.log").read_bytes() == b"".join(raw + b"\n" for _at, raw in logs.files[0])


def test_a_container_that_is_still_being_created_is_waited_for(start: Start, feed: Feed) -> None:
    """There is no log before the first start, and that is no loss."""
    logs = FakeLogs(started=False)
    follower = start(logs)
    until("the note", lambda: "not started" in follower.note)
    logs.start()
    follower.wake()
    logs.write("hello")
    came(feed, "hello")
    assert follower.seal()
    assert feed.gaps() == ()


def test_a_cut_stream_is_resumed_without_loss_doubles_or_gap(start: Start, feed: Feed) -> None:
    """The resumed stream sends a whole second again; each line is still delivered once."""
    logs = FakeLogs()
    start(logs)
    logs.write("1", "2", "3")
    came(feed, "1", "2", "3")
    logs.cut()
    logs.write("4")
    came(feed, "1", "2", "3", "4")
    logs.silence()
    logs.write("5")
    came(feed, "1", "2", "3", "4", "5")
    assert feed.gaps() == ()


def test_lines_written_while_nothing_could_be_opened_are_had_afterwards(start: Start, feed: Feed) -> None:
    """An API that is away for a while costs nothing as long as the log is kept."""
    logs = FakeLogs()
    follower = start(logs)
    logs.write("1")
    came(feed, "1")
    logs.refuse(ConnectionError("planted"))
    logs.cut()
    until("the note", lambda: "planted" in follower.note)
    logs.write("2", "3")
    logs.refuse(None)
    came(feed, "1", "2", "3")
    assert follower.seal()
    assert feed.gaps() == ()


def test_a_rotated_log_is_a_gap_and_goes_on(start: Start, feed: Feed) -> None:
    """The last line seen does not come again: something between it and the next may be missing."""
    logs = FakeLogs()
    start(logs)
    logs.write("1", "2")
    came(feed, "1", "2")
    logs.refuse(ConnectionError("planted"))
    logs.cut()
    logs.write("lost")
    logs.rotate()
    logs.write("3", "4")
    logs.refuse(None)
    came(feed, "1", "2", "3", "4")
    until("the gap", lambda: len(feed.gaps()) == 1)
    gap, at = feed.gaps()[0], [seen.at_ns for seen in feed.snapshot()]
    assert (gap.stream, gap.pod) == (Stream.APP, "p")
    assert gap.from_ns <= gap.until_ns == at[2]


def pass_over(logs: FakeLogs, *lost: str, kept: bool, then: tuple[str, ...] = ("new",)) -> None:
    """Lines a stream that is open never brings: written and rotated away before it looks again."""
    with logs.changed:
        logs.write(*lost)
        logs.rotate(kept=kept)
        logs.write(*then)


def test_what_an_open_stream_passed_over_in_a_rotation_is_read_back(start: Start, feed: Feed) -> None:
    """The stream goes on with the newest file and says nothing; the log's end joins; only its beginning is another."""
    logs = FakeLogs()
    follower = start(logs)
    logs.write("1", "2")
    came(feed, "1", "2")
    pass_over(logs, "lost 1", "lost 2", kept=True)
    came(feed, "1", "2", "new")
    pass_over(logs, "lost 3", kept=True, then=("newer", "newest"))
    came(feed, "1", "2", "new", "newer", "newest")
    assert follower.seal()
    assert sorted(payloads(feed)) == sorted(["1", "2", "new", "newer", "newest", "lost 1", "lost 2", "lost 3"])
    late = next(seen for seen in feed.snapshot() if seen.payload == "lost 3")
    assert late.at_ns == logs.rotated[0][1][-1][0]
    assert feed.gaps() == ()
    assert follower.seal(), "and what was read back is known"
    assert len(feed.snapshot()) == 8


def test_what_was_passed_over_and_cannot_be_read_back_is_a_gap_of_just_that_time(start: Start, feed: Feed) -> None:
    """From the last line that was certainly followed by nothing unseen to the first one of the new file."""
    logs = FakeLogs()
    follower = start(logs)
    logs.write("1", "2")
    came(feed, "1", "2")
    assert follower.seal()
    pass_over(logs, "lost", kept=False)
    came(feed, "1", "2", "new")
    logs.rotated_unreadable = Broken("planted: nodes/proxy is forbidden")
    assert not follower.seal()
    (gap,) = feed.gaps()
    at = {seen.payload: seen.at_ns for seen in feed.snapshot()}
    assert (gap.pod, gap.from_ns, gap.until_ns) == ("p", at["2"], at["new"])
    assert "rotated" in gap.reason
    assert "forbidden" in gap.reason
    assert follower.seal(), "what comes after it is whole again"
    assert len(feed.gaps()) == 1


def test_rotated_files_without_the_last_line_had_are_a_gap(start: Start, feed: Feed) -> None:
    """The oldest is removed when there are too many: then they begin somewhere."""
    logs = FakeLogs()
    follower = start(logs)
    logs.write("1")
    came(feed, "1")
    with logs.changed:  # both before the stream looks again
        pass_over(logs, "lost", kept=False, then=("later",))
        pass_over(logs, "later still", kept=True)
    came(feed, "1", "new")
    assert not follower.seal()
    assert ["do not hold the last line" in gap.reason for gap in feed.gaps()] == [True]


def test_a_rotation_is_noticed_while_the_log_is_followed(start: Start, feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are kept for a few rotations only: not everything can wait for the seal."""
    monkeypatch.setattr("harness.observe.logs.LOOK_BYTES", 1)
    monkeypatch.setattr("harness.observe.logs.LOOK_S", 0.0)
    logs = FakeLogs()
    start(logs)
    logs.write("1")
    until("the look after the line", logs.brought)
    assert payloads(feed) == ["1"]
    pass_over(logs, "lost", kept=True)
    came(feed, "1", "new", "lost")
    assert feed.gaps() == ()


def test_a_log_rotated_while_its_stream_was_cut_is_read_back(start: Start, feed: Feed) -> None:
    """The last line does not come again, and is found where the log was rotated to."""
    logs = FakeLogs()
    follower = start(logs)
    logs.write("1", "2")
    came(feed, "1", "2")
    logs.refuse(ConnectionError("planted"))
    logs.cut()
    pass_over(logs, "lost", kept=True, then=("3", "4"))
    logs.refuse(None)
    until("all", lambda: sorted(payloads(feed)) == ["1", "2", "3", "4", "lost"])
    assert follower.seal()
    assert feed.gaps() == ()


def test_a_log_that_is_empty_after_its_rotation_is_whole(start: Start, feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked at while it was followed or only at its seal, and also when the stream is opened anew on the empty file."""
    monkeypatch.setattr("harness.observe.logs.LOOK_BYTES", 1)
    monkeypatch.setattr("harness.observe.logs.LOOK_S", 0.0)
    logs = FakeLogs()
    follower = start(logs)
    logs.write("1")
    came(feed, "1")
    with logs.changed:
        logs.write("2", "3")
        logs.rotate(kept=True)
    assert follower.seal()
    came(feed, "1", "2", "3")
    assert follower.seal()
    logs.cut()
    logs.write("4")
    came(feed, "1", "2", "3", "4")
    assert follower.seal()
    assert feed.gaps() == ()


def test_a_seal_that_is_ahead_of_a_stream_that_lags_in_a_rotated_file_joins(start: Start, feed: Feed) -> None:
    """The stream's last line cannot come again, for it was rotated away; what was read back after it is what joins."""
    logs = FakeLogs()
    follower = start(logs)
    logs.write("1")
    came(feed, "1")
    with logs.changed:
        logs.write("2")
        logs.rotate(kept=True)
    assert follower.seal()
    logs.write_untold("3")
    assert follower.seal(), feed.gaps()
    assert payloads(feed) == ["1", "2", "3"]
    logs.write("4")
    came(feed, "1", "2", "3", "4")
    assert follower.seal()
    assert feed.gaps() == ()


def test_a_stream_that_sends_the_newest_file_again_is_passed_over(start: Start, feed: Feed) -> None:
    """Each line once, those of the file as well as those that were read back."""
    logs = FakeLogs()
    follower = start(logs)
    logs.write("1", "2")
    came(feed, "1", "2")
    pass_over(logs, "lost", kept=True, then=("3", "4"))
    came(feed, "1", "2", "3", "4")
    with logs.changed:
        logs.begin_again()
        logs.write("5")
    came(feed, "1", "2", "3", "4", "5")
    logs.begin_again()
    until("all of it", logs.brought)
    assert follower.seal()
    assert payloads(feed) == ["1", "2", "3", "4", "5", "lost"]
    assert feed.gaps() == ()


def test_a_rotation_that_the_thread_notices_while_the_log_is_sealed_is_no_gap(start: Start, feed: Feed) -> None:
    """The seal's reading does not join, and when it looks for a rotation another has just made up for it."""
    logs = FakeLogs()
    follower = start(logs)
    logs.write("1")
    came(feed, "1")
    with logs.changed:
        logs.write("2")
        logs.rotate(kept=True)
        logs.write_untold("3")  # the stream lags behind, in what was rotated away
    look, turns = follower._look, []

    def second(*, previous: bool = False, final: bool = True) -> Turn:
        turns.append(look(previous=previous, final=final))
        return look(previous=previous, final=final)

    follower._look = second  # type: ignore[method-assign]
    assert follower.seal(), feed.gaps()
    assert turns[0] is Turn.READ_BACK
    assert sorted(payloads(feed)) == ["1", "2", "3"]
    assert feed.gaps() == ()


def test_a_log_rotated_in_its_last_moments_is_read_back_after_the_restart(start: Start, feed: Feed) -> None:
    """The previous log has a beginning too."""
    logs = FakeLogs()
    follower = start(logs)
    logs.write("1")
    came(feed, "1")
    with logs.changed:
        pass_over(logs, "lost", kept=True, then=("last words",))
        logs.restart()
        logs.write("again")
    until("all", lambda: sorted(payloads(feed)) == ["1", "again", "last words", "lost"])
    assert {seen.payload: seen.instance for seen in feed.snapshot()} == {"1": 0, "lost": 0, "last words": 0, "again": 1}
    assert follower.seal()
    assert feed.gaps() == ()


def test_a_log_read_from_now_on_is_looked_at_from_now_on(start: Start, feed: Feed) -> None:
    """What was rotated before the run is no loss; what was rotated in it is."""
    logs = FakeLogs()
    logs.write("ancient")
    logs.rotate()
    logs.write("old")
    follower = start(logs, from_now=True)
    until("the stream", logs.brought)  # it has met the old line again
    assert follower.seal()
    pass_over(logs, "lost", kept=True)
    came(feed, "new")
    assert follower.seal()
    came(feed, "new", "lost")
    assert feed.gaps() == ()


def test_a_pod_that_goes_before_its_log_was_read_is_a_gap(start: Start, feed: Feed) -> None:
    """It may have said everything while nobody could ask."""
    logs = FakeLogs()
    logs.refuse(ConnectionError("planted"))
    follower = start(logs)
    until("the note", lambda: "planted" in follower.note)
    logs.write("unread")
    logs.vanish()
    logs.refuse(None)
    until("the end", lambda: not follower.alive)
    assert not follower.seal()
    assert ["before its log was read" in gap.reason for gap in feed.gaps()] == [True]


def test_a_restart_reads_the_end_of_the_dead_instance_back(start: Start, feed: Feed) -> None:
    """Lines the stream did not bring are added from the previous log before those of the next instance."""
    logs = FakeLogs()
    follower = start(logs)
    logs.write("1")
    came(feed, "1")
    logs.refuse(ConnectionError("planted"))
    logs.cut()
    logs.write("last words")
    logs.restart()
    logs.write("again")
    logs.refuse(None)
    came(feed, "1", "last words", "again")
    assert [seen.instance for seen in feed.snapshot()] == [0, 0, 1]
    assert follower.seal()
    assert feed.gaps() == ()


def test_a_restart_the_api_is_slow_to_tell_of_is_not_mistaken_for_rotation(start: Start, feed: Feed) -> None:
    """The kubelet serves the new instance's log while the API still counts the old one."""
    logs = FakeLogs(step_ns=2_000_000_000)
    follower = start(logs, settle_s=WITHIN_S)
    logs.write("1")
    came(feed, "1")
    logs.instance_shown = 0
    logs.restart()
    logs.write("new")
    until("the stream's end", lambda: "ended" in follower.note or "come again" in follower.note)
    logs.instance_shown = None
    follower.wake()
    came(feed, "1", "new")
    assert [seen.instance for seen in feed.snapshot()] == [0, 1]
    assert feed.gaps() == ()


def test_a_silent_instance_does_not_lend_its_number_to_the_next(start: Start, feed: Feed) -> None:
    """Without a line there is nothing to recognise: whose the first line is, is asked."""
    logs = FakeLogs()
    start(logs)
    until("the stream", logs.brought)
    logs.refuse(ConnectionError("planted"))
    logs.cut()
    logs.restart()
    logs.write("new")
    logs.refuse(None)
    came(feed, "new")
    assert feed.snapshot()[0].instance == 1


def test_an_unreadable_previous_log_is_a_gap(start: Start, feed: Feed) -> None:
    """The stream's own end is no proof that it had brought everything."""
    logs = FakeLogs()
    start(logs)
    logs.write("1")
    came(feed, "1")
    logs.previous_unreadable = True
    logs.restart()
    logs.write("2")
    came(feed, "1", "2")
    assert ["cannot be read" in gap.reason for gap in feed.gaps()] == [True]


def test_instances_that_came_and_went_unseen_are_a_gap_and_the_readable_one_is_read(start: Start, feed: Feed) -> None:
    """Only the log of the last dead instance is kept."""
    logs = FakeLogs()
    start(logs)
    logs.write("0")
    came(feed, "0")
    logs.refuse(ConnectionError("planted"))
    logs.cut()
    logs.restart()
    logs.write("1")
    logs.restart()
    logs.write("2")
    logs.refuse(None)
    came(feed, "0", "1", "2")
    assert [seen.instance for seen in feed.snapshot()] == [0, 1, 2]
    assert len(feed.gaps()) == 1


def test_a_dead_container_whose_log_was_read_leaves_no_gap_when_its_pod_goes(start: Start, feed: Feed) -> None:
    """Nothing can be added to a log whose writer is dead."""
    logs = FakeLogs()
    follower = start(logs)
    logs.write("1")
    came(feed, "1")
    logs.die()
    until("the reading and its check", lambda: follower._complete)
    logs.vanish()
    until("the end", lambda: not follower.alive)
    assert (follower.seal(), feed.gaps()) == (True, ())


def test_a_pod_that_is_gone_before_its_log_was_sealed_is_one_gap(start: Start, feed: Feed) -> None:
    """What its last moments said cannot be had any more."""
    logs = FakeLogs()
    follower = start(logs)
    logs.write("1")
    came(feed, "1")
    logs.vanish()
    until("the end", lambda: not follower.alive)
    assert not follower.seal()
    assert ["gone before" in gap.reason for gap in feed.gaps()] == [True]


def test_the_seal_adds_what_a_dead_stream_did_not_bring(start: Start, feed: Feed) -> None:
    """A stream that looks open and says nothing is not believed."""
    logs = FakeLogs()
    follower = start(logs)
    logs.write("1")
    came(feed, "1")
    with logs.changed:  # written without telling the stream: it hangs
        at = logs.files[0][-1][0]
        logs.files[0].append((at + 1, logs.files[0][-1][1].replace(b"Z 1", b"Z 2").replace(b"250000000", b"250000001")))
    assert follower.seal()
    assert payloads(feed) == ["1", "2"]
    logs.write("3")
    came(feed, "1", "2", "3")
    assert feed.gaps() == ()


def test_a_stream_that_is_cut_and_never_comes_back_is_a_gap_up_to_the_seal(start: Start, feed: Feed) -> None:
    """Planted: neither the stream nor a reading can be had. From the last line seen on, nothing is known."""
    logs = FakeLogs()
    follower = start(logs)
    logs.write("1")
    came(feed, "1")
    logs.refuse(ConnectionError("planted"))
    logs.cut()
    logs.write("never seen")
    assert not follower.seal()
    (gap,) = feed.gaps()
    assert gap.from_ns <= gap.until_ns
    assert "planted" in gap.reason
    assert payloads(feed) == ["1"]


def test_the_seal_of_a_log_whose_last_line_is_lost_is_a_gap(start: Start, feed: Feed) -> None:
    """A reading that cannot be joined to what was delivered proves nothing."""
    logs = FakeLogs()
    follower = start(logs)
    logs.write("1")
    came(feed, "1")
    logs.rotate()
    assert not follower.seal()
    assert len(feed.gaps()) == 1


def test_from_now_begins_after_the_last_line_there_is(start: Start, feed: Feed) -> None:
    """A long-lived component's past is not the run's."""
    logs = FakeLogs()
    logs.write("old", "older than the run")
    follower = start(logs, from_now=True)
    until("the stream", logs.brought)
    assert follower.answers() == ""
    logs.write("new")
    came(feed, "new")
    assert follower.seal()
    assert feed.gaps() == ()


def test_an_open_silent_stream_answers_only_after_an_empty_reading(start: Start, feed: Feed) -> None:
    """Silence alone is no sign of life."""
    logs = FakeLogs()
    follower = start(logs)
    until("the stream", logs.brought)
    assert logs.reads == 0
    assert follower.answers() == ""
    assert logs.reads == 1
    logs.refuse(ObserveError("planted"))
    logs.cut()
    until("the note", lambda: follower.note == "planted")
    assert follower.answers() == "planted"


def test_an_error_of_the_kubelet_in_the_stream_is_not_taken_for_a_line(start: Start, feed: Feed) -> None:
    """It has no stamp; the stream is opened again."""
    logs = FakeLogs()
    follower = start(logs)
    logs.write("1")
    came(feed, "1")
    with logs.changed:
        logs.files[0].append((logs.files[0][-1][0], b"unable to retrieve container logs for containerd://abc"))
        logs.changed.notify_all()
    until("the note", lambda: "unable to retrieve" in follower.note)
    with logs.changed:
        del logs.files[0][-1]
    logs.write("2")
    came(feed, "1", "2")


def test_a_failing_sink_ends_the_thread_and_is_told(start: Start) -> None:
    """Not even a full disk is silent."""
    logs = FakeLogs()
    logs.write("1")
    follower = start(logs, sink=FullDisk())
    until("the crash", lambda: follower.crashed)
    assert "No space left" in follower.note


def test_an_unforeseen_failure_of_the_thread_is_a_gap(start: Start, feed: Feed) -> None:
    """A dead observer is not a quiet cluster; the gap reaches to each later seal."""
    logs = FakeLogs()
    logs.follow = lambda *_args, **_kwargs: 1 / 0  # type: ignore[method-assign,assignment]
    follower = start(logs)
    until("the gap", lambda: len(feed.gaps()) > 0)
    assert follower.crashed
    assert ["ZeroDivisionError" in gap.reason for gap in feed.gaps()] == [True]
    assert not follower.seal()
    assert len(feed.gaps()) == 2
