"""A long line whose pieces lie in two files of a rotated log: joined, or a gap; never a half line that counts as whole.

kubernetes/kubernetes#107943. The log call is played as k8s.io/cri-client v0.34 does it: only a line's first piece gets a stamp.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.adapters.answers import Broken, Refused
from harness.knative.logfiles import NotALog, api_lines
from harness.knative.times import SECOND_NS, rfc3339_ns
from harness.model import Stream
from harness.observe.feed import Feed
from harness.observe.head import Head
from harness.observe.logs import LogFollower
from harness.observe.rawcopy import RawCopies
from harness.observe.rotated import Seam, read_rotated, seam_of
from harness.observe.source import KubeLogs, LogLine
from tests.unit.observe.fakeapi import FakeApi, serving
from tests.unit.observe.kit import WITHIN_S, payloads, until

LOG = "/api/v1/namespaces/n/pods/p/log"
POD = "/api/v1/namespaces/n/pods/p"
FILES = "/api/v1/nodes/n1/proxy/logs/pods/n_p_u/c/"

ROTATED = (
    b'2026-05-04T10:00:00.100000000Z stdout F {"event":"listening","n":1}\n'
    b'2026-05-04T10:00:00.200000000Z stdout P {"event":"long","n":2,"text":"first half,\n'
)
CURRENT = (
    b'2026-05-04T10:00:00.200000300Z stdout F second half"}\n2026-05-04T10:00:00.300000000Z stdout F {"event":"closed","n":3}\n'
)
LISTENING = '{"event":"listening","n":1}'
LONG = '{"event":"long","n":2,"text":"first half,second half"}'
CLOSED = '{"event":"closed","n":3}'
WHOLE = [
    f"2026-05-04T10:00:00.100000000Z {LISTENING}".encode(),
    f"2026-05-04T10:00:00.200000000Z {LONG}".encode(),
    f"2026-05-04T10:00:00.300000000Z {CLOSED}".encode(),
]
MARK_NS = rfc3339_ns("2026-05-04T10:00:00.1Z")


def log_call(*files: bytes, since_ns: int = 0, first: bool = False) -> bytes:
    """What the log call gives that reads these files one after the other, as one that follows does."""
    out, fresh = b"", True
    for line in b"".join(files).splitlines(keepends=True):
        stamp, _, tag, text = line.split(b" ", 3)
        text = text[:-1] if tag == b"P" else text
        if rfc3339_ns(stamp.decode()) >= since_ns // SECOND_NS * SECOND_NS:
            out += stamp + b" " + text if fresh else text
        fresh = text.endswith(b"\n")
    return out[:256] if first else out


class Node:
    """A log directory of container instance 0, and the log call of the newest file; oldest file first."""

    def __init__(self, *files: bytes) -> None:
        self.asked: list[str] = []
        self.files: dict[str, bytes | Exception] = {}
        self.hold(*files)

    def hold(self, *files: bytes) -> None:
        """The files from now on; all but the last two are compressed."""
        old = files[:-1]
        self.files = {"0.log": files[-1]}
        for number, body in enumerate(old):
            packed = number < len(old) - 1
            name = f"0.log.20260504-1000{number:02}" + (".gz" if packed else "")
            self.files[name] = gzip.compress(body) if packed else body

    @property
    def listing(self) -> bytes:
        """As the kubelet's file server writes it."""
        return "\n".join(f'<a href="{name}">{name}</a>' for name in self.files).encode()

    def __call__(self, name: str) -> bytes:
        """As Fetch."""
        self.asked.append(name)
        if not name:
            return self.listing
        if name not in self.files:
            raise Refused(404, name)
        body = self.files[name]
        if isinstance(body, Exception):
            raise body
        return body

    def on(self, api: FakeApi, *, stream: bytes | None = None) -> None:
        """Let the API serve it. stream: what the log call gives; None: the newest file."""
        api.objects[POD] = {
            "metadata": {"uid": "u"},
            "spec": {"nodeName": "n1"},
            "status": {"containerStatuses": [{"name": "c", "restartCount": 0, "state": {"running": {}}}]},
        }
        newest = self.files["0.log"]
        assert isinstance(newest, bytes)
        served = {FILES: self.listing, LOG: log_call(newest) if stream is None else stream}
        api.logs = served | {FILES + name: body for name, body in self.files.items() if isinstance(body, bytes)}


