"""The advice for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from harness.advise.rules import OF_A_RESTART
from harness.advise.shape import (
    Advice,
    Change,
    Cost,
    Duration,
    Evidence,
    Interval,
    ProbeWarning,
    Requests,
    Restart,
    Risk,
    Verified,
)


def lines(found: Advice, where: str) -> list[str]:
    """The advice as text: what a restart costs, the risks with their changes, what is not judged. where: the file."""
    pods = "1 pod" if found.pods == 1 else f"{found.pods} pods"
    on = "" if found.kind == "Deployment" else f", Knative {found.knative}"
    said = [f"{found.kind} {found.name}{on}: {found.rate_rps:g} requests a second, {pods}", ""]
    for one in found.warnings:
        said += [*_warning(one, where), ""]
    if found.cost is not None:
        said += ["A restart by the liveness probe:", *(f"  {line}" for line in _cost(found.cost)), ""]
        if found.boot_s is None and _open(found.cost):
            said += [
                "  D is how many seconds the app needs from the start of its container until it listens: --boot-seconds D.",
                "",
            ]
    for risk in found.risks:
        said += [*_risk(risk, found, where), ""]
    if any(risk.changes for risk in found.risks):
        said += [
            f"A patch changes only the Service in the cluster. Make the same change in {where}: its next apply would undo a patch.",
            "",
        ]
    if not found.risks:
        said += [_without_a_risk(found), ""]
    if found.verified is not None:
        said += [*_verified(found.verified), ""]
    said += [f"not judged: {one.what}: {one.because}" for one in found.not_judged]
    while said and not said[-1]:
        said.pop()
    return said


def notes(found: Advice) -> tuple[str, ...]:
    """What `probes` says of it: the warnings, and the risks of a restart that need more than the liveness probe."""
    risks = (
        f"{one.what} `knative-chaos advise` says what helps" for one in found.risks if one.name in OF_A_RESTART - {"liveness-alone"}
    )
    return (*(f"WARNING {one.name}: {one.what} {one.fix}" for one in found.warnings), *risks)


def _warning(one: ProbeWarning, where: str) -> Iterator[str]:
    place = f"{where}:{one.line}" if one.line else where
    yield f"WARNING {one.name} ({place}, container {one.container})"
    yield f"  {one.what}"
    yield f"  {one.fix}"


def _without_a_risk(found: Advice) -> str:
    """No all-clear where something is open, or where the numbers above are not zero."""
    if found.warnings:
        return "No measured risk was found, but see the warning above."
    cost = found.cost
    most = 0.0 if cost is None else (cost.requests_at_most or cost.requests).number[1]
    if any(one.decisive for one in found.not_judged):
        how = f"; by the model, up to {round(most)} requests may be refused" if round(most) else ""
        return f"No verdict: no scenario has measured such a restart{how}. See what is not judged."
    return "No measured risk was found" + (f"; a restart may still refuse up to {round(most)} requests." if round(most) else ".")


def _open(cost: Cost) -> bool:
    return any(one is not None and one.plus_boot for one in (cost.refused, cost.waits))


def _cost(cost: Cost) -> Iterator[str]:
    yield f"decided   {_range(cost.killed_s)} s after the check first fails"
    if cost.refused.seconds[1] or cost.refused.plus_boot:
        yield f"refused   for {_seconds(cost.refused)}: {_number(cost.requests)} requests"
    else:
        yield "refused   none"
    most, number = cost.refused_at_most, cost.requests_at_most
    if most is not None and number is not None:
        yield f"          at most {_range(most.seconds)} s, since the pod then has left its Service: {_number(number)} requests"
    yield f"waiting   {_waiting(cost.waits)}"


def _waiting(waits: Duration | None) -> str:
    if waits is None:
        return "none"
    low, high = waits.seconds
    if waits.plus_boot and high <= 0:
        return f"none, or if D is above {-high:g} s the slowest for {_seconds(waits)}"
    return f"the slowest for {_seconds(waits)}" + (", none if that is below 0" if low < 0 else "")


def _risk(risk: Risk, found: Advice, where: str) -> Iterator[str]:
    place = f"{where}:{risk.line}" if risk.line else where
    yield f"RISK {risk.name} ({place}, container {risk.container})"
    yield f"  {risk.what}"
    yield f"  {risk.why}"
    yield f"  measured: {_evidence(risk.evidence)}"
    for number, change in enumerate(risk.changes, start=1):
        yield from _change(number, change, found)
    if risk.instead:
        yield f"  {risk.instead}"


def _change(number: int, change: Change, found: Advice) -> Iterator[str]:
    yield f"  change {number}: {change.what}"
    yield f"    measured: {_evidence(change.evidence)}"
    if change.cost is not None:
        yield from (f"    {line}" for line in list(_cost(change.cost))[1:])
    yield f"    but {change.but}"
    space = f" --namespace {found.namespace}" if found.namespace else ""
    yield f"    kubectl patch ksvc {found.name}{space} --type {change.patch_type} --patch '{patch_text(change)}'"


def _verified(one: Verified) -> Iterator[str]:
    number = len([restart for restart in (*one.before, *one.after) if restart.boot_s is not None])
    yield f"MEASURED change {one.change} of {one.risk} ({one.experiment})"
    yield "  D         " + ("not known" if one.boot_s is None else f"{one.boot_s:.2f} s, the median of {number} restarts")
    for label, restarts, cost in (("before", one.before, one.predicted_before), ("after", one.after, one.predicted_after)):
        yield f"  {label:<8}  {_restarts(restarts)}"
        if cost is not None:
            yield from (f"    predicted {line}" for line in list(_cost(cost))[1:])


def _restarts(restarts: Sequence[Restart]) -> str:
    if not restarts:
        return "no restart was measured"
    failed = ", ".join("undecided" if one.failed is None else str(one.failed) for one in restarts)
    return (
        f"{failed} requests failed; refused for {_listed(one.refused_s for one in restarts)} s; the slowest answer took "
        f"{_listed(one.slowest_s for one in restarts)} s"
    )


def _listed(numbers: Iterable[float | None]) -> str:
    return ", ".join("undecided" if one is None else f"{one:.2f}" for one in numbers)


def patch_text(change: Change) -> str:
    """The patch as kubectl takes it, on one line; a quote in it is escaped for a shell's single quotes."""
    return json.dumps(change.patch).replace("'", "'\\''")


def _evidence(evidence: Evidence) -> str:
    cycles = "1 cycle" if evidence.cycles == 1 else f"{evidence.cycles} cycles"
    return f"{evidence.scenario} (run {evidence.run}, {cycles}): {evidence.saw}"


def _range(ends: Interval) -> str:
    low, high = (f"{end:.1f}".removesuffix(".0") for end in ends)
    return low if low == high else f"{low} to {high}"


def _seconds(duration: Duration) -> str:
    low, high = (f"{end:.2f}" if not duration.plus_boot else _on_top("D", end, ".2f") for end in duration.seconds)
    return f"{low} to {high} s"


def _on_top(base: str, more: float, form: str) -> str:
    return f"{base} {'-' if more < 0 else '+'} {abs(more):{form}}"


def _number(requests: Requests) -> str:
    ends = [str(round(end)) for end in requests.number]
    if round(requests.per_boot_second[1], 1):
        each = (f"{end:.1f}".removesuffix(".0") for end in requests.per_boot_second)
        ends = [_on_top(f"{one} x D", round(end), "d") for one, end in zip(each, requests.number, strict=True)]
    return " to ".join(dict.fromkeys(ends))
