"""The toggle app: a small HTTP server whose probes, listener and life can be switched by POST.

    toggle.py                              serve
    toggle.py probe liveness|readiness     exec probe: ask the running app, exit 0 (well) or 1 (failing, or not listening)

One file, standard library only, one thread, one selector. The main port answers every path with 200 and who answered; the control
port has a listener of its own and works while the main one hangs, is closed, or is not yet open. README.md is the manual.

Each event is one JSON line on stdout in one write: {"t_ns", "event", "pod", "boot", "pid", ...}.
"""

from __future__ import annotations

import errno
import hmac
import json
import os
import resource
import selectors
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator
from typing import Any, Final

HEAD_LIMIT: Final = 32 * 1024
CONTROL_BODY_LIMIT: Final = 16 * 1024
READ_SIZE: Final = 64 * 1024
BACKLOG: Final = 1024
SPARE_FILES: Final = 64
"""File descriptors the main port leaves to the control port and the log, however many clients hang."""

PROBES: Final = {"/healthz": "liveness", "/readyz": "readiness"}
KINDS: Final = ("liveness", "readiness", "hang", "exit", "close")
SIGTERM_MODES: Final = ("exit", "ignore", "ignore-close")
REASONS: Final = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
}


class BadEnvironment(Exception):
    """A variable cannot be used; the message names it."""


class Refused(Exception):
    """A request that gets `status` and one line of text; on the main port the connection then closes."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


# --- what it was started with -------------------------------------------------------------------------------------------


class Settings:
    """The environment, read once. Raises BadEnvironment."""

    def __init__(self, env: dict[str, str]) -> None:
        self.port = _number(env, "PORT", 8080, 65535)
        self.control_port = _number(env, "TOGGLE_CONTROL_PORT", 8099, 65535)
        if self.port == self.control_port != 0:
            raise BadEnvironment(f"PORT and TOGGLE_CONTROL_PORT are both {self.port}; the control port must be another one")
        self.token = env.get("TOGGLE_TOKEN", "")
        self.sigterm = env.get("TOGGLE_SIGTERM") or "exit"
        if self.sigterm not in SIGTERM_MODES:
            raise BadEnvironment(f"TOGGLE_SIGTERM is {self.sigterm!r}; it may be {', '.join(SIGTERM_MODES)}")
        self.startup_delay_s = _seconds(env, "TOGGLE_STARTUP_DELAY")
        self.ready_delay_s = _seconds(env, "TOGGLE_READY_DELAY")
        self.answer_delay_s = _seconds(env, "TOGGLE_ANSWER_DELAY")
        self.asks = _number(env, "TOGGLE_ASKS", 0, 65535)
        self.logs_requests = bool(_number(env, "TOGGLE_LOG_REQUESTS", 0, 1))
        self.bind = env.get("TOGGLE_BIND") or "0.0.0.0"  # noqa: S104 - a pod's clients come from outside of it
        self.pod = env.get("HOSTNAME") or socket.gethostname()
        # The name keeps pods, and several copies in one pod (its containers share /dev/shm), apart.
        self.state_file = os.path.join(env.get("TOGGLE_STATE") or "/dev/shm", f"toggle-{self.pod}-{self.port}.json")  # noqa: S108, PTH118 - the pod's shared memory outlives a container; pathlib would slow each exec probe


def _seconds(env: dict[str, str], name: str) -> float:
    text = env.get(name) or "0"
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86_400:
        raise BadEnvironment(f"{name} is {text!r}; it must be seconds from 0 to 86400")
    return seconds


def _number(env: dict[str, str], name: str, default: int, highest: int) -> int:
    text = env.get(name) or str(default)
    if not (text.isascii() and text.isdigit()) or int(text) > highest:
        raise BadEnvironment(f"{name} is {text!r}; it must be a whole number from 0 to {highest}")
    return int(text)


class Log:
    """JSON lines on stdout, one write each, so that lines are never torn and each is out before what follows it."""

    def __init__(self, pod: str, boot: str) -> None:
        self._fixed = {"pod": pod, "boot": boot, "pid": os.getpid()}

    def __call__(self, event: str, *, t_ns: int = 0, **more: Any) -> None:
        """Write one event, now or at t_ns. A reader that went away does not end the app."""
        line = json.dumps({"t_ns": t_ns or time.time_ns(), "event": event, **self._fixed, **more}, separators=(",", ":"))
        try:
            os.write(1, line.encode() + b"\n")
        except OSError:
            return


# --- what it was told to do ---------------------------------------------------------------------------------------------


class Faults:
    """The toggles that are on: kind -> {persistent, t_ns, and scope (hang) or code (exit)}.

    The persistent ones are kept in a file and are on again after a restart of the container.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self.active: dict[str, dict[str, Any]] = {}

    def restore(self) -> str:
        """Take up what an earlier start of this container left. Returns what was wrong with it, "" if nothing."""
        try:
            with open(self._path, encoding="utf-8") as source:  # noqa: PTH123 - pathlib would slow each exec probe
                kept = json.load(source)
            self.active = {kind: {**kept[kind], "persistent": True} for kind in kept if kind in KINDS}
        except FileNotFoundError:
            return ""
        except (OSError, ValueError, TypeError) as error:
            return f"{self._path}: {type(error).__name__}: {error}"[:200]
        return ""

    def set(self, kind: str, fault: dict[str, Any]) -> None:
        """Turn one on. Raises OSError, with nothing changed, when a persistent one cannot be kept."""
        self._replace({**self.active, kind: fault})

    def clear(self, kind: str) -> None:
        """Turn one off, or all with "". Raises OSError, with nothing changed, when the file cannot be rewritten."""
        self._replace({name: fault for name, fault in self.active.items() if kind and name != kind})

    def _replace(self, wanted: dict[str, dict[str, Any]]) -> None:
        kept = {kind: fault for kind, fault in wanted.items() if fault["persistent"]}
        if kept or any(fault["persistent"] for fault in self.active.values()):
            beside = f"{self._path}.{os.getpid()}"
            with open(beside, "w", encoding="utf-8") as out:  # noqa: PTH123 - pathlib would slow each exec probe
                json.dump(kept, out)
            os.replace(beside, self._path)  # noqa: PTH105 - see above
        self.active = wanted


