"""A bundle measured again: the same version, scenario, workload and seed, and what the bundle says beside what is seen now."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path

from harness import deploy
from harness import history as history_room
from harness.catalogue import SCENARIOS, resolve
from harness.errors import BadInput, HistoryError
from harness.faults import fault_named
from harness.history import archive
from harness.history.secrets import REDACTED
from harness.history.upgrade import WITH_ANOTHER_RELEASE
from harness.model import (
    Claim,
    Expected,
    FaultSpec,
    KnativeVersion,
    Procedure,
    RunMeta,
    RunSpec,
    Scenario,
    Stack,
    VersionRange,
    Workload,
    WorkloadKind,
)
from harness.run.analysis import Run, analyse_again
from harness.run.bundling import seed_of

ANY = VersionRange.parse("any")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")

OF_THE_SERVICE = "Take a bundle of a run of the Service itself."

_OWN_BUILD = re.compile(r"(?:checkout|queue-proxy) \S+: [^)]*")
"""In a version for people: what of it is no release."""

ANOTHER = "-bundled"
"""Behind the name of a scenario that this release's catalogue has otherwise: its results must not be taken for the catalogue's."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a bundle holds, as this release analyses it. run.directory is gone by the time anybody could look."""

    meta: RunMeta
    run: Run

    @property
    def version(self) -> KnativeVersion:
        """Of Knative. Raises BadInput for a record that names none."""
        try:
            text = self.meta.stack.knative if self.meta.stack else self.meta.versions.get("knative", "").partition(" ")[0]
            return KnativeVersion.parse(text)
        except ValueError as error:
            raise BadInput(f"The bundle names no version of Knative: {error}.", fix="Name one with --kn-version.") from error


@dataclass(frozen=True, slots=True)
class Again:
    """What is measured. seed: of the injection phases; None: the bundle does not say, another one is drawn. notes: for people."""

    scenario: Scenario
    workload: Workload | None
    seed: int | None
    notes: tuple[str, ...]


def recorded(bundle: Path) -> Recorded:
    """Verify a bundle and analyse the history in it; nothing of it stays on the disk. Raises BadInput, HistoryError."""
    with _unpacked(bundle) as (manifest, run), _said_of(bundle, run):
        meta = history_room.read_meta(run)
        stack = meta.stack.id if meta.stack else ""
        if (manifest.run_id, manifest.scenario, manifest.stack) != (meta.run_id, meta.spec.scenario, stack):
            raise BadInput(
                f"The bundle's {archive.MANIFEST} is of run {manifest.run_id} ({manifest.scenario}, stack {manifest.stack}); in it"
                f" is run {meta.run_id} ({meta.spec.scenario}, stack {stack}).",
                fix="Get it again from whoever made it with `knative-chaos bundle`.",
                where=str(bundle),
            )
        return Recorded(meta, analyse_again(run))


@contextmanager
def _unpacked(bundle: Path) -> Iterator[tuple[archive.Manifest, Path]]:
    with tempfile.TemporaryDirectory(prefix="knative-chaos-reproduce-") as scratch:
        manifest = archive.unpack(bundle, Path(scratch) / "bundle")
        yield manifest, Path(scratch) / "bundle" / archive.RUN_BELOW


@contextmanager
def _said_of(bundle: Path, run: Path) -> Iterator[None]:
    """What is wrong with the history is wrong with the bundle: the directory that it was unpacked to is gone when it is read."""
    try:
        yield
    except HistoryError as error:
        what = error.what.replace(f"{run}/", "").replace(str(run), "the run directory in it")
        fix = error.fix if error.fix.startswith(WITH_ANOTHER_RELEASE) else archive.GET_AGAIN
        raise HistoryError(f"The history in the bundle cannot be used: {what}", fix=fix, where=str(bundle)) from error


