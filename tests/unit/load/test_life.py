"""The generator's life: it begins, stops and ends as told, and never outlives whoever started it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from harness.adapters.wait import Look, wait_for
from harness.errors import BadInput, LoadError
from harness.load.process import Generator, read_report, routes_of, start
from harness.load.records import RecordReader, Seen
from harness.load.report import RUNNING
from harness.load.schedule import schedule_of
from harness.model import QUEUE_PROXY_ROUTE, RECORD, USERS_ROUTE, Arrivals, Deployed, Lane, LoadPlan, Outcome, Route
from tests.unit.load.held import WITHIN_S, spec_for, truth_server
from tests.unit.load.truth import Truth

ROOT = Path(__file__).parents[3]
FOREVER = [("stall", 0.0, 3600.0)]
"""No request is ever answered."""


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A server that answers."""
    with truth_server(tmp_path / "truth.json") as found:
        yield found


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[int]:
    """A server that does not."""
    with truth_server(tmp_path / "truth.json", faults=FOREVER) as found:
        yield found


def sent(generator: Generator, count: int) -> None:
    """Wait until so many requests were sent."""
    wait_for("requests", lambda: _enough(generator.sent_so_far(), count), within_s=WITHIN_S, every_s=0.02)


def _enough(have: int, wanted: int) -> Look[int]:
    return Look(have if have >= wanted else None, f"{have} of {wanted}")


def gone(pid: int) -> bool:
    """Whether the process has ended (a zombie nobody has collected yet has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_gone(pid: int) -> None:
    """Wait for its end."""
    wait_for("the generator's end", lambda: Look(gone(pid) or None, "it runs"), within_s=WITHIN_S, every_s=0.02)


def stalled(pid: int) -> int:
    """Stop the process, every thread of it, and give the UTC ns at which it certainly stood still."""
    os.kill(pid, signal.SIGSTOP)

    def look() -> Look[bool]:
        states = {
            path.read_text(encoding="ascii").rpartition(")")[2].split()[0] for path in Path(f"/proc/{pid}/task").glob("*/stat")
        }
        return Look(states == {"T"} or None, f"states {sorted(states)}")

    wait_for("standing still", look, within_s=WITHIN_S, every_s=0.005, tolerate=(OSError,))
    return time.time_ns()


def test_a_run_in_order_leaves_its_files(tmp_path: Path, port: int) -> None:
    """Spec, records, answers and report agree with each other and with what was told meanwhile."""
    with start(spec_for(port, drain_s=WITHIN_S), tmp_path / "out") as generator:
        t0 = generator.wait_started()
        sent(generator, 30)
        report = generator.stop()
        tail = generator.tail(0)
        counts = generator.counts_since(0)
    assert json.loads((tmp_path / "out" / "spec.json").read_text(encoding="utf-8"))["routes"][0]["port"] == port
    assert (report.ended_by, report.t0_ns, report.not_sent) == ("stop", t0, 0)
    assert report.planned == report.sent == len(tail) == generator.sent_so_far() == counts[Outcome.OK] >= 30
    assert generator.failed_so_far() == 0
    assert generator.oldest_in_flight_ns() == 0
    assert [one.seq for one in tail] == list(range(report.planned))
    assert tail[0].intended_ns == t0
    assert all(one.intended_ns <= one.sent_ns <= one.first_byte_ns <= one.done_ns for one in tail)
    assert {one.answer.body for one in tail if one.answer} == {"fine\n"}
    assert {one.reused for one in tail if one.lane is Lane.GET_NEW} == {False}
    assert 0 <= report.steal <= 1 and 0 <= report.busy <= 1
    assert report.pacing_p50_us <= report.pacing_p99_us <= report.pacing_max_us + 1


def test_it_waits_for_its_start_when_told_to(tmp_path: Path, port: int) -> None:
    """Ready is not started: nothing is sent before `begin`."""
    with start(spec_for(port, at_once=False), tmp_path / "out") as generator:
        assert generator.planned_so_far() == 0
        before = time.time_ns()
        generator.begin()
        assert generator.wait_started() >= before
        sent(generator, 1)


def test_tail_tells_what_came_since(tmp_path: Path, port: int) -> None:
    """Only outcomes that became known since then; what is in flight is told apart."""
    with start(spec_for(port), tmp_path / "out") as generator:
        wait_for(
            "the first answer", lambda: Look(any(one.seq == 0 for one in generator.tail(0)) or None, "none"), within_s=WITHIN_S
        )
        since = max(one.done_ns for one in generator.tail(0)) + 1
        wait_for("later answers", lambda: _enough(len(generator.tail(since)), 10), within_s=WITHIN_S, every_s=0.02)
        later = generator.tail(since)
        assert all(one.done_ns >= since for one in later)
        assert sum(generator.counts_since(since).values()) >= len(later)
        assert later[0].seq > 0


def test_tail_tells_of_the_lanes_asked_for(tmp_path: Path, port: int) -> None:
    """Theirs, all of theirs, and nobody else's."""
    with start(spec_for(port, max_s=0.5), tmp_path / "out") as generator:
        generator.wait_ended(WITHIN_S)
        generator.stop()
        wanted = {Lane.GET_NEW, Lane.GET_H2C}
        assert generator.tail(0, wanted) == [one for one in generator.tail(0) if one.lane in wanted] != []