# --- files -----------------------------------------------------------------------------------------------------------------


def test_the_halves_are_joined_across_the_files() -> None:
    """With the time of the first; the second is in the file written now, and nothing else of that is given."""
    assert read_rotated(Node(ROTATED, CURRENT), 0, since_ns=MARK_NS) == WHOLE[:2]


def test_three_files_and_two_streams() -> None:
    """A line may go through a whole file; the other stream's lines lie between its pieces."""
    middle = b"2026-05-04T10:00:00.2000001Z stderr F other\n2026-05-04T10:00:00.2000002Z stdout P and more,\n"
    joined = read_rotated(Node(ROTATED, middle, CURRENT), 0, since_ns=MARK_NS)
    other = b"2026-05-04T10:00:00.200000100Z other"
    assert joined == [WHOLE[0], other, WHOLE[1].replace(b"second", b"and more,second")]
    (stamp, begun), *rest = seam_of(Node(ROTATED, middle, CURRENT), 0).begun.items()
    assert (stamp, begun + b'second half"}', rest) == (b"2026-05-04T10:00:00.200000300Z", joined[2], [])


@pytest.mark.parametrize(
    "current",
    [
        b"",
        b"2026-05-04T10:00:00.200000300Z stdout P second",
        b"2026-05-04T10:00:00.200000300Z stdout P second\n",
        b"2026-05-04T10:00:00.200000300Z stderr F other\n",
        b"2026-05-04T10:00:00.200000300Z stdout F second hal",
    ],
    ids=["empty", "torn piece", "piece", "other stream", "being written"],
)
def test_a_line_without_an_end_is_none(current: bytes) -> None:
    """Whoever asked records a gap, or asks again."""
    with pytest.raises(Broken, match="no end yet"):
        read_rotated(Node(ROTATED, current), 0, since_ns=MARK_NS)


def test_one_file_that_ends_within_a_line_is_refused() -> None:
    """Of a single file nobody knows how it goes on."""
    with pytest.raises(NotALog, match="middle of a line"):
        api_lines(ROTATED)
    pieces: dict[bytes, list[bytes]] = {}
    assert api_lines(ROTATED, pieces) + api_lines(CURRENT, pieces) == WHOLE
    assert pieces == {}


@pytest.mark.parametrize("since", ["10:00:00.2000003", "10:00:00.25", "10:00:00.3"])
def test_the_file_before_is_read_where_a_line_may_have_begun_in_it(since: str) -> None:
    """What stands first in a file may be the end of a line. The file before need not be read if that lies well before since_ns."""
    after = b"2026-05-04T10:00:01Z stdout F last\n"
    node = Node(ROTATED, CURRENT, after)
    assert read_rotated(node, 0, since_ns=rfc3339_ns(f"2026-05-04T{since}Z")) == WHOLE
    node.asked.clear()
    assert read_rotated(node, 0, since_ns=rfc3339_ns("2026-05-04T10:00:00.31Z"))[1:] == WHOLE[2:]
    assert node.asked == ["", "0.log.20260504-100001"]


def test_the_other_stream_counts_too() -> None:
    """Its first line may be the end of one as well, however late it comes."""
    late = CURRENT + b'2026-05-04T10:00:09.300000000Z stderr F {"event":"closed","n":3}\n'
    node = Node(ROTATED, late, b"2026-05-04T10:00:10Z stdout F last\n")
    assert read_rotated(node, 0, since_ns=rfc3339_ns("2026-05-04T10:00:05Z"))[:3] == WHOLE


def test_a_rotation_between_the_readings_of_two_files_is_noticed() -> None:
    """The file written now no longer follows the last one listed: what it begins with is of another line."""
    node = Node(ROTATED, CURRENT)
    later = b"2026-05-04T10:00:05Z stdout F unrelated\n"

    def fetch(name: str) -> bytes:
        if name == "0.log" and "0.log.20260504-100001" not in node.files:
            node.hold(ROTATED, CURRENT, later)
        return node(name)

    assert read_rotated(fetch, 0, since_ns=MARK_NS) == WHOLE
    node.hold(ROTATED, CURRENT)
    assert seam_of(fetch, 0) == Seam("0.log.20260504-100001", rfc3339_ns("2026-05-04T10:00:00.2000003Z"))


