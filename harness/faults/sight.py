"""What the streams showed of the pods of a cycle, each line parsed once: the index that waits and analysis both ask.

The live feed adds to it as it grows, so a wait looks at what is new and at nothing twice; a history fills it at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from harness.apps.toggle import AppEvent, event_of
from harness.knative.containerd import Act, act_of
from harness.knative.endpoints import SliceState, slice_state
from harness.knative.lines import DRAIN
from harness.knative.names import USER_CONTAINER
from harness.knative.pods import PodState, pod_state
from harness.model import Observation, Outcome, Stream


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of a user as its client saw it. done_ns: when its outcome was known. boot: of the app that answered, or ""."""

    sent_ns: int
    done_ns: int
    outcome: Outcome
    status: int
    boot: str


Requests = Callable[[int], Iterable[Asked]]
"""The requests of users whose outcome became known at this moment (UTC ns) or later."""


class Sight:
    """Observations by stream and pod, and the requests. Not safe to use from several threads."""

    def __init__(self, observations: Iterable[Observation] = (), requests: Requests = lambda _since_ns: ()) -> None:
        self._requests = requests
        self._app: dict[str, list[AppEvent]] = defaultdict(list)
        self._sidecars: dict[tuple[str, str], list[AppEvent]] = defaultdict(list)
        self._states: dict[str, list[PodState]] = defaultdict(list)
        self._others: dict[str, list[PodState]] = defaultdict(list)
        self._events: dict[str, list[Observation]] = defaultdict(list)
        self._slices: list[tuple[int, SliceState]] = []
        self._kubelet: list[Observation] = []
        self._node: dict[str, list[Observation]] = defaultdict(list)
        self._stops: dict[tuple[Stream, str], list[int]] = defaultdict(list)
        self.add(observations)

    def add(self, observations: Iterable[Observation]) -> None:
        """More of them, in the order seen. Streams that nothing here asks for are left out."""
        for seen in observations:
            if seen.stream is Stream.APP:
                if (event := event_of(seen.payload)) is not None:
                    self._app[seen.pod].append(event)
            elif seen.stream is Stream.SIDECAR:
                if (event := event_of(seen.payload)) is not None:
                    self._sidecars[seen.pod, seen.container].append(event)
            elif seen.stream in {Stream.PODS, Stream.OTHER_PODS}:
                if (state := pod_state(seen)) is not None:
                    (self._states if seen.stream is Stream.PODS else self._others)[seen.pod].append(state)
            elif seen.stream is Stream.EVENTS:
                self._events[seen.pod].append(seen)
            elif seen.stream is Stream.ENDPOINTS:
                if (shown := slice_state(seen.payload)) is not None:
                    self._slices.append((seen.seen_ns, shown))
            elif seen.stream is Stream.KUBELET:
                self._kubelet.append(seen)
            elif seen.stream is Stream.NODE:
                self._node[seen.pod].append(seen)
            elif (seen.stream is Stream.CONTAINERD and act_of(seen.payload) is Act.STOP_ASKED) or (
                seen.stream is Stream.QUEUE_PROXY and DRAIN in seen.payload
            ):
                self._stops[seen.stream, seen.pod].append(seen.at_ns)

    def limited(self, streams: Collection[Stream], requests: Requests = lambda _since_ns: ()) -> Sight:
        """What these streams alone showed, and these requests, parsed no second time. It shares what it knows: add to neither."""
        part = Sight(requests=requests)
        if Stream.APP in streams:
            part._app = self._app
        if Stream.SIDECAR in streams:
            part._sidecars = self._sidecars
        if Stream.PODS in streams:
            part._states = self._states
        if Stream.OTHER_PODS in streams:
            part._others = self._others
        if Stream.EVENTS in streams:
            part._events = self._events
        if Stream.ENDPOINTS in streams:
            part._slices = self._slices
        if Stream.KUBELET in streams:
            part._kubelet = self._kubelet
        if Stream.NODE in streams:
            part._node = self._node
        part._stops.update((key, times) for key, times in self._stops.items() if key[0] in streams)
        return part

    def app(self, pod: str, container: str = USER_CONTAINER) -> Sequence[AppEvent]:
        """The events in the log of this pod's app, or of the app in one of its sidecars, by the app's clock."""
        told = self._sidecars.get((pod, container)) or (self._app.get(pod) if container == USER_CONTAINER else ()) or ()
        return sorted(told, key=lambda event: event.t_ns)

    def states(self, pod: str) -> Sequence[PodState]:
        """The states of this pod, of the workload or not, in the order seen."""
        seen = self._states.get(pod) or self._others.get(pod) or []
        return sorted(seen, key=lambda state: state.seen_ns)

    def pods(self) -> frozenset[str]:
        """The pods of the workload of which a state was seen."""
        return frozenset(self._states)

    def beside(self, pod: str) -> frozenset[str]:
        """The other pods of its kind of which a state was seen: the workload's, or those that are not."""
        return frozenset(self._others if pod in self._others else self._states) - {pod}

    def events(self, pod: str) -> Sequence[Observation]:
        """The Kubernetes events about this pod, in the order seen."""
        return self._events.get(pod, ())

    def kubelet(self) -> Sequence[Observation]:
        """The lines of the kubelet's journal, in the order seen."""
        return self._kubelet

    def node(self, pod: str) -> Sequence[Observation]:
        """What the node showed of a fault in this pod, in the order seen."""
        return self._node.get(pod, ())

    def unhealthy(self, pod: str, which: str) -> Sequence[Observation]:
        """The kubelet's events about failed probes of this pod. which: "Liveness", "Readiness" or "Startup"."""
        return [one for one in self.events(pod) if f"{which} probe failed" in one.payload]

    def stopped_ns(self, pod: str, after_ns: int) -> int:
        """When a container of this pod was asked to stop after this moment; else 0.

        By containerd's line, or queue-proxy's about the preStop hook. The kubelet's `Killing` event may come late, or not at all.
        """
        stops = (at_ns for (_stream, of), times in self._stops.items() if of == pod for at_ns in times)
        return min((at_ns for at_ns in stops if at_ns >= after_ns), default=0)

    def requests(self, since_ns: int) -> Sequence[Asked]:
        """The requests of users whose outcome became known since, in no order; none that is in flight."""
        return tuple(self._requests(since_ns))

    def is_ready(self, pod: str) -> bool:
        """Whether the pod was Ready when it was last seen; a pod that was never seen is not."""
        states = self.states(pod)
        return bool(states) and states[-1].ready is True

    def ready_at(self, at_ns: int) -> frozenset[str]:
        """The pods that were Ready, and not being deleted, at this moment, as far as was seen."""
        last = {pod: [state for state in self.states(pod) if state.seen_ns <= at_ns] for pod in self._states}
        return frozenset(pod for pod, before in last.items() if before and before[-1].ready is True and not before[-1].deleting)

    def standing(self) -> frozenset[str]:
        """The pods, Ready or not, that were not being deleted when they were last seen."""
        return frozenset(pod for pod in self._states if not self.states(pod)[-1].deleting)

    def came_ns(self, pod: str) -> int:
        """When the pod was first seen; 0: never."""
        return next((state.seen_ns for state in self.states(pod)), 0)

    def became_ready_ns(self, pod: str, after_ns: int) -> int:
        """When the pod was first seen Ready after this moment, if it was not Ready at it; else 0."""
        before = [state for state in self.states(pod) if state.seen_ns <= after_ns]
        if before and before[-1].ready is True:
            return 0
        later = (state for state in self.states(pod) if state.seen_ns > after_ns)
        return next((state.seen_ns for state in later if state.ready is True and not state.deleting), 0)

    def left_ns(self, pod: str, after_ns: int) -> int:
        """When the pod was first seen being deleted, or gone, after this moment; else 0."""
        return next((state.seen_ns for state in self.states(pod) if state.seen_ns >= after_ns and state.deleting), 0)

    def revision(self, pod: str) -> str:
        """The revision of this pod, "" if none was seen."""
        return next((state.revision for state in self.states(pod) if state.revision), "")

    def listed_ns(self, pod: str, after_ns: int) -> int:
        """When an EndpointSlice was first seen to list the pod as ready after this moment; else 0."""
        listed = sorted(seen_ns for seen_ns, shown in self._slices if seen_ns >= after_ns and shown.ready.get(pod) is True)
        return listed[0] if listed else 0
