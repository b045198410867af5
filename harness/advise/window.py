"""The window model: for how long a restart by the liveness probe refuses requests, and for how long the others wait. Pure.

All times are in seconds. A restart goes like this; the names in capitals are constants of model.toml:

    the check fails --(threshold-1 .. threshold periods, DECISION)--> killed --(PRE_STOP)--> the listener closes
    the listener closes --(RESTART)--> the container starts --(D, the app's own start)--> the app listens

Requests are refused from the close until the app listens (W = RESTART + D), or until the pod has left the endpoints, if that is
before. It leaves them in one of two ways:

- queue-proxy's readiness fails: from the first failed check, if it asks the same as liveness, else from the kill, because
  queue-proxy answers 503 from its preStop hook on and the port is closed after it. It takes threshold-1 to threshold periods, and
  PROPAGATION.
- the kubelet itself calls the new container not ready, because it has a startup probe or an exec readiness probe:
  RESTART_NOTICED after the old process has ended, which is at the close, or later for an app that lives on without its port.

An app that does not end on SIGTERM is killed when its grace is over; if it closes its port at SIGTERM, the rest of the grace is
part of W.

After that the requests wait in the activator until the app listens, and BACK: the activator asks queue-proxy itself, every 200 ms.
Where the kubelet keeps the container not ready, up to one period of its probe comes on top.

A readiness probe without a period fails by its timeout, because queue-proxy repeats it every 50 ms until it succeeds.

Source: the reference's formula W502 = min(exit tail + create + D, T_detect + T_prop), with the edges that S1, S2, S6, S7, S10, S12,
S31 and S34 measured (docs/findings.md, docs/anatomy.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

from harness.advise.data import CONSTANTS, Constant, Model
from harness.advise.spans import Span, least

LEAST_GRACE_S = 2.0
"""Between SIGTERM and SIGKILL, whatever preStop has used up of the grace. Source: the kubelet's minimumGracePeriodInSeconds."""


@dataclass(frozen=True, slots=True)
class Timing:
    """When a probe acts. fails_within_s: how long a failed probe takes at most, 0 for one that is answered or refused at once."""

    period_s: int
    failure_threshold: int
    fails_within_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Probes:
    """What decides the window of one container.

    readiness: by which the kubelet asks queue-proxy. same_check: it asks the app what liveness asks. kept_s: the period of the
    startup probe, or of an exec readiness probe, that keeps a restarted container not ready; 0 for none. grace_s: from the
    kubelet's decision to SIGKILL, of an app that does not end on SIGTERM; 0: it does. listens_on: it keeps its port open till then.
    """

    liveness: Timing
    readiness: Timing
    same_check: bool = False
    kept_s: int = 0
    grace_s: float = 0.0
    listens_on: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """What one restart costs while D, the app's start-up time, is as it is.

    killed_s: from the first failed check to the kubelet's decision. refused_s: for how long requests are refused; with at_most_s,
    the lesser of the two. waits_s: how long the slowest request waits, none if that is negative; None where none does.
    """

    killed_s: Span
    refused_s: Span
    at_most_s: Span | None
    waits_s: Span | None


@dataclass(frozen=True, slots=True)
class Phases:
    """When the check begins to fail, as a share of each probe's period: the kubelet's workers do not wait for each other.

    None: at any time.
    """

    liveness: float | None = None
    readiness: float | None = None


ANY_PHASE = Phases()


def window(probes: Probes, model: Model, boot_s: float | None = None, phases: Phases = ANY_PHASE) -> Window:
    """The window of a container with these probes. boot_s: D; None leaves it open."""
    killed = _acts(probes.liveness, phases.liveness) + _span(model.decision)
    open_s = _span(model.restart) + Span(0, 0, 1)
    to_close = _span(model.pre_stop)
    if probes.grace_s and probes.listens_on:
        to_close = Span(probes.grace_s, probes.grace_s)
    lives_on = Span(0, 0)
    if probes.grace_s and not probes.listens_on:
        grace = Span(probes.grace_s, probes.grace_s) - to_close
        lives_on = Span(max(LEAST_GRACE_S, grace.lo), max(LEAST_GRACE_S, grace.hi))
    open_s += lives_on
    out, back = _out(probes, model, killed, to_close, lives_on, phases.readiness)
    waits = open_s - out + back + _span(model.back)
    cap = out.from_zero
    if boot_s is not None:
        open_s, waits = open_s.with_boot(boot_s), waits.with_boot(boot_s).from_zero
        if cap.lo >= open_s.hi:
            return Window(killed, open_s, None, None)
        return Window(killed, least(open_s, cap), None, waits if cap.hi <= open_s.lo else Span(0, waits.hi))
    if cap.hi <= open_s.lo:  # the pod is out before the container has started, whatever D is
        return Window(killed, cap, None, waits)
    return Window(killed, open_s, cap, waits)


PHASES = 16
"""Of each probe, for a mean over them."""


def mean_refused_s(probes: Probes, model: Model, boot_s: float) -> float:
    """The mean of refused_s over the phases of both probes, each as likely as any other; the constants in their middle."""
    middle = Model(model.name, *(_middle(getattr(model, name)) for name in CONSTANTS))
    shares = [(number + 0.5) / PHASES for number in range(PHASES)]
    found = [window(probes, middle, boot_s, Phases(*both)).refused_s for both in product(shares, shares)]
    return sum((one.lo + one.hi) / 2 for one in found) / len(found)


def _middle(constant: Constant) -> Constant:
    at_s = (constant.lo + constant.hi) / 2
    return replace(constant, lo=at_s, hi=at_s)


def _out(probes: Probes, model: Model, killed: Span, to_close: Span, lives_on: Span, phase: float | None) -> tuple[Span, Span]:
    """(when the pod is out of the endpoints, counted from the close and negative before it; what the way back may take after D).

    to_close: from the kill to the close. lives_on: from the close to the end of the process, until which the kubelet has no new
    container to call not ready. The ways out race: the first counts.
    """
    failing = _acts(probes.readiness, phase) + _span(model.propagation)
    # An app that listens on answers again once queue-proxy's drain is reset, a second after preStop: the close begins the count.
    out = failing if probes.grace_s and probes.listens_on else failing - to_close
    if probes.same_check:
        out = _earlier(out, failing - (killed + to_close))
    if probes.kept_s:
        out = _earlier(out, lives_on + _span(model.restart_noticed))
    return out, Span(0, probes.kept_s)


def _earlier(one: Span, other: Span) -> Span:
    """Of two ways out: the one that comes first."""
    return Span(min(one.lo, other.lo), min(one.hi, other.hi))


def _acts(timing: Timing, phase: float | None) -> Span:
    """From a check's first failure to the failed probe that counts. phase: as in Phases."""
    first, last = (0.0, 1.0) if phase is None else (phase, phase)
    before = timing.failure_threshold - 1
    return Span((before + first) * timing.period_s, (before + last) * timing.period_s + timing.fails_within_s)


def _span(constant: Constant) -> Span:
    return Span(constant.lo, constant.hi)