def test_lanes_that_leave_out_the_ingress_connect_where_their_route_does() -> None:
    """Lanes the plan does not use need no route; one that it uses and that is not there is refused in words."""
    users, past = (Route(name, "127.0.0.1", port, "h", ()) for name, port in ((USERS_ROUTE, 80), (QUEUE_PROXY_ROUTE, 81)))
    deployed = Deployed("knative-service", "ns", "toggle", "toggle-1", (), (users, past))
    assert routes_of(LoadPlan(), deployed) == (users,)
    assert routes_of(LoadPlan(lanes=((Lane.GET_QUEUE_PROXY, 2), (Lane.GET_POD, 0))), deployed) == (past,)
    with pytest.raises(BadInput, match=r"get-pod, but toggle has no route 'pod'"):
        routes_of(LoadPlan(lanes=((Lane.GET_POD, 1),)), deployed)


def test_stop_waits_for_what_is_in_flight(tmp_path: Path, silent: int) -> None:
    """Until their deadline: then they are TIMEOUT, and none is left."""
    with start(spec_for(silent, deadline_s=0.5, drain_s=WITHIN_S), tmp_path / "out") as generator:
        sent(generator, 5)
        wait_for("one in flight", lambda: Look(generator.oldest_in_flight_ns() or None, "none"), within_s=WITHIN_S, every_s=0.02)
        report = generator.stop()
    counts = RecordReader(tmp_path / "out").counts()
    assert report.ended_by == "stop"
    # A generator that stands still for longer than the deadline leaves unsent what it came too late for.
    assert (counts[Outcome.TIMEOUT], counts.get(Outcome.NOT_SENT, 0)) == (report.sent, report.not_sent)
    assert sum(counts.values()) == report.planned


def test_the_drain_is_bounded(tmp_path: Path, silent: int) -> None:
    """What is not answered within drain_s is UNANSWERED, though its deadline has not come."""
    with start(spec_for(silent, deadline_s=600, drain_s=0.1), tmp_path / "out") as generator:
        sent(generator, 5)
        generator.stop()
    assert {one.outcome for one in RecordReader(tmp_path / "out").all()} == {Outcome.UNANSWERED}


def test_the_end_of_its_input_ends_it_at_once(tmp_path: Path, silent: int) -> None:
    """Without a drain; the report says why."""
    with start(spec_for(silent, deadline_s=600, drain_s=600), tmp_path / "out") as generator:
        sent(generator, 5)
    assert not generator.alive()
    assert read_report(tmp_path / "out").ended_by == "eof"
    assert {one.outcome for one in RecordReader(tmp_path / "out").all()} == {Outcome.UNANSWERED}


