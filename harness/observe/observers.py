"""All observers of one run: started and proved before the load, sealed at the end of each cycle, ended without a rest."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.adapters.answers import CONNECT_S, Broken, Refused, read_all
from harness.adapters.clock import Reading, mono_s, now_ns
from harness.adapters.kube import Kube
from harness.adapters.wait import Look, wait_for
from harness.errors import ObserveError, WaitTimeout
from harness.knative import endpoints, events, missed, pods
from harness.knative.identity import Identity
from harness.knative.journald import Entry
from harness.knative.names import (
    ACTIVATOR,
    ACTIVATOR_SELECTOR,
    INGRESS_CONTAINER,
    INGRESS_NAMESPACE,
    INGRESS_SELECTOR,
    SYSTEM_NAMESPACE,
)
from harness.knative.objects import Object, name_of
from harness.knative.roles import log_of
from harness.knative.times import maybe_ns
from harness.model import ClusterHandle, Gap, Pod, Stream
from harness.observe.clock import ClockWatch, ReadClocks
from harness.observe.feed import Feed
from harness.observe.journal import ExecArgv, Journal
from harness.observe.listeners import ListenerWitness
from harness.observe.logs import LogFollower
from harness.observe.rawcopy import RawCopies
from harness.observe.sink import Sink
from harness.observe.source import KubeLogs, LogSource
from harness.observe.watch import Call, Decode, Watch
from harness.observe.worker import Worker

STOP_S = 45.0
"""All threads together; the longest wait that nobody can cut short is a call to an API that hangs."""

API_BACK_S = 40.0
"""An API server on kind that was killed answers again after some 10 to 30 s."""


@dataclass(frozen=True, slots=True)
class _Component:
    """A part of the system that is on the way of requests. container: the one whose log is observed in each of its pods."""

    name: str
    stream: Stream
    selector: str
    container: str


_ACTIVATOR = _Component(ACTIVATOR, Stream.ACTIVATOR, ACTIVATOR_SELECTOR, ACTIVATOR)
_INGRESS = _Component("ingress", Stream.INGRESS, INGRESS_SELECTOR, INGRESS_CONTAINER)


@dataclass(slots=True)
class _Logs:
    """The logs of a component: those of its pods, and of pods that are gone."""

    component: _Component
    source: KubeLogs
    watch: Watch
    of: dict[str, LogFollower] = field(default_factory=dict)
    gone: list[LogFollower] = field(default_factory=list)


Wrap = Callable[[LogSource], LogSource]
"""Puts something between a source of logs and its reader."""


class Observers:
    """Pods, EndpointSlices and events of `namespace`, the logs and listening sockets of each of its pods, the log of every
    activator, the node's journal; and the host's clock. With `ingress` the access log of Kourier's Envoy too.

    A pod's logs are followed from their beginning as soon as the pod is seen, whoever made it. Only what is already on its way out
    when the observers start is left alone.

    sink: takes everything, one item at a time; `feed` has the same, live (it is the sink itself if that is a Feed). raw_dir: gets
    the raw copies. exec_argv, exec_env: how a command is run inside the node; None: there is no way in, and the journals are one
    Gap. wrap_source: called for each container that is followed, to plant a fault between its log and its reader. read_clocks: to
    plant a clock that is set. also: (namespace, selector) of further pods whose states are observed, without their logs.
    exec_open: as exec_argv, with standard input passed on; None: listening sockets are not sampled.
    """

    def __init__(
        self,
        handle: ClusterHandle,
        namespace: str,
        *,
        sink: Sink,
        raw_dir: Path,
        exec_argv: ExecArgv | None,
        exec_env: Mapping[str, str] | None = None,
        system_namespace: str = SYSTEM_NAMESPACE,
        wrap_source: Wrap | None = None,
        read_clocks: ReadClocks | None = None,
        kube: Kube | None = None,
        also: Iterable[tuple[str, str]] = (),
        exec_open: ExecArgv | None = None,
        ingress: bool = False,
    ) -> None:
        self.feed = sink if isinstance(sink, Feed) else Feed(sink)
        self._kube = kube or Kube.of(handle)
        self._raw = RawCopies(raw_dir)
        self._guard = threading.Lock()
        self._pods: dict[str, list[LogFollower]] = {}
        self._identity: Identity[Entry] = Identity(namespace)
        self._logs = KubeLogs(self._kube, namespace)
        self._wrap: Wrap = wrap_source or (lambda source: source)
        self._clock = ClockWatch(self.feed, read=read_clocks or Reading.take)
        self._started_ns = 0
        self._api_lost = False
        self._stopped = False
        self._left: tuple[str, ...] = ()
        core, discovery = self._kube.core, self._kube.discovery

        def watch(name: str, stream: Stream, listing: Call, decode: Decode, **more: Any) -> Watch:
            return Watch(name, stream, functools.partial(listing, namespace), decode, self.feed, **more)

        self._pod_watch = watch("pods", Stream.PODS, core.list_namespaced_pod, pods.pod, notice=self._pod_seen, missed=missed.pod)
        slices = discovery.list_namespaced_endpoint_slice
        self._slice_watch = watch(
            "endpointslices", Stream.ENDPOINTS, slices, endpoints.endpoint_slice, missed=missed.endpoint_slice
        )
        self._event_watch = watch("events", Stream.EVENTS, core.list_namespaced_event, events.event, missed=missed.event)
        self._components = [self._logs_of(_ACTIVATOR, system_namespace)]
        if ingress:
            self._components.append(self._logs_of(_INGRESS, INGRESS_NAMESPACE))
        self._other_watches = [
            Watch(
                f"pods {selector}",
                Stream.OTHER_PODS,
                functools.partial(core.list_namespaced_pod, of, label_selector=selector),
                functools.partial(pods.pod, stream=Stream.OTHER_PODS),
                self.feed,
            )
            for of, selector in also
        ]
        self._journal = Journal(exec_argv, exec_env or {}, self._identity, self.feed, self._raw) if exec_argv is not None else None
        self._listeners = ListenerWitness(exec_open, exec_env or {}, self.feed) if exec_open is not None else None

    # --- life ---

    def start(self) -> None:
        """Start every stream that does not belong to a single pod."""
        self._started_ns = now_ns()
        for worker in self._standing():
            worker.start()

    def followed(self) -> tuple[str, ...]:
        """The pods whose logs are followed now: those seen since the last seal, in the order seen."""
        with self._guard:
            return tuple(pod for pod, followers in self._pods.items() if not all(one.stopping() for one in followers))

    def prove(self, shown: Iterable[Pod], within_s: float = 30.0) -> None:
        """Wait until every stream has been seen to work for each of these pods; without one, those that speak of no single pod.

        Raises ObserveError naming the streams that do not.
        """
        names = [pod.name for pod in shown]
        where = f"pod {', '.join(names)}" if names else "no pod"

        def look() -> Look[bool]:
            blind = self._blind(names)
            return Look(None, "; ".join(f"{name}: {why}" for name, why in blind.items())) if blind else Look(value=True, seen="all")

        try:
            wait_for(f"a sign of life of every stream about {where}", look, within_s=within_s, every_s=0.5)
        except WaitTimeout as late:
            raise ObserveError(f"Not every observer works: {late.last_seen}.", fix="make up, then run again", where=where) from late

    def seal(self) -> bool:
        """The end of a cycle: prove that each stream has delivered everything up to now, or record gaps; True if all is proved.

        The pods there were are followed no longer: what becomes of them after this is not part of the evidence.
        """
        with self._guard:
            followers = [one for of_pod in self._pods.values() for one in of_pod if not one.stopping()]
            pods = tuple(self._pods)
        whole = self._seal([*followers, *self._standing(), *self._component_logs()])
        for follower in followers:
            follower.end()
        if self._listeners is not None:
            for pod in pods:
                self._listeners.forget(pod)
        return whole

    def stop(self, within_s: float = STOP_S) -> bool:
        """Seal what is still open and end every thread; True if everything is proved and nothing is left running. Idempotent."""
        with self._guard:
            if self._stopped:
                return not self._left
            self._stopped = True
        workers = self._workers()
        whole = False
        try:
            whole = self._seal([worker for worker in workers if not worker.stopping()]) if self._started_ns else True
        finally:
            for worker in workers:
                worker.end()
            deadline = mono_s() + within_s
            self._left = tuple(worker.name for worker in workers if not worker.join(max(0.1, deadline - mono_s())))
            self._raw.close()
            self._kube.api.rest_client.close()
        if self._journal is None and self._started_ns:
            for stream in (Stream.KUBELET, Stream.CONTAINERD):
                self.feed.gap(Gap(stream, "", self._started_ns, now_ns(), "there is no way into the node"))
        return whole and not self._left

    def broken(self) -> tuple[str, ...]:
        """Each stream that does not work now, and why. Empty: all is well."""
        notes = [
            f"{worker.name}: {worker.note}"
            for worker in self._workers()
            if worker.note and (worker.crashed or not worker.stopping())
        ]
        if self._journal is None:
            notes.append("node journal: there is no way into the node")
        return (*notes, *(f"{name}: its thread did not end" for name in self._left))

    @property
    def journal_mark(self) -> str:
        """What the command lines of our programs inside the node contain; "" if there are none."""
        return self._journal.mark if self._journal is not None else ""

    # --- inside ---

    def _standing(self) -> list[Worker]:
        always: list[Worker] = [*self._watches(), self._clock]
        return [*always, *(one for one in (self._journal, self._listeners) if one is not None)]

    def _watches(self) -> list[Watch]:
        components = [logs.watch for logs in self._components]
        return [self._pod_watch, self._slice_watch, self._event_watch, *components, *self._other_watches]

    def _component_logs(self) -> list[LogFollower]:
        with self._guard:
            return [one for logs in self._components for one in (*logs.of.values(), *logs.gone)]

    def _workers(self) -> list[Worker]:
        with self._guard:
            logs = [follower for followers in self._pods.values() for follower in followers]
        return [*logs, *self._component_logs(), *self._standing()]

    def _await_api(self) -> None:
        """Sealing needs answers. An API server that is just being restarted is waited for: what there is to read stays."""

        def look() -> Look[bool]:
            asked = self._kube.api.param_serialize("GET", "/readyz", auth_settings=["BearerToken"])
            try:
                read_all(lambda: self._kube.api.call_api(*asked, _request_timeout=(CONNECT_S, CONNECT_S)).response)
            except Refused as refused:
                if refused.status >= 500:
                    return Look(None, refused.what)
            except Broken as broken:
                return Look(None, broken.what)
            return Look(value=True, seen="it answers")

        try:
            wait_for("an API server that is ready", look, within_s=0 if self._api_lost else API_BACK_S, every_s=0.5)
            self._api_lost = False
        except WaitTimeout:
            self._api_lost = True  # each seal says what it could not have; the next one waits no more

    def _seal(self, workers: Sequence[Worker]) -> bool:
        self._await_api()
        whole = True
        for worker in workers:
            try:
                whole = worker.seal() and whole
            except Exception as error:  # noqa: BLE001 - a seal that fails in an unforeseen way is a gap like any other
                whole = False
                worker.failed("sealing it failed", error)
        return whole

    def _blind(self, names: Sequence[str]) -> dict[str, str]:
        blind = {watch.name: watch.note for watch in self._watches() if watch.note}
        seen = {name_of(obj) for obj in self._pod_watch.objects()}
        if not blind.get("pods") and (unseen := [name for name in names if name not in seen]):
            blind["pods"] = f"{', '.join(unseen)} has not been seen"
        listed = {pod for obj in self._slice_watch.objects() for pod in pods_of(obj)}
        if not blind.get("endpointslices") and (unlisted := [name for name in names if name not in listed]):
            blind["endpointslices"] = f"no slice with {', '.join(unlisted)} has been seen"
        with self._guard:
            followers = [one for name in names for one in self._pods.get(name, ())]
            followers += [one for logs in self._components for one in logs.of.values()]
            if deaf := [name for name in names if not self._pods.get(name)]:
                blind["logs"] = f"{', '.join(deaf)} is not followed"
            for logs in self._components:
                if not logs.of:
                    blind[logs.component.name] = f"no {logs.component.name} pod has been seen"
        blind |= {follower.name: why for follower in followers if (why := follower.answers())}
        if self._journal is not None and (self._journal.note or not self._journal.delivered):
            blind[self._journal.name] = self._journal.note or "no entry yet"
        return blind

    def _follower(self, logs: KubeLogs, pod: str, container: str, stream: Stream, **more: Any) -> LogFollower:
        return LogFollower(self._wrap(logs), logs.container, pod, container, stream, self.feed, self._raw, **more)

    def _pod_seen(self, obj: Object, _deleted: bool) -> None:  # noqa: FBT001 - the shape of a Notice
        self._identity.learn(obj)
        if self._journal is not None:
            self._journal.settle()
        name, meta = name_of(obj), obj.get("metadata") or {}
        left_before = not self._pod_watch.listed and bool(meta.get("deletionTimestamp"))
        with self._guard:
            known = self._pods.get(name)
            if known is None and not left_before and not self._stopped:
                # One that is gone when it is first seen is followed too: that its log cannot be read is then a gap.
                made_ns = maybe_ns(meta.get("creationTimestamp"))
                logs = [(log, container) for role, container in pods.roles_of(obj).items() if (log := log_of(role)) is not None]
                self._pods[name] = [self._follower(self._logs, name, container, log, since_ns=made_ns) for log, container in logs]
                for follower in self._pods[name]:
                    follower.start()
                if self._listeners is not None and (uid := str(meta.get("uid") or "")):
                    self._listeners.follow(name, uid)
        for follower in known or ():
            follower.wake()

    def _logs_of(self, component: _Component, namespace: str) -> _Logs:
        listing = functools.partial(self._kube.core.list_namespaced_pod, namespace, label_selector=component.selector)

        def seen(obj: Object, deleted: bool) -> None:  # noqa: FBT001 - the shape of a Notice
            self._component_seen(logs, obj, deleted=deleted)

        watch = Watch(f"{component.name} pods", component.stream, listing, _not_recorded, self.feed, notice=seen)
        logs = _Logs(component, KubeLogs(self._kube, namespace), watch)
        return logs

    def _component_seen(self, logs: _Logs, obj: Object, *, deleted: bool) -> None:
        name = name_of(obj)
        with self._guard:
            known = logs.of.get(name)
            if known is None and not deleted and not self._stopped:
                from_now = not logs.watch.listed  # one that came later is followed from its beginning
                known = self._follower(logs.source, name, logs.component.container, logs.component.stream, from_now=from_now)
                logs.of[name] = known
                known.start()
            if known is not None and deleted:
                # Its log ends with it: what the seal could not read of it is a Gap, but nobody waits for it any more.
                logs.gone.append(logs.of.pop(name))
        if known is not None:
            known.wake()


def _not_recorded(_obj: Object, /, *, deleted: bool, seen_ns: int) -> None:
    """The pods of a component are watched to find their logs; they are not the run's pods."""


def pods_of(endpoint_slice: Object) -> set[str]:
    """Names of the pods in a slice."""
    return {str((endpoint.get("targetRef") or {}).get("name") or "") for endpoint in endpoint_slice.get("endpoints") or []}
