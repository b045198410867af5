"""The toggle app's control port, reached through the API server: past queue-proxy, and to one chosen pod."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.adapters.kube import Kube
from harness.adapters.wait import Look, wait_for
from harness.apps.toggle import CLEAR_PATH, STATE_PATH, TOKEN_ENV, TOKEN_HEADER
from harness.errors import ClusterError, FaultError
from harness.knative.names import USER_ROLE
from harness.model import ClusterHandle, Deployed, Pod

TIMEOUT_S = 10.0
"""Of one call. The app answers within milliseconds when it can answer at all."""

SHOWN = 300
"""Characters of an answer that an error repeats; the app's own lines are shorter."""


@dataclass(frozen=True, slots=True)
class AppState:
    """What the app says of itself.

    boot: of this start of its process. t_ns: when it said so, by its own clock. faults: toggle that is on -> persistent.
    hung: connections left without an answer. probes: "liveness", "readiness" -> (answered well, answered badly) since boot.
    """

    pod: str
    boot: str
    t_ns: int
    listening: bool
    faults: Mapping[str, bool]
    connections: int
    hung: int
    probes: Mapping[str, tuple[int, int]]


class Control:
    """The control port of one container of a pod. Raises FaultError for every answer that is not what was asked for."""

    def __init__(self, handle: ClusterHandle, deployed: Deployed, pod: Pod, role: str = USER_ROLE) -> None:
        self._kube = Kube.of(handle)
        self._deployed = deployed
        self._pod = pod
        self._port = deployed.control_port_of(role)
        self.where = f"{deployed.namespace}/{pod.name}:{self._port}"

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, str]:
        """(status, text) of one call, whatever it is. Raises FaultError when no answer came."""
        try:
            return self._kube.through_pod(
                self._deployed.namespace,
                self._pod.name,
                self._port,
                method,
                path,
                headers={TOKEN_HEADER: self._deployed.token, "Content-Type": "application/json"},
                body=None if body is None else json.dumps(body).encode(),
                timeout_s=TIMEOUT_S,
            )
        except ClusterError as error:
            raise FaultError(f"The app's control port was not reached: {error.what}", where=self.where) from error

    def understood(self, status: int, text: str) -> dict[str, Any]:
        """The JSON object of a good answer from the pod. Raises FaultError with what came instead."""
        if status != 200:
            raise FaultError(f"The app's control port answered {status}: {_short(text)}", fix=_mend(status), where=self.where)
        try:
            answer = json.loads(text)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict) or not isinstance(answer.get("boot"), str):
            raise FaultError(
                f"The control port did not answer as the toggle app does: {_short(text)}",
                fix="Deploy the toggle app, or name its control port.",
                where=self.where,
            )
        if answer.get("pod") != self._pod.name:
            raise FaultError(f"The answer came from pod {answer.get('pod')}, not from {self._pod.name}.", where=self.where)
        return answer

    def state(self) -> AppState:
        """Raises FaultError."""
        return self.as_state(self.understood(*self.ask("GET", STATE_PATH)))

    def as_state(self, answer: Mapping[str, Any]) -> AppState:
        """The part of any answer that says how the app is. Raises FaultError when it lacks something."""
        try:
            return AppState(
                pod=str(answer["pod"]),
                boot=str(answer["boot"]),
                t_ns=int(answer["t_ns"]),
                listening=bool(answer["listening"]),
                faults={kind: bool(fault["persistent"]) for kind, fault in answer["faults"].items()},
                connections=int(answer["connections"]),
                hung=int(answer["hung"]),
                probes={which: (int(seen["ok"]), int(seen["failed"])) for which, seen in answer["probes"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FaultError(
                f"The app's state is not understood ({type(error).__name__}: {error}): {_short(str(answer))}",
                fix="Rebuild the toggle app's image.",
                where=self.where,
            ) from error


def state(handle: ClusterHandle, deployed: Deployed, pod: Pod, role: str = USER_ROLE) -> AppState:
    """How the app in this container is now; its boot may be another than when the pod was found. Raises FaultError."""
    return Control(handle, deployed, pod, role).state()


def clear(
    handle: ClusterHandle,
    deployed: Deployed,
    pod: Pod,
    kind: str | None = None,
    *,
    role: str = USER_ROLE,
    within_s: float = 10,
) -> AppState:
    """Turn one fault off, or all; returns the app's state after that.

    Asked again while the app does not answer, for within_s: it may be between two starts, and clearing twice is clearing once.
    Raises WaitTimeout, and FaultError when the app refuses.
    """
    control = Control(handle, deployed, pod, role)
    wanted = {} if kind is None else {"kind": kind}

    def look() -> Look[AppState]:
        try:
            status, text = control.ask("POST", CLEAR_PATH, wanted)
        except FaultError as error:
            return Look(None, error.what)
        if status >= 500:  # the API server's words for a pod that does not answer
            return Look(None, f"{status}: {_short(text)}")
        return Look(control.as_state(control.understood(status, text)), "answered")

    return wait_for("The end of the fault", look, within_s=within_s, fix=_mend(503), where=control.where)


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= SHOWN else flat[:SHOWN] + " ..."


def _mend(status: int) -> str:
    return {
        403: f"Use the token the Service was deployed with ({TOKEN_ENV}), and a kubeconfig that may use pods/proxy.",
        404: "The pod is gone, or is not the toggle app: deploy again.",
        502: "The app is not running, or has no control port: see the pod's log.",
        503: "The app is not running, or has no control port: see the pod's log.",
    }.get(status, "")
