"""Opening connections, and the one place that knows which of them are open. What is said over them is not known here."""

from __future__ import annotations

import errno
import os
import select
from socket import (
    IPPROTO_TCP,
    MSG_ERRQUEUE,
    SO_ERROR,
    SOCK_CLOEXEC,
    SOCK_NONBLOCK,
    SOCK_STREAM,
    SOL_SOCKET,
    TCP_NODELAY,
    getaddrinfo,
    socket,
)
from typing import Protocol

WAITING = select.EPOLLIN | select.EPOLLRDHUP
GONE = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
READ_BYTES = 16_384


class Channel(Protocol):
    """Whatever has a socket of its own."""

    sock: socket
    fd: int

    def serve(self, mask: int) -> None:
        """Something happened on it. mask: of epoll."""
        ...


class Sending(Protocol):
    """Whatever has something to send: what the socket has not taken yet is `unsent`."""

    sock: socket
    unsent: bytes


def push(channel: Sending) -> None:
    """Send what the socket takes; the rest waits for it. Raises OSError."""
    try:
        count = channel.sock.send(channel.unsent)
    except BlockingIOError:
        return
    channel.unsent = channel.unsent[count:]


def receive(sock: socket, size: int, mask: int) -> bytes:
    """What has come, b"" at its end. mask: what epoll said of the socket. Raises BlockingIOError where there is nothing, OSError.

    An ICMP rejection (kube-proxy's of a Service without a ready pod) that comes while connect() is under way ends no system call:
    SO_ERROR has it, epoll says EPOLLERR, and the kernel goes on connecting. Go's client asks SO_ERROR and gives up, and so does
    this. Its message stands in the socket's error queue as well: until that is read, epoll never waits again.
    """
    try:
        return sock.recv(size)
    except BlockingIOError:
        if mask & select.EPOLLERR:
            if code := sock.getsockopt(SOL_SOCKET, SO_ERROR):
                raise OSError(code, os.strerror(code)) from None
            while True:
                sock.recvmsg(0, 0, MSG_ERRQUEUE)  # raises BlockingIOError at its end
        raise


class Sockets:
    """The open connections of all lanes, and the kernel's watch over them."""

    def __init__(self) -> None:
        self.epoll = select.epoll()
        self.open: dict[int, Channel] = {}

    def add(self, channel: Channel, *, writing: bool) -> None:
        """Watch it from now on."""
        self.open[channel.fd] = channel
        self.epoll.register(channel.fd, WAITING | select.EPOLLOUT if writing else WAITING)

    def watch(self, channel: Channel, *, writing: bool) -> None:
        """Also tell when it can be written to, or not any more."""
        self.epoll.modify(channel.fd, WAITING | select.EPOLLOUT if writing else WAITING)

    def drop(self, channel: Channel) -> None:
        """Close it."""
        self.open.pop(channel.fd, None)
        channel.sock.close()

    def close(self) -> None:
        """Close all of them."""
        for channel in self.open.values():
            channel.sock.close()
        self.epoll.close()


class Dialer:
    """Opens connections to one place. The name, if it is one, is looked up once: a later change is not followed."""

    def __init__(self, address: str, port: int) -> None:
        """Raises OSError (socket.gaierror) when there is no such address."""
        # As bytes: a text would be taken for a name in other letters, and what cannot be one for a mistake of ours.
        family, kind, proto, _, where = getaddrinfo(address.encode("ascii"), port, type=SOCK_STREAM)[0]
        self._where: tuple[object, ...] = where
        self._family = family
        self._kind = kind | SOCK_NONBLOCK | SOCK_CLOEXEC
        self._proto = proto

    def new(self) -> socket:
        """A non-blocking socket. Raises OSError when the machine has none left."""
        return socket(self._family, self._kind, self._proto)

    def dial(self, sock: socket) -> None:
        """Begin to connect. Raises OSError if that is already over."""
        sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        code = sock.connect_ex(self._where)
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, os.strerror(code))