def test_sigterm_ends_it_in_order(tmp_path: Path, port: int) -> None:
    """Report written, exit code 0."""
    with start(spec_for(port), tmp_path / "out") as generator:
        sent(generator, 5)
        os.kill(generator.pid, signal.SIGTERM)
        generator.wait_ended(WITHIN_S)
    assert read_report(tmp_path / "out").ended_by == "sigterm"


def test_ctrl_c_does_not_end_it(tmp_path: Path, port: int) -> None:
    """SIGINT is for the harness, which then says stop: the generator goes on sending."""
    with start(spec_for(port), tmp_path / "out") as generator:
        sent(generator, 5)
        assert os.getsid(generator.pid) == generator.pid
        os.kill(generator.pid, signal.SIGINT)
        sent(generator, generator.sent_so_far() + 20)
        assert generator.stop().ended_by == "stop"


def test_its_time_ends_it(tmp_path: Path, port: int) -> None:
    """After max_s it has sent exactly what fits, says so, and `check` calls it an end nobody asked for."""
    with start(spec_for(port, rate_rps=100, max_s=0.3), tmp_path / "out") as generator:
        generator.wait_ended(WITHIN_S)
        with pytest.raises(LoadError, match="max_s"):
            generator.check()
        report = generator.stop()
    assert (report.ended_by, report.planned) == ("max_s", 30)


def test_killed_it_leaves_a_report_that_says_running(tmp_path: Path, port: int) -> None:
    """And `stop` says how it died, with the end of what it said."""
    with start(spec_for(port), tmp_path / "out") as generator:
        sent(generator, 5)
        generator.log.write_text("last words\n", encoding="utf-8")
        os.kill(generator.pid, signal.SIGKILL)
        with pytest.raises(LoadError, match=r"SIGKILL.*last words"):
            generator.stop()
    assert read_report(tmp_path / "out").ended_by == RUNNING
    assert RecordReader(tmp_path / "out").planned() >= 5


def test_a_generator_that_does_not_come_up_says_why(tmp_path: Path) -> None:
    """A name that no host can have, found only by the generator itself; nobody need be asked for it."""
    nowhere = Route(USERS_ROUTE, "no..such.host", 80, "app.example", ())
    with pytest.raises(LoadError, match="cannot begin"):
        start(replace(spec_for(80, lanes=((Lane.GET_NEW, 1),)), routes=(nowhere,)), tmp_path / "out")


@pytest.mark.parametrize("bad", ["port", "directory"])
def test_bad_input_is_refused_before_anything_starts(tmp_path: Path, bad: str) -> None:
    """One clear error, no process."""
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "out" if bad == "directory" else tmp_path / "out"
    with pytest.raises(BadInput, match=bad):
        start(spec_for(0 if bad == "port" else 80), out)


def test_past_the_cap_requests_are_not_sent_but_recorded(tmp_path: Path, silent: int) -> None:
    """Two may be unanswered at once; every later one is NOT_SENT, counted, and lies in the records."""
    lanes = ((Lane.GET_KEEPALIVE, 1),)
    with start(spec_for(silent, deadline_s=600, drain_s=0, cap=2, lanes=lanes, max_s=0.2), tmp_path / "out") as generator:
        generator.wait_ended(WITHIN_S)
        report = generator.stop()
    records = RecordReader(tmp_path / "out").all()
    skipped = [one for one in records if one.outcome is Outcome.NOT_SENT]
    assert len(records) == report.planned == 40
    assert len(skipped) == report.not_sent == report.planned - report.sent
    assert report.sent == 2
    assert all(one.sent_ns == 0 for one in skipped)


STALL_S = 1.0


