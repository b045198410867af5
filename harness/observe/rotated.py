"""Files a container's log was rotated into: what the log call of the API gives no more and the node keeps for a while.

The kubelet renames a log that has grown beyond its limit (10 MiB by default) to `INSTANCE.log.TIME`, compresses all but the newest
of these and keeps four. Its log call reads only the file written now, and one that follows goes on with the newest file, whatever
it had not read of those before. The kubelet serves the files themselves below its node's log directory.

The runtime writes a long line in pieces, and the log may be rotated between two of them (kubernetes/kubernetes#107943). The log
call then gives the pieces in the newer file as a line of their own: a half line that looks whole. Only the file before tells.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from harness.knative.times import rfc3339_ns
from harness.observe.tail import DISORDER_NS
from harness.observe.wire import Broken, Refused

MOST_BYTES = 64 * 1024 * 1024
"""Of the files read back at one time, unpacked; a log that was rotated past this is not made whole again."""

LISTINGS = 3
"""A file may be compressed, and so get another name, between its being listed and its being read."""

_FRACTION = re.compile(rb"(T\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?=[Z+-])")
_HREF = re.compile(rb'href="([^"]+)"')
_STREAMS = (b"stdout", b"stderr")
_FIRST = {stream: re.compile(rb"^(\S+) " + stream + rb" ", re.MULTILINE) for stream in _STREAMS}
_ENDED = {stream: re.compile(rb"^\S+ " + stream + rb" F", re.MULTILINE) for stream in _STREAMS}

Fetch = Callable[[str], bytes]
"""Name of a file of the container's log directory, "" for its listing, to what the node gives. Raises Broken."""

Pieces = dict[bytes, list[bytes]]
"""Lines that have begun and not ended, by stream: stamp and blank, then the pieces so far."""

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
        return lines + _ended(_current(fetch, instance, names), pieces) if pieces else lines

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
        if any(_ENDED[stream].search(newest) is None for stream in pieces):  # it may have begun in a file before that
            pieces.clear()
            for body in _bodies(fetch, names, None):
                api_lines(body, pieces)
        begun = _goes_on(_current(fetch, instance, names), pieces) if pieces else {}
        return Seam(after, min(_firsts_ns(newest).values(), default=0), begun)

    return _again_if_moved(fetch, instance, read)


def listed(listing: bytes, instance: int) -> list[str]:
    """Names of the rotated files in a directory's listing, oldest first: they end with the time of their renaming.

    For a moment a file is there both as it was and compressed; it is named once.
    """
    names = (found.decode("ascii", "replace") for found in _HREF.findall(listing))
    rotated = sorted(name for name in names if re.fullmatch(rf"{instance}\.log\.\d{{8}}-\d{{6}}(\.gz)?", name))
    return list({name.removesuffix(".gz"): name for name in rotated}.values())


def api_lines(body: bytes, pieces: Pieces | None = None) -> list[bytes]:
    """Lines of a log file as the container runtime writes it (`TIME STREAM P|F TEXT`), as the API gives them (`TIME TEXT`).

    A long line lies there in pieces, all but the last marked P; its time is that of its first piece. Times have as many decimals as
    they need in the file, and nine in the API.
    pieces: the lines that the file before left unfinished; those that this one leaves so are in it afterwards. None: no file comes
    before or after this one. Raises Broken for what is no log line, and for a line without an end where no file comes after.
    """
    out: list[bytes] = []
    begun: Pieces = {} if pieces is None else pieces
    for stamp, stream, tag, text in map(_fields, filter(None, body.split(b"\n"))):
        begun.setdefault(stream, [_nine_decimals(stamp) + b" "]).append(text)
        if tag == b"F":
            out.append(b"".join(begun.pop(stream)))
    if pieces is None and begun:
        raise Broken("a log file ends in the middle of a line")
    return out


def _fields(line: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """(stamp, stream, P or F, text) of a line of a file."""
    fields = line.split(b" ", 3)
    if len(fields) < 4 or fields[1] not in _STREAMS or fields[2][:1] not in (b"P", b"F"):
        raise Broken(f"a rotated file holds what is no log line: {line[:80]!r}")
    return fields[0], fields[1], fields[2][:1], fields[3]


def _again_if_moved(fetch: Fetch, instance: int, read: Callable[[list[str]], T]) -> T:
    """What is read of the files that are listed; they are listed anew when one was renamed or added meanwhile."""
    for _attempt in range(LISTINGS - 1):
        try:
            return read(listed(fetch(""), instance))
        except _Moved:
            continue
        except Refused as refused:
            if refused.status != 404:
                raise
    return read(listed(fetch(""), instance))


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
        firsts |= _firsts_ns(body)
        if since_ns is not None and firsts and max(firsts.values()) <= since_ns - DISORDER_NS:
            break
    return bodies[::-1]


def _firsts_ns(body: bytes) -> dict[bytes, int]:
    """The time of the first line or piece of each stream that is in this file."""
    found = ((stream, first.search(body)) for stream, first in _FIRST.items())
    return {stream: _ns(at[1]) for stream, at in found if at is not None}


def _ended(current: bytes, pieces: Pieces) -> list[bytes]:
    """The lines that have begun, each with its end in the next file."""
    out: list[bytes] = []
    left = dict(pieces)
    for _, stream, tag, text in map(_fields, filter(None, current.split(b"\n"))):
        if not left:
            return out
        if stream in left:
            left[stream] = [*left[stream], text]
            if tag == b"F":
                out.append(b"".join(left.pop(stream)))
    if left:
        raise Broken("a line that began in a rotated file has no end yet")
    return out


def _goes_on(current: bytes, pieces: Pieces) -> dict[bytes, bytes]:
    """Each line that has begun, by the stamp of the piece with which the next file goes on with it."""
    out: dict[bytes, bytes] = {}
    for stream, begun in pieces.items():
        found = _FIRST[stream].search(current)
        if found is None:
            raise Broken("a line that began in a rotated file does not go on yet")
        out[_nine_decimals(found[1])] = b"".join(begun)
    return out


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


def _ns(stamp: bytes) -> int:
    try:
        return rfc3339_ns(stamp.decode("ascii", "replace"))
    except ValueError as error:
        raise Broken(f"a rotated file holds what is no log line: {stamp[:80]!r}") from error


def _nine_decimals(stamp: bytes) -> bytes:
    return _FRACTION.sub(lambda found: found[1] + b"." + (found[2] or b"").ljust(9, b"0"), stamp, count=1)