def test_a_seam_is_looked_for_once_a_rotation() -> None:
    """The files are ten megabytes each; the listing is small. A file that was compressed since is the same file."""
    node = Node(ROTATED, CURRENT)
    seam = seam_of(node, 0)
    assert (seam.joined(WHOLE[2]), seam.joined(log_call(CURRENT).splitlines()[0])) == (WHOLE[2], WHOLE[1])
    node.asked.clear()
    assert seam_of(node, 0, seam) is seam
    node.files = {"0.log.20260504-100000.gz": gzip.compress(ROTATED), "0.log": CURRENT}
    assert seam_of(node, 0, seam) is seam
    assert node.asked == ["", ""]
    assert seam_of(Node(CURRENT), 0) == Seam()
    with pytest.raises(Broken, match="does not go on yet"):
        seam_of(Node(ROTATED, b""), 0)


# --- the log call ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def api() -> FakeApi:
    """The API."""
    return FakeApi()


@pytest.fixture
def logs(api: FakeApi) -> Iterator[KubeLogs]:
    """The logs of its containers."""
    with serving(api) as kube:
        yield KubeLogs(kube, "n")


def test_a_reading_and_a_stream_that_begin_with_the_second_half_give_the_line_whole(logs: KubeLogs, api: FakeApi) -> None:
    """Also the look at the first line alone, by which rotations are noticed."""
    Node(ROTATED, CURRENT).on(api)
    assert logs.read("p", "c") == WHOLE[1:]
    assert logs.read("p", "c", since_ns=MARK_NS) == WHOLE[1:]
    assert logs.read("p", "c", first=True) == WHOLE[1:2]
    for since_ns in (None, MARK_NS):
        stream = logs.follow("p", "c", since_ns=since_ns, opened=lambda _: None)
        assert [next(stream), next(stream)] == WHOLE[1:]


def test_a_reading_that_goes_back_before_what_was_had_asks_no_node(logs: KubeLogs, api: FakeApi) -> None:
    """It cannot begin in the middle of anything that is new."""
    Node(ROTATED, CURRENT).on(api, stream=log_call(ROTATED, CURRENT))
    api.asked.clear()
    assert logs.read("p", "c", since_ns=MARK_NS) == WHOLE
    assert {path for path, _ in api.asked} == {LOG}


def test_where_the_node_gives_no_files_lines_come_as_they_are(logs: KubeLogs, api: FakeApi) -> None:
    """The rotation is a gap there; nothing could be read at all otherwise."""
    Node(ROTATED, CURRENT).on(api)
    api.fails[FILES] = (403, "nodes proxy is forbidden")
    assert logs.read("p", "c") == log_call(CURRENT).splitlines()


def test_a_reading_of_a_file_that_was_rotated_since_is_done_again(logs: KubeLogs, api: FakeApi) -> None:
    """What joins the newest file says nothing of the one before. Three times are enough."""
    Node(ROTATED, CURRENT).on(api, stream=log_call(ROTATED))
    with pytest.raises(Broken, match="rotated while"):
        logs.read("p", "c", since_ns=None)
    with pytest.raises(Broken, match="rotated while"):
        next(logs.follow("p", "c", since_ns=None, opened=lambda _: None))


@pytest.mark.parametrize("ended", [False, True])
def test_a_line_whose_end_is_to_come_is_not_given_yet(logs: KubeLogs, api: FakeApi, ended: bool) -> None:
    """The next reading has it whole. Of a container that has ended nothing is to come."""
    Node(ROTATED).on(api)
    if ended:
        api.objects[POD]["status"]["containerStatuses"][0]["state"] = {"terminated": {"exitCode": 1}}
    half = log_call(ROTATED).splitlines()
    assert logs.read("p", "c") == half[: 1 + ended]
    api.logs[LOG] = half[1]
    if not ended:
        with pytest.raises(Broken, match="no end yet"):
            logs.read("p", "c", last=1)


