"""One cycle's evidence, and the part of it that a single fact may see.

A fact declares the streams it rests on, and its `View` contains only those. Reading another stream is an error, so an incomplete
declaration is noticed. Every fact may read the records of the load generator, without which there is no cycle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from harness.analyse.columns import Indices
from harness.analyse.cyclepods import CyclePods
from harness.analyse.errorlines import ErrorLines
from harness.analyse.evidence import Failures
from harness.analyse.requestlog import Joined, RequestLines, joined
from harness.analyse.took import Took
from harness.analyse.windows import Window
from harness.apps.toggle import AppEvent
from harness.faults import Asked, Sight
from harness.knative.listeners import Stretch, stretch_of, unchanged
from harness.knative.names import USER_CONTAINER, USER_ROLE
from harness.knative.pods import PodState
from harness.knative.roles import container_of_role, is_sidecar, service_of_role, sidecar_of
from harness.model import COURSES, NOBODY, CycleMark, FaultEvent, Gap, GeneratorReport, History, Observation, ServiceSpec, Stream


class UndeclaredStream(LookupError):
    """A fact read a stream that it does not declare: a bug in this package."""


@dataclass(frozen=True, slots=True)
class CycleEvidence:
    """Everything of one cycle, parsed once.

    window: while anything of its load was under way. begin_ns: the fault, else the start of the load; end_ns: the cycle's end.
    requests, answers, attempts: its rows of the History; tries, users: those made of them. pods: those it had; served: those that
    named themselves in an answer; explained: those whose lines may belong to its requests. event: the fault that was injected into
    the mark's pod. seen: the observations of that pod, of EndpointSlices and of the node until the cycle's end; others: the states
    of its other pods; sight: both, parsed. log: queue-proxy's request log joined with the tries, activator_log: the activator's,
    None in a run without them; by_ingress, by_app: how long requests took by the logs of these. heard: stream -> the pods for which
    it delivered data, in the whole run.
    """

    history: History
    mark: CycleMark
    window: Window
    begin_ns: int
    end_ns: int
    report: GeneratorReport | None
    requests: pl.DataFrame
    users: pl.DataFrame
    attempts: pl.DataFrame | None
    answers: pl.DataFrame
    tries: pl.DataFrame
    failures: Failures
    pods: CyclePods
    served: frozenset[str]
    explained: frozenset[str]
    event: FaultEvent | None
    seen: Sequence[Observation]
    others: Sequence[Observation]
    sight: Sight
    queue_proxy: ErrorLines
    activator: ErrorLines
    log: Joined | None
    activator_log: RequestLines | None
    by_ingress: Took
    by_app: Took
    about_no_request: pl.DataFrame
    heard: dict[Stream, frozenset[str]] = field(default_factory=dict)

    @property
    def from_zero(self) -> bool:
        """Whether its load should have met no pod."""
        course = COURSES.get(self.history.meta.spec.course_name)
        return course is not None and course.from_zero

    @property
    def answered_ns(self) -> int:
        """When the last of its requests was done. `window` lasts until the logs were sealed, after the last look at the sockets."""
        return int(self.requests["done_ns"].to_numpy().max(initial=0)) or self.window.until_ns

    @property
    def service(self) -> ServiceSpec:
        """As the container has it that the fault was to hit."""
        return service_of_role(self.history.meta.spec.service, self.history.meta.spec.fault.role)

    @property
    def container(self) -> str:
        """The name of the sidecar that the fault was to hit, else of the user container."""
        spec = self.history.meta.spec
        return container_of_role(spec.service, spec.fault.role if is_sidecar(spec.fault.role) else USER_ROLE)

    @property
    def port(self) -> int:
        """Where the program in that container listens, 0 if it is not known."""
        sidecar = sidecar_of(self.history.meta.spec.service, self.history.meta.spec.fault.role)
        return sidecar.port if sidecar else self.history.meta.user_port

    @property
    def app_log(self) -> Stream:
        """The stream of that container's log."""
        return Stream.SIDECAR if is_sidecar(self.history.meta.spec.fault.role) else Stream.APP

    @property
    def hit(self) -> CycleMark:
        """The mark, with the boot of the program that the fault hit: of a sidecar that of the event, else the last in its log."""
        if self.event is None or self.app_log is Stream.APP:
            return self.mark
        told = [one.boot for one in self.sight.app(self.mark.pod, self.container) if one.t_ns < self.event.sent_ns]
        return replace(self.mark, boot=self.event.boot or (told[-1] if told else ""))

    @property
    def tolerance_ns(self) -> int:
        """By how much a line may lie outside of its request."""
        return int(self.history.meta.spec.match_tolerance_s * 1e9)

    def not_whole(self, stream: Stream) -> str:
        """Why this stream may have lost something of this cycle, "" if it is whole: it delivered data and has no gap."""
        heard = self.heard.get(stream, frozenset())
        if not heard and stream is not Stream.ACTIVATOR:  # which logs nothing while all is well
            return f"nothing was ever seen on {stream.value}"
        silent = [pod for pod in self.mark.began_with or (self.mark.pod,) if pod not in heard]
        if stream not in _OF_THE_NODE and silent:
            return f"nothing was seen of {', '.join(silent)} on {stream.value}"
        mine = {"", self.mark.pod, *self.served, *self.pods.there}
        if stream is Stream.PODS and (len(self.pods.there) > 1 or self.history.meta.spec.service.max_scale != 1):
            mine.add(NOBODY)  # with several pods, one that came and went unseen may have been part of the cycle
        for gap in self.history.gaps:
            concerns = gap.stream is stream and (stream in _OF_THE_NODE or gap.pod in mine)
            if concerns and self.window.overlaps(gap.from_ns, gap.until_ns) and not self._is_bridged(gap):
                return f"{stream.value} has a gap of {(gap.until_ns - gap.from_ns) / 1e9:.1f} s: {gap.reason}"
        return ""

    def looks(self) -> list[Stretch]:
        """The looks at the listening sockets of the cycle's pod, in the order seen."""
        own = (one for one in self.seen if one.stream is Stream.LISTENERS and one.pod == self.mark.pod)
        return [stretch for one in own if (stretch := stretch_of(one.payload)) is not None]

    def _is_bridged(self, gap: Gap) -> bool:
        """Whether nothing was lost: a short gap in the looks at the pod's sockets, with the same sockets at both ends."""
        mine = gap.stream is Stream.LISTENERS and gap.pod == self.mark.pod
        return mine and unchanged(self.looks(), gap.from_ns, gap.until_ns, BRIDGED_NS)