def parse_fault(body: bytes) -> tuple[str, dict[str, Any]]:
    """(kind, fault without its time) from the body of POST /fault. Raises Refused with what is wrong."""
    asked = _json_object(body)
    kind = asked.pop("kind", None)
    if kind not in KINDS:
        raise Refused(400, f"kind is {kind!r}; it may be {', '.join(KINDS)}")
    persistent = asked.pop("persistent", False)
    if not isinstance(persistent, bool):
        raise Refused(400, f"persistent is {persistent!r}; it may be true or false")
    fault: dict[str, Any] = {"persistent": persistent}
    if kind == "hang":
        fault["scope"] = asked.pop("scope", "all")
        if fault["scope"] not in ("all", "probes"):
            raise Refused(400, f"scope is {fault['scope']!r}; it may be all or probes")
    if kind == "exit":
        fault["code"] = asked.pop("code", 1)
        if not isinstance(fault["code"], int) or isinstance(fault["code"], bool) or not 0 <= fault["code"] <= 255:
            raise Refused(400, f"code is {fault['code']!r}; it may be 0 to 255")
    _nothing_left(asked, kind)
    return kind, fault


def parse_clear(body: bytes) -> str:
    """The kind to clear, "" for all, from the body of POST /clear (which may be empty). Raises Refused."""
    asked = _json_object(body) if body.strip() else {}
    kind = asked.pop("kind", "")
    if kind not in ("", *KINDS):
        raise Refused(400, f"kind is {kind!r}; it may be {', '.join(KINDS)}, or left out to clear all")
    _nothing_left(asked, "clear")
    return str(kind)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError as error:
        raise Refused(400, f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise Refused(400, "the body must be a JSON object")
    return value


def _nothing_left(asked: dict[str, Any], kind: str) -> None:
    if asked:
        raise Refused(400, f"{kind} does not take {', '.join(sorted(asked))}")


# --- HTTP/1.1 -----------------------------------------------------------------------------------------------------------


class Request:
    """One request, complete. headers: lower-case names. body: kept up to the parser's limit."""

    __slots__ = ("body", "headers", "keep_alive", "method", "overlong", "path")

    def __init__(self, method: str, path: str, headers: dict[str, str], *, keep_alive: bool) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.keep_alive = keep_alive
        self.body = b""
        self.overlong = False


class Parser:
    """Requests out of a stream of bytes, however it was cut. One a connection.

    keep: how much of a body is kept; the rest is read and dropped. `wants_continue` is set when a client waits for
    "100 Continue" before it sends the body.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._buffer = bytearray()
        self._request: Request | None = None
        self._left = 0
        self._part = "data"
        self._chunked = False
        self.wants_continue = False

    def feed(self, data: bytes) -> Iterator[Request]:
        """All requests that are complete with this piece. Raises Refused; the stream is then of no more use."""
        self._buffer += data
        while self._head() and self._body():
            done, self._request = self._request, None
            self.wants_continue = False
            if done is not None:
                yield done

    def _head(self) -> bool:
        if self._request is not None:
            return True
        while self._buffer.startswith(b"\r\n"):  # allowed between requests
            del self._buffer[:2]
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or end > HEAD_LIMIT:
            if len(self._buffer) > HEAD_LIMIT:
                raise Refused(431, f"the head of the request is longer than {HEAD_LIMIT} bytes")
            return False
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        words = lines[0].split(" ")
        if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
            raise Refused(400, "the first line is not that of an HTTP/1.1 request")
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                raise Refused(400, "a header line has no proper name")
            name = name.lower()
            if name in ("content-length", "transfer-encoding") and name in headers:
                raise Refused(400, f"{name} is given twice")
            headers[name] = value.strip()
        tokens = [word.strip() for word in headers.get("connection", "").lower().split(",")]
        keep_alive = "close" not in tokens if words[2] == "HTTP/1.1" else "keep-alive" in tokens
        self._frame(headers)
        self._request = Request(words[0], words[1].partition("?")[0], headers, keep_alive=keep_alive)
        self.wants_continue = headers.get("expect", "").lower() == "100-continue"
        return True

    def _frame(self, headers: dict[str, str]) -> None:
        coding, length = headers.get("transfer-encoding"), headers.get("content-length")
        if coding is not None and length is not None:
            raise Refused(400, "content-length and transfer-encoding exclude each other")
        if coding is not None and coding.lower() != "chunked":
            raise Refused(501, f"transfer-encoding {coding!r} is not known here")
        if length is not None and not (length.isascii() and length.isdigit()):
            raise Refused(400, "content-length is not a number")
        self._chunked = coding is not None
        self._part = "size" if self._chunked else "data"
        self._left = int(length or 0)

    def _body(self) -> bool:
        while True:
            if self._part == "data":
                piece = bytes(self._buffer[: self._left])
                del self._buffer[: len(piece)]
                self._left -= len(piece)
                self._keep_of(piece)
                if self._left:
                    return False
                if not self._chunked:
                    return True
                self._part = "end"
            line = self._line()
            if line is None:
                return False
            if self._part == "end":
                if line:
                    raise Refused(400, "a chunk is longer than it says")
                self._part = "size"
            elif self._part == "size":
                digits = line.partition(b";")[0].strip()
                try:
                    self._left = int(digits, 16) if digits.isalnum() else -1
                except ValueError:
                    self._left = -1
                if self._left < 0:
                    raise Refused(400, "the size of a chunk is not a number")
                self._part = "data" if self._left else "trailer"
            elif not line:
                return True

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            if len(self._buffer) > HEAD_LIMIT:
                raise Refused(400, "a line of the chunked body does not end")
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _keep_of(self, piece: bytes) -> None:
        if self._request is not None and piece and self._keep:
            room = self._keep - len(self._request.body)
            self._request.body += piece[:room]
            self._request.overlong = self._request.overlong or len(piece) > room


def render(status: int, body: bytes, kind: str, extra: str, request: Request | None) -> bytes:
    """A whole answer, to be written at once. No Date: the same answer has the same bytes all through a boot."""
    keep = request is not None and request.keep_alive
    head = (
        f"HTTP/1.1 {status} {REASONS[status]}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n{extra}"
        f"connection: {'keep-alive' if keep else 'close'}\r\n\r\n"
    )
    return head.encode("latin-1") + (b"" if request is not None and request.method == "HEAD" else body)


class Connection:
    """One client. hung: it asked while hanging and gets no answer any more. out: what the socket would not take yet.

    question: what is asked of another container before this client gets its answer. late: its answer is not due yet.
    read_ns: when something of it was read last, by the monotonic clock.
    """

    __slots__ = (
        *("accepted_ns", "control", "ending", "hung", "late", "out"),
        *("parser", "peer", "question", "read_ns", "silent", "sock"),
    )

    def __init__(self, sock: socket.socket, peer: str, *, control: bool) -> None:
        self.sock = sock
        self.peer = peer
        self.control = control
        self.parser = Parser(CONTROL_BODY_LIMIT if control else 0)
        self.accepted_ns = time.time_ns()
        self.read_ns = 0
        self.silent = True
        self.hung = False
        self.late = False
        self.ending = False
        self.out = b""
        self.question: Question | None = None


class Question:
    """A request to another container of the pod, on behalf of one client's. got: its answer so far."""

    __slots__ = ("client", "got", "request", "sock")

    def __init__(self, sock: socket.socket, client: Connection, request: Request) -> None:
        self.sock = sock
        self.client = client
        self.request = request
        self.got = b""


# --- the app ------------------------------------------------------------------------------------------------------------


class App:
    """Both listeners, their connections, and what the toggles make of a request."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.boot = os.urandom(6).hex()
        self.log = Log(settings.pod, self.boot)
        self.faults = Faults(settings.state_file)
        self.exit_code: int | None = None
        self._who = f"x-toggle-pod: {settings.pod}\r\nx-toggle-boot: {self.boot}\r\n"
        self._hello = f"toggle {settings.pod} {self.boot}\n".encode()
        self._selector = selectors.DefaultSelector()
        self._connections: set[Connection] = set()
        self._port = settings.port
        self._main: socket.socket | None = None
        self._accepting = False
        self._control: socket.socket | None = None
        self._control_port = settings.control_port
        self._opens_at: float | None = None
        self._ready_at = 0.0
        self._late: deque[tuple[float, Connection, Request]] = deque()  # by when they are due: all wait for the same time
        self._stopped_listening = False
        self._counts = {"liveness": {"ok": 0, "failed": 0}, "readiness": {"ok": 0, "failed": 0}}
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._most = 60_000 if limit == resource.RLIM_INFINITY else max(16, limit - SPARE_FILES)
        self._wake = self._catch_signals()
        self._no_signal_ns = time.time_ns()

    def _catch_signals(self) -> socket.socket:
        # Explicit handlers: as PID 1 a signal without one does nothing at all.
        ours, pythons = socket.socketpair()
        ours.settimeout(0)
        pythons.settimeout(0)
        self._pythons_end = pythons  # kept: the interpreter only has its number
        signal.set_wakeup_fd(pythons.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: None)
        self._selector.register(ours, selectors.EVENT_READ)
        return ours

    def run(self) -> int:
        """Serve until told to exit; returns the exit code. Raises OSError when a port cannot be had."""
        wrong = self.faults.restore()
        self._control = self._listen(self._control_port)
        self._control_port = self._control.getsockname()[1]
        self._selector.register(self._control, selectors.EVENT_READ)
        self.log(
            "boot",
            control_port=self._control_port,
            startup_delay_s=self.settings.startup_delay_s,
            ready_delay_s=self.settings.ready_delay_s,
            sigterm=self.settings.sigterm,
            faults=sorted(self.faults.active),
            lost_state=wrong,
        )
        self._opens_at = time.monotonic() + self.settings.startup_delay_s
        self._ready_at = self._opens_at + self.settings.ready_delay_s
        self._settle()
        while self.exit_code is None:
            self._turn()
        self._close_main("exit")
        self.log("exit", code=self.exit_code)
        return self.exit_code

    def _turn(self) -> None:
        due = [at for at in (self._opens_at, self._late[0][0] if self._late else None) if at is not None]
        patience = max(0.0, min(due) - time.monotonic()) if due else None
        entered_ns = time.time_ns()
        for key, ready in self._selector.select(patience):
            if key.fileobj is self._wake:
                for number in self._wake.recv(64):
                    self._signalled(number)
            elif key.fileobj is self._control:
                self._accept(self._control, control=True)
            elif self._main is not None and key.fileobj is self._main:
                self._accept(self._main, control=False)
            elif isinstance(key.data, Question):
                if key.data.client.question is key.data:
                    self._asked(key.data, writable=bool(ready & selectors.EVENT_WRITE))
            elif isinstance(key.data, Connection) and key.data in self._connections:
                if ready & selectors.EVENT_WRITE:
                    self._flush(key.data)
                else:
                    self._read(key.data)
            if self.exit_code is not None:
                return
        self._answer_late()
        self._no_signal_ns = entered_ns  # one that had come by then would have been read by now
        self._settle()

    # the listener

    def _listen(self, port: int) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((self.settings.bind, port))
            sock.listen(BACKLOG)
            sock.settimeout(0)
        except OSError as error:
            sock.close()
            raise OSError(f"port {port} on {self.settings.bind} cannot be had: {error.strerror}") from error
        return sock

    def _settle(self) -> None:
        """Bring the main listener to what the time and the toggles say."""
        if self._opens_at is not None and time.monotonic() >= self._opens_at:
            self._opens_at = None
        due = self._opens_at is None and not self._stopped_listening
        if due and "exit" in self.faults.active:
            self.exit_code = int(self.faults.active["exit"]["code"])
            return
        if due and "close" not in self.faults.active and self._main is None:
            before_ns = time.time_ns()
            self._main = self._listen(self._port)
            after_ns = time.time_ns()
            self._port = self._main.getsockname()[1]
            self.log("listening", t_ns=after_ns, before_ns=before_ns, port=self._port, control_port=self._control_port)
        if "close" in self.faults.active:
            self._close_main("fault")
        self._admit()

    def _admit(self) -> None:
        """Take new clients only while there are descriptors to spare: a full house must not lock out the control port."""
        wanted = self._main is not None and len(self._connections) < self._most
        if self._main is not None and wanted != self._accepting:
            if wanted:
                self._selector.register(self._main, selectors.EVENT_READ)
            else:
                self._selector.unregister(self._main)
            self._accepting = wanted

    def _close_main(self, why: str) -> None:
        """Close the listener and its connections: over a kept connection a client would not notice."""
        if self._main is None:
            return
        if self._accepting:
            self._selector.unregister(self._main)
        self._accepting = False
        before_ns = time.time_ns()
        self._main.close()
        after_ns = time.time_ns()
        self._main = None
        self.log("closed", t_ns=after_ns, before_ns=before_ns, port=self._port, why=why)
        for connection in [one for one in self._connections if not one.control]:
            self._drop(connection)

    def _signalled(self, number: int) -> None:
        mode = self.settings.sigterm if number == signal.SIGTERM else "exit"
        if number not in (signal.SIGTERM, signal.SIGINT):
            return
        self.log("signal", before_ns=self._no_signal_ns, signal=signal.Signals(number).name, action=mode)
        if mode == "exit":
            self._close_main("signal")
            self.exit_code = 0
        elif mode == "ignore-close":
            self._stopped_listening = True
            self._close_main("signal")

    # connections

    def _accept(self, listener: socket.socket, *, control: bool) -> None:
        try:
            sock, peer = listener.accept()
        except OSError:  # the client was gone before we came, or no descriptor is free: the next turn tries again
            return
        sock.settimeout(0)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(sock, peer[0], control=control)
        self._connections.add(connection)
        self._selector.register(sock, selectors.EVENT_READ, connection)
        self._read(connection)  # the request is often there already; saves a turn

    def _read(self, connection: Connection) -> None:
        try:
            data = connection.sock.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            if connection.silent and not connection.control:
                peer, accepted_ns = connection.peer, connection.accepted_ns
                self.log("probe", which="tcp-probe", via="tcp", ok=True, status=0, peer=peer, accepted_ns=accepted_ns)
            self._drop(connection)
            return
        connection.silent = False
        connection.read_ns = time.monotonic_ns()
        if connection.question is not None or connection.late:  # nobody who waits for an answer sends more
            self._drop(connection)
            return
        if connection.hung or connection.ending:
            return
        try:
            for request in connection.parser.feed(data):
                waits = self._ready() and (self.settings.asks or self.settings.answer_delay_s)
                if waits and not connection.control and not self._which(request) and not self._hangs("all"):
                    self._wait(connection, request)
                    return
                answer = self._controlled(request) if connection.control else self._answered(request, connection.peer)
                if answer is None:
                    connection.hung = True
                    return
                if not self._reply(connection, request, answer, last=self.exit_code is not None):
                    return
            if connection.parser.wants_continue:
                connection.parser.wants_continue = False
                self._send(connection, b"HTTP/1.1 100 Continue\r\n\r\n", last=False)
        except Refused as refusal:
            self._send(connection, self._text(refusal.status, refusal.text, None), last=True)

    def _reply(self, connection: Connection, request: Request, answer: bytes, *, last: bool = False) -> bool:
        """Answer a request. Returns whether the connection may carry another one."""
        more = self._send(connection, answer, last=last or not request.keep_alive)
        if self.settings.logs_requests and not connection.control and not self._which(request):
            took_ns = time.monotonic_ns() - connection.read_ns
            rid, attempt = (request.headers.get(name, "")[:200] for name in ("x-rid", "x-attempt"))
            self.log("request", rid=rid, attempt=attempt, status=int(answer[9:12]), took_ns=took_ns)
        return more

    def _send(self, connection: Connection, answer: bytes, *, last: bool) -> bool:
        """Write a whole answer. Returns whether the connection may carry another one."""
        connection.ending = last
        waiting = bool(connection.out)
        connection.out += answer
        if not waiting:
            self._flush(connection)
        return not connection.ending

    def _flush(self, connection: Connection) -> None:
        try:
            sent = connection.sock.send(connection.out)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(connection)
            return
        connection.out = connection.out[sent:]
        if connection.out:  # a client that does not read is not read from either
            self._selector.modify(connection.sock, selectors.EVENT_WRITE, connection)
        elif connection.ending:
            self._drop(connection)
        else:
            self._selector.modify(connection.sock, selectors.EVENT_READ, connection)

    # answers that are not given at once

    def _wait(self, client: Connection, request: Request) -> None:
        """Leave the client waiting for its answer, for a time, for another container, or for both."""
        if self.settings.answer_delay_s:
            client.late = True
            self._late.append((time.monotonic() + self.settings.answer_delay_s, client, request))
        else:
            self._ask(client, request)

    def _answer_late(self) -> None:
        """Answer those whose time has come and that are still there."""
        while self._late and self._late[0][0] <= time.monotonic():
            _, client, request = self._late.popleft()
            if client not in self._connections:
                continue
            client.late = False
            if self.settings.asks:
                self._ask(client, request)
            elif (answer := self._answered(request, client.peer)) is None:
                client.hung = True
            else:
                self._reply(client, request, answer)

    # another container of the pod

    def _ask(self, client: Connection, request: Request) -> None:
        """Ask the other container; the client is answered when it has."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.settimeout(0)
        client.question = Question(sock, client, request)
        self._selector.register(sock, selectors.EVENT_WRITE, client.question)
        error = sock.connect_ex(("127.0.0.1", self.settings.asks))
        if error not in (0, errno.EINPROGRESS):
            self._tell(client.question, os.strerror(error))

    def _asked(self, question: Question, *, writable: bool) -> None:
        """Send the request once there is a connection, then read the answer to its end."""
        try:
            if writable:
                error = question.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if error:
                    self._tell(question, os.strerror(error))
                    return
                question.sock.send(b"GET / HTTP/1.1\r\nhost: sidecar\r\nconnection: close\r\n\r\n")
                self._selector.modify(question.sock, selectors.EVENT_READ, question)
                return
            data = question.sock.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError as error:
            self._tell(question, error.strerror or type(error).__name__)
            return
        question.got += data
        if not data:
            first = question.got.partition(b"\r\n")[0].decode("latin-1")
            self._tell(question, "" if first.startswith("HTTP/1.1 200 ") else first or "no answer")

    def _tell(self, question: Question, wrong: str) -> None:
        """Answer the client. wrong: why the other container did not answer well, "" if it did."""
        client, request = question.client, question.request
        self._forget(client)
        good = render(200, self._hello, "text/plain", self._who, request)
        self._reply(client, request, self._text(500, f"sidecar: {wrong.lower()}", request) if wrong else good)

    def _forget(self, client: Connection) -> None:
        """Ask no more on behalf of this client."""
        question, client.question = client.question, None
        if question is not None:
            self._selector.unregister(question.sock)
            question.sock.close()

    def _drop(self, connection: Connection) -> None:
        self._forget(connection)
        if connection in self._connections:
            self._connections.discard(connection)
            self._selector.unregister(connection.sock)
            connection.sock.close()
            connection.ending = True
            self._admit()

    # answers

    def _text(self, status: int, text: str, request: Request | None) -> bytes:
        return render(status, f"{text}\n".encode(), "text/plain", self._who, request)

    def _json(self, value: dict[str, Any], request: Request) -> bytes:
        return render(200, json.dumps(value).encode() + b"\n", "application/json", self._who, request)

    def _which(self, request: Request) -> str:
        """The probe that it is, "" for a user's request."""
        probes = "k-network-probe" in request.headers or request.headers.get("user-agent", "").startswith("kube-probe/")
        return PROBES.get(request.path) or ("other" if probes else "")

    def _answered(self, request: Request, peer: str) -> bytes | None:
        """The main port's answer, None to leave the client hanging."""
        agent = request.headers.get("user-agent", "")
        network = request.headers.get("k-network-probe")
        if which := self._which(request):
            about = {"peer": peer, "user_agent": agent[:64], **({} if network is None else {"network_probe": network[:32]})}
            return self._probed(which, "http", request, about)
        if self._hangs("all"):
            return None
        if not self._ready():
            return self._text(503, "not ready", request)
        return render(200, self._hello, "text/plain", self._who, request)

    def _ready(self) -> bool:
        """Whether it can answer users. It may listen before that."""
        return time.monotonic() >= self._ready_at

    def _hangs(self, scope: str) -> bool:
        hang = self.faults.active.get("hang")
        return hang is not None and hang["scope"] in ("all", scope)

    def _probed(self, which: str, via: str, request: Request, about: dict[str, Any]) -> bytes | None:
        if self._hangs("probes"):
            self.log("hang", which=which, via=via, **about)
            return None
        well = which not in self.faults.active and self._main is not None and (which != "readiness" or self._ready())
        status = 200 if well else 503
        if which in self._counts:
            self._counts[which]["ok" if well else "failed"] += 1
        self.log("probe", which=which, via=via, ok=well, status=status, **about)
        if well:
            return render(200, self._hello, "text/plain", self._who, request)
        return self._text(503, self._why_not(which), request)

    def _why_not(self, which: str) -> str:
        if self._main is None:
            return "not listening"
        return f"{which} failing" if which in self.faults.active else "not ready"

    def _controlled(self, request: Request) -> bytes | None:
        """The control port's answer; None only to an exec probe while hanging."""
        try:
            if request.path.startswith("/probe/") and request.path[7:] in self._counts:
                return self._probed(request.path[7:], "exec", request, {})
            return self._json(self._commanded(request), request)
        except Refused as refusal:
            return self._text(refusal.status, refusal.text, request)

    def _commanded(self, request: Request) -> dict[str, Any]:
        known = {"/fault": "POST", "/clear": "POST", "/state": "GET"}
        if request.path not in known:
            raise Refused(404, f"the control port knows {', '.join(known)} and /probe/liveness, /probe/readiness")
        if not self.settings.token:
            raise Refused(403, "control is off: TOGGLE_TOKEN is not set")
        if not hmac.compare_digest(request.headers.get("x-toggle-token", "").encode(), self.settings.token.encode()):
            raise Refused(403, "X-Toggle-Token does not match")
        if request.method != known[request.path]:
            raise Refused(405, f"{request.path} takes {known[request.path]}")
        if request.overlong:
            raise Refused(413, f"the body is longer than {CONTROL_BODY_LIMIT} bytes")
        now = time.time_ns()
        if request.path == "/fault":
            return {**self._fault(request.body, now), **self._state()}
        if request.path == "/clear":
            return {**self._clear(request.body, now), **self._state()}
        return {"t_ns": now, **self._state()}

    def _fault(self, body: bytes, now: int) -> dict[str, Any]:
        kind, fault = parse_fault(body)
        try:
            self.faults.set(kind, {**fault, "t_ns": now})
        except OSError as error:
            raise Refused(500, f"nothing changed: {self.settings.state_file}: {error.strerror}") from None
        self.log("fault", t_ns=now, kind=kind, **fault)
        if kind == "exit":  # at once, also during the start-up delay; a persistent one comes back when it would listen
            self.exit_code = int(fault["code"])
        else:
            self._settle()
        return {"kind": kind, "t_ns": now, **fault}

    def _clear(self, body: bytes, now: int) -> dict[str, Any]:
        kind = parse_clear(body)
        try:
            self.faults.clear(kind)
        except OSError as error:
            raise Refused(500, f"nothing changed: {self.settings.state_file}: {error.strerror}") from None
        self.log("clear", t_ns=now, kind=kind or "all")
        if "hang" not in self.faults.active:  # whoever was left hanging is never answered
            for connection in [one for one in self._connections if one.hung]:
                self._drop(connection)
        self._settle()
        return {"cleared": kind or "all", "t_ns": now}

    def _state(self) -> dict[str, Any]:
        users = [one for one in self._connections if not one.control]
        return {
            "pod": self.settings.pod,
            "boot": self.boot,
            "pid": os.getpid(),
            "port": self._port,
            "control_port": self._control_port,
            "listening": self._main is not None,
            "sigterm": self.settings.sigterm,
            "faults": self.faults.active,
            "connections": len(users),
            "hung": sum(one.hung for one in users),
            "probes": self._counts,
        }


# --- the exec probe -----------------------------------------------------------------------------------------------------


def probe(which: str, settings: Settings) -> int:
    """Ask the running app; 0 if it is well. Prints why it is not. While the app hangs so does this, until killed or 60 s."""
    address = "127.0.0.1" if settings.bind == "0.0.0.0" else settings.bind  # noqa: S104 - compared, not bound
    ask = f"GET /probe/{which} HTTP/1.1\r\nhost: toggle\r\nconnection: close\r\n\r\n"
    try:
        with socket.create_connection((address, settings.control_port), timeout=60) as sock:
            sock.sendall(ask.encode())
            answer = b""
            while piece := sock.recv(READ_SIZE):
                answer += piece
    except OSError as error:
        print(f"{which}: no answer from the app: {error}")
        return 1
    head, _, body = answer.partition(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 200 "):
        return 0
    print(f"{which}: {body.decode(errors='replace').strip() or 'no answer from the app'}")
    return 1


def main(arguments: list[str]) -> int:
    """Exit code; 2 with one line on stderr for what cannot be used."""
    try:
        settings = Settings(dict(os.environ))
        if not arguments:
            return App(settings).run()
        if len(arguments) == 2 and arguments[0] == "probe" and arguments[1] in PROBES.values():
            return probe(arguments[1], settings)
    except (BadEnvironment, OSError) as error:
        print(f"toggle: {error}", file=sys.stderr)
        return 2
    print("usage: toggle.py [probe liveness|readiness]", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
