"""HTTP/1.1 as the generator speaks it: the bytes of a request, and a strict reader of one answer. Pure: no socket is known here.

Strict on purpose: what a lenient client would mend is evidence here, and becomes MALFORMED or TRUNCATED.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto

from harness.apps.toggle import BOOT_HEADER, POD_HEADER
from harness.knative.proxyerrors import UPSTREAM_HEADER, is_of_the_activator
from harness.model import ATTEMPT_HEADER, RID_HEADER, Behaviour, LoadPlan, Outcome

BODY_KEPT = 512
"""So much of a body is kept as evidence."""

HEAD_LIMIT = 65_536
EVIDENCE = frozenset({b"server", b"content-type", POD_HEADER.encode(), BOOT_HEADER.encode()})
PRESENCE = UPSTREAM_HEADER.encode()
"""Only that it is there is kept."""

_CACHED_HEADS = 256
"""A head and what was read from it are about 1.5 kB; a server's Date and timings make them many."""

Evidence = tuple[tuple[str, str], ...]


class Malformed(ValueError):
    """These bytes are no HTTP/1.1 answer; says why."""


@dataclass(frozen=True, slots=True)
class RequestText:
    """The constant parts of one client's requests; the id goes between them, once in the query and once in the header.

    ends: by number of the attempt; one where there is but one attempt.
    """

    line: bytes
    middle: bytes
    ends: tuple[bytes, ...]

    @staticmethod
    def of(behaviour: Behaviour, host: str, plan: LoadPlan) -> RequestText:
        """GET, or POST with a body and no Idempotency-Key of ours: no proxy may send it twice."""
        post = behaviour is Behaviour.POST_KEEPALIVE
        body = plan.body.encode("utf-8") if post else b""
        attempts = plan.retries + 1 if behaviour is Behaviour.RETRYING else 0
        end = "".join(f"\r\n{name}: {value}" for name, value in fields_of(behaviour, plan)).encode("ascii")
        if post:
            end += b"\r\nContent-Length: %d" % len(body)
        if behaviour is Behaviour.GET_NEW:
            end += b"\r\nConnection: close"
        end += b"\r\n\r\n" + body
        ends = tuple(b"\r\n%s: %d%s" % (ATTEMPT_HEADER.encode(), attempt, end) for attempt in range(attempts)) or (end,)
        query = b"&rid=" if "?" in plan.path else b"?rid="
        head = b" HTTP/1.1\r\nHost: %s\r\n%s: " % (host.encode("ascii"), RID_HEADER.encode())
        return RequestText((b"POST " if post else b"GET ") + plan.path.encode("ascii") + query, head, ends)

    def render(self, rid: bytes, attempt: int = 0) -> bytes:
        """The whole request with this id."""
        return self.line + rid + self.middle + rid + self.ends[attempt]


def fields_of(behaviour: Behaviour, plan: LoadPlan) -> tuple[tuple[str, str], ...]:
    """Header fields that say nothing of framing or identity: the plan's, and ours where the plan has none of that name."""
    given = {name.lower() for name, _ in plan.headers}
    own = [("User-Agent", "knative-chaos")]
    if behaviour is not Behaviour.GRPC:
        own.append(("Accept", "*/*"))
    if behaviour is Behaviour.POST_KEEPALIVE:
        own.append(("Content-Type", "text/plain"))
    return (*(field for field in own if field[0].lower() not in given), *plan.headers)


def judged(status: int, expect: Collection[int], body: bytes) -> Outcome:
    """What a complete answer with this status is to a user. expect: the good statuses; empty: every status below 400.

    body: how it begins. A 404 of the activator, which did not find the revision, is never good: no app gave it.
    """
    good = status in expect if expect else status < 400
    if good and status >= 400:
        good = not is_of_the_activator(status, body.decode("utf-8", "replace"))
    return Outcome.OK if good else Outcome.HTTP_ERROR


class Framing(Enum):
    """How the end of a body is told."""

    NONE = auto()
    LENGTH = auto()
    CHUNKED = auto()
    CLOSE = auto()


@dataclass(frozen=True, slots=True)
class Head:
    """A status line and the headers that matter. length: of a body framed by LENGTH. evidence: sorted by name."""

    status: int
    framing: Framing
    length: int
    keep: bool
    evidence: Evidence


def evidence_of(name: bytes, value: bytes) -> Evidence:
    """What is kept of this header; empty: nothing. name: lower-case."""
    if name in EVIDENCE:
        return ((name.decode("ascii"), value.decode("utf-8", "replace")),)
    return ((name.decode("ascii"), "present"),) if name == PRESENCE else ()


def parse_head(raw: bytes) -> Head:
    """raw: from "HTTP/1." to the end of the last header line, without the empty line. Raises Malformed."""
    first, *lines = raw.split(b"\r\n")
    version, _, rest = first.partition(b" ")
    code = rest[:3]
    if version not in (b"HTTP/1.1", b"HTTP/1.0") or not code.isdigit() or len(code) != 3 or rest[3:4] not in (b"", b" "):
        raise Malformed(f"status line {first[:80]!r}")
    status = int(code)
    if status < 100:
        raise Malformed(f"status {status}")
    length = -1
    coding = b""
    connection = b""
    evidence: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name or name != name.strip():
            raise Malformed(f"header line {line[:80]!r}")
        name = name.lower()
        value = value.strip(b" \t")
        if name == b"content-length":
            if not value.isdigit() or length not in (-1, int(value)):
                raise Malformed(f"content-length {value[:40]!r}")
            length = int(value)
        elif name == b"transfer-encoding":
            coding = value.lower()
        elif name == b"connection":
            connection = value.lower()
        else:
            evidence.update(evidence_of(name, value))
    options = {option.strip() for option in connection.split(b",")}
    keep = b"close" not in options and (version == b"HTTP/1.1" or b"keep-alive" in options)
    if status < 200 or status in (204, 304):
        framing = Framing.NONE
    elif coding:
        framing = Framing.CHUNKED if coding == b"chunked" else Framing.CLOSE
    elif length >= 0:
        framing = Framing.LENGTH
    else:
        framing = Framing.CLOSE
    return Head(status, framing, max(length, 0), keep and framing is not Framing.CLOSE, tuple(sorted(evidence.items())))


