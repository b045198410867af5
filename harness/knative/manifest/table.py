"""The plan of a workload's probes, for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from harness.knative.manifest.places import Place, Problem, text_of
from harness.knative.manifest.plan import Plan, ProbePlan, Value

LineOf = Callable[[Place], int]
"""The line of a place in the user's file, 0 where there is none."""

HEAD = ("container", "probe", "asked by", "what", "when", "acts after", "line")


def lines(plan: Plan, line_of: LineOf, *, missing: Sequence[str] = ()) -> list[str]:
    """The plan as text: one row a probe, then what happens and what Knative changed, then scale and timeouts.

    missing: objects that the pods need and the file does not hold.
    """
    rows = [HEAD, *(_cells(probe, line_of) for probe in plan.probes)]
    served = f"requests go to container {plan.served}" + (f", port {plan.port.value}" if plan.port.value else "")
    found = [f"{plan.kind} {plan.name}, Knative {plan.version}: {served}", ""]
    found += _table(rows)
    found += ["", *_sentences(plan.probes)]
    found += [
        "",
        *_table([("setting", "value", "line"), *((name, _text(value), _line(value, line_of)) for name, value in plan.values)]),
    ]
    found += [
        f"needs {need} (line {line_of(need.at)}){', which is not in this file' if str(need) in missing else ''}"
        for need in plan.needs
    ]
    return [*found, "", *(f"note: {note}" for note in plan.notes)]


def _cells(probe: ProbePlan, line_of: LineOf) -> tuple[str, ...]:
    port = f":{probe.port.value} " if probe.port.value else ""
    target = str(probe.target.value)
    where = f"{probe.way} {port}{target if len(target) <= 40 else f'{target[:36]} ...'}".rstrip()
    acts = f"{probe.within_s[0]} to {probe.within_s[1]} s" if probe.within_s else "-"
    number = line_of(probe.at) if probe.at is not None else 0
    return (probe.container, probe.kind, str(probe.asker), where, probe.often, acts, str(number or "-"))


def _sentences(probes: Iterable[ProbePlan]) -> list[str]:
    found = []
    for probe in probes:
        head = f"{probe.kind} of {probe.container} by the {probe.asker}"
        timing = f"timeout {probe.timeout_s.value} s, failure threshold {probe.failure_threshold.value}"
        found.append(f"{head}: {probe.acts}" + (f" ({timing})" if probe.within_s else ""))
        found += [f"  {sentence}" for sentence in probe.changed]
    return found


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _text(value: Value) -> str:
    return "-" if value.value is None else str(value.value)


def _line(value: Value, line_of: LineOf) -> str:
    return str(line_of(value.at)) if value.at is not None else "default"


def as_json(plan: Plan, line_of: LineOf, *, missing: Sequence[str] = ()) -> str:
    """The same as one JSON object: each value with its `line`, null where it is a default."""

    def value(one: Value) -> Mapping[str, Any]:
        return {"value": one.value, "line": (line_of(one.at) or None) if one.at is not None else None}

    def plain(one: Any) -> Any:
        if isinstance(one, Value):
            return value(one)
        return list(one) if isinstance(one, tuple) else one

    probes = [
        {
            **{field.name: plain(getattr(probe, field.name)) for field in fields(probe) if field.name != "at"},
            "line": (line_of(probe.at) or None) if probe.at is not None else None,
        }
        for probe in plan.probes
    ]
    whole = {
        "kind": plan.kind,
        "name": plan.name,
        "knative": plan.version,
        "served": plan.served,
        "port": value(plan.port),
        "probes": probes,
        "settings": {name: value(one) for name, one in plan.values},
        "needs": [
            {"kind": need.kind, "name": need.name, "line": line_of(need.at), "in_file": str(need) not in missing}
            for need in plan.needs
        ],
        "notes": list(plan.notes),
        "refused": [],
    }
    return json.dumps(whole, indent=2)


def refused_lines(found: Sequence[tuple[int, Problem]], where: str) -> list[str]:
    """Each problem as two lines: file and line with what is wrong and who refuses it, and the fix."""
    said = []
    for number, problem in found:
        place = f"{where}:{number}" if number else where
        said += [f"{place}: {problem.what} [refused by the {_REFUSER[problem.by]}]", f"    fix: {problem.fix}"]
    return said


_REFUSER = {
    "schema": "API server",
    "webhook": "Knative webhook",
    "deployment": "API server, when Knative's controller makes the Deployment",
    "harness": "harness",
}


def refused_json(found: Sequence[tuple[int, Problem]], where: str) -> str:
    """The same as one JSON object."""
    listed = [
        {"line": number or None, "place": text_of(problem.at), "by": str(problem.by), "what": problem.what, "fix": problem.fix}
        for number, problem in found
    ]
    return json.dumps({"file": where, "refused": listed}, indent=2)
