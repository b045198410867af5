"""The node's journal, followed through a stand-in for journalctl that is a real program."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from harness.knative.identity import Identity
from harness.knative.journald import Entry, NotAnEntry, parse_entry
from harness.model import Stream
from harness.observe.feed import Feed
from harness.observe.journal import Journal
from harness.observe.rawcopy import RawCopies
from tests.unit.observe.kit import WITHIN_S, payloads, until

NODE = '''
"""journalctl over a file of entries, and pkill over the pids of those started. Usage: node.py DIR COMMAND ..."""
import json, os, signal, sys, time
home, argv = sys.argv[1], sys.argv[2:]
if argv[0] == "pkill":
    for name in os.listdir(home):
        if name.startswith("pid.") and open(f"{home}/{name}").read() == argv[2]:
            os.kill(int(name[4:]), signal.SIGTERM)
    sys.exit(0)
if argv[0] == "timeout":
    argv = argv[2:]
options = {a.partition("=")[0]: a.partition("=")[2] for a in argv if a.startswith("--")}
follow = "--follow" in options
open(f"{home}/asked", "a").write(json.dumps(argv) + "\\n")
if os.path.exists(f"{home}/refuse"):
    sys.exit("planted: no journal")
if follow:
    open(f"{home}/pid.{os.getpid()}", "w").write(argv[-1])
read, started = 0, False
while True:
    lines = [line for line in open(f"{home}/entries") if line.endswith("\\n")]
    if not started:
        started = True
        if "--cursor" in options:
            at = [i for i, line in enumerate(lines) if json.loads(line)["__CURSOR"] == options["--cursor"]]
            read = at[0] if at else 0
        else:
            read = max(0, len(lines) - int(options["--lines"]))
    for line in lines[read:]:
        sys.stdout.write(line)
    sys.stdout.flush()
    read = max(read, len(lines))
    if not follow:
        sys.exit(0)
    if os.path.exists(f"{home}/stop.{os.getpid()}"):
        sys.exit(124)
    time.sleep(0.02)
'''


class Node:
    """The stand-in for the node: its journal, and what was started in it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.count = 0
        home.mkdir()
        (home / "node.py").write_text(NODE, encoding="utf-8")
        (home / "entries").touch()

    def argv(self, command: Sequence[str]) -> list[str]:
        """How a command is run in it."""
        return [sys.executable, str(self.home / "node.py"), str(self.home), *command]

    def say(self, message: object, unit: str = "kubelet.service") -> None:
        """A new entry."""
        self.count += 1
        entry = {
            "MESSAGE": message, "_SYSTEMD_UNIT": unit, "__CURSOR": f"c{self.count}",
            "__REALTIME_TIMESTAMP": str(1_700_000_000_000_000 + self.count),
        }  # fmt: skip
        with (self.home / "entries").open("a", encoding="utf-8") as out:
            out.write(json.dumps(entry) + "\n")

    def followers(self) -> list[int]:
        """Programs that follow the journal now."""
        pids = [int(path.name[4:]) for path in self.home.glob("pid.*")]
        return [pid for pid in pids if _alive(pid)]

    def asked(self) -> list[list[str]]:
        """Command lines so far."""
        if not (self.home / "asked").exists():
            return []
        return [json.loads(line) for line in (self.home / "asked").read_text(encoding="utf-8").splitlines()]


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """A node with one old entry."""
    fresh = Node(tmp_path / "node")
    fresh.say('"old" pod="ns/p"')
    return fresh


@pytest.fixture
def feed() -> Feed:
    """What was observed."""
    return Feed()


@pytest.fixture
def start(node: Node, feed: Feed, tmp_path: Path) -> Iterator[Callable[[], Journal]]:
    """Starts a journal and ends it."""
    raw = RawCopies(tmp_path / "raw")
    begun: list[Journal] = []

    def starts() -> Journal:
        journal = Journal(node.argv, {}, Identity("ns"), feed, raw, retry_s=0.02)
        journal.start()
        begun.append(journal)
        return journal

    yield starts
    for journal in begun:
        journal.end()
        assert journal.join(WITHIN_S)
    raw.close()
    until("nothing left in the node", lambda: not node.followers())


def came(feed: Feed, *words: str) -> None:
    """Wait for exactly these first words."""
    until(f"{words}", lambda: [text.split('"')[1] for text in payloads(feed)] == list(words))


def test_lines_about_the_namespace_are_observed_and_all_are_copied(
    start: Callable[[], Journal], node: Node, feed: Feed, tmp_path: Path
) -> None:
    """With the journal's own time, true to a microsecond, by unit."""
    start()
    node.say('"other" pod="kube-system/x"')
    node.say('"killing" pod="ns/p" containerName="user-container"')
    node.say('"exit" pod="ns/p"', unit="containerd.service")
    came(feed, "old", "killing", "exit")
    _old, killing, exited = feed.snapshot()
    assert (killing.stream, killing.pod, killing.container, killing.instance) == (Stream.KUBELET, "p", "user-container", -1)
    assert (killing.at_ns, killing.resolution_ns) == (1_700_000_000_000_003_000, 1_000)
    assert exited.stream is Stream.CONTAINERD
    assert '"other"' in (tmp_path / "raw/journal/kubelet.log").read_text(encoding="utf-8")
    assert '"exit"' in (tmp_path / "raw/journal/containerd.log").read_text(encoding="utf-8")


