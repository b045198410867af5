"""A container's log files on its node, as the container runtime writes them and the kubelet rotates them.

A line is `TIME STREAM P|F TEXT`. The runtime writes a long line in pieces, all but the last marked P; its time is that of its first
piece. The log call of the API gives `TIME TEXT`, with nine decimals where the file has as many as it needs.
"""

from __future__ import annotations

import re

from harness.knative.times import rfc3339_ns

_FRACTION = re.compile(rb"(T\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?=[Z+-])")
_HREF = re.compile(rb'href="([^"]+)"')
_STREAMS = (b"stdout", b"stderr")
_FIRST = {stream: re.compile(rb"^(\S+) " + stream + rb" ", re.MULTILINE) for stream in _STREAMS}
ENDED = {stream: re.compile(rb"^\S+ " + stream + rb" F", re.MULTILINE) for stream in _STREAMS}

Pieces = dict[bytes, list[bytes]]
"""Lines that have begun and not ended, by stream: stamp and blank, then the pieces so far."""


class NotALog(ValueError):
    """A file holds what is no log line, or ends within one; the message says which."""


def listed(listing: bytes, instance: int) -> list[str]:
    """Names of the rotated files in a directory's listing, oldest first: they end with the time of their renaming.

    For a moment a file is there both as it was and compressed; it is named once.
    """
    names = (found.decode("ascii", "replace") for found in _HREF.findall(listing))
    rotated = sorted(name for name in names if re.fullmatch(rf"{instance}\.log\.\d{{8}}-\d{{6}}(\.gz)?", name))
    return list({name.removesuffix(".gz"): name for name in rotated}.values())


def api_lines(body: bytes, pieces: Pieces | None = None) -> list[bytes]:
    """Lines of a log file as the container runtime writes it (`TIME STREAM P|F TEXT`), as the API gives them (`TIME TEXT`).

    pieces: the lines that the file before left unfinished; those that this one leaves so are in it afterwards. None: no file comes
    before or after this one. Raises NotALog for what is no log line, and for a line without an end where no file comes after.
    """
    out: list[bytes] = []
    begun: Pieces = {} if pieces is None else pieces
    for stamp, stream, tag, text in map(_fields, filter(None, body.split(b"\n"))):
        begun.setdefault(stream, [_nine_decimals(stamp) + b" "]).append(text)
        if tag == b"F":
            out.append(b"".join(begun.pop(stream)))
    if pieces is None and begun:
        raise NotALog("a log file ends in the middle of a line")
    return out


def _fields(line: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """(stamp, stream, P or F, text) of a line of a file."""
    fields = line.split(b" ", 3)
    if len(fields) < 4 or fields[1] not in _STREAMS or fields[2][:1] not in (b"P", b"F"):
        raise NotALog(f"a rotated file holds what is no log line: {line[:80]!r}")
    return fields[0], fields[1], fields[2][:1], fields[3]


def firsts_ns(body: bytes) -> dict[bytes, int]:
    """The time of the first line or piece of each stream that is in this file."""
    found = ((stream, first.search(body)) for stream, first in _FIRST.items())
    return {stream: _ns(at[1]) for stream, at in found if at is not None}


def ended(current: bytes, pieces: Pieces) -> list[bytes]:
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
        raise NotALog("a line that began in a rotated file has no end yet")
    return out


def goes_on(current: bytes, pieces: Pieces) -> dict[bytes, bytes]:
    """Each line that has begun, by the stamp of the piece with which the next file goes on with it."""
    out: dict[bytes, bytes] = {}
    for stream, begun in pieces.items():
        found = _FIRST[stream].search(current)
        if found is None:
            raise NotALog("a line that began in a rotated file does not go on yet")
        out[_nine_decimals(found[1])] = b"".join(begun)
    return out


def _ns(stamp: bytes) -> int:
    try:
        return rfc3339_ns(stamp.decode("ascii", "replace"))
    except ValueError as error:
        raise NotALog(f"a rotated file holds what is no log line: {stamp[:80]!r}") from error


def _nine_decimals(stamp: bytes) -> bytes:
    return _FRACTION.sub(lambda found: found[1] + b"." + (found[2] or b"").ljust(9, b"0"), stamp, count=1)
