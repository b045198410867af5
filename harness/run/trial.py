"""A trial of the corpus: something is applied, and what becomes of it is looked at until its signatures decide."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from harness import deploy, inject, install
from harness.adapters.clock import now_ns
from harness.adapters.documents import Obj, documents
from harness.adapters.files import is_alive, locked, run_alive
from harness.adapters.ingress import Reply, ask
from harness.adapters.kube import Kube
from harness.adapters.objects import ApiRefused, NoSuchKind, Objects, Ref, condition
from harness.adapters.wait import Look, wait_for
from harness.apps.toggle import CONTROL_PORT, TOGGLE, TOKEN_ENV
from harness.catalogue.bugs.reading import LOOKS_APART_S
from harness.catalogue.bugs.reading import container as container_of
from harness.deploy.applying import namespace_made
from harness.deploy.manifest import env_of
from harness.deploy.standing import REDACTED, redacted
from harness.deploy.workload import applied
from harness.errors import BadInput, ClusterError, FaultError, WaitTimeout
from harness.knative import events, pods
from harness.knative.names import (
    CONTROLLER,
    CONTROLLER_SELECTOR,
    QUEUE_PROXY,
    REVISION_LABEL,
    SERVICE_LABEL,
    SERVING_API,
    SYSTEM_NAMESPACE,
)
from harness.knative.probes import asked_over_http
from harness.model import (
    CONTROLLER_LOG,
    Answered,
    ClusterHandle,
    ConditionSeen,
    Deployed,
    FaultEvent,
    Gap,
    Observation,
    Pod,
    ReadinessSeen,
    RequestSeen,
    Seen,
    Stream,
    Trial,
    Workload,
    WorkloadKind,
)
from harness.run.world import MEASURE_LOCK, World

EVERY_S = 1.0
"""Between two looks. The edges that signatures measure are seconds to minutes apart."""

REQUEST_TIMEOUT_S = 3.0
READINESS_TIMEOUT_S = 1.0
"""The kubelet's own for queue-proxy. With a request that times out, two looks still lie less than LOOKS_APART_S apart."""

SHOWN = 200
"""Characters of an answer that are kept."""

AWAY_S = 30.0
"""How long a webhook may be away before the trial gives up."""

OK = 200
NAMESPACE_OF_DRY_RUNS = "default"
WATCHED_KINDS = ("Service", "Configuration", "Revision")
LOOKED_AT = (Stream.PODS, Stream.EVENTS)
"""The streams of a look. Its conditions belong to no stream: who missed them missed the pods, too."""

Signature = Callable[[Seen], bool]
"""Whether what was seen so far decides."""


def try_out(trial: Trial, world: World, *, decides: Signature) -> Seen:
    """Carry a trial out on this world and return everything that was seen of it.

    decides: asked after each look; the trial ends when it says so, or after `trial.within_s`. What was applied and changed is taken
    back at the end. Raises ApiRefused and the errors of the install and deploy stages when the cluster cannot be used; that the
    Service is refused, or never serves, is a result and no error.
    """
    if world.provision.queue_proxy_image:
        raise BadInput("A trial measures the installed Knative; only runs replace queue-proxy.", fix="Leave it out.")
    run_id = secrets.token_hex(4)
    with ExitStack() as undo:
        undo.enter_context(locked(world.state.locks / MEASURE_LOCK, within_s=4 * 3600, holder=f"the trial {trial.name}"))
        deploy.sweep(world.handle, alive=lambda other: is_alive(world.state, other), progress=world.progress)
        undo.enter_context(run_alive(world.state, run_id))
        install.give_back(world.handle, progress=world.progress)
        for wanted, switch in ((trial.sidecar_probes, install.sidecar_probes), (trial.from_zero, install.zero_scale)):
            if wanted:
                undo.callback(switch.give_back, world.handle, progress=world.progress)
                switch.switch_on(world.handle, run_id=run_id, progress=world.progress)
        return _Trying(trial, world, run_id, decides).run(undo)