def test_a_stalled_generator_shows_in_its_own_records(tmp_path: Path, port: int) -> None:
    """Stopped for a second it sends what was due afterwards, all at once, each late by its share; the report tells the worst."""
    with start(spec_for(port), tmp_path / "out") as generator:
        sent(generator, 20)
        stopping = stalled(generator.pid)
        wait_for("the stall", lambda: Look(time.time_ns() - stopping >= STALL_S * 1e9 or None, "stalled"), within_s=WITHIN_S)
        resuming = time.time_ns()
        os.kill(generator.pid, signal.SIGCONT)
        sent(generator, generator.sent_so_far() + int(STALL_S * 200) + 100)
        report = generator.stop()
        records = generator.tail(0)
    overdue = [one for one in records if stopping <= one.intended_ns <= resuming]
    assert len(overdue) >= (STALL_S - 0.05) * 200 - 1
    assert all(one.sent_ns >= resuming for one in overdue)
    assert all(earlier.intended_ns < later.intended_ns for earlier, later in pairwise(records))
    # The same number in microseconds: multiplied back, it may come out a rounding smaller.
    assert report.pacing_max_us >= max(one.late_ns for one in overdue) / 1000 >= (resuming - overdue[0].intended_ns) / 1000
    assert {one.outcome for one in records} == {Outcome.OK}
    assert report.not_sent == 0


def test_a_generator_stalled_up_to_the_stop_still_owes_what_was_due(tmp_path: Path, port: int) -> None:
    """Told to stop while it stands still, it sends what had become due before it obeys: a hole at the end would look like calm."""
    with start(spec_for(port, drain_s=WITHIN_S), tmp_path / "out") as generator:
        sent(generator, 20)
        stopping = stalled(generator.pid)

        def resume() -> None:
            os.kill(generator.pid, signal.SIGCONT)

        resuming = threading.Timer(STALL_S, resume)
        resuming.start()
        report = generator.stop()
        resuming.join()
        records = generator.tail(0)
    overdue = [one for one in records if one.intended_ns >= stopping]
    assert report.ended_by == "stop"
    assert len(overdue) >= (STALL_S - 0.05) * 200 - 1
    assert report.pacing_max_us >= (STALL_S - 0.1) * 1_000_000
    assert report.planned == len(records) == records[-1].seq + 1


def test_requests_whose_deadline_went_by_in_a_stall_are_not_sent(tmp_path: Path, port: int) -> None:
    """They are the generator's failure: never sent, never called a timeout of the server."""
    with start(spec_for(port, deadline_s=0.2), tmp_path / "out") as generator:
        sent(generator, 20)
        stopping = stalled(generator.pid)
        wait_for("the stall", lambda: Look(time.time_ns() - stopping >= 0.6e9 or None, "stalled"), within_s=WITHIN_S)
        resuming = time.time_ns()
        os.kill(generator.pid, signal.SIGCONT)
        sent(generator, generator.sent_so_far() + 50)
        report = generator.stop()
        records = generator.tail(0)
    hopeless = [one for one in records if stopping <= one.intended_ns <= resuming - 200_000_000]
    assert len(hopeless) >= 50
    assert {one.outcome for one in hopeless} == {Outcome.NOT_SENT}
    assert report.not_sent >= len(hopeless)


def test_a_further_attempt_whose_deadline_went_by_in_a_stall_is_not_sent(tmp_path: Path) -> None:
    """It was due in time and the generator was not: no timeout of the server, which never saw it."""
    with truth_server(tmp_path / "truth.json", faults=[("502", 0.0, 3600.0)]) as port:
        spec = spec_for(port, lanes=((Lane.GET_RETRYING, 1),), rate_rps=20, retry_after_s=1, deadline_s=2)
        with start(spec, tmp_path / "out") as generator:
            stopping, waited = 0, set[int]()

            def look() -> Look[bool]:
                """Stand still while a further attempt is still to come."""
                nonlocal stopping, waited
                stopping = stalled(generator.pid)
                failed = [one for one in generator.attempts() if one.attempt == 0]
                waited = {one.seq for one in failed if stopping < one.done_ns + 1_000_000_000}
                if not waited:
                    os.kill(generator.pid, signal.SIGCONT)
                return Look(bool(waited) or None, f"{len(failed)} failed")

            wait_for("a moment between two attempts", look, within_s=WITHIN_S, every_s=0.1)
            wait_for("the stall", lambda: Look(time.time_ns() - stopping >= 2.2e9 or None, "stalled"), within_s=WITHIN_S)
            os.kill(generator.pid, signal.SIGCONT)
            report = generator.stop()
            gone = [one for one in generator.tail(0) if one.seq in waited]
    assert len(gone) == len(waited)
    assert {(one.outcome, one.attempt, one.sent_ns) for one in gone} == {(Outcome.NOT_SENT, 1, 0)}
    assert report.not_sent >= len(gone)
    tried_again = {int(one.rid.rpartition("-")[2]) for one in Truth.read(tmp_path / "truth.json").served if one.attempt}
    assert not tried_again & waited


