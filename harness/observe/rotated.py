"""Files a container's log was rotated into: what the log call of the API gives no more and the node keeps for a while.

The kubelet renames a log that has grown beyond its limit (10 MiB by default) to `INSTANCE.log.TIME`, compresses all but the newest
of these and keeps four. Its log call reads only the file written now, and one that follows goes on with the newest file, whatever
it had not read of those before. The kubelet serves the files themselves below its node's log directory.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable

from harness.knative.times import rfc3339_ns
from harness.observe.wire import Broken, Refused

MOST_BYTES = 64 * 1024 * 1024
"""Of the files read back at one time, unpacked; a log that was rotated past this is not made whole again."""

LISTINGS = 3
"""A file may be compressed, and so get another name, between its being listed and its being read."""

_FRACTION = re.compile(rb"(T\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?=[Z+-])")
_HREF = re.compile(rb'href="([^"]+)"')

Fetch = Callable[[str], bytes]
"""Name of a file of the container's log directory, "" for its listing, to what the node gives. Raises Broken."""


def read_rotated(fetch: Fetch, instance: int, *, since_ns: int | None) -> list[bytes]:
    """Lines of this instance's rotated files, oldest first, as the log call gives them.

    Begins with the file that holds since_ns, or with the oldest there is. Raises Broken when one cannot be read.
    """
    for attempt in range(LISTINGS):
        names = listed(fetch(""), instance)
        try:
            return _read(fetch, names, since_ns)
        except Refused as refused:
            if refused.status != 404 or attempt + 1 == LISTINGS:
                raise
    return []  # pragma: no cover - the last attempt returns or raises


def listed(listing: bytes, instance: int) -> list[str]:
    """Names of the rotated files in a directory's listing, oldest first: they end with the time of their renaming.

    For a moment a file is there both as it was and compressed; it is named once.
    """
    names = (found.decode("ascii", "replace") for found in _HREF.findall(listing))
    rotated = sorted(name for name in names if re.fullmatch(rf"{instance}\.log\.\d{{8}}-\d{{6}}(\.gz)?", name))
    return list({name.removesuffix(".gz"): name for name in rotated}.values())


def _read(fetch: Fetch, names: list[str], since_ns: int | None) -> list[bytes]:
    files: list[list[bytes]] = []
    left = MOST_BYTES
    for name in reversed(names):
        body = fetch(name)
        if name.endswith(".gz"):
            body = _unpacked(body, left)
        left -= len(body)
        if left < 0:
            raise Broken(f"the rotated files are more than {MOST_BYTES // 1024 // 1024} MiB")
        lines = api_lines(body)
        files.append(lines)
        if since_ns is not None and lines and rfc3339_ns(lines[0].partition(b" ")[0].decode("ascii", "replace")) <= since_ns:
            break
    return [line for lines in reversed(files) for line in lines]


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


def api_lines(body: bytes) -> list[bytes]:
    """Lines of a log file as the container runtime writes it (`TIME STREAM P|F TEXT`), as the API gives them (`TIME TEXT`).

    A long line lies there in pieces, all but the last marked P; its time is that of its first piece. Times have as many decimals as
    they need in the file, and nine in the API. Raises Broken.
    """
    out: list[bytes] = []
    pieces: dict[bytes, list[bytes]] = {}
    for line in body.split(b"\n"):
        if not line:
            continue
        fields = line.split(b" ", 3)
        if len(fields) < 4 or fields[2][:1] not in (b"P", b"F"):
            raise Broken(f"a rotated file holds what is no log line: {line[:80]!r}")
        stamp, stream, tag, text = fields
        begun = pieces.setdefault(stream, [_nine_decimals(stamp) + b" "])
        begun.append(text)
        if tag[:1] == b"F":
            out.append(b"".join(pieces.pop(stream)))
    return out


def _nine_decimals(stamp: bytes) -> bytes:
    return _FRACTION.sub(lambda found: found[1] + b"." + (found[2] or b"").ljust(9, b"0"), stamp, count=1)
