"""Downloads over HTTP: a deadline for the whole of it, retries for what the network did, and the size that was promised.

httpx is loaded by the first download: every command imports this module, and few of them download.
"""

from __future__ import annotations

import queue
import ssl
import threading
import time
from dataclasses import dataclass
from functools import cache

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from harness.errors import SourceError

LIMIT_BYTES = 32 * 1024 * 1024
"""Serving's largest manifest has half a megabyte; what is beyond this is none."""


@cache
def _trust() -> ssl.SSLContext:
    """The certificates, read once: each reading takes a noticeable part of a second of two busy cores."""
    import httpx  # noqa: PLC0415 - see above

    return httpx.create_ssl_context()


class Missing(SourceError):
    """The server answered that it has no such file."""


class _Short(Exception):
    """The body ended before its Content-Length: a connection cut, worth another attempt."""


@dataclass(frozen=True, slots=True)
class Fetcher:
    """How downloads are made. deadline_s: for one file, over all attempts. attempts: of those cut by the network."""

    deadline_s: float = 60.0
    attempts: int = 3
    pause_s: float = 1.0

    def text(self, url: str) -> str:
        """The file as text. Raises Missing (404, 410), else SourceError with the address and what mends it."""
        import httpx  # noqa: PLC0415 - see above

        ends = time.monotonic() + self.deadline_s
        try:
            body = Retrying(
                stop=stop_after_attempt(self.attempts),
                wait=wait_fixed(self.pause_s),
                retry=retry_if_exception_type((httpx.TransportError, _Short)),
                reraise=True,
            )(self._once, url, ends)
        except _Short as error:
            raise SourceError(f"The download is truncated: {error}", where=url, fix=_FIX) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceError(f"The download failed: {type(error).__name__}: {error}", where=url, fix=_FIX) from error
        try:
            return body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise SourceError("The download is not text.", where=url, fix=_FIX) from error

    def _once(self, url: str, ends: float) -> bytes:
        import httpx  # noqa: PLC0415 - see above

        left = ends - time.monotonic()
        if left <= 0:
            raise _late(url, self.deadline_s)
        # identity: Content-Length then counts what we count
        headers = {"Accept-Encoding": "identity", "User-Agent": "knative-chaos"}
        with (
            httpx.Client(verify=_trust(), timeout=min(left, 20.0), follow_redirects=True, headers=headers) as client,
            client.stream("GET", url) as answer,
        ):
            if answer.status_code in {404, 410}:
                raise Missing(f"HTTP {answer.status_code}: there is no such file.", where=url)
            if answer.status_code != 200:
                raise SourceError(f"HTTP {answer.status_code} {answer.reason_phrase}.", where=url, fix=_FIX)
            promised = answer.headers.get("content-length", "an unknown number of")
            body = bytearray()
            try:
                for chunk in answer.iter_raw():
                    body += chunk
                    if time.monotonic() > ends:
                        raise _late(url, self.deadline_s)
                    if len(body) > LIMIT_BYTES:
                        raise SourceError(f"More than {LIMIT_BYTES} bytes came: that is no manifest.", where=url, fix=_FIX)
            except httpx.RemoteProtocolError as error:
                raise _Short(f"{len(body)} of {promised} bytes came.") from error
            if promised.isdigit() and int(promised) != len(body):
                raise _Short(f"{len(body)} of {promised} bytes came.")
        return bytes(body)

    def answers(self, url: str, *, within_s: float) -> str:
        """Try the address for so long; "" if it is served, else why not, in words.

        In a thread of its own, for a name that does not resolve blocks longer than any timeout of a client.
        """
        said: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=lambda: said.put(_probe(url, within_s)), name="is it served", daemon=True).start()
        try:
            return said.get(timeout=within_s)
        except queue.Empty:
            return f"no answer within {within_s:g} s"


_FIX = "Check the network, name another base with --kn-release-url, or use --kn-source module."


def _late(url: str, deadline_s: float) -> SourceError:
    return SourceError(f"The download did not end within {deadline_s:g} s.", where=url, fix=_FIX)


def _probe(url: str, within_s: float) -> str:
    import httpx  # noqa: PLC0415 - see above

    try:
        with (
            httpx.Client(
                verify=_trust(), timeout=within_s, follow_redirects=True, headers={"User-Agent": "knative-chaos"}
            ) as client,
            client.stream("GET", url) as answer,
        ):
            next(answer.iter_raw(), b"")  # headers alone are no download
            return "" if answer.status_code == 200 else f"HTTP {answer.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"{type(error).__name__}: {error}"[:200]