def test_a_further_attempt_that_never_came_leaves_the_request_unanswered(tmp_path: Path) -> None:
    """Ended while it waits: what the first attempt came to is known, what the request came to is not."""
    lanes = ((Lane.GET_RETRYING, 1),)
    with truth_server(tmp_path / "truth.json", faults=[("502", 0.0, 3600.0)]) as port:
        spec = spec_for(port, lanes=lanes, rate_rps=20, retry_after_s=600, deadline_s=3600, drain_s=0)
        with start(spec, tmp_path / "out") as generator:
            wait_for("attempts", lambda: _enough(len(generator.attempts()), 3), within_s=WITHIN_S, every_s=0.02)
            report = generator.stop()
            requests, attempts = generator.tail(0), generator.attempts()
        records = RecordReader(tmp_path / "out").all()
    assert (report.ended_by, requests) == ("stop", [])
    waiting = [one for one in records if one.seq in {attempt.seq for attempt in attempts}]
    assert {(one.outcome, one.sent_ns, one.done_ns, one.attempt) for one in waiting} == {(Outcome.UNANSWERED, 0, 0, 1)}
    assert {(one.outcome, one.status, one.attempt) for one in attempts} == {(Outcome.HTTP_ERROR, 502, 0)}


def test_attempts_are_never_made_past_the_deadline(tmp_path: Path) -> None:
    """Two fit into it, the third would come after it, at 4.5 s: a request ends as its second attempt did; in a stall, before."""
    lanes = ((Lane.GET_RETRYING, 1),)
    with truth_server(tmp_path / "truth.json", faults=[("502", 0.0, 3600.0)]) as port:
        spec = spec_for(port, lanes=lanes, rate_rps=20, retry_after_s=1.5, retries=9, deadline_s=4, max_s=0.1, drain_s=WITHIN_S)
        with start(spec, tmp_path / "out") as generator:
            generator.wait_ended(WITHIN_S)
            requests, attempts = generator.tail(0), generator.attempts()

    def left_ns(one: Seen) -> int:
        """Of the deadline, when the attempt after this one is due."""
        return one.intended_ns + 4_000_000_000 - one.done_ns - (1_500_000_000 << one.attempt)

    assert len(requests) == 2
    for last in requests:
        before = [one for one in attempts if one.seq == last.seq]
        assert [one.attempt for one in (*before, last)] == list(range(len(before) + 1))
        assert all(left_ns(one) > 0 for one in before)
        assert all(one.sent_ns < one.intended_ns + 4_000_000_000 for one in (*before, last))
        # Whoever stands still may come to the deadline itself.
        assert left_ns(last) <= 0 if last.outcome is Outcome.HTTP_ERROR else last.done_ns - last.intended_ns >= 4_000_000_000


def test_chance_sends_what_it_drew(tmp_path: Path, port: int) -> None:
    """The times in the records are those of the plan's seed, every one, and the end comes by time."""
    spec = spec_for(port, lanes=((Lane.GET_KEEPALIVE, 1),), max_s=0.5)
    spec = replace(spec, plan=replace(spec.plan, arrivals=Arrivals.POISSON, seed=5))
    with start(spec, tmp_path / "out") as generator:
        t0 = generator.wait_started()
        generator.wait_ended(WITHIN_S)
        report = generator.stop()
        records = RecordReader(tmp_path / "out").all()
    schedule = schedule_of(spec.plan)
    assert [one.intended_ns - t0 for one in records] == [schedule.offset_ns(k) for k in range(report.planned)]
    assert records[-1].intended_ns - t0 < 0.5e9 <= schedule.offset_ns(report.planned)
    assert report.ended_by == "max_s"


BIG = 20_000
MIB = 1 << 20


