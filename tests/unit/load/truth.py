"""A small HTTP server that misbehaves on time and writes down what it did when: the truth that load measurements are held to.

    python truth.py '{"faults": [["reset", 0.3, 0.6]], "kill_second": false, "log": "truth.json"}'

It prints its two ports, one line; both serve alike. Its times count from the first request it gets. It ends with its standard
input and then writes a log (see Truth). It speaks HTTP/1.1, and HTTP/2 to whoever begins with that (by the library h2).

refuse    closes its listeners and all its connections         close     reads a request and closes the connection
reset     reads a request and resets the connection            502       answers 502 with a body
stall     reads a request and never answers                    truncate  answers less than it promised, and closes
malformed answers something that is not HTTP
"""

from __future__ import annotations

import json
import os
import resource
import select
import socket
import struct
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived
from h2.exceptions import ProtocolError


@dataclass(frozen=True, slots=True)
class Served:
    """One request as the server saw it. nth: on its connection, from 1. did: "ok", "kill" or the fault's name. at_ns: when it was
    read, UTC. attempt: as the request says, 0 if it does not. port: 0 for the first, 1 for the second. http: 1 or 2.
    said_ns: when that was done to it, UTC; what the server stood still meanwhile lies between the two.
    """

    rid: str
    at_ns: int
    nth: int
    did: str
    attempt: int
    port: int
    http: int
    said_ns: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """One fault: switched on between on_ns and on_done_ns, off between off_ns and off_done_ns. UTC ns.

    on_looked_ns, off_looked_ns: whatever had come by then was served before the switch.
    """

    fault: str
    on_looked_ns: int
    on_ns: int
    on_done_ns: int
    off_looked_ns: int
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


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, whatever the protocol. promised: length of the body it announces."""

    status: bytes
    body: bytes
    promised: int


OK = Said(b"200", b"fine\n", 5)
SAYS = {"502": Said(b"502", b"dial tcp: connection refused\n", 29), "truncate": Said(b"200", b"half", 100)}
NOISE = b"this is not HTTP\r\n\r\n"
LOOKS, CLOSE_NS = 50, 200_000
"""Before it switches a fault the server looks whether anything has come: so often at most, until a look is as short as that."""

HANGS_UP = ("kill", "close", "truncate", "malformed")


class Conn:
    """One connection. second: the protocol's state where it is HTTP/2. over: nothing that comes is looked at any more."""

    def __init__(self, sock: socket.socket, port: int) -> None:
        self.sock = sock
        self.port = port
        self.got = b""
        self.count = 0
        self.second: H2Connection | None = None
        self.over = False


