"""The two files of an exported reproduction: `service.yaml` and `reproduce.sh`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harness.adapters.files import write_atomic
from harness.adapters.text import printable
from harness.apps.public import PUBLIC_IMAGE
from harness.errors import BadInput
from harness.faults import ByHand, Lift, fault_named
from harness.judge.numbers import NUMBERS, SECONDS
from harness.model import AppSpec, Behaviour, Expectation, FaultSpec, KnativeVersion, ResolvedClaim, RunSpec, WorkloadKind
from harness.run.export.service import documents, dumped

__all__ = ["PUBLIC_IMAGE", "SCRIPT", "SERVICE", "Exported", "export", "write"]

SCRIPT = "reproduce.sh"
SERVICE = "service.yaml"

COURSES = frozenset({"disturb", "idle", "roll-out"})
"""What the script can do. The others need a configuration of Knative, or a load that changes."""

RATE_OF_A_CLIENT = 8.0
"""Requests a second of one loop: 100 ms of sleep, and a process of curl and one of date, some 10 ms each."""

STEADY_S = 10
"""Of load before the fault."""

PERMISSION = 0o755

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    autoescape=False,  # noqa: S701 - a shell script; what is not ours is quoted by shlex
)


@dataclass(frozen=True, slots=True)
class Exported:
    """What somebody else runs. text: by the name of the file."""

    name: str
    files: tuple[tuple[str, str], ...]


def export(spec: RunSpec, version: KnativeVersion, *, image: str = "") -> Exported:
    """The scenario on this version as two files, the same for the same arguments.

    image: with python3 in it, in place of the public one. Raises BadInput for a scenario that kubectl and curl cannot do.
    """
    if why := why_not(spec):
        raise BadInput(f"{spec.scenario} cannot be exported: {why}.", fix=f"Measure it: knative-chaos run {spec.scenario}")
    if image and (image.split() != [image] or not image.isprintable()):
        raise BadInput(f"{image!r} names no image.", fix="Give a reference such as registry.example.com/python:3.13.")
    namespace = f"knative-chaos-{_label(spec.scenario)}"
    yaml = dumped(documents(spec.service, namespace=namespace, image=image or PUBLIC_IMAGE))
    return Exported(f"{_label(spec.scenario)}-knative-{version}", ((SERVICE, yaml), (SCRIPT, _script(spec, version, namespace))))


def write(exported: Exported, directory: Path) -> tuple[Path, ...]:
    """Write the files into this directory, each whole or not at all. Raises BadInput when that cannot be done."""
    paths = tuple(directory / name for name, _ in exported.files)
    try:
        for path, (_, text) in zip(paths, exported.files, strict=True):
            write_atomic(path, text)
        (directory / SCRIPT).chmod(PERMISSION)
    except OSError as error:
        raise BadInput(f"{directory} cannot be written: {error.strerror}.", fix="Name another directory with --out.") from error
    return paths


def why_not(spec: RunSpec) -> str:
    """Why kubectl and curl cannot do this scenario, "" if they can."""
    if spec.workload is not WorkloadKind.KNATIVE_SERVICE:
        return "it measures a plain Deployment through a port of the node, and an export is about a Knative Service"
    if spec.course_name not in COURSES:
        return f"its course is {spec.course_name}, which needs more than a fault under an even load"
    if spec.service.app.sigterm != AppSpec().sigterm:
        return f"its app does not {AppSpec().sigterm} on SIGTERM, as the exported program does"
    if spec.service.app.answer_delay_s:
        return "its app answers late, and the exported program answers at once"
    if spec.service.app.ready_delay_s:
        return "its app listens before it is ready, and the exported program is ready at once"
    if spec.service.sidecars:
        return "its pods have a sidecar, and the exported program runs alone"
    if any(lane.behaviour is Behaviour.RETRYING for lane, weight in spec.load.lanes if weight):
        return "its clients send a failed request again, and curl's own way of doing so is another one"
    for fault in _faults(spec):
        if fault.persistent and spec.hold_s:
            return "its fault survives restarts, and is ended between two of them"
        if fault.pods in {"first", "last"}:
            return f"its fault hits the {fault.pods} pod in the activator's order, and kubectl sorts addresses in another one"
        known = fault_named(fault.kind)
        if known.by_hand(fault) is None:
            return f"its fault {fault.kind} is done through the {known.door.value}, and kubectl alone cannot do it"
    return ""


def _faults(spec: RunSpec) -> Iterator[FaultSpec]:
    yield spec.fault
    if spec.second is not None:
        yield spec.second


def _script(spec: RunSpec, version: KnativeVersion, namespace: str) -> str:
    clients = max(1, round(spec.load.rate_rps / RATE_OF_A_CLIENT))
    return _TEMPLATES.get_template("reproduce.sh.j2").render(
        heading=printable(_line(f"{spec.scenario} on Knative {version}: {spec.title}")),
        script=SCRIPT,
        yaml=SERVICE,
        namespace=shlex.quote(namespace),
        service=shlex.quote(spec.service.name),
        deadline=ceil(spec.load.deadline_s),
        clients=" ".join(map(str, range(1, clients + 1))),
        steady=STEADY_S,
        act="; ".join(fault_named(fault.kind).done for fault in _faults(spec)),
        inject="\n".join(_inject(spec)),
        expected=[shlex.quote(line) for line in _expected(spec, version)],
        remove=shlex.quote(f"When you have seen enough: kubectl delete namespace {namespace}"),
    )


def _inject(spec: RunSpec) -> Iterator[str]:
    """The commands from the fault to the end of the recovery."""
    done = [(fault, fault_named(fault.kind).by_hand(fault) or ByHand()) for fault in _faults(spec)]
    which = "*" if any(fault.hits_all for fault, _ in done) else "0"
    if any('"$POD"' in command for _, by_hand in done for command in by_hand.do):
        path = f"jsonpath={{.items[{which}].metadata.name}}"
        yield f'HIT=$(kubectl -n "$NS" get pods -l "$PODS" --field-selector=status.phase=Running -o \'{path}\')'
    for _, by_hand in done:
        yield from _commands(by_hand.do)
    undo = [by_hand.undo for fault, by_hand in done if by_hand.undo and _is_held(fault, spec)]
    if undo:
        landing_s = max(fault_named(fault.kind).landing_s(fault, spec.service) for fault, _ in done)
        yield f"sleep {ceil(landing_s / 2 + spec.hold_s)}"
        for commands in undo:
            yield from _commands(commands)
    injected = [fault for fault, _ in done if fault_named(fault.kind).injected]
    yield f"sleep {ceil(spec.after_s + max((fault_named(one.kind).landing_s(one, spec.service) for one in injected), default=0))}"


def _is_held(fault: FaultSpec, spec: RunSpec) -> bool:
    return fault_named(fault.kind).ends(fault, spec.service).lift in {Lift.HELD, Lift.LANDED}


def _commands(commands: tuple[str, ...]) -> Iterator[str]:
    """For each pod that is hit, where they are about a pod."""
    each = any('"$POD"' in command for command in commands)
    if each:
        yield "for POD in $HIT; do"
    yield from (f"  {command}" if each else command for command in commands)
    if each:
        yield "done"


def _expected(spec: RunSpec, version: KnativeVersion) -> Iterator[str]:
    yield f"What {spec.scenario} expects on Knative {version}:"
    for claim in spec.claims:
        if claim.bounds is None or NUMBERS[claim.check].unit == SECONDS:
            yield _line(f"- {_words(claim)}")


def _words(claim: ResolvedClaim) -> str:
    """A number of requests is left out: it depends on the load, which is another one here."""
    if claim.bounds is not None:
        return f"{claim.check} between {claim.bounds.lo:g} and {claim.bounds.hi:g} s ({claim.source})"
    state = "HOLDS" if claim.expected is Expectation.HOLDS else "BROKEN"
    share = f" in a share of {claim.rate.lo:g} to {claim.rate.hi:g} of the {claim.rate.of}" if claim.rate else ""
    return f"{state}{share}: {claim.statement} ({claim.source})"


def _line(text: str) -> str:
    return " ".join(text.split())


def _label(name: str) -> str:
    """A scenario's name as a part of a Kubernetes name and of a path."""
    return "".join(one if one.isascii() and one.isalnum() else "-" for one in name.lower()).strip("-")[:40].strip("-") or "scenario"
