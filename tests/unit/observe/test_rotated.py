"""Files a log was rotated into, as the node serves them."""

from __future__ import annotations

import gzip

import pytest

from harness.adapters.answers import Broken, Refused
from harness.knative.logfiles import api_lines, listed
from harness.knative.times import rfc3339_ns
from harness.observe import rotated
from harness.observe.rotated import read_rotated

LISTING = b"""<!doctype html>
<pre>
<a href="0.log">0.log</a>
<a href="0.log.20261123-210630">0.log.20261123-210630</a>
<a href="0.log.20261123-210620.gz">0.log.20261123-210620.gz</a>
<a href="0.log.20261123-210620.tmp">0.log.20261123-210620.tmp</a>
<a href="10.log.20261123-210610">10.log.20261123-210610</a>
</pre>"""
OLD = b"2026-11-23T21:06:10.5Z stdout F one\n2026-11-23T21:06:11Z stderr F two\n"
NEW = b"2026-11-23T21:06:21.123456789Z stdout F three\n"


class Disk:
    """A log directory, and what was asked of it."""

    def __init__(self, files: dict[str, bytes | Exception]) -> None:
        self.files = files
        self.asked: list[str] = []

    def __call__(self, name: str) -> bytes:
        """As Fetch."""
        self.asked.append(name)
        if not name:
            return LISTING
        body = self.files[name]
        if isinstance(body, Exception):
            raise body
        return body


@pytest.fixture
def disk() -> Disk:
    """Two rotated files of instance 0."""
    return Disk({"0.log.20261123-210630": NEW, "0.log.20261123-210620.gz": gzip.compress(OLD)})


def test_only_rotated_files_of_the_instance_are_meant_oldest_first() -> None:
    """Neither the one written now, nor one being compressed, nor another instance's whose number ends alike."""
    assert listed(LISTING, 0) == ["0.log.20261123-210620.gz", "0.log.20261123-210630"]
    assert listed(LISTING, 1) == []


def test_a_file_that_stands_there_packed_and_unpacked_is_one() -> None:
    """The kubelet removes the one after it has made the other."""
    both = LISTING.replace(b"</pre>", b'<a href="0.log.20261123-210630.gz">x</a></pre>')
    assert listed(both, 0) == ["0.log.20261123-210620.gz", "0.log.20261123-210630.gz"]


def test_lines_come_as_the_log_call_gives_them(disk: Disk) -> None:
    """Nine decimals, no stream, no tag; unpacked, oldest file first."""
    assert read_rotated(disk, 0, since_ns=None) == [
        b"2026-11-23T21:06:10.500000000Z one",
        b"2026-11-23T21:06:11.000000000Z two",
        b"2026-11-23T21:06:21.123456789Z three",
    ]


def test_files_older_than_what_is_asked_are_not_read(disk: Disk) -> None:
    """Each is ten megabytes."""
    assert len(read_rotated(disk, 0, since_ns=rfc3339_ns("2026-11-23T21:06:22Z"))) == 1
    assert disk.asked == ["", "0.log.20261123-210630"]


def test_a_long_line_is_joined_and_has_its_first_pieces_time() -> None:
    """Pieces of the two streams may lie between each other."""
    body = (
        b"2026-11-23T21:06:10.1Z stdout P be\n2026-11-23T21:06:10.2Z stderr F other\n"
        b"2026-11-23T21:06:10.3Z stdout P gi\n2026-11-23T21:06:10.4Z stdout F n  \n"
    )
    assert api_lines(body) == [b"2026-11-23T21:06:10.200000000Z other", b"2026-11-23T21:06:10.100000000Z begin  "]


def test_a_file_that_was_compressed_since_it_was_listed_is_listed_again(disk: Disk) -> None:
    """Its name has changed; once more is enough."""
    again: list[bytes] = []

    def fetch(name: str) -> bytes:
        if name == "0.log.20261123-210630":
            raise Refused(404, "not found")
        if not name:
            again.append(LISTING if not again else LISTING.replace(b"210630", b"210630.gz"))
            return again[-1]
        return gzip.compress(NEW) if "210630" in name else disk(name)

    assert len(read_rotated(fetch, 0, since_ns=None)) == 3
    assert len(again) == 2


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"not gzip", "cannot be unpacked"),
        (gzip.compress(OLD)[:-4], "before its end"),
        (gzip.compress(b"no log line\n"), "no log line"),
        (Refused(403, "nodes proxy is forbidden"), "forbidden"),
    ],
    ids=["no gzip", "cut", "no log", "refused"],
)
def test_a_file_that_cannot_be_read_is_told(disk: Disk, body: bytes | Exception, words: str) -> None:
    """Whoever asked records a gap with these words."""
    disk.files["0.log.20261123-210620.gz"] = body
    with pytest.raises(Broken, match=words):
        read_rotated(disk, 0, since_ns=None)


@pytest.mark.parametrize("most", [len(NEW) - 1, len(NEW) + len(OLD) - 1])
def test_more_than_can_be_held_is_refused(disk: Disk, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Packed or not; a log that size is no evidence anybody reads."""
    monkeypatch.setattr(rotated, "MOST_BYTES", most)
    with pytest.raises(Broken, match="more than"):
        read_rotated(disk, 0, since_ns=None)
    monkeypatch.setattr(rotated, "MOST_BYTES", len(NEW) + len(OLD))
    assert len(read_rotated(disk, 0, since_ns=None)) == 3