def test_a_request_costs_little_memory_and_disk(tmp_path: Path, port: int) -> None:
    """5 MiB for 100,000, of which each pays its share; room that was reserved for more is given back."""
    # The cap bounds the connections, which a slow machine would open more of; what it keeps from being sent has its record too.
    spec = spec_for(port, lanes=((Lane.GET_KEEPALIVE, 1),), rate_rps=BIG / 2, max_s=60.0, at_once=False, drain_s=WITHIN_S, cap=32)
    with start(spec, tmp_path / "out") as generator:
        before = resident(generator.pid)
        generator.begin()
        wait_for("requests", lambda: _enough(generator.planned_so_far(), BIG), within_s=WITHIN_S, every_s=0.05)
        grown, planned = resident(generator.pid) - before, generator.planned_so_far()
        report = generator.stop()
    disk = sum(path.stat().st_blocks * 512 for path in (tmp_path / "out").iterdir())
    # What the first requests load once costs the same however many follow: code, connections, a file's first block.
    assert grown <= 5 * MIB * planned / 100_000 + MIB
    assert disk <= 5 * MIB * report.planned / 100_000 + 64 * 1024
    assert (tmp_path / "out" / "records.bin").stat().st_size == 60 * BIG / 2 * RECORD.size


def resident(pid: int) -> int:
    """Bytes of a process that are in memory, its maps of files included."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


PARENT = """
import sys
from pathlib import Path
from harness.load.process import start
from tests.unit.load.held import spec_for
with start(spec_for(int(sys.argv[1])), Path(sys.argv[2])) as generator:
    generator.wait_started()
    print(generator.pid, flush=True)
    sys.stdin.read()
"""


def test_it_does_not_outlive_a_killed_parent(tmp_path: Path, port: int) -> None:
    """SIGKILL of the harness ends it, and what it measured is there."""
    argv = [sys.executable, "-c", PARENT, str(port), str(tmp_path / "out")]
    parent = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not gone(pid)
        parent.kill()
        parent.wait(WITHIN_S)
        wait_gone(pid)
    assert read_report(tmp_path / "out").ended_by in ("eof", "parent")


SHARED_INPUT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-m", "harness.load", sys.argv[1]], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""


def test_it_dies_with_its_parent_though_its_input_stays_open(tmp_path: Path, port: int) -> None:
    """Somebody else may hold the other end of its input; the kernel tells it of its parent's death."""
    (tmp_path / "spec.json").write_text(spec_for(port).to_json(), encoding="utf-8")
    argv = [sys.executable, "-c", SHARED_INPUT, str(tmp_path / "spec.json")]
    parent = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not gone(pid)
        parent.kill()
        parent.wait(WITHIN_S)
        wait_gone(pid)
    assert read_report(tmp_path).ended_by == "parent"


def test_a_thread_that_ends_is_no_parent_that_died(tmp_path: Path, port: int) -> None:
    """The signal that tells of a parent's death also comes when only the starting thread ends: the generator goes on."""
    with start(spec_for(port), tmp_path / "out") as generator:
        sent(generator, 5)
        os.kill(generator.pid, signal.SIGUSR2)
        sent(generator, generator.sent_so_far() + 20)
        assert generator.alive()


def test_only_the_standard_library_and_what_is_pure_live_in_its_process() -> None:
    """Nothing else of the harness, nothing of its libraries: it must start fast and stay alone."""
    program = "import sys; before = set(sys.modules); import harness.load.__main__; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    ours = {name for name in done.stdout.split() if name.partition(".")[0] not in sys.stdlib_module_names}
    rooms = {".".join(name.split(".")[:2]) for name in ours}
    assert {room for room in rooms if room != "harness.load"} == {"harness", "harness.model", "harness.knative", "harness.apps"}
    assert "harness.load.process" not in ours


@pytest.mark.parametrize("argv", [[], ["/no/such/spec.json"], ["a", "b"]])
def test_by_hand_it_answers_bad_arguments_with_one_line(argv: list[str]) -> None:
    """Exit code 3, no traceback."""
    done = subprocess.run([sys.executable, "-m", "harness.load", *argv], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
