"""Files a container's log was rotated into: what the log call of the API gives no more and the node keeps for a while.

The kubelet renames a log that has grown beyond its limit (10 MiB by default) to `INSTANCE.log.TIME`, compresses all but the newest
of these and keeps four. Its log call reads only the file written now, and one that follows goes on with the newest file, whatever
it had not read of those before. The kubelet serves the files themselves below its node's log directory.

The runtime writes a long line in pieces, and the log may be rotated between two of them (kubernetes/kubernetes#107943). The log
call then gives the pieces in the newer file as a line of their own: a half line that looks whole. Only the file before tells.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from harness.adapters.answers import Broken, Refused
from harness.knative.logfiles import ENDED, NotALog, Pieces, api_lines, ended, firsts_ns, goes_on, listed
from harness.observe.tail import DISORDER_NS

MOST_BYTES = 64 * 1024 * 1024
"""Of the files read back at one time, unpacked; a log that was rotated past this is not made whole again."""

LISTINGS = 3
"""A file may be compressed, and so get another name, between its being listed and its being read."""

Fetch = Callable[[str], bytes]
"""Name of a file of the container's log directory, "" for its listing, to what the node gives. Raises Broken."""

T = TypeVar("T")


class _Moved(Broken):
    """The log was rotated while its files were read."""


@dataclass(frozen=True, slots=True)
class Seam:
    """How the file that is written now joins the one before. after: that one's name, "" if there is none.

    begins_ns: when that one begins. begun: the lines it leaves unfinished, each by the stamp, as the log call writes stamps, of the
    piece with which the newer file goes on; a line as far as it was written, with its stamp.
    """

    after: str = ""
    begins_ns: int = 0
    begun: Mapping[bytes, bytes] = field(default_factory=dict)

    def joined(self, line: bytes) -> bytes:
        """A line as the log call gives it of the newer file, whole."""
        stamp, _, text = line.partition(b" ")
        return self.begun[stamp] + text if stamp in self.begun else line


def read_rotated(fetch: Fetch, instance: int, *, since_ns: int | None) -> list[bytes]:
    """Lines of this instance's rotated files, oldest first, as the log call gives them.

    Begins with the file that holds since_ns, or with the oldest there is; what stands well before since_ns may be the end of a line
    alone. A line that begins in these files is given whole, with its end from the file written now.
    Raises Broken when a file cannot be read, and while a line has no end yet.
    """

    def read(names: list[str]) -> list[bytes]:
        pieces: Pieces = {}
        lines = [line for body in _bodies(fetch, names, since_ns) for line in api_lines(body, pieces)]
        return lines + ended(_current(fetch, instance, names), pieces) if pieces else lines

    return _again_if_moved(fetch, instance, read)


def seam_of(fetch: Fetch, instance: int, known: Seam | None = None) -> Seam:
    """How this instance's newest file joins the one before it.

    known: what was found before; it is so until the next rotation. Raises Broken when a file cannot be read, and while the newest
    file has nothing yet of a line that has begun.
    """

    def read(names: list[str]) -> Seam:
        after = names[-1].removesuffix(".gz") if names else ""
        if not names or (known is not None and known.after == after):
            return known or Seam()
        (newest,) = _bodies(fetch, names[-1:], None)
        pieces: Pieces = {}
        api_lines(newest, pieces)
        if any(ENDED[stream].search(newest) is None for stream in pieces):  # it may have begun in a file before that
            pieces.clear()
            for body in _bodies(fetch, names, None):
                api_lines(body, pieces)
        begun = goes_on(_current(fetch, instance, names), pieces) if pieces else {}
        return Seam(after, min(firsts_ns(newest).values(), default=0), begun)

    return _again_if_moved(fetch, instance, read)


def _again_if_moved(fetch: Fetch, instance: int, read: Callable[[list[str]], T]) -> T:
    """What is read of the files that are listed; they are listed anew when one was renamed or added meanwhile."""

    def once() -> T:
        try:
            return read(listed(fetch(""), instance))
        except NotALog as error:
            raise Broken(str(error)) from error

    for _attempt in range(LISTINGS - 1):
        try:
            return once()
        except _Moved:
            continue
        except Refused as refused:
            if refused.status != 404:
                raise
    return once()


def _current(fetch: Fetch, instance: int, names: list[str]) -> bytes:
    """The file that follows these, as far as it is written. Raises _Moved when another one follows them by now."""
    body = fetch(f"{instance}.log")
    if [name.removesuffix(".gz") for name in listed(fetch(""), instance)] != [name.removesuffix(".gz") for name in names]:
        raise _Moved("the log was rotated whenever its files were read")
    return body[: body.rfind(b"\n") + 1]


def _bodies(fetch: Fetch, names: list[str], since_ns: int | None) -> list[bytes]:
    """The files, oldest first, from the one before which nothing is asked for.

    Each stream must begin before since_ns, by more than lines may stand out of order: its first line may be the end of one that
    began in a file that is not read.
    """
    bodies: list[bytes] = []
    firsts: dict[bytes, int] = {}
    left = MOST_BYTES
    for name in reversed(names):
        body = fetch(name)
        if name.endswith(".gz"):
            body = _unpacked(body, left)
        left -= len(body)
        if left < 0:
            raise Broken(f"the rotated files are more than {MOST_BYTES // 1024 // 1024} MiB")
        bodies.append(body)
        firsts |= firsts_ns(body)
        if since_ns is not None and firsts and max(firsts.values()) <= since_ns - DISORDER_NS:
            break
    return bodies[::-1]


def _unpacked(body: bytes, most: int) -> bytes:
    """most: a little more is given, for its caller to refuse."""
    unpack = zlib.decompressobj(wbits=31)
    try:
        whole = unpack.decompress(body, max(0, most) + 1)
    except zlib.error as error:
        raise Broken(f"a rotated file cannot be unpacked: {error}") from error
    if len(whole) <= most and not unpack.eof:
        raise Broken("a rotated file ends before its end")
    return whole