def again(before: Recorded, version: KnativeVersion, *, cycles: int = 0) -> Again:
    """What to measure on this version so that it is what the bundle measured. cycles: 0: as many as it asked for.

    Raises BadInput for what cannot be done again: a run in which something was planted in the harness itself, a Deployment of the
    user's own, documents that no Knative Service can be read from.
    """
    meta, spec = before.meta, before.meta.spec
    if not _NAME.fullmatch(spec.scenario):
        raise BadInput(f"The bundle's scenario is called {spec.scenario!r}, which cannot name a directory.", fix=archive.GET_AGAIN)
    if planted := meta.host.get("planted", ""):
        raise BadInput(
            f"A fault of the harness itself was planted in this run ({planted}): it was a test of ours.",
            fix="Take a bundle of another run.",
        )
    notes: list[str] = []
    scenario = _scenario(spec, version)
    if scenario.name != spec.scenario:
        notes.append(
            f"the catalogue of this release has another {spec.scenario}; that of the bundle is measured as {scenario.name}"
        )
    if (own := _OWN_BUILD.search(meta.versions.get("knative", ""))) is not None:
        notes.append(
            f"the bundle measured a build of somebody's own ({own[0]}), which it does not hold; --kn-version names another one"
        )
    seed = seed_of(meta)
    if seed is None:
        notes.append("the bundle has no seed: the injection phases are drawn anew")
    workload = None
    if meta.host.get("manifest"):
        workload = _own(meta, version)
        if REDACTED in meta.documents:
            notes.append("values of the workload's manifest were replaced in the bundle: its app may not start with them")
    return Again(replace(scenario, cycles=cycles or spec.cycles), workload, seed, tuple(notes))


def _own(meta: RunMeta, version: KnativeVersion) -> Workload:
    """The user's own Service of the bundle, read as carefully as one from a file."""
    if meta.spec.workload is not WorkloadKind.KNATIVE_SERVICE:
        raise BadInput(
            "The bundle measures a plain Deployment made of a user's own Service, which it does not hold.", fix=OF_THE_SERVICE
        )
    return deploy.workload_of(meta.documents, where="the bundle's manifests/workload.yaml", version=version)


def _scenario(spec: RunSpec, version: KnativeVersion) -> Scenario:
    """The catalogue's entry if it is the same, else one of the bundle's own claims, whatever the version."""
    entry = SCENARIOS.get(spec.scenario)
    if entry is not None and _is(entry, spec, version):
        return entry
    claims = tuple(
        Claim(one.id, one.check, one.statement, (Expected(ANY, one.expected, one.source, one.rate, one.bounds),))
        for one in spec.claims
    )
    procedure = {field.name: getattr(spec, field.name) for field in fields(Procedure)}
    name = f"{spec.scenario}{ANOTHER}" if entry is not None else spec.scenario
    return Scenario(name=name, claims=claims, **{**procedure, "max_replacements": None})


def _is(entry: Scenario, spec: RunSpec, version: KnativeVersion) -> bool:
    """Whether this release measures the same."""
    try:
        return _measured(resolve(entry, version)) == _measured(spec)
    except BadInput:
        return False


def _measured(spec: RunSpec) -> RunSpec:
    """What decides a measurement: without words for people, and without how often. A parameter that is left out has its default."""
    claims = tuple(replace(claim, statement="", source="") for claim in spec.claims)
    fault, second = _filled(spec.fault), _filled(spec.second) if spec.second else None
    return replace(spec, title="", claims=claims, fault=fault, second=second, cycles=0, max_replacements=None)


def _filled(fault: FaultSpec) -> FaultSpec:
    return replace(fault, params=fault_named(fault.kind).filled(fault.params))


def stack_differences(before: Stack | None, now: Stack) -> tuple[str, ...]:
    """In what the two stacks differ, in words, the ids first; empty where they do not."""
    if before is None:
        return ("the bundle does not say what was installed",)
    if before == now:
        return ()
    out = [f"stack: {before.id} in the bundle, {now.id} now"]
    for name in ("knative", "source", "kubernetes", "ingress", "toolchain"):
        was, seen = getattr(before, name), getattr(now, name)
        if was != seen:
            out.append(f"{name}: {was or 'unknown'} in the bundle, {seen or 'unknown'} now")
    for name, theirs, ours in (
        ("images", set(before.images), set(now.images)),
        ("changes", _changes(before), _changes(now)),
    ):
        if theirs != ours:
            out.append(f"{name}: only in the bundle: {_listed(theirs - ours)}; only now: {_listed(ours - theirs)}")
    return tuple(out)


def _changes(stack: Stack) -> set[str]:
    return {f"{one.object} {one.what}={one.now}" for one in stack.changes}


def _listed(texts: set[str]) -> str:
    return ", ".join(sorted(texts)) or "none"
