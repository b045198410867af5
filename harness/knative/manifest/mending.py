"""What would still be wrong with a manifest if each fix so far were made. Pure.

A manifest is refused in steps: the API server checks its fields, Knative's webhook what they mean, Kubernetes the Deployment that
is made of it. A later step is asked as well, and only those of its problems are reported that no earlier problem can have caused.
If a fix says exactly what to write, the later step sees the manifest with that change. If only the author knows the value, it is
left out, and no problem is reported that may depend on it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.knative.manifest.defaults import PROBES
from harness.knative.manifest.places import Change, Obj, Place, Problem, at

MOST_ROUNDS = 4
"""Of checking the fields: a field whose name is mended may hold others that are wrong."""

CONTAINERS: Place = ("spec", "template", "spec", "containers")
_POD: Place = CONTAINERS[:-1]
_METADATA: list[Place] = [("metadata",), ("spec", "template", "metadata")]
"""Where labels, annotations and a scale belong that stand elsewhere."""
_MOUNTS = frozenset({"volumes", "volumeMounts"})
_PORTS = frozenset({"ports", *PROBES})
_NAMED: tuple[Place, Place] = (("metadata", "name"), ("spec", "template", "metadata", "name"))


@dataclass(frozen=True, slots=True)
class Mended:
    """problems: so far. obj: the manifest with the fixes of its fields made; None where too little of it is left to go on.

    unsure: places of which nobody knows what will stand there. renamed: by the place of a field with its mended name the place with
    the name that the user wrote.
    """

    problems: tuple[Problem, ...]
    obj: Obj | None
    unsure: tuple[Place, ...]
    renamed: Mapping[Place, Place]

    def then(self, later: Iterable[Problem]) -> Mended:
        """The same after a later step, which was asked about `obj`: its problems that no earlier one can have caused are added."""
        new = independent(later, self.unsure)
        unsure = (*self.unsure, *(one.at for one in new))
        return replace(self, problems=(*self.problems, *(_where_written(one, self.renamed) for one in new)), unsure=unsure)


def mended(manifest: Obj, wrong: Callable[[Obj], Iterable[Problem]], unsure: Iterable[Place] = ()) -> Mended:
    """The problems of the fields, and the manifest after their fixes. wrong: the problems of an object's fields."""
    found: list[Problem] = []
    open_at = list(unsure)
    before: dict[Place, Place] = {}
    obj: Obj | None = manifest
    for _ in range(MOST_ROUNDS):
        new = independent(wrong(obj), open_at) if obj is not None else []
        if not new or obj is None:
            return Mended(tuple(found), obj, tuple(open_at), before)
        found += [_where_written(one, before) for one in new]
        obj = _changed(obj, new, open_at, before)
    return Mended(tuple(found), None, tuple(open_at), before)


def independent(problems: Iterable[Problem], unsure: Sequence[Place]) -> list[Problem]:
    """The problems that no value of these places can have caused."""
    return [one for one in problems if not any(related(one.at, place) for place in unsure)]


def _where_written(problem: Problem, before: Mapping[Place, Place]) -> Problem:
    """The problem at the place that the user wrote, of a field that was found under its mended name."""
    for length in range(len(problem.at), 0, -1):
        old = before.get(problem.at[:length])
        if old is not None:
            return replace(problem, at=(*old, *problem.at[length:]))
    return problem


def _changed(obj: Obj, problems: Sequence[Problem], unsure: list[Place], before: dict[Place, Place]) -> Obj | None:
    """A copy with the fixes made, the deepest and last first, so that no place moves. It adds to the last two."""
    made = copy.deepcopy(obj)
    for one in sorted(problems, key=lambda problem: (len(problem.at), _order(problem.at)), reverse=True):
        if not one.at:
            return None
        *above, last = one.at
        holder: Any = at(made, *above)
        if one.change is Change.MOVE:
            unsure += [_POD] if last == "containers" else _METADATA
        if one.change is Change.UNKNOWN or isinstance(last, int):
            unsure.append(one.at if isinstance(last, str) else tuple(above))
        if isinstance(last, int):
            if isinstance(holder, list) and last < len(holder):
                del holder[last]
        elif isinstance(holder, dict):
            value = holder.pop(last, None)
            if one.change is Change.RENAME:
                holder[one.to] = value
                before[(*above, one.to)] = one.at
            elif one.change is Change.REPLACE:
                holder[last] = one.to
    return made


def _order(place: Place) -> tuple[tuple[int, str], ...]:
    return tuple((step, "") if isinstance(step, int) else (-1, step) for step in place)


def related(one: Place, other: Place) -> bool:
    """Whether what stands at one place can be the reason for a problem at the other."""
    first, second = _unit(one), _unit(other)
    length = min(len(first), len(second))
    if first[:length] == second[:length]:
        return True
    if {first, second} == set(_NAMED):
        return True
    kinds = {_field(first), _field(second)}
    return kinds <= _MOUNTS or ("ports" in kinds and kinds <= _PORTS) or kinds == {"name"}


def _unit(place: Place) -> Place:
    """The part of a manifest that is checked as one: a field of a container or of the pod, a variable, a group of annotations."""
    inside = len(CONTAINERS)
    if place[:inside] == CONTAINERS:
        return place[: inside + (3 if place[inside + 1 : inside + 2] == ("env",) else 2)]
    if "annotations" in place:
        index = place.index("annotations")
        group = tuple(str(key).partition("/")[0] for key in place[index + 1 : index + 2])
        return (*place[: index + 1], *group)
    if place[: inside - 1] == CONTAINERS[:-1]:
        return place[:inside]
    return place[:2] if place[:2] == ("spec", "traffic") else place


def _field(unit: Place) -> str:
    """Of a container or of the pod: its name; "" of anything else."""
    inside = len(CONTAINERS)
    if unit[:inside] == CONTAINERS and len(unit) == inside + 2:
        return str(unit[-1])
    return str(unit[-1]) if unit[:-1] == CONTAINERS[:-1] else ""