def objects_of(trial: Trial, *, namespace: str, app_image: str, run_id: str, token: str) -> list[Obj]:
    """What the trial applies, in the order of application, its Service first. Raises ValueError for a trial without a Service."""
    if trial.service is not None:
        workload = deploy.knative_service(trial.service)
    else:
        workload = Workload(WorkloadKind.KNATIVE_SERVICE, trial.documents)
    if not any(one.kind == "Service" for one in documents(workload.documents)):
        raise ValueError(f"the trial {trial.name} has no Service")
    return applied(workload, namespace=namespace, images={TOGGLE.image: app_image}, token=token, run_id=run_id)


@dataclass(slots=True)
class _Record:
    """What was seen so far; each thing once, however often it is looked at."""

    answer: Answered | None = None
    stored: str = ""
    template: str = ""
    observations: list[Observation] = field(default_factory=list)
    conditions: list[ConditionSeen] = field(default_factory=list)
    requests: list[RequestSeen] = field(default_factory=list)
    logs: dict[str, str] = field(default_factory=dict)
    readiness: list[ReadinessSeen] = field(default_factory=list)
    fault: FaultEvent | None = None
    last: dict[tuple[str, ...], str] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    looked_ns: int = 0
    missed: str = ""

    def looked(self) -> None:
        """Pods, events and conditions have all been looked at, now."""
        at_ns = now_ns()
        self.gaps += self._gaps(at_ns)
        self.looked_ns, self.missed = at_ns, ""

    def _gaps(self, until_ns: int) -> list[Gap]:
        """What lies between the last look and this moment, if that is too long; one for each stream."""
        if not self.looked_ns or until_ns - self.looked_ns <= LOOKS_APART_S * 1e9:
            return []
        why = self.missed or "nothing looked"
        return [Gap(stream, "", self.looked_ns, until_ns, why) for stream in LOOKED_AT]

    def changed(self, key: tuple[str, ...], value: str) -> bool:
        """Whether this differs from what was seen under the same key before; it is remembered."""
        differs = self.last.get(key) != value
        self.last[key] = value
        return differs

    def seen(self, *, ended: bool = False, error: str = "") -> Seen:
        """As evidence."""
        until_ns = now_ns()
        return Seen(
            answer=self.answer,
            stored=self.stored,
            template=self.template,
            observations=tuple(self.observations),
            conditions=tuple(self.conditions),
            requests=tuple(self.requests),
            logs=dict(self.logs),
            readiness=tuple(self.readiness),
            fault=self.fault,
            gaps=(*self.gaps, *self._gaps(until_ns)),
            until_ns=until_ns,
            ended=ended,
            error=error,
        )