BRIDGED_NS = 1_000_000_000
"""A gap in the looks at the sockets of a pod that lasts longer may hide a program that came and went."""

_OF_THE_NODE = frozenset({Stream.ACTIVATOR, Stream.INGRESS, Stream.KUBELET, Stream.CONTAINERD})
"""Streams that belong to no single pod. Whether they are whole does not depend on the pod."""


class View:
    """A cycle's evidence, limited to some streams. Raises UndeclaredStream for any other."""

    def __init__(self, cycle: CycleEvidence, streams: frozenset[Stream]) -> None:
        self.cycle = cycle
        self._streams = streams

    def seen(self) -> list[Observation]:
        """The observations of the pod, of EndpointSlices and of the node that these streams gave, in the order seen."""
        return [one for one in self.cycle.seen if one.stream in self._streams]

    def others(self) -> list[Observation]:
        """The states of the cycle's other pods."""
        return [one for one in self.cycle.others if one.stream in self._streams]

    def sight(self, requests: Callable[[int], Iterable[Asked]]) -> Sight:
        """The same observations, parsed, and these requests of users."""
        return self.cycle.sight.limited(self._streams, requests)

    def states(self, pod: str) -> Sequence[PodState]:
        """The states of this pod of the workload, in the order seen."""
        self._require(Stream.PODS)
        return self.cycle.sight.limited({Stream.PODS}).states(pod)

    def hit_states(self) -> Sequence[PodState]:
        """The states of the cycle's pod, each about the container that the fault was to hit."""
        container = self.cycle.container
        states = self.states(self.cycle.mark.pod)
        return states if container == USER_CONTAINER else [state.about(container) for state in states]

    def app(self) -> Sequence[AppEvent]:
        """The events in the log of the container that the fault was to hit, by the clock of its app."""
        self._require(self.cycle.app_log)
        return self.cycle.sight.app(self.cycle.mark.pod, self.cycle.container)

    def listeners(self) -> Sequence[Stretch]:
        """The looks at the listening sockets of the cycle's pod, in the order seen."""
        self._require(Stream.LISTENERS)
        return self.cycle.looks()

    def queue_proxy(self) -> ErrorLines:
        """Queue-proxy's forwarding errors while the load ran."""
        self._require(Stream.QUEUE_PROXY)
        return self.cycle.queue_proxy

    def activator(self) -> ErrorLines:
        """The activator's errors while the load ran."""
        self._require(Stream.ACTIVATOR)
        return self.cycle.activator

    def about_no_request(self) -> pl.DataFrame:
        """Queue-proxy's lines that are about no request, of any pod and time."""
        self._require(Stream.QUEUE_PROXY)
        return self.cycle.about_no_request

    def request_log(self) -> Joined | None:
        """Queue-proxy's request log joined with the tries, None in a run without one."""
        self._require(Stream.QUEUE_PROXY)
        return self.cycle.log

    def activator_log(self) -> Joined | None:
        """The activator's request log joined with the tries, None in a run without one."""
        self._require(Stream.ACTIVATOR)
        log = self.cycle.activator_log
        return None if log is None else joined(log, self.cycle.tries, cycle=self.cycle.mark.index, pods=log.pods)

    def ingress_took_ns(self) -> Indices:
        """How long each try took by the access log of the ingress; NOT_KNOWN without a line."""
        self._require(Stream.INGRESS)
        return self.cycle.by_ingress.of(self.cycle.tries, self.cycle.mark.index)

    def app_took_ns(self) -> Indices:
        """How long each try took by the app's log; NOT_KNOWN without a line."""
        self._require(Stream.APP)
        return self.cycle.by_app.of(self.cycle.tries, self.cycle.mark.index)

    def _require(self, stream: Stream) -> None:
        if stream not in self._streams:
            raise UndeclaredStream(f"the fact does not declare {stream.value}")
