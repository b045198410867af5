"""Scrapes of real queue-proxies: what each version counts after a known handful of requests. The tables are compared with them.

    python -m tests.monitoring.record     writes tests/monitoring/scrapes/VERSION.txt anew for each version of VERSIONS whose
                                          queue-proxy was built on this host (`up` does that); needs root

Each program runs in a network namespace of its own, so nothing of it can be reached, and no port of this host is taken. Of a scrape
the lines of the process and the Go runtime are left out, and all buckets but the last.
"""

from __future__ import annotations

import http.client
import http.server
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

from harness.adapters.files import State
from harness.adapters.process import run
from harness.adapters.wait import Look, wait_for
from harness.knative.names import HTTP_PORT, USER_METRICS_PORT, USER_PORT
from harness.model import KnativeVersion

PLACE = Path(__file__).parent / "scrapes"
VERSIONS = ("1.1", "1.18", "1.19", "1.20", "1.21", "1.22", "1.23")

REFUSED, ANSWERED, OWN_502, GONE, DROPPED = 10, 5, 3, 2, 2
"""What each is asked: with nobody listening; answered 200; answered 502 by the container; the client goes away; the container drops
the connection."""

LEFT_OUT = re.compile(
    r"^(?:# (?:HELP|TYPE|EOF).*|(?:go|process|promhttp|revision_go)_.*|.*_size_bytes.*|.*_bucket\{.*le=\"(?!\+Inf).*)$"
)
ANSWERS = re.compile(r"^(?:revision_request_count|http_server_request_duration_seconds_count)\{.*\} (\d+)$", re.MULTILINE)
"""One line for each status, of whichever generation."""

WITHIN_S = 10.0


class _App(http.server.BaseHTTPRequestHandler):
    """Answers as its path says."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """200, 502, after a while, or nothing."""
        if self.path == "/drop":
            self.close_connection = True
            return
        if self.path == "/slow":
            time.sleep(1.0)
        self.send_response(502 if self.path == "/502" else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by http.server
        """Nothing."""


def environment() -> dict[str, str]:
    """What Knative's controller tells queue-proxy, as far as it must be told."""
    return {
        "PATH": os.environ["PATH"],
        "CONTAINER_CONCURRENCY": "10",
        "QUEUE_SERVING_PORT": str(HTTP_PORT),
        "QUEUE_SERVING_TLS_PORT": "8112",
        "USER_PORT": str(USER_PORT),
        "REVISION_TIMEOUT_SECONDS": "300",
        **dict.fromkeys(("SERVING_LOGGING_CONFIG", "SERVING_LOGGING_LEVEL"), ""),
        "SERVING_NAMESPACE": "n",
        **dict.fromkeys(("SERVING_SERVICE", "SERVING_CONFIGURATION"), "s"),
        "SERVING_REVISION": "s-1",
        **dict.fromkeys(("SERVING_POD", "POD_NAME"), "s-1-p"),
        **dict.fromkeys(("SERVING_POD_IP", "HOST_IP"), "127.0.0.1"),
        "SYSTEM_NAMESPACE": "knative-serving",
        "SERVING_READINESS_PROBE": json.dumps({"tcpSocket": {"port": USER_PORT, "host": "127.0.0.1"}, "successThreshold": 1}),
        "METRICS_DOMAIN": "knative.dev/internal/serving",
        "SERVING_REQUEST_METRICS_BACKEND": "prometheus",
        "SERVING_REQUEST_METRICS_REPORTING_PERIOD_SECONDS": "5",
        "OBSERVABILITY_CONFIG": json.dumps({"requestMetrics": {"protocol": "prometheus", "endpoint": f":{USER_METRICS_PORT}"}}),
    }


def asked(path: str, timeout_s: float = 5.0) -> int:
    """The status of one request on a connection of its own; 0 without an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", HTTP_PORT, timeout=timeout_s)
    try:
        connection.request("GET", path, headers={"Host": "s.example"})
        answer = connection.getresponse()
        answer.read()
    except OSError:
        return 0
    else:
        return answer.status
    finally:
        connection.close()


def scraped(program: Path) -> str:
    """Run in a namespace without other programs: the requests, and what queue-proxy counted."""
    run(["ip", "link", "set", "lo", "up"])
    child = subprocess.Popen([str(program)], env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        first = wait_for("queue-proxy answers", lambda: Look(asked("/") or None, "no answer"), within_s=WITHIN_S)
        statuses = [first, *(asked("/") for _ in range(REFUSED - 1))]
        server = http.server.ThreadingHTTPServer(("127.0.0.1", USER_PORT), _App)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        statuses += [asked("/") for _ in range(ANSWERED)] + [asked("/502") for _ in range(OWN_502)]
        statuses += [asked("/slow", 0.3) for _ in range(GONE)] + [asked("/drop") for _ in range(DROPPED)]
        assert statuses == [502] * REFUSED + [200] * ANSWERED + [502] * OWN_502 + [0] * GONE + [502] * DROPPED, statuses
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

        def counted() -> Look[str]:
            with direct.open(f"http://127.0.0.1:{USER_METRICS_PORT}/metrics", timeout=5) as answer:
                text = str(answer.read().decode())
            seen = sum(map(int, ANSWERS.findall(text)))
            return Look(text if seen == len(statuses) else None, f"{seen} of {len(statuses)} requests")

        # Those whose clients went away are counted when the app has answered them.
        return wait_for("every request is counted", counted, within_s=WITHIN_S)
    finally:
        child.kill()
        child.wait()


def main(arguments: list[str]) -> int:
    """Without arguments every version, each in a process of its own; with one, that program."""
    if arguments:
        lines = [line for line in scraped(Path(arguments[0])).splitlines() if line and not LEFT_OUT.match(line)]
        print("\n".join(lines))
        return 0
    PLACE.mkdir(exist_ok=True)
    for text in VERSIONS:
        module = KnativeVersion.parse(text).module
        program = next(iter((State.default().cache / "go").glob(f"serving-{module}-*/queue")), None)
        if program is None:
            print(f"{text}: its queue-proxy was not built on this host: knative-chaos up --kn-version {text}")
            continue
        own = ["unshare", "--net", sys.executable, "-m", "tests.monitoring.record", str(program)]
        done = run(own)
        (PLACE / f"{KnativeVersion.parse(text)}.txt").write_text(done.stdout, encoding="utf-8")
        print(f"{text}: {len(done.stdout.splitlines())} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
