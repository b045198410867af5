"""A small HTTP server that misbehaves on time and writes down what it did when: the truth that load measurements are held to.

    python truth.py '{"faults": [["reset", 0.3, 0.6]], "kill_second": false, "log": "truth.json"}'

It prints its port, one line; its times count from the first request it gets. It ends with its standard input and then writes a log
(see Truth). Standard library only.

refuse    closes its listener and all its connections          close     reads a request and closes the connection
reset     reads a request and resets the connection            502       answers 502 with a body
stall     reads a request and never answers                    truncate  answers less than it promised, and closes
malformed answers something that is not HTTP
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Served:
    """One request as the server saw it. nth: on its connection, from 1. did: "ok", "kill" or the fault's name. UTC ns."""

    rid: str
    at_ns: int
    nth: int
    did: str


@dataclass(frozen=True, slots=True)
class Window:
    """One fault: switched on between on_ns and on_done_ns, off between off_ns and off_done_ns. UTC ns."""

    fault: str
    on_ns: int
    on_done_ns: int
    off_ns: int
    off_done_ns: int


@dataclass(slots=True)
class Truth:
    """What the server did."""

    served: list[Served] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)

    @staticmethod
    def read(path: Path) -> Truth:
        """From the server's log."""
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Truth([Served(**one) for one in raw["served"]], [Window(**one) for one in raw["windows"]])


def _answer(status: str, body: bytes, promised: int | None = None) -> bytes:
    length = len(body) if promised is None else promised
    return b"HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), length, body)


OK = _answer("200 OK", b"fine\n")
SAYS = {
    "502": _answer("502 Bad Gateway", b"dial tcp: connection refused\n"),
    "truncate": _answer("200 OK", b"half", promised=100),
    "malformed": b"this is not HTTP\r\n\r\n",
}


class Server:
    """One epoll loop."""

    def __init__(self, faults: list[tuple[str, float, float]], *, kill_second: bool) -> None:
        self._flips = sorted([(at, "on", name) for name, at, _ in faults] + [(at, "off", name) for name, _, at in faults])
        self._kill_second = kill_second
        self._fault = ""
        self._begun = 0.0
        self._epoll = select.epoll()
        self._conns: dict[int, tuple[socket.socket, bytearray, list[int]]] = {}
        self._on: tuple[int, int] = (0, 0)
        self.truth = Truth()
        self._listener = self._listen(0)
        self.port: int = self._listener.getsockname()[1]

    def _listen(self, port: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(1024)
        listener.setblocking(False)
        self._epoll.register(listener.fileno(), select.EPOLLIN)
        return listener

    def run(self, stop_fd: int) -> None:
        """Until stop_fd ends."""
        self._epoll.register(stop_fd, select.EPOLLIN)
        while True:
            for fd, _ in self._epoll.poll(self._patience_s()):
                if fd == stop_fd:
                    if not os.read(stop_fd, 1):
                        return
                elif fd == self._listener.fileno():
                    self._accept()
                elif fd in self._conns:
                    self._read(fd)
            self._flip_due()

    def _patience_s(self) -> float:
        if not (self._flips and self._begun):
            return -1
        return max(0.0, self._flips[0][0] - (time.monotonic() - self._begun))

    def _flip_due(self) -> None:
        while self._flips and self._begun and time.monotonic() - self._begun >= self._flips[0][0]:
            self._flip(*self._flips.pop(0)[1:])

    def _flip(self, what: str, fault: str) -> None:
        before = time.time_ns()
        self._fault = fault if what == "on" else ""
        if fault == "refuse":
            if what == "on":
                self._listener.close()
                for fd in list(self._conns):
                    self._close(fd)
            else:
                self._listener = self._listen(self.port)
        if what == "on":
            self._on = (before, time.time_ns())
        else:
            self.truth.windows.append(Window(fault, *self._on, before, time.time_ns()))

    def _accept(self) -> None:
        with suppress(BlockingIOError):
            while True:
                conn, _ = self._listener.accept()
                conn.setblocking(False)
                self._conns[conn.fileno()] = (conn, bytearray(), [0])
                self._epoll.register(conn.fileno(), select.EPOLLIN)
                self._read(conn.fileno())

    def _close(self, fd: int, *, reset: bool = False) -> None:
        conn, _, _ = self._conns.pop(fd)
        if reset:
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        conn.close()

    def _read(self, fd: int) -> None:
        conn, got, count = self._conns[fd]
        try:
            data = conn.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(fd)
            return
        got += data
        head, end, body = bytes(got).partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        if not end or len(body) < length:
            return
        got.clear()
        count[0] += 1
        self._do(fd, conn, head.partition(b"X-Rid: ")[2].split(b"\r\n")[0].decode(), count[0])

    def _do(self, fd: int, conn: socket.socket, rid: str, nth: int) -> None:
        if not self._begun:
            self._begun = time.monotonic()
            self._flip_due()
        did = "kill" if self._kill_second and nth == 2 else self._fault or "ok"
        self.truth.served.append(Served(rid, time.time_ns(), nth, did))
        if did == "stall":
            return
        with suppress(OSError):
            if did in SAYS or did == "ok":
                conn.sendall(SAYS.get(did, OK))
        if did in ("kill", "close", "truncate", "malformed", "reset"):
            self._close(fd, reset=did == "reset")


def main() -> None:
    """Serve until standard input ends."""
    asked: dict[str, Any] = json.loads(sys.argv[1])
    with suppress(OSError):  # the server's own delays are not what is measured
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(os.sched_get_priority_min(os.SCHED_RR)))
    server = Server([(name, lo, hi) for name, lo, hi in asked.get("faults", [])], kill_second=asked.get("kill_second", False))
    print(server.port, flush=True)
    server.run(sys.stdin.fileno())
    if asked.get("log"):
        Path(asked["log"]).write_text(json.dumps(asdict(server.truth)), encoding="utf-8")


if __name__ == "__main__":
    main()