def test_the_end_of_a_line_from_before_the_second_asked_for_is_passed_over(logs: KubeLogs, api: FakeApi) -> None:
    """The log call skips its first piece and gives the other without a stamp. The kubelet's own words stay."""
    old = b"2026-05-04T10:00:00.9Z stdout P first half,\n2026-05-04T10:00:01.1Z stdout F second half\n"
    new = b"2026-05-04T10:00:01.2Z stdout F new\n"
    since_ns = rfc3339_ns("2026-05-04T10:00:01.2Z")
    Node(old + new).on(api, stream=log_call(old + new, since_ns=since_ns))
    assert api.logs[LOG].startswith(b"second half\n")
    assert logs.read("p", "c", since_ns=since_ns) == [b"2026-05-04T10:00:01.2Z new"]
    assert next(logs.follow("p", "c", since_ns=since_ns, opened=lambda _: None)) == b"2026-05-04T10:00:01.2Z new"
    api.logs[LOG] = b"failed to watch file\nfailed again\n"
    assert logs.read("p", "c", since_ns=since_ns) == [b"failed to watch file", b"failed again"]
    assert next(logs.follow("p", "c", since_ns=since_ns, opened=lambda _: None)) == b"failed to watch file"


# --- a follower ------------------------------------------------------------------------------------------------------------

Start = Callable[[], LogFollower]


@pytest.fixture
def feed() -> Feed:
    """What was observed."""
    return Feed()


@pytest.fixture
def start(logs: KubeLogs, feed: Feed, tmp_path: Path) -> Iterator[Start]:
    """Starts followers of the container and ends them."""
    raw = RawCopies(tmp_path / "raw")
    begun: list[LogFollower] = []

    def starts() -> LogFollower:
        follower = LogFollower(logs, logs.container, "p", "c", Stream.APP, feed, raw, settle_s=0.3, retry_s=0.02)
        follower.start()
        begun.append(follower)
        return follower

    yield starts
    for follower in begun:
        follower.end()
        assert follower.join(WITHIN_S)
    raw.close()


def test_a_stream_cut_before_the_line_and_opened_after_the_rotation(start: Start, feed: Feed, api: FakeApi) -> None:
    """The first half is in the rotated file alone, the second in the newest alone: one line, once, and no gap."""
    Node(ROTATED).on(api, stream=log_call(ROTATED).splitlines()[0] + b"\n")
    follower = start()
    until("the first line", lambda: payloads(feed) == [LISTENING])
    Node(ROTATED, CURRENT).on(api)
    follower.interrupt()
    until("the rest", lambda: payloads(feed) == [LISTENING, LONG, CLOSED])
    assert follower.seal()
    assert payloads(feed) == [LISTENING, LONG, CLOSED]
    assert feed.gaps() == ()


def test_a_stream_that_joined_the_line_itself_is_sealed_from_a_file_that_begins_with_its_end(
    start: Start, feed: Feed, api: FakeApi
) -> None:
    """One that follows goes over the rotation; the reading at the end of the cycle sees the newest file alone."""
    Node(ROTATED).on(api, stream=log_call(ROTATED, CURRENT).replace(WHOLE[2] + b"\n", b""))
    follower = start()
    until("two lines", lambda: payloads(feed) == [LISTENING, LONG])
    Node(ROTATED, CURRENT).on(api)
    assert follower.seal()
    assert payloads(feed) == [LISTENING, LONG, CLOSED]
    assert feed.gaps() == ()


def test_where_the_halves_cannot_be_joined_there_is_a_gap_over_both(start: Start, feed: Feed, api: FakeApi) -> None:
    """The node does not give its files."""
    api.fails[FILES] = (403, "nodes proxy is forbidden")
    Node(ROTATED).on(api, stream=log_call(ROTATED).splitlines()[0] + b"\n")
    follower = start()
    until("the first line", lambda: payloads(feed) == [LISTENING])
    Node(ROTATED, CURRENT).on(api)
    follower.interrupt()
    until("the last line", lambda: CLOSED in payloads(feed))
    (gap, *_) = feed.gaps()
    assert "rotated" in gap.reason
    assert gap.from_ns <= rfc3339_ns("2026-05-04T10:00:00.2Z")
    assert gap.until_ns >= rfc3339_ns("2026-05-04T10:00:00.2000003Z")


def test_a_first_half_with_something_else_on_it_is_a_gap() -> None:
    """A stream that passes over a file in the middle of a line appends the next file's first line to what it has."""
    lines = [LogLine(at, f"{at} {text}".encode()) for at, text in [(1, "a"), (2, "first half,second half"), (9 * SECOND_NS, "z")]]
    wrong = LogLine(2, b"2 first half,z")
    head: Head[LogLine] = Head()
    for line in (lines[0], wrong):
        head.take(line)
    assert head.turn(lines[2], head.had, lines[:2]) is None
    head = Head()
    for line in lines[:2]:
        head.take(line)
    assert head.turn(lines[2], head.had, lines[:2]) == []
