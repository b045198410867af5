"""The truth server of the comparison: one epoll loop that stamps every request and answers it, and fails when it is told to.

    python -m tests.bench.server '{"log": "a.bin", "capacity": 100000, "faults": [["502", 1.0, 1.5]], "kill_second": false}'

It prints its port, one line, and ends with its standard input; then it prints one line of JSON, {"served", "killed", "windows"}:
how many requests it saw, how many of them it killed, and [on_ns, off_ns] of each fault. The log is a map of ARRIVAL records.

An arrival is stamped by the kernel when it reaches the server's socket (SO_TIMESTAMPNS), so a busy server makes no client look
late; beside it stands when this program read it. Times of faults count from the first request, in seconds.

502     answers 502                                  refuse  closes its listener and all its connections, and listens again
hold    reads on and answers everything at the end   kill_second: closes each connection on its second request, without an answer
"""

from __future__ import annotations

import json
import mmap
import os
import select
import socket
import struct
import sys
import time
from contextlib import suppress
from pathlib import Path

ARRIVAL = struct.Struct("<qqq")
"""seq (the number after the last dash of the query's rid, -1 without one), arrival and reading in UTC ns."""

SO_TIMESTAMPNS = 35
"""Linux' number for it on every machine but SPARC and PA-RISC; Python has no name for it."""

_TIMESPEC = struct.Struct("ll")
_SPACE = socket.CMSG_SPACE(_TIMESPEC.size)
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nfine\n"
_BAD = b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\ngone\n"


class Server:
    """One loop. faults: (kind, from_s, until_s), one after the other."""

    def __init__(self, log: Path, capacity: int, faults: list[tuple[str, float, float]], *, kill_second: bool) -> None:
        flips = [(at, True, kind) for kind, at, _ in faults] + [(until, False, kind) for kind, _, until in faults]
        self._flips = sorted(flips)
        self._kill_second = kill_second
        self._fault = ""
        self._begun = 0.0
        self._on = 0
        self.windows: list[tuple[int, int]] = []
        self.served = 0
        self.killed = 0
        self._capacity = capacity
        with log.open("w+b") as file:
            file.truncate(capacity * ARRIVAL.size)
            self._map = mmap.mmap(file.fileno(), capacity * ARRIVAL.size)
            self._map[:] = bytes(len(self._map))  # touched now, not while measuring
        self._epoll = select.epoll()
        self._conns: dict[int, tuple[socket.socket, list[int]]] = {}
        self._held: list[socket.socket] = []
        self._listener = self._listen(0)
        self.port: int = self._listener.getsockname()[1]

    def _listen(self, port: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)  # what it accepts has it too
        listener.bind(("127.0.0.1", port))
        listener.listen(4096)
        listener.setblocking(False)
        self._epoll.register(listener.fileno(), select.EPOLLIN)
        return listener

    def run(self, stop_fd: int) -> None:
        """Until stop_fd ends."""
        self._epoll.register(stop_fd, select.EPOLLIN)
        conns = self._conns
        while True:
            for fd, _ in self._epoll.poll(self._patience_s(), 1024):
                if fd in conns:
                    self._read(fd)
                elif fd == self._listener.fileno():
                    self._accept()
                elif fd == stop_fd and not os.read(stop_fd, 1):
                    return
            if self._flips and self._begun:
                self._flip_due()

    def _patience_s(self) -> float:
        return max(0.0, self._flips[0][0] - (time.monotonic() - self._begun)) if self._flips and self._begun else -1

    def _flip_due(self) -> None:
        while self._flips and time.monotonic() - self._begun >= self._flips[0][0]:
            _, begins, kind = self._flips.pop(0)
            if begins:
                self._fault, self._on = kind, time.time_ns()
                if kind == "refuse":
                    self._listener.close()
                    for fd in list(self._conns):
                        self._close(fd)
            else:
                self._fault = ""
                if kind == "refuse":
                    self._listener = self._listen(self.port)
                self.windows.append((self._on, time.time_ns()))
                for conn in self._held:
                    with suppress(OSError):
                        conn.send(_OK)
                self._held.clear()

    def _accept(self) -> None:
        with suppress(BlockingIOError):
            while True:
                conn, _ = self._listener.accept()
                conn.setblocking(False)
                conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._conns[conn.fileno()] = (conn, [0])
                self._epoll.register(conn.fileno(), select.EPOLLIN)
                self._read(conn.fileno())

    def _close(self, fd: int) -> None:
        conn, _ = self._conns.pop(fd)
        conn.close()

    def _read(self, fd: int) -> None:
        conn, count = self._conns[fd]
        try:
            data, stamps, _, _ = conn.recvmsg(65_536, _SPACE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(fd)
            return
        now = time.time_ns()
        at = now
        for _, kind, stamp in stamps:
            if kind == SO_TIMESTAMPNS:
                seconds, nanos = _TIMESPEC.unpack(stamp)
                at = seconds * 1_000_000_000 + nanos
        if not self._begun:
            self._begun = time.monotonic()
        # A client may send several requests at once; each is answered, and only the first of them carries a number.
        for _ in range(data.count(b"\r\n\r\n")):
            self._serve(fd, conn, count, data, at, now)

    def _serve(self, fd: int, conn: socket.socket, count: list[int], data: bytes, at: int, now: int) -> None:
        if self.served < self._capacity:
            begin = data.find(b"rid=")
            seq = int(data[begin : data.find(b" ", begin)].rpartition(b"-")[2]) if begin >= 0 else -1
            ARRIVAL.pack_into(self._map, self.served * ARRIVAL.size, seq, at, now)
        self.served += 1
        count[0] += 1
        if self._kill_second and count[0] == 2:
            self.killed += 1
            self._close(fd)
            return
        if self._fault == "hold":
            self._held.append(conn)
            return
        with suppress(OSError):
            conn.send(_BAD if self._fault == "502" else _OK)


def await_stamps(within_s: float = 30.0) -> None:
    """Until the kernel stamps what arrives: it is asked to by a socket, and begins when it finds the time.

    A kernel that never does leaves the reading as the time of arrival.
    """
    until = time.monotonic() + within_s
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        with socket.create_connection(listener.getsockname()) as one:
            other, _ = listener.accept()
            with other:
                while time.monotonic() < until:
                    one.sendall(b"x")
                    if any(kind == SO_TIMESTAMPNS for _, kind, _ in other.recvmsg(1, _SPACE)[1]):
                        return
                    time.sleep(0.001)


def main() -> None:
    """Serve until standard input ends."""
    asked = json.loads(sys.argv[1])
    with suppress(OSError):  # the server's own delays are not what is measured
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(os.sched_get_priority_min(os.SCHED_RR)))
    await_stamps()
    faults = [(kind, begin, end) for kind, begin, end in asked["faults"]]
    server = Server(Path(asked["log"]), asked["capacity"], faults, kill_second=asked["kill_second"])
    print(server.port, flush=True)
    server.run(sys.stdin.fileno())
    print(json.dumps({"served": server.served, "killed": server.killed, "windows": server.windows}), flush=True)


if __name__ == "__main__":
    main()
