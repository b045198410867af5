"""Where container logs come from: the API server, or a stand-in with a planted fault."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from harness.adapters.answers import CONNECT_S, Broken, Refused, open_lines, read_all, read_json
from harness.adapters.kube import Kube
from harness.errors import ObserveError
from harness.knative.pods import ContainerState, container_state
from harness.knative.times import SECOND_NS, rfc3339_ns
from harness.observe.rotated import Fetch, Seam, read_rotated, seam_of
from harness.observe.worker import Closable

SILENCE_S = 20.0
"""A quiet log stream is opened anew after this: the last line then comes again, or proves the connection was dead."""

ANSWERS = 3
"""How often a log is read that is rotated while it is read."""

HEAD_BYTES = 256
"""Of a log's first line: its time, and enough to know the line by."""


class PodGone(ObserveError):
    """There is no such pod (any more)."""


class _Turned(Broken):
    """The log was rotated between an answer and the look at the files it is of."""


class NotStarted(ObserveError):
    """The container has no log yet."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """raw: the line with its stamp, as it came. stamp_ns: the stamp, by the container runtime, as a number."""

    stamp_ns: int
    raw: bytes

    @property
    def text(self) -> str:
        """The line without its stamp."""
        return self.raw.partition(b" ")[2].decode(errors="replace")


SOURCE_ERRORS = (ObserveError, OSError)
"""What a source may raise: PodGone, NotStarted, Broken, or the operating system's own."""


class LogSource(Protocol):
    """Logs of the containers of one namespace: raw lines, each beginning with its stamp and a blank, without its end.

    A line is given whole or not at all, wherever the runtime cut it in pieces and the kubelet rotated the file.
    A stand-in may wrap another source and lose, change or refuse what it likes. Methods raise SOURCE_ERRORS.
    """

    def follow(self, pod: str, container: str, *, since_ns: int | None, opened: Callable[[Closable], None]) -> Iterator[bytes]:
        """Lines of the newest instance from the second of since_ns on (None: from its beginning), and those to come.

        opened: called once the stream is open, with what ends it from another thread. The iteration ends when the container
        does, and raises when the connection breaks.
        """

    def read(
        self,
        pod: str,
        container: str,
        *,
        since_ns: int | None = None,
        previous: bool = False,
        last: int | None = None,
        first: bool = False,
        rotated: int | None = None,
    ) -> list[bytes]:
        """Lines there are now. previous: of the instance before. last: only so many from the end. first: only the first one,
        which may be cut. rotated: of this instance's rotated files, oldest first, beginning with the one that holds since_ns.
        """


States = Callable[[str, str], ContainerState]
"""Pod and container to the container's state. Raises SOURCE_ERRORS."""