class _Trying:
    """The state of one trial while it lasts."""

    def __init__(self, trial: Trial, world: World, run_id: str, decides: Signature) -> None:
        self.trial = trial
        self.world = world
        self.run_id = run_id
        self.decides = decides
        self.objects = objects_at(world.handle)
        self.kube = kube_at(world.handle) if trial.asks_readiness else None
        self.record = _Record()
        self.namespace = NAMESPACE_OF_DRY_RUNS if trial.dry_run else f"knative-chaos-{run_id}"
        self.begun_ns = now_ns()
        self.reply: Reply | None = None
        self.beside = ThreadPoolExecutor(1)
        self.first: Future[tuple[int, Reply, int]] | None = None
        self.awaits_fault = trial.fault is not None

    def run(self, undo: ExitStack) -> Seen:
        """Apply, then look until it is decided or too late."""
        undo.callback(self.beside.shutdown, wait=False)
        image = self.world.provision.app_image
        docs = objects_of(self.trial, namespace=self.namespace, app_image=image, run_id=self.run_id, token=secrets.token_hex(16))
        self.service = next(one for one in docs if one["kind"] == "Service")
        if not self.trial.dry_run:
            undo.callback(self._remove)
            namespace_made(self.objects, self.namespace, self.run_id)
        for obj in docs:
            if not self._apply(obj):
                return self.record.seen(ended=True)
        if self.trial.dry_run:
            return self.record.seen(ended=True)
        return self._watch()

    def _remove(self) -> None:
        deploy.remove(self.world.handle, namespace=self.namespace, run_id=self.run_id, progress=self.world.progress)

    def _apply(self, obj: Obj) -> bool:
        """Whether it was accepted. A webhook that is away is asked again; a refusal is the result."""

        def once() -> Look[bool]:
            try:
                stored = self.objects.apply(obj, dry_run=self.trial.dry_run, strict=self.trial.strict)
            except ApiRefused as refused:
                if refused.status in {0, 429, 503} or "failed calling webhook" in refused.said:
                    return Look(None, refused.said)
                self.record.answer = Answered(refused.status, refused.said)
                return Look(value=False, seen=refused.said)
            if obj is self.service:
                self.record.answer = Answered(OK)
                (stored.get("metadata") or {}).pop("managedFields", None)
                self.record.stored = _compact(stored).replace(env_of(obj, TOKEN_ENV), REDACTED)
            return Look(value=True, seen="accepted")

        return wait_for(f"the API server answers for {Ref.of(obj)}", once, within_s=AWAY_S, every_s=EVERY_S)

    def _watch(self) -> Seen:
        """Look until the signatures decide; with a fault, its own time begins when it was injected."""
        self.record.looked_ns = now_ns()
        faults = self.trial.faults if self.trial.fault else 0
        for left in range(faults, -1, -1):
            self.awaits_fault = left > 0

            def look() -> Look[Seen]:
                error = self._look()
                seen = self.record.seen(error=error)
                if self.decides(seen):
                    return Look(seen, "decided")
                if self.awaits_fault and (pod := self._served()) is not None and self._inject(pod):
                    return Look(seen, "the fault is in")
                return Look(None, error or "not decided")

            try:
                seen = wait_for(f"the trial {self.trial.name}", look, within_s=self.trial.within_s, every_s=EVERY_S)
            except WaitTimeout as late:
                return self.record.seen(ended=True, error="" if late.last_seen == "not decided" else late.last_seen)
            if self.decides(seen):
                break
        return self.record.seen()

    # --- what is looked at ---

    def _look(self) -> str:
        """One look at everything; why it was not whole, "" if it was."""
        try:
            self._see_pods()
            self._see_events()
            self._see_conditions()
            self.record.looked()
            self._see_template()
            self._see_logs()
            self._see_readiness()
        except (ApiRefused, NoSuchKind) as error:
            self.record.missed = str(error)
            return str(error)
        self._request()
        return ""

    def _see_pods(self) -> None:
        for pod in self.objects.find("v1", "Pod", namespace=self.namespace):
            seen = pods.pod(pod, deleted=False, seen_ns=now_ns())
            if self.record.changed(("pod", seen.pod), seen.payload):
                self.record.observations.append(seen)

    def _see_events(self) -> None:
        for event in self.objects.find("v1", "Event", namespace=self.namespace):
            seen = events.event(event, deleted=False, seen_ns=now_ns())
            if seen is not None and self.record.changed(("event", str(event["metadata"].get("uid"))), seen.payload):
                self.record.observations.append(seen)

    def _see_conditions(self) -> None:
        for kind in WATCHED_KINDS:
            for obj in self.objects.find(SERVING_API, kind, namespace=self.namespace):
                name = str(obj["metadata"]["name"])
                for one in (obj.get("status") or {}).get("conditions") or []:
                    told = [str(one.get(key) or "") for key in ("type", "status", "reason", "message")]
                    if self.record.changed(("condition", kind, name, told[0]), _compact(told)):
                        self.record.conditions.append(ConditionSeen(now_ns(), kind, name, *told))

    def _see_template(self) -> None:
        made = self.objects.find("apps/v1", "Deployment", namespace=self.namespace, labels=REVISION_LABEL)
        if made:
            self.record.template = _compact(redacted(made[0]["spec"]["template"]["spec"]))

    def _see_logs(self) -> None:
        for container in self.trial.logs:
            if container == CONTROLLER_LOG:
                self._see_controller()
                continue
            for pod in self.objects.find("v1", "Pod", namespace=self.namespace):
                name = str(pod["metadata"]["name"])
                for previous in (False, True):
                    text = self.objects.log(self.namespace, name, container, previous=previous)
                    if text:
                        self.record.logs[f"{name}/{container}" + ("/previous" if previous else "")] = text

    def _see_controller(self) -> None:
        since_s = int((now_ns() - self.begun_ns) / 1e9) + 2
        for pod in self.objects.find("v1", "Pod", namespace=SYSTEM_NAMESPACE, labels=CONTROLLER_SELECTOR):
            name = str(pod["metadata"]["name"])
            text = self.objects.log(SYSTEM_NAMESPACE, name, CONTROLLER, since_s=since_s)
            about = [line for line in text.splitlines() if self.namespace in line and '"error"' in line]
            if about:
                self.record.logs[f"{name}/{CONTROLLER_LOG}"] = "\n".join(about[-20:])

    def _see_readiness(self) -> None:
        """Of each pod, from the fault on: the kubelet's own question, whose answer no filter of events drops.

        Queue-proxy does not count it as a request, so it prolongs no drain.
        """
        if self.kube is None or self.record.fault is None:
            return
        for pod in self.objects.find("v1", "Pod", namespace=self.namespace):
            probe = asked_over_http(container_of(pod.get("spec") or {}, QUEUE_PROXY), "readiness")
            if probe is None:
                continue
            name, sent_ns = str(pod["metadata"]["name"]), now_ns()
            try:
                status, text = self.kube.through_pod(
                    self.namespace, name, probe.port, "GET", probe.path, headers=probe.headers, timeout_s=READINESS_TIMEOUT_S
                )
            except ClusterError as error:
                status, text = 0, error.what
            self.record.readiness.append(ReadinessSeen(sent_ns, now_ns(), name, status, " ".join(text.split())[:SHOWN]))

    def _request(self) -> None:
        """One, once the Service has an address.

        From zero: only when it is Ready, for the request is what makes a pod; and beside the looks, for it waits for that pod.
        """
        found = self.objects.get(Ref.of(self.service))
        host = urlsplit(str(((found or {}).get("status") or {}).get("url") or "")).hostname
        if found is None or not host:
            return
        if not self.trial.from_zero or self.record.requests:
            self._asked(*self._ask(host, REQUEST_TIMEOUT_S))
        elif self.first is None:
            if condition(found, "Ready"):
                self.first = self.beside.submit(self._ask, host, self.trial.within_s)
        elif self.first.done():
            self._asked(*self.first.result())

    def _ask(self, host: str, timeout_s: float) -> tuple[int, Reply, int]:
        """When it was sent, the answer, and when that was there."""
        handle, sent_ns = self.world.handle, now_ns()
        reply = ask(handle.address, handle.ports.ingress, host, timeout_s=timeout_s)
        return sent_ns, reply, now_ns()

    def _asked(self, sent_ns: int, reply: Reply, done_ns: int) -> None:
        text = " ".join(reply.text.split())[:SHOWN]
        self.record.requests.append(RequestSeen(sent_ns, done_ns, reply.status, text, reply.pod, reply.boot))
        self.reply = reply

    # --- the fault ---

    def _served(self) -> Pod | None:
        """The one pod, once it is Ready and has answered a request by an instance of the app that no fault has hit."""
        reply, fault = self.reply, self.record.fault
        if reply is None or reply.status != OK or not reply.pod or (fault is not None and reply.boot == fault.boot):
            return None
        obj = self.objects.get(Ref("v1", "Pod", reply.pod, self.namespace))
        if obj is None or pods.ready_condition(obj).get("status") != "True":
            return None
        meta, status = obj["metadata"], obj.get("status") or {}
        return Pod(reply.pod, str(meta.get("uid")), str(status.get("podIP") or ""), "", reply.boot, pods.roles_of(obj))

    def _inject(self, pod: Pod) -> bool:
        """Whether it is in. Between two starts the app does not answer: the next look tries again."""
        fault = self.trial.fault
        if fault is None:
            return False
        deployed = Deployed(
            kind=WorkloadKind.KNATIVE_SERVICE,
            namespace=self.namespace,
            name=str(self.service["metadata"]["name"]),
            revision="",
            pods=(pod,),
            routes=(),
            control_port=CONTROL_PORT,
            token=env_of(self.service, TOKEN_ENV),
            selector=f"{SERVICE_LABEL}={self.service['metadata']['name']}",
        )
        with inject.ClusterAccess(self.world.handle, self.world.engine) as access:
            try:
                self.record.fault = inject.inject(access, deployed, pod, fault, cycle=0)
            except FaultError as error:
                self.world.progress.say(f"the fault {fault.kind} was not injected: {error}")
                return False
        return True


def objects_at(handle: ClusterHandle) -> Objects:
    """The objects of this cluster."""
    return Objects(kube_at(handle))


def kube_at(handle: ClusterHandle) -> Kube:
    """The API of this cluster."""
    return Kube.of(handle)


def _compact(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