class Server:
    """One epoll loop."""

    def __init__(self, faults: list[tuple[str, float, float]], *, kill_second: bool) -> None:
        self._flips = sorted([(at, "on", name) for name, at, _ in faults] + [(at, "off", name) for name, _, at in faults])
        self._kill_second = kill_second
        self._fault = ""
        self._begun = 0.0
        self._epoll = select.epoll()
        self._conns: dict[int, Conn] = {}
        self._on: tuple[int, int, int] = (0, 0, 0)
        self.truth = Truth()
        self._listeners = [self._listen(0), self._listen(0)]
        self.ports: list[int] = [listener.getsockname()[1] for listener in self._listeners]

    def _listen(self, port: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(4096)
        listener.setblocking(False)
        self._epoll.register(listener.fileno(), select.EPOLLIN)
        return listener

    def run(self, stop_fd: int) -> None:
        """Until stop_fd ends."""
        self._epoll.register(stop_fd, select.EPOLLIN)
        while not self._look(self._patience_s(), stop_fd):
            self._flip_due()
        self._look(0, stop_fd)  # what had come before that is served

    def _look(self, patience_s: float, stop_fd: int = -1) -> bool:
        """Serve what has come; whether it is to stop."""
        stop = False
        for fd, _ in self._epoll.poll(patience_s):
            if fd in self._conns:
                self._read(self._conns[fd])
            elif fd == stop_fd:
                stop = not os.read(stop_fd, 1)
            else:
                self._accept(fd)
        return stop

    def _patience_s(self) -> float:
        if not (self._flips and self._begun):
            return -1
        return max(0.0, self._flips[0][0] - (time.monotonic() - self._begun))

    def _flip_due(self, *, look: bool = True) -> None:
        while self._flips and self._begun and time.monotonic() - self._begun >= self._flips[0][0]:
            self._flip(*self._flips.pop(0)[1:], *(self._looked() if look else [time.time_ns()] * 2))

    def _looked(self) -> tuple[int, int]:
        """(before a last look at what has come, after it): as close together as the machine lets them be, within some looks."""
        looked = before = 0
        for _ in range(LOOKS):
            looked = time.time_ns()
            self._look(0)
            before = time.time_ns()
            if before - looked < CLOSE_NS:
                break
        return looked, before

    def _flip(self, what: str, fault: str, looked: int, before: int) -> None:
        self._fault = fault if what == "on" else ""
        if fault == "refuse":
            if what == "on":
                for listener in self._listeners:
                    listener.close()
                for conn in list(self._conns.values()):
                    self._close(conn)
            else:
                self._listeners = [self._listen(port) for port in self.ports]
        if what == "on":
            self._on = (looked, before, time.time_ns())
        else:
            self.truth.windows.append(Window(fault, *self._on, looked, before, time.time_ns()))

    def _accept(self, fd: int) -> None:
        for port, listener in enumerate(self._listeners):
            if listener.fileno() == fd:
                with suppress(BlockingIOError):
                    while listener.fileno() >= 0:  # what one connection brings may close it
                        sock, _ = listener.accept()
                        sock.setblocking(False)
                        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        conn = self._conns[sock.fileno()] = Conn(sock, port)
                        self._epoll.register(sock.fileno(), select.EPOLLIN)
                        self._read(conn)

    def _close(self, conn: Conn) -> None:
        del self._conns[conn.sock.fileno()]
        conn.sock.close()

    def _hang_up(self, conn: Conn, *, reset: bool = False) -> None:
        if reset:
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._close(conn)
        else:
            # An end, and no reset: that is what the kernel sends for a socket closed with something unread in it.
            conn.over = True
            with suppress(OSError):
                conn.sock.shutdown(socket.SHUT_WR)

    def _read(self, conn: Conn) -> None:
        try:
            data = conn.sock.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        at = time.time_ns()
        if not data:
            self._close(conn)
        elif not conn.over:
            conn.got += data
            if conn.second or conn.got.startswith(b"PRI * HTTP/2.0"):
                self._second(conn, at)
            else:
                self._first(conn, at)

    def _first(self, conn: Conn, at: int) -> None:
        """HTTP/1.1."""
        head, end, body = conn.got.partition(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        given = {name.lower(): value.decode() for name, value in fields.items()}
        if not end or len(body) < int(given.get(b"content-length", 0)):
            return
        conn.got = b""
        did = self._does(conn, given, at, 1)
        said = SAYS.get(did, OK)
        head = b"HTTP/1.1 %s Said\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % (said.status, said.promised)
        self._say(conn, did, head + said.body)

    def _second(self, conn: Conn, at: int) -> None:
        """HTTP/2."""
        if not conn.second:
            conn.second = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
            conn.second.initiate_connection()
        try:
            events = conn.second.receive_data(conn.got)
        except ProtocolError:
            self._close(conn)
            return
        conn.got = b""
        for event in events:
            if not isinstance(event, RequestReceived) or conn.over:
                continue
            stream = event.stream_id
            did = self._does(conn, {str(name).encode(): str(value) for name, value in event.headers}, at, 2)
            said = SAYS.get(did, OK)
            if did in SAYS or did == "ok":
                head = [(":status", said.status.decode()), ("content-type", "text/plain"), ("content-length", str(said.promised))]
                conn.second.send_headers(stream, head)
                conn.second.send_data(stream, said.body, end_stream=did != "truncate")
            self._say(conn, did, conn.second.data_to_send())
            if conn.sock.fileno() < 0:
                return
        with suppress(OSError):
            conn.sock.sendall(b"" if conn.over else conn.second.data_to_send())

    def _does(self, conn: Conn, given: dict[bytes, str], at: int, http: int) -> str:
        """What is done to this request; written down."""
        if not self._begun:
            self._begun = time.monotonic()
            self._flip_due(look=False)  # the first request meets the fault that it sets off
        conn.count += 1
        did = "kill" if self._kill_second and conn.count == 2 else self._fault or "ok"
        attempt = int(given.get(b"x-attempt", 0))
        self.truth.served.append(Served(given.get(b"x-rid", ""), at, conn.count, did, attempt, conn.port, http))
        return did

    def _say(self, conn: Conn, did: str, answer: bytes) -> None:
        """answer: what is said if anything is."""
        with suppress(OSError):
            if did in SAYS or did == "ok":
                conn.sock.sendall(answer)
            elif did == "malformed":
                conn.sock.sendall(NOISE)
        if did in HANGS_UP or did == "reset":
            self._hang_up(conn, reset=did == "reset")
        self.truth.served[-1] = replace(self.truth.served[-1], said_ns=time.time_ns())


def main() -> None:
    """Serve until standard input ends."""
    asked: dict[str, Any] = json.loads(sys.argv[1])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)  # whoever finds it standing still opens a connection for each request
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with suppress(OSError):  # the server's own delays are not what is measured
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(os.sched_get_priority_min(os.SCHED_RR)))
    server = Server([(name, lo, hi) for name, lo, hi in asked.get("faults", [])], kill_second=asked.get("kill_second", False))
    print(*server.ports, flush=True)
    server.run(sys.stdin.fileno())
    if asked.get("log"):
        Path(asked["log"]).write_text(json.dumps(asdict(server.truth)), encoding="utf-8")


if __name__ == "__main__":
    main()