class KubeLogs:
    """Logs by the API server of a real cluster, and the states of their containers."""

    def __init__(self, kube: Kube, namespace: str, *, silence_s: float = SILENCE_S) -> None:
        self._kube = kube
        self._namespace = namespace
        self._silence_s = silence_s
        self._seams: dict[tuple[str, int], Seam] = {}

    def follow(self, pod: str, container: str, *, since_ns: int | None, opened: Callable[[Closable], None]) -> Iterator[bytes]:
        """See LogSource."""
        try:
            lines = open_lines(lambda: self._call(pod, container, since_ns=since_ns, follow=True))
        except Refused as refused:
            raise _meaning(refused, pod) from refused
        opened(lines)
        return self._whole_lines(iter(lines), pod, container, since_ns)

    def _whole_lines(self, lines: Iterator[bytes], pod: str, container: str, since_ns: int | None) -> Generator[bytes]:
        with closing(lines) if isinstance(lines, Generator) else nullcontext():
            first = next(lines, None)
            if first is None:
                return
            if since_ns is not None and _ns(first) is None:
                # The end of a line that began before the second asked for, if log lines follow; else the kubelet's own trouble.
                second = next(lines, None)
                if second is None or _ns(second) is None:
                    yield first
                first = second
            if first is not None:
                seam = self._seam(pod, container, [first], since_ns, previous=False)
                yield seam.joined(first)
                yield from map(seam.joined, lines) if seam.begun else lines

    def read(
        self,
        pod: str,
        container: str,
        *,
        since_ns: int | None = None,
        previous: bool = False,
        last: int | None = None,
        first: bool = False,
        rotated: int | None = None,
    ) -> list[bytes]:
        """See LogSource."""
        if rotated is not None:
            return self._rotated(pod, container, rotated, since_ns)
        limit = HEAD_BYTES if first else None

        def answer() -> bytes:
            try:
                return read_all(
                    lambda: self._call(pod, container, since_ns=since_ns, previous=previous, tailLines=last, limitBytes=limit)
                )
            except Refused as refused:
                raise _meaning(refused, pod) from refused

        for attempt in range(ANSWERS):
            body = answer()
            if not (body.endswith(b"\n") or not body or first or previous):
                body = self._to_the_last_end(pod, container, body, answer, alone=last is not None)
            lines = [line for line in body.split(b"\n") if line]
            if since_ns is not None and len(lines) > 1 and _ns(lines[0]) is None and _ns(lines[1]) is not None:
                del lines[0]  # the end of a line that began before the second asked for
            try:
                seam = Seam() if last is not None else self._seam(pod, container, lines, since_ns, previous=previous)
            except _Turned:
                if attempt + 1 == ANSWERS:
                    raise
                continue
            lines = [seam.joined(line) for line in lines] if seam.begun else lines
            break
        return lines[:1] if first else lines

    def _to_the_last_end(self, pod: str, container: str, body: bytes, answer: Callable[[], bytes], *, alone: bool) -> bytes:
        """An answer that ends in the middle of a line, without it: its end is still to come.

        Not so if the container has ended: what it said last has no other end. alone: that line is all that was asked for.
        """
        if self.container(pod, container).ended:
            return answer()
        whole = body[: body.rfind(b"\n") + 1]
        if alone and not whole:
            raise Broken("the last line has no end yet")
        return whole

    def _seam(self, pod: str, container: str, lines: list[bytes], since_ns: int | None, *, previous: bool) -> Seam:
        """What joins lines of an answer with the file before the one they are of. Nothing if they do not begin with that file.

        Nothing, too, where the node does not give its files: then every rotation is a gap. Raises _Turned if the log was rotated
        since the answer.
        """
        began_ns = _ns(lines[0]) if lines else None
        if began_ns is None or (since_ns is not None and began_ns <= since_ns):
            return Seam()
        try:
            obj = self._object(pod)
            state = container_state(obj, container)
            instance = state.previous if previous else state.instance
            if instance is None:
                return Seam()
            place, fetch = self._files(pod, container, obj)
            seam = seam_of(fetch, instance, self._seams.get((place, instance)))
        except (Refused, PodGone, NotStarted):
            return Seam()
        self._seams[(place, instance)] = seam
        if seam.after and began_ns <= seam.begins_ns:
            raise _Turned("the log was rotated while it was read")
        return seam

    def container(self, pod: str, container: str) -> ContainerState:
        """What the API says of a container. Raises PodGone or Broken."""
        return container_state(self._object(pod), container)

    def _object(self, pod: str) -> Any:
        try:
            return read_json(
                lambda: self._kube.core.read_namespaced_pod(
                    pod, self._namespace, _preload_content=False, _request_timeout=(CONNECT_S, 10.0)
                )
            )
        except Refused as refused:
            raise _meaning(refused, pod) from refused

    def _rotated(self, pod: str, container: str, instance: int, since_ns: int | None) -> list[bytes]:
        """By the kubelet's own file server, which whoever may use a node's proxy can ask."""
        _, fetch = self._files(pod, container, self._object(pod))
        return read_rotated(fetch, instance, since_ns=since_ns)

    def _files(self, pod: str, container: str, obj: Any) -> tuple[str, Fetch]:
        """(where the node serves a container's log files, how to get one of them)."""
        node, uid = (obj.get("spec") or {}).get("nodeName"), (obj.get("metadata") or {}).get("uid")
        place = f"/api/v1/nodes/{node}/proxy/logs/pods/{self._namespace}_{pod}_{uid}/{container}/"

        def fetch(name: str) -> bytes:
            asked = self._kube.api.param_serialize("GET", place + name, auth_settings=["BearerToken"])
            return read_all(lambda: self._kube.api.call_api(*asked, _request_timeout=(CONNECT_S, self._silence_s)).response)

        return place, fetch

    def _call(self, pod: str, container: str, *, since_ns: int | None = None, **more: Any) -> Any:
        query: dict[str, Any] = {"container": container, "timestamps": "true"}
        query |= {name: str(value).lower() for name, value in more.items() if value not in (None, False)}
        if since_ns is not None:
            # The generated call only knows sinceSeconds, which depends on the node's clock; the API's sinceTime has whole seconds.
            query["sinceTime"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(since_ns // SECOND_NS))
        asked = self._kube.api.param_serialize(
            "GET",
            "/api/v1/namespaces/{namespace}/pods/{name}/log",
            path_params={"namespace": self._namespace, "name": pod},
            query_params=list(query.items()),
            auth_settings=["BearerToken"],
        )
        return self._kube.api.call_api(*asked, _request_timeout=(CONNECT_S, self._silence_s)).response


def _ns(raw: bytes) -> int | None:
    """The stamp of a line, None for one without."""
    try:
        return rfc3339_ns(raw.partition(b" ")[0].decode("ascii", "replace"))
    except ValueError:
        return None


def parse_line(raw: bytes) -> LogLine:
    """A line of a log asked for with timestamps. Raises Broken: the kubelet writes its own failures into the stream, unstamped."""
    try:
        return LogLine(rfc3339_ns(raw.partition(b" ")[0].decode("ascii", "replace")), raw)
    except ValueError as error:
        raise Broken(f"instead of a log line came: {raw[:200].decode(errors='replace')}") from error


def _meaning(refused: Refused, pod: str) -> ObserveError:
    if refused.status == 404:
        return PodGone(f"pod {pod} is gone")
    if refused.status == 400 and ("waiting to start" in refused.what or "is not available" in refused.what):
        return NotStarted(refused.what)
    return refused