_heads: dict[bytes, Head] = {}


def _head(raw: bytes) -> Head:
    """The same, remembered: a server's heads repeat, at least within a second of its Date."""
    known = _heads.get(raw)
    if known is None:
        if len(_heads) >= _CACHED_HEADS:
            _heads.clear()
        known = _heads[raw] = parse_head(raw)
    return known


class Chunks:
    """Takes a chunked body apart as it comes. `over` is the number of bytes behind its end, -1 while there is more to come."""

    __slots__ = ("_left", "_rest", "_trailer", "over")

    def __init__(self) -> None:
        self._rest = b""
        self._left = -1  # bytes of this chunk still to come, its line end included; -1: a size line is next
        self._trailer = False
        self.over = -1

    def feed(self, data: bytes) -> bytes:
        """The payload found in this piece. Raises Malformed."""
        data = self._rest + data
        self._rest = b""
        found = []
        while self.over < 0:
            if self._left >= 0:
                payload = data[: max(0, self._left - 2)]
                found.append(payload)
                tail = data[len(payload) : self._left]
                self._left -= len(payload)
                if len(payload) + len(tail) < len(payload) + 2 or self._left > 2:
                    if self._left <= 2:
                        self._rest = tail
                    break
                if tail != b"\r\n":
                    raise Malformed(f"chunk ends with {tail!r}")
                data = data[len(payload) + 2 :]
                self._left = -1
                continue
            line, end, behind = data.partition(b"\r\n")
            if not end:
                if len(data) > HEAD_LIMIT:
                    raise Malformed("chunk line without an end")
                self._rest = data
                break
            data = behind
            if self._trailer:
                if not line:
                    self.over = len(data)
                continue
            size = line.partition(b";")[0].strip(b" \t")
            if not size or len(size) > 8 or any(digit not in b"0123456789abcdefABCDEF" for digit in size):
                raise Malformed(f"chunk size {line[:40]!r}")
            count = int(size, 16)
            if count:
                self._left = count + 2
            else:
                self._trailer = True
        return b"".join(found)


class Reply:
    """One answer as it comes in. Feed it until `complete`, or tell it the connection ended."""

    __slots__ = ("_chunks", "_got", "_raw", "body", "complete", "head", "surplus")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Be ready for another answer on the same connection."""
        self.head: Head | None = None
        self.body = b""  # the first BODY_KEPT bytes
        self.complete = False
        self.surplus = False  # bytes came that belong to no request of ours
        self._raw = b""
        self._got = 0
        self._chunks: Chunks | None = None

    @property
    def seen(self) -> bytes:
        """What there is of a head that is not complete, or was not one."""
        return self._raw[:BODY_KEPT]

    @property
    def keep(self) -> bool:
        """Whether the connection may carry another request after this answer."""
        return self.complete and not self.surplus and self.head is not None and self.head.keep

    def feed(self, data: bytes) -> bool:
        """Take the next bytes, not empty; True once the answer is complete. Raises Malformed."""
        if self.head is None:
            raw = self._raw + data if self._raw else data
            while True:
                end = raw.find(b"\r\n\r\n")
                if end < 0:
                    self._raw = raw
                    if not raw.startswith(b"HTTP/1."[: len(raw)]) or len(raw) > HEAD_LIMIT:
                        raise Malformed(f"no status line, or a head without an end: {raw[:80]!r}")
                    return False
                self._raw = raw
                head = _head(raw[:end])
                raw = raw[end + 4 :]
                if head.status >= 200 or head.status == 101:
                    break
            self.head = head
            self._raw = b""
            data = raw
            if head.framing is Framing.CHUNKED:
                self._chunks = Chunks()
        else:
            head = self.head
        framing = head.framing
        if framing is Framing.LENGTH:
            self._got += len(data)
            if len(self.body) < BODY_KEPT:
                self.body = (self.body + data[: head.length])[:BODY_KEPT]
            if self._got >= head.length:
                self.complete = True
                self.surplus = self._got > head.length
        elif framing is Framing.NONE:
            self.complete = True
            self.surplus = bool(data)
        elif self._chunks is not None:
            if data:
                payload = self._chunks.feed(data)
                if len(self.body) < BODY_KEPT:
                    self.body = (self.body + payload)[:BODY_KEPT]
                if self._chunks.over >= 0:
                    self.complete = True
                    self.surplus = self._chunks.over > 0
        elif len(self.body) < BODY_KEPT:
            self.body = (self.body + data)[:BODY_KEPT]
        return self.complete

    def end(self) -> bool:
        """The server closed its side: True if that completes the answer, as it does for a body framed by the close."""
        if self.head is not None and self.head.framing is Framing.CLOSE:
            self.complete = True
        return self.complete
