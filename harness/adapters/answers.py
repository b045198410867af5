"""Answers of the API as they come: lines of a long-lived one, which another thread can end at any moment, or all of it."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Callable, Generator
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError, ReadTimeoutError

from harness.errors import HarnessError, ObserveError

CONNECT_S = 10.0
"""A handshake on a machine whose cores are all taken has been seen to need more than five."""


class Broken(ObserveError):
    """The connection to a source failed; trying again may help."""


class Silent(Broken):
    """Nothing came for so long that the connection may be dead: to be opened anew, which also proves what was had."""


class Refused(Broken):
    """The API answered with an error. status: HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"the API answered {status}: {message}")
        self.status = status


def what_of(error: Exception) -> str:
    """An error in words, for a note or a gap."""
    return error.what if isinstance(error, HarnessError) else f"{type(error).__name__}: {error}"[:300]


class Lines:
    """Iterates over the complete lines of one answer, without their ends.

    A clean end of the answer ends the iteration; what was not ended by a newline is dropped, for it may be cut.
    Raises Silent after the read timeout, Broken on any other failure. `close` may be called from any thread.
    """

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self._response = response
        self._closed = False

    def __iter__(self) -> Generator[bytes]:
        rest = b""
        try:
            for chunk in self._response.stream(65_536, decode_content=False):
                *whole, rest = (rest + chunk).split(b"\n")
                yield from whole
        except ReadTimeoutError as error:
            if not self._closed:
                raise Silent("nothing came within the read timeout") from error
        except (HTTPError, http.client.HTTPException, OSError, ValueError, AttributeError) as error:
            # ValueError and AttributeError: how the standard library answers when its socket is shut under it.
            if not self._closed:
                raise Broken(f"the stream broke: {type(error).__name__}: {error}"[:300]) from error
        finally:
            self._response.close()

    def close(self) -> None:
        """End the iteration now, also when its thread is waiting for data."""
        self._closed = True
        with contextlib.suppress(ValueError, RuntimeError, OSError):
            self._response.shutdown()


def open_lines(call: Callable[[], Any]) -> Lines:
    """call: a generated API call with `_preload_content=False`. Raises Refused or Broken."""
    return Lines(_answer(call))


def read_all(call: Callable[[], Any]) -> bytes:
    """The whole answer. Raises Refused or Broken, also when its end is missing."""
    response = _answer(call)
    try:
        return b"".join(response.stream(65_536, decode_content=False))
    except (HTTPError, http.client.HTTPException, OSError) as error:
        raise Broken(f"the answer broke: {type(error).__name__}: {error}"[:300]) from error
    finally:
        response.close()


def read_json(call: Callable[[], Any]) -> Any:
    """The answer as plain JSON values; the generated models are not built, they cost more than all else here."""
    body = read_all(call)
    try:
        return json.loads(body)
    except ValueError as error:
        raise Broken(f"the answer is not JSON: {body[:80]!r}") from error


def _answer(call: Callable[[], Any]) -> urllib3.BaseHTTPResponse:
    from kubernetes.client.exceptions import ApiException  # noqa: PLC0415 - see harness.adapters.kube

    try:
        response = call()
    except ApiException as error:
        raise Refused(int(error.status or 0), _message(error.body or str(error.reason))) from error
    except (HTTPError, http.client.HTTPException, OSError) as error:
        cause = getattr(error, "reason", None) or error
        raise Broken(f"the API cannot be reached: {type(cause).__name__}: {cause}"[:300]) from error
    if response.status >= 400:
        try:
            message = response.read(2_000).decode(errors="replace")
        except (HTTPError, http.client.HTTPException, OSError) as error:
            message = type(error).__name__
        finally:
            response.close()
        raise Refused(response.status, _message(message))
    return response  # type: ignore[no-any-return]  # the generated client promises nothing


def _message(body: str | bytes) -> str:
    """The API's own words in the body of a refusal."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else body
    with contextlib.suppress(ValueError, AttributeError):
        text = str(json.loads(text).get("message") or text)
    return text[:300]
