"""Whether the arms of a comparison of two builds differ in the build and in nothing else, by what their runs recorded. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.model import BASE, HEAD, Design, RunMeta, RunSpec
from harness.run.blocks import arm_label
from harness.run.surroundings import differences, surroundings_of_run


def confounded(design: Design, metas: Mapping[str, Sequence[RunMeta]]) -> tuple[str, ...]:
    """Why a difference of the arms would not be one of the builds, in words; () if nothing of that kind was recorded.

    metas: the heads of each arm's runs, by its label; an arm without any says nothing. What a record of an earlier release does not
    say is not compared.
    """
    found = [why for scenario in design.scenarios for why in _of_scenario(design, scenario, metas)]
    return tuple(dict.fromkeys(found))


def _of_scenario(design: Design, scenario: str, metas: Mapping[str, Sequence[RunMeta]]) -> Iterator[str]:
    sides = {arm: metas.get(arm_label(scenario, arm), ()) for arm in (BASE, HEAD)}
    stacks: dict[str, set[str]] = {}
    for arm, planned in ((BASE, design.base), (HEAD, design.head)):
        label = arm_label(scenario, arm)
        known = [meta.stack for meta in sides[arm] if meta.stack is not None]
        stacks[arm] = {stack.id for stack in known}
        for version in sorted({stack.knative for stack in known} - {_release(planned)}):
            yield f"{label} was measured on Knative {version}, planned was {planned}"
        if len(stacks[arm]) > 1:
            yield f"{label} was measured on {len(stacks[arm])} different stacks: {', '.join(sorted(stacks[arm]))}"
    if stacks[BASE] and stacks[HEAD]:
        alike = stacks[BASE] == stacks[HEAD]
        if alike and design.base != design.head:
            yield f"both arms of {scenario} were measured on one stack ({', '.join(stacks[BASE])}), and the builds differ"
        if not alike and design.base == design.head:
            yield f"the arms of {scenario} were measured on different stacks, and the builds are equal"
    every = (*sides[BASE], *sides[HEAD])
    for meta in every[1:]:
        others = differences(surroundings_of_run(every[0]), surroundings_of_run(meta))
        yield from (f"more than the build differs in the runs of {scenario}: {other}" for other in others)
        if _asked(meta.spec) != _asked(every[0].spec):
            yield f"not all runs of {scenario} had the same fault, Service and load"


def _release(build: str) -> str:
    """The Knative that a build of `Build.text` is, or is based on."""
    return build.partition(" ")[0].partition(",")[0]


def _asked(spec: RunSpec) -> tuple[object, ...]:
    """What decides a cycle, whatever the version expects of it."""
    return (spec.fault, spec.second, spec.service, spec.workload, spec.course_name, spec.load)
