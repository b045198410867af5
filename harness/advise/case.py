"""A Knative Service as the rules look at it: its containers with their probes, its pods, and the load on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from harness.advise.data import Model
from harness.advise.spans import Span
from harness.advise.window import Probes, Timing, Window, window
from harness.knative.manifest.places import Obj, Place, at
from harness.knative.manifest.plan import POD, Asker, Plan, ProbePlan
from harness.knative.manifest.rendering import port_number
from harness.knative.manifest.settings import Settings
from harness.knative.manifest.words import whole_number
from harness.knative.names import QUEUE_PROXY

RESTARTING = ("HTTP",)
"""Kinds of liveness probes whose restart was measured: S1 and S1B ask by HTTP."""


@dataclass(frozen=True, slots=True)
class Load:
    """What the manifest does not say. rate_rps: requests a second. boot_s: from the start of a container until its app listens,
    None if nobody knows. check_path: a path of the app that answers well only if it can serve, "" if nobody knows one.
    only_liveness_fails: the liveness probes are refused on their way and not by the app, so that readiness fails from the kill on.
    """

    rate_rps: float = 50.0
    boot_s: float | None = None
    check_path: str = ""
    only_liveness_fails: bool = False


@dataclass(frozen=True, slots=True)
class Container:
    """A container of the user's. place: in the manifest. asked: its readiness as queue-proxy asks it, by the kubelet's timing of
    queue-proxy; kept: its exec readiness, which the kubelet asks itself.
    """

    name: str
    place: Place
    served: bool
    liveness: ProbePlan | None
    startup: ProbePlan | None
    asked: ProbePlan | None
    kept: ProbePlan | None


@dataclass(frozen=True, slots=True)
class Count:
    """From lo to hi requests, and from boot_lo to boot_hi more for each second of D, where that is not known."""

    lo: float
    hi: float
    boot_lo: float = 0.0
    boot_hi: float = 0.0


@dataclass(frozen=True, slots=True)
class Case:
    """One Service that nobody refuses. manifest: as written. service: with its defaults. model: of the window."""

    manifest: Obj
    service: Obj
    plan: Plan
    settings: Settings
    load: Load
    model: Model

    @property
    def containers(self) -> tuple[Container, ...]:
        """All but queue-proxy, in the order of the manifest."""
        named = at(self.service, *POD, "containers")
        return tuple(self._container(index, str(one["name"])) for index, one in enumerate(named))

    def _container(self, index: int, name: str) -> Container:
        rows = {(one.kind, one.asker): one for one in self.plan.probes if one.container == name}
        return Container(
            name=name,
            place=(*POD, "containers", index),
            served=name == self.plan.served,
            liveness=rows.get(("liveness", Asker.KUBELET)),
            startup=rows.get(("startup", Asker.KUBELET)),
            asked=rows.get(("readiness", Asker.QUEUE_PROXY)),
            kept=rows.get(("readiness", Asker.KUBELET)),
        )

    @property
    def served(self) -> Container:
        """The container that gets the requests."""
        return next(one for one in self.containers if one.served)

    @property
    def kubelet_readiness(self) -> Timing:
        """By which the kubelet asks queue-proxy, and queue-proxy all that it asks."""
        (row,) = [one for one in self.plan.probes if (one.container, one.asker) == (QUEUE_PROXY, Asker.KUBELET)]
        asked = self.served.asked
        repeats = asked is not None and not asked.period_s.value
        return replace(timing(row), fails_within_s=float(row.timeout_s.value or 1) if repeats else 0.0)

    @property
    def window(self) -> Window | None:
        """Of a restart of the served container by its liveness probe; None where no such restart was measured."""
        one = self.served
        if one.liveness is None or one.liveness.way not in RESTARTING or self.replaced_port or self.never_listens:
            return None
        keeps = [probe for probe in (one.startup, one.kept) if probe is not None]
        probes = Probes(
            liveness=timing(one.liveness),
            readiness=self.kubelet_readiness,
            same_check=self.same_check,
            kept_s=max((timing(probe).period_s for probe in keeps), default=0),
        )
        return window(probes, self.model, self.load.boot_s)

    @property
    def replaced_port(self) -> int:
        """The port that is written at the served container's liveness probe, where Knative asks the served port instead; else 0."""
        probe = self.served.liveness
        if probe is None or probe.at is None:
            return 0
        ports = (port_number(at(self.manifest, *probe.at, way, "port")) for way in ("httpGet", "tcpSocket"))
        written = next(filter(None, ports), 0)
        return 0 if written in {self.plan.port.value, probe.port.value} else written

    @property
    def ender(self) -> ProbePlan | None:
        """The probe of the served container that may end a container which does not listen yet."""
        return self.served.startup or self.served.liveness

    @property
    def lives_s(self) -> int:
        """For how long a new container may not listen before that probe may end it; without one: ValueError."""
        probe = self.ender
        if probe is None:
            raise ValueError("no probe of this container can end it")
        asked = timing(probe)
        return int(probe.delay_s.value or 0) + (asked.failure_threshold - 1) * asked.period_s

    @property
    def never_listens(self) -> bool:
        """Whether that probe surely ends each container before its app listens; a command may succeed before."""
        probe, boot = self.ender, self.load.boot_s
        return probe is not None and probe.way != "exec" and boot is not None and boot > self.lives_s + timing(probe).period_s

    @property
    def same_check(self) -> bool:
        """Whether queue-proxy asks the app what the liveness probe asks it, and gets the same answer."""
        one = self.served
        if self.load.only_liveness_fails or one.liveness is None or one.asked is None or one.asked.at is None:
            return False
        if (one.liveness.way, one.liveness.port.value, one.liveness.target.value) != (
            one.asked.way,
            one.asked.port.value,
            one.asked.target.value,
        ):
            return False
        return self._headers(one.liveness) == self._headers(one.asked)

    def _headers(self, probe: ProbePlan) -> object:
        http = at(self.manifest, *(probe.at or ()), "httpGet") or {}
        return (http.get("httpHeaders") or [], http.get("scheme") or "HTTP")

    def setting(self, name: str) -> str:
        """A value of the plan as text: "min-scale", "timeoutSeconds"."""
        return str(dict(self.plan.values)[name].value)

    @property
    def pods(self) -> int:
        """That stand at least: min-scale, and one while there is load."""
        return max(1, whole_number(self.setting("min-scale")) or 0)

    @property
    def share(self) -> Span:
        """Of the requests of a window that go to the pod that restarts."""
        even = 1 / self.pods
        return Span(even, even if self.direct else 1.0)

    @property
    def direct(self) -> bool:
        """Whether the activator is never on the way while pods are ready, so that each of them gets the same share."""
        return self.pods == 1 or self.setting("target-burst-capacity") == "0"

    def requests(self, seconds: Span) -> Count:
        """How many of them are sent to the pod in this time."""
        low, high = self.load.rate_rps * self.share.lo, self.load.rate_rps * self.share.hi
        return Count(seconds.lo * low, seconds.hi * high, seconds.boots * low, seconds.boots * high)

    def sidecars(self) -> Iterator[Container]:
        """The other containers."""
        return (one for one in self.containers if not one.served)


def timing(probe: ProbePlan) -> Timing:
    """Of a probe's numbers; a written 0 counts as left out."""
    return Timing(int(probe.period_s.value or 10), int(probe.failure_threshold.value or 3))
