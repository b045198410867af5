"""Answers every request with 200, until a file in /dev/shm says otherwise: liveness, readiness, hang, exit."""

import http.server
import os
import pathlib
import signal
import threading
import time

STATE = pathlib.Path("/dev/shm")
PROBES = {"/healthz": "liveness", "/readyz": "readiness"}


def told(name: str) -> "str | None":
    """What the file of this name says, None if it is not there."""
    try:
        return (STATE / name).read_text()
    except OSError:
        return None


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """A probe whose file is there fails. While the app hangs, nobody is answered, or no probe."""
        while (scope := told("hang")) is not None and ("probes" not in scope or self.path in PROBES):
            time.sleep(0.05)
        failing = self.path in PROBES and told(PROBES[self.path]) is not None
        body = os.environ.get("HOSTNAME", "").encode() + b"\n"
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(503 if failing else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what matters stands in the log of queue-proxy."""


class Server(http.server.ThreadingHTTPServer):
    """A thread a connection."""

    request_queue_size = 1024
    daemon_threads = True


def main() -> None:
    """Listen after the start-up delay, until SIGTERM or a file says to exit."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    for name in (*PROBES.values(), "hang", "exit"):
        if (text := told(name)) is not None and "persistent" not in text:
            (STATE / name).unlink()
    time.sleep(float(os.environ.get("STARTUP_DELAY") or 0))
    server = Server(("", int(os.environ.get("PORT") or 8080)), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while (code := told("exit")) is None:
        time.sleep(0.05)
    os._exit(int((code.split() or ["1"])[0]))


if __name__ == "__main__":
    main()
