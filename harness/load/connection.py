"""Connections of one lane each, and how a new one is opened. No loop, no record is known here."""

from __future__ import annotations

from socket import IPPROTO_TCP, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM, TCP_NODELAY, getaddrinfo, socket

from harness.load.wire import Reply


class Dialer:
    """Opens connections to one place. The name, if it is one, is looked up once: a later change is not followed."""

    def __init__(self, address: str, port: int) -> None:
        """Raises OSError (socket.gaierror) when there is no such address."""
        family, kind, proto, _, where = getaddrinfo(address, port, type=SOCK_STREAM)[0]
        self._where: tuple[object, ...] = where
        self._family = family
        self._kind = kind | SOCK_NONBLOCK | SOCK_CLOEXEC
        self._proto = proto

    def new(self) -> socket:
        """A non-blocking socket. Raises OSError when the machine has none left."""
        return socket(self._family, self._kind, self._proto)

    def dial(self, sock: socket) -> int:
        """Begin to connect; 0, EINPROGRESS, or the errno of the failure."""
        sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        return sock.connect_ex(self._where)


class Connection:
    """A socket and the one request it carries. seq -1: none, it is idle."""

    __slots__ = ("alive", "fd", "first", "flags", "intended", "lane", "reply", "sent", "seq", "sock", "unsent")

    def __init__(self, sock: socket, lane: int) -> None:
        self.sock = sock
        self.fd = sock.fileno()
        self.lane = lane
        self.alive = True
        self.flags = 0
        self.seq = -1
        self.intended = 0
        self.sent = 0
        self.first = 0
        self.unsent = b""
        self.reply = Reply()

    def take(self, seq: int, intended: int, sent: int) -> None:
        """Carry this request from now on. Times: monotonic ns."""
        self.seq = seq
        self.intended = intended
        self.sent = sent
        self.first = 0
        self.reply.reset()
