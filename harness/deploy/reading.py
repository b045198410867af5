"""A user's manifest: its text read with the line of each value, its one workload found, and refused with line and fix. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.adapters.documents import Document, Place, Twice, YAMLError, documents, dumped, lines_of, name_of, why_not_yaml
from harness.errors import BadInput
from harness.knative.manifest.judged import judged, judged_deployment
from harness.knative.manifest.needs import Need
from harness.knative.manifest.places import By, Obj, Problem, at, shown, text_of
from harness.knative.manifest.plan import Plan, deployment_plan, plan
from harness.knative.manifest.settings import KNOWN, Settings
from harness.knative.names import SERVING_API
from harness.model import WorkloadKind

MOST_VALUES = 100_000
"""Of one manifest. Kubernetes takes 1.5 MB; aliases of aliases make billions out of one line."""

DEPLOYMENT_API = "apps/v1"

_INT64 = 1 << 63
_TEMPLATE = re.compile(r"\{\{|\{%|\$\{\w*\}?")
_RENDER = "Render it first, with helm template, kustomize build or envsubst."
_SERVING = "serving.knative.dev/"


@dataclass(frozen=True, slots=True)
class Line:
    """A problem with its line, from 1; 0 where none can be named."""

    number: int
    problem: Problem


@dataclass(frozen=True, slots=True)
class Manifest:
    """A file's one workload. where: the file, for messages. obj: the Service or Deployment. lines: of its values. others: the other
    objects of the file. text: of its document as written, "" where it is an entry of a List. twice: its keys that are there twice;
    twice_beside: those of the file's objects that are no workload.
    """

    where: str
    kind: WorkloadKind
    obj: Obj
    lines: dict[Place, int]
    others: tuple[Document, ...]
    text: str
    twice: tuple[Line, ...] = ()
    twice_beside: tuple[Line, ...] = ()

    @property
    def name(self) -> str:
        """metadata.name, "" without one."""
        return str(at(self.obj, "metadata", "name") or "")

    def line(self, place: Place) -> int:
        """The line of a value, or of the nearest one around it that was written."""
        steps = tuple(place)
        while steps and steps not in self.lines:
            steps = steps[:-1]
        return self.lines.get(steps, 0)

    def bad(self, problem: Problem, line: int = 0) -> BadInput:
        """The problem as an error: file and line, and the fix. line: 0 is that of its place."""
        return BadInput(problem.what, fix=problem.fix, where=_where(self.where, line or self.line(problem.at)))


def read(text: str, *, where: str = "", name: str = "") -> Manifest:
    """The one Knative Service of a text, or its one Deployment where it has no Service; alone, among other documents or in a List.

    where: its file, for the messages. name: of the workload to take where there are several. Raises BadInput with one line that
    names what to change.
    """
    found = read_all(text, where=where, name=name)
    if len(found) > 1:
        what = f"The file has {listed(found)}; one is measured."
        raise BadInput(what, fix="Name one of them, or leave one in the file.", where=where)
    return found[0]


def listed(found: Sequence[Manifest]) -> str:
    """Several workloads of a file in words: `2 Knative Services: cart (line 1), shop (line 20)`."""
    names = ", ".join(f"{one.name or 'one without a name'} (line {one.line(())})" for one in found)
    return f"{len(found)} {_KINDS[found[0].kind]}s: {names}"


_KINDS = {WorkloadKind.KNATIVE_SERVICE: "Knative Service", WorkloadKind.DEPLOYMENT: "Deployment"}


def read_all(text: str, *, where: str = "", name: str = "") -> tuple[Manifest, ...]:
    """Every Knative Service of a text, or every Deployment where it has no Service, in the order of the text; at least one.

    name: of the only one to take, "" takes all. Raises BadInput where there is none, and for what cannot be read.
    """
    text = text.removeprefix("\ufeff")
    try:
        found = documents(text)
        lines, twice = lines_of(text)
    except YAMLError as error:
        raise _not_yaml(text, error, where) from error
    lines += [{}] * (len(found) - len(lines))
    for document, places in zip(found, lines, strict=False):
        _require_plain(document.value, places, where)
    every = _workloads(list(_entries(found, lines, twice)), text, where)
    taken = tuple(one for one in every if name in {"", one.name})
    if not taken:
        raise BadInput(f"The file has no {name!r} but {listed(every)}.", fix="Name one of them.", where=where)
    return taken


@dataclass(frozen=True, slots=True)
class _Entry:
    document: Document
    lines: dict[Place, int]
    text: str
    twice: tuple[Line, ...]


def _entries(found: Sequence[Document], lines: Sequence[dict[Place, int]], twice: Sequence[Twice]) -> Iterator[_Entry]:
    """Each object: a document, or an entry of a List."""
    for number, (document, places) in enumerate(zip(found, lines, strict=False)):
        own = [one for one in twice if one.document == number]
        items = document.value.get("items") if isinstance(document.value, dict) else None
        if document.kind.endswith("List") and isinstance(items, list):
            for index, item in enumerate(items):
                begin = ("items", index)
                inner = {place[2:]: line for place, line in places.items() if place[:2] == begin}
                text = dumped([item]) if isinstance(item, dict) else ""
                doubled = tuple(_doubled(one, one.place[2:]) for one in own if one.place[:2] == begin)
                yield _Entry(Document(text, item), inner, "", doubled)
        else:
            yield _Entry(document, places, document.text, tuple(_doubled(one, one.place) for one in own))


def _doubled(one: Twice, place: Place) -> Line:
    what = (
        f"{text_of(place)} in lines {one.lines[0]} and {one.lines[1]}: the key is there twice, and one of the two would be dropped."
    )
    return Line(one.lines[1], Problem(place, what, "Keep one of them.", By.SCHEMA))


def _workloads(entries: Sequence[_Entry], text: str, where: str) -> tuple[Manifest, ...]:
    services = [one for one in entries if one.document.kind == "Service" and one.document.api_version.startswith(_SERVING)]
    deployments = [one for one in entries if one.document.kind == "Deployment" and one.document.api_version == DEPLOYMENT_API]
    found = services or deployments
    if not found:
        raise _no_service(entries, where)
    for one in services:
        if one.document.api_version != SERVING_API:
            what = f"The manifest's apiVersion is {shown(one.document.api_version)}."
            raise BadInput(what, fix=f"Write {SERVING_API}.", where=_where(where, one.lines.get(("apiVersion",), 0)))
    kind = WorkloadKind.KNATIVE_SERVICE if services else WorkloadKind.DEPLOYMENT
    return tuple(
        Manifest(
            where=where,
            kind=kind,
            obj=one.document.value,
            lines=one.lines,
            others=tuple(other.document for other in entries if other is not one),
            text=text if len(entries) == 1 and one.text else one.text,
            twice=one.twice,
            twice_beside=tuple(line for other in entries if other not in found for line in other.twice),
        )
        for one in found
    )


def _no_service(entries: Sequence[_Entry], where: str) -> BadInput:
    fix = f"Write one of apiVersion: {SERVING_API}, kind: Service."
    if not entries:
        return BadInput("The manifest is empty; it has 0 documents.", fix=fix, where=where)
    seen = ", ".join(_seen(one.document) for one in entries[:6])
    return BadInput(f"The file has no Knative Service; it has: {seen}.", fix=fix, where=where)


def _seen(document: Document) -> str:
    if not isinstance(document.value, dict):
        return type(document.value).__name__
    words = " ".join(shown(word)[1:-1] for word in (document.api_version, document.kind) if word)
    return words or "a mapping without a kind"


def _not_yaml(text: str, error: YAMLError, where: str) -> BadInput:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    number = mark.line + 1 if mark is not None else 0
    for index, line in enumerate(text.splitlines(), start=1):
        found = _TEMPLATE.search(line)
        if found and (found[0][0] == "{" or abs(index - number) <= 1):
            what = f"The manifest is a template: line {index} holds `{found[0]}`."
            return BadInput(what, fix=_RENDER, where=_where(where, index))
    said = why_not_yaml(error, where.rpartition("/")[2])[:200]
    fix = "Correct it; `kubectl apply --dry-run=client` helps."
    return BadInput(f"The manifest is not YAML: {said}.", fix=fix, where=_where(where, number))


def _where(where: str, line: int) -> str:
    if not line:
        return where
    return f"{where}:{line}" if where else f"line {line}"


def _require_plain(value: Any, lines: dict[Place, int], where: str) -> None:
    """Raise unless it is what JSON can say, in numbers Kubernetes knows and of a size it takes."""

    def bad(place: Place, what: str, fix: str) -> BadInput:
        steps = place
        while steps and steps not in lines:
            steps = steps[:-1]
        return BadInput(what, fix=fix, where=_where(where, lines.get(steps, 0)))

    for count, (place, one) in enumerate(_values(value, (), ())):
        name = text_of(place) or "The manifest"
        if count >= MOST_VALUES:
            raise bad((), f"The manifest has more than {MOST_VALUES} values.", "Write fewer; expand its YAML aliases to see.")
        if one is ...:
            raise bad(place, f"{name} contains itself through a YAML alias.", "Write it out.")
        if isinstance(one, dict):
            for key in one:
                if not isinstance(key, str):
                    template = isinstance(key, tuple | dict)
                    raise bad(
                        place, f"{name} has the key {shown(key)}, which is not text.", _RENDER if template else "Put it in quotes."
                    )
        elif isinstance(one, int):
            if not -_INT64 <= one < _INT64:
                raise bad(place, f"{name} is a number of {one.bit_length()} bits.", "Write one of 64 bits at most.")
        elif isinstance(one, float):
            if not math.isfinite(one):
                raise bad(place, f"{name} is {one}, which JSON cannot represent.", "Write a finite number, or text in quotes.")
        elif not isinstance(one, list | str | None):
            raise bad(place, f"{name} is {shown(one)}, which JSON cannot represent.", "Write text, a number, a list or a mapping.")


def _values(value: Any, place: Place, above: tuple[int, ...]) -> Iterator[tuple[Place, Any]]:
    """Each value with its place, depth first. One that holds itself is given again as an Ellipsis."""
    if id(value) in above:
        yield place, ...
        return
    yield place, value
    inside = (*above, id(value))
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _values(inner, (*place, key), inside)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _values(inner, (*place, index), inside)


def problems(
    manifest: Manifest, settings: Settings, further: Callable[[Manifest], Iterable[Problem]] | None = None
) -> tuple[Line, ...]:
    """Everything for which the workload would be refused, in the order of the file; () is none.

    further: what else is asked of a manifest that Knative takes; it gets the manifest with the fixes of its fields made.
    """
    judge = judged if manifest.kind is WorkloadKind.KNATIVE_SERVICE else judged_deployment
    found = judge(manifest.obj, settings, [one.problem.at for one in manifest.twice]).found
    if further is not None and found.obj is not None:
        found = found.then(further(replace(manifest, obj=found.obj)))
    lines = [Line(manifest.line(one.at), _rendered_first(one, manifest.obj)) for one in found.problems]
    return tuple(sorted((*lines, *manifest.twice, *manifest.twice_beside), key=lambda line: line.number))


def _rendered_first(problem: Problem, obj: Obj) -> Problem:
    """The problem, with another fix where the value is what a template engine would have replaced."""
    value = at(obj, *problem.at)
    if isinstance(value, str) and _TEMPLATE.search(value):
        return replace(problem, fix=_RENDER)
    return problem


def planned(manifest: Manifest, settings: Settings) -> Plan:
    """The plan of a workload that nobody refuses. Raises BadInput with the first problem."""
    require_known(settings)
    if found := problems(manifest, settings):
        raise manifest.bad(found[0].problem)
    if manifest.kind is WorkloadKind.DEPLOYMENT:
        return deployment_plan(manifest.obj, settings)
    answer = judged(manifest.obj, settings)
    if answer.service is None or answer.rendered is None:  # neither happens without a problem
        raise ValueError("a Service that is neither refused nor rendered")
    return plan(manifest.obj, answer.service, answer.rendered, settings)


def require_known(settings: Settings) -> None:
    """Raise BadInput for a version of Knative whose rules are not known here."""
    if not KNOWN.contains(settings.version):
        what = f"What Knative {settings.version} makes of a manifest is not known here."
        raise BadInput(what, fix=f"Ask for one of {KNOWN} with --kn-version.")


def missing(manifest: Manifest, needed: Sequence[Need]) -> tuple[Need, ...]:
    """Of the objects that the pods need those that the file does not hold."""
    there = {(one.kind, one.name) for one in manifest.others}
    return tuple(one for one in needed if (one.kind, one.name) not in there)


def held(manifest: Manifest, needed: Sequence[Need]) -> tuple[Document, ...]:
    """The objects of the file that the pods need."""
    wanted = {(one.kind, one.name) for one in needed}
    return tuple(one for one in manifest.others if (one.kind, name_of(one.value)) in wanted)