def test_a_killed_follower_is_resumed_at_its_cursor_without_gap_or_doubles(
    start: Callable[[], Journal], node: Node, feed: Feed
) -> None:
    """The last entry must come first again, and is not observed twice."""
    start()
    node.say('"1" pod="ns/p"')
    came(feed, "old", "1")
    os.kill(node.followers()[0], signal.SIGKILL)
    node.say('"2" pod="ns/p"')
    came(feed, "old", "1", "2")
    assert "--cursor=c2" in node.asked()[-1]
    assert "--no-tail" in node.asked()[-1]
    assert feed.gaps() == ()


def test_a_follower_whose_time_is_over_is_followed_by_another(start: Callable[[], Journal], node: Node, feed: Feed) -> None:
    """It limits its own life so that none stays behind; that is no failure."""
    journal = start()
    came(feed, "old")
    (first,) = node.followers()
    (node.home / f"stop.{first}").touch()
    until("the next", lambda: node.followers() != [first] and len(node.followers()) == 1)
    node.say('"1" pod="ns/p"')
    came(feed, "old", "1")
    assert (feed.gaps(), journal.note) == ((), "")


def test_a_journal_that_lost_the_last_entry_is_a_gap_in_both_units(start: Callable[[], Journal], node: Node, feed: Feed) -> None:
    """Vacuumed or rotated away: what lay between is unknown."""
    start()
    came(feed, "old")
    (node.home / "refuse").touch()
    os.kill(node.followers()[0], signal.SIGKILL)
    (node.home / "entries").write_text("", encoding="utf-8")
    node.say('"new" pod="ns/p"')
    (node.home / "refuse").unlink()
    came(feed, "old", "new")
    until("the gaps", lambda: len(feed.gaps()) == 2)
    assert {gap.stream for gap in feed.gaps()} == {Stream.KUBELET, Stream.CONTAINERD}
    assert all(gap.until_ns == feed.snapshot()[1].at_ns for gap in feed.gaps())


def test_a_journal_that_cannot_be_followed_any_more_is_a_gap_at_the_seal(
    start: Callable[[], Journal], node: Node, feed: Feed
) -> None:
    """And says why."""
    journal = start()
    came(feed, "old")
    (node.home / "refuse").touch()
    os.kill(node.followers()[0], signal.SIGKILL)
    until("the note", lambda: "planted: no journal" in journal.note)
    assert not journal.seal()
    assert {gap.stream for gap in feed.gaps()} == {Stream.KUBELET, Stream.CONTAINERD}


def test_the_seal_adds_what_a_stopped_follower_did_not_bring(start: Callable[[], Journal], node: Node, feed: Feed) -> None:
    """A follower that hangs looks like a quiet node."""
    journal = start()
    came(feed, "old")
    (hanging,) = node.followers()
    os.kill(hanging, signal.SIGSTOP)
    node.say('"1" pod="ns/p"')
    assert journal.seal()
    came(feed, "old", "1")
    os.kill(hanging, signal.SIGCONT)
    node.say('"2" pod="ns/p"')
    came(feed, "old", "1", "2")
    assert feed.gaps() == ()


def test_a_journal_that_was_never_followed_is_not_proved_by_its_end(start: Callable[[], Journal], node: Node, feed: Feed) -> None:
    """The last entries can be read, what came before them cannot be known."""
    (node.home / "refuse").touch()
    journal = start()
    until("the note", lambda: "planted: no journal" in journal.note)
    journal.end()
    assert journal.join(WITHIN_S)
    (node.home / "refuse").unlink()
    assert not journal.seal()
    came(feed, "old")
    assert {gap.stream for gap in feed.gaps()} == {Stream.KUBELET, Stream.CONTAINERD}


def test_the_journals_own_rate_limit_is_a_gap(start: Callable[[], Journal], node: Node, feed: Feed) -> None:
    """It drops lines and says how many of whom: a gap of that unit alone."""
    start()
    node.say("Suppressed 12 messages from kubelet.service", unit="systemd-journald.service")
    until("the gap", lambda: len(feed.gaps()) == 1)
    assert feed.gaps()[0].stream is Stream.KUBELET
    assert feed.gaps()[0].until_ns - feed.gaps()[0].from_ns == 30 * 10**9


def test_an_entry_may_come_as_bytes() -> None:
    """What is no UTF-8 is a list of numbers in JSON."""
    line = json.dumps(
        {"MESSAGE": [104, 105, 255], "__CURSOR": "c", "__REALTIME_TIMESTAMP": "5", "_SYSTEMD_UNIT": "kubelet.service"}
    )
    assert parse_entry(line.encode()) == Entry(5_000, "c", "kubelet.service", "hi�")


@pytest.mark.parametrize("line", [b"Error: no such container", b"[]", b'{"MESSAGE":"x"}', b'{"MESSAGE":' + b"[" * 100_000])
def test_what_is_no_entry_is_refused_in_its_own_words(line: bytes) -> None:
    """The engine's complaints come on the same pipe."""
    with pytest.raises(NotAnEntry, match="instead of a journal entry"):
        parse_entry(line)
