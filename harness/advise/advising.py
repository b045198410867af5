"""The advice for one manifest."""

from __future__ import annotations

from collections.abc import Callable

from harness.advise import limits
from harness.advise.case import Case, Count, Load
from harness.advise.cautions import warnings_of
from harness.advise.data import Model, measured, model
from harness.advise.patching import patch_of, patched
from harness.advise.rules import OF_A_RESTART, RULES, Found, Option, Rule
from harness.advise.shape import Advice, Change, Cost, Duration, Evidence, NotJudged, Requests, Risk
from harness.advise.spans import Span
from harness.knative.manifest.judged import judged
from harness.knative.manifest.places import Obj, Place, at
from harness.knative.manifest.plan import deployment_plan, plan
from harness.knative.manifest.settings import Settings

LineOf = Callable[[Place], int]
"""The line of a place in the user's file, 0 where there is none."""


def advice(manifest: Obj, settings: Settings, load: Load, line_of: LineOf | None = None, constants: Model | None = None) -> Advice:
    """Of a Knative Service or a Deployment that nobody refuses. manifest: as plain JSON values.

    constants: of the window model; None: those of model.toml. Raises ValueError for a manifest that is refused.
    """
    if manifest.get("kind") == "Deployment":
        return _of_a_deployment(manifest, settings, load)
    case = case_of(manifest, settings, load, constants or model())
    unknown = tuple(limits.of_the_stack(case))
    cost = None
    risks: tuple[Risk, ...] = ()
    if not unknown:
        unknown = tuple(limits.of_the_window(case))
        cost = None if unknown else cost_of(case)
        risks, pending = _risks(case, line_of or (lambda _: 0))
        unknown += (*pending, *limits.of_the_rest(case))
    return Advice(
        kind=case.plan.kind,
        name=case.plan.name,
        namespace=_namespace(manifest),
        knative=case.plan.version,
        measured_on=limits.MEASURED_ON,
        rate_rps=load.rate_rps,
        boot_s=load.boot_s,
        pods=case.pods,
        cost=cost,
        warnings=warnings_of(case, line_of or (lambda _: 0)),
        risks=risks,
        not_judged=unknown,
        verified=None,
    )


def case_of(manifest: Obj, settings: Settings, load: Load, constants: Model) -> Case:
    """A Service as the rules look at it. Raises ValueError for one that is refused."""
    answer = judged(manifest, settings)
    if answer.service is None or answer.rendered is None:
        raise ValueError(f"a manifest that is refused cannot be judged: {answer.problems[0].what}")
    found = plan(manifest, answer.service, answer.rendered, settings)
    return Case(manifest, answer.service, found, settings, load, constants)


def _of_a_deployment(manifest: Obj, settings: Settings, load: Load) -> Advice:
    found = deployment_plan(manifest, settings)
    replicas = int(dict(found.values)["replicas"].value or 1)
    return Advice(
        kind=found.kind,
        name=found.name,
        namespace=_namespace(manifest),
        knative=found.version,
        measured_on=limits.MEASURED_ON,
        rate_rps=load.rate_rps,
        boot_s=load.boot_s,
        pods=replicas,
        cost=None,
        warnings=(),
        risks=(),
        not_judged=(limits.DEPLOYMENT,),
        verified=None,
    )


def _namespace(manifest: Obj) -> str:
    return str(at(manifest, "metadata", "namespace") or "")


def _risks(case: Case, line_of: LineOf) -> tuple[tuple[Risk, ...], tuple[NotJudged, ...]]:
    """(the risks that were measured, what applies but was not measured)."""
    known = measured()
    risks: list[Risk] = []
    pending: list[NotJudged] = []
    for rule in RULES:
        for found in rule.applies(case):
            if rule.scenario in known:
                risks.append(_risk(case, rule, found, line_of))
            else:
                why = f"scenario {rule.scenario} has no result yet. It asks whether this happens: {rule.what}"
                pending.append(NotJudged(f"{rule.name} of container {found.container.name}", why, rule.name in OF_A_RESTART))
    return tuple(risks), tuple(pending)


def _risk(case: Case, rule: Rule, found: Found, line_of: LineOf) -> Risk:
    place = found.probe.at if found.probe is not None and found.probe.at is not None else found.container.place
    options = [one for one in rule.options(case, found) if one.scenario in measured() and _helps(case, one)]
    return Risk(
        name=rule.name,
        container=found.container.name,
        what=rule.what,
        why=found.why,
        line=line_of(place) or None,
        evidence=_evidence(rule.scenario),
        changes=tuple(_change(case, one) for one in options),
        instead="" if options else rule.instead,
    )


def _helps(case: Case, option: Option) -> bool:
    """Whether Knative takes the Service after it, and no probe of it is warned of that was not before.

    Knative does not take a check that has its port by name where queue-proxy asks it, for that does not look it up.
    """
    after = patched(case.manifest, patch_of(case.manifest, option.puts))
    if judged(after, case.settings).problems:
        return False
    changed = case_of(after, case.settings, case.load, case.model)
    before, now = ({(one.name, one.container) for one in warnings_of(each, lambda _: 0)} for each in (case, changed))
    return now <= before


def _change(case: Case, option: Option) -> Change:
    patch = patch_of(case.manifest, option.puts)
    after = case_of(patched(case.manifest, patch), case.settings, case.load, case.model)
    known = not any(limits.of_the_window(after))
    return Change(
        what=option.what,
        but=option.but,
        evidence=_evidence(option.scenario),
        patch_type="merge" if isinstance(patch, dict) else "json",
        patch=patch,
        cost=cost_of(after) if known else None,
    )


def _evidence(scenario: str) -> Evidence:
    one = measured()[scenario]
    return Evidence(scenario, one.run, one.cycles, one.saw)


def cost_of(case: Case) -> Cost | None:
    """Of one restart of the served container by its liveness probe; None where it has none, or none whose restart was measured."""
    found = case.window
    if found is None:
        return None
    most, waits = found.at_most_s, found.waits_s
    if case.pods > 1 and case.direct:  # the other pods take what this one would keep waiting
        waits = None
    return Cost(
        killed_s=_interval(found.killed_s.lo, found.killed_s.hi),
        refused=_duration(found.refused_s),
        refused_at_most=_duration(most) if most is not None else None,
        waits=_duration(waits) if waits is not None else None,
        requests=_requests(case.requests(found.refused_s)),
        requests_at_most=_requests(case.requests(most)) if most is not None else None,
    )


def _interval(*ends: float) -> tuple[float, float]:
    low, high = (round(end, 3) for end in ends)
    return low, high


def _duration(span: Span) -> Duration:
    return Duration(_interval(span.lo, span.hi), plus_boot=span.boots > 0)


def _requests(count: Count) -> Requests:
    return Requests(_interval(count.lo, count.hi), _interval(count.boot_lo, count.boot_hi))
