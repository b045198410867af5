"""A run as one archive for others: nothing in it that must not leave this machine, and the same verdict as before."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import __version__, analyse, judge
from harness import history as history_room
from harness.adapters.files import State, write_atomic, write_json
from harness.adapters.here import Here
from harness.errors import BadInput, HarnessError, HistoryError
from harness.history import archive, rewriting
from harness.history.archive import RUN_BELOW, Manifest
from harness.history.codec import encode
from harness.history.layout import CLOSED
from harness.history.redaction import Redactor
from harness.model import Arm, Findings, History, RunMeta, Verdict, Workload
from harness.run.analysis import Run, analyse_again

SEED_OF_PHASES = "phase_seed"
"""Of `RunMeta.host`: what the phases of the injections, and the pods that are hit, are drawn from."""

README = """\
One run of knative-chaos {harness}: {scenario} on Knative {knative}, verdict {verdict}.

MANIFEST.json       size and SHA-256 of each file
run/report.html     the report, for a browser
run/summary.json    the same for programs
run/                the recorded history: tables, logs, load
arm.json            what was installed (stack) and what ran on it (workload)
manifests/          the workload as it was applied, and the pod spec that was made of it
seeds.json          what chance was drawn from
environment.json    versions and the host

Secrets, host names, user names, addresses and absolute paths are replaced: MANIFEST.json counts them. Times, pod names and
addresses within the cluster are as they were recorded.

    knative-chaos unbundle THIS.zip      verify it and unpack it; `analyze`, `report` and `query` take its directory run/
    knative-chaos reproduce THIS.zip     measure the same again on the same version, and compare
"""


@dataclass(frozen=True, slots=True)
class Bundled:
    """A bundle that was written: where, how large, what it says of itself. left_out: files of the run directory."""

    path: Path
    bytes: int
    manifest: Manifest
    left_out: tuple[str, ...]


def bundle(directory: Path, out: Path | None = None, *, here: Here | None = None) -> Bundled:
    """Write the run in this directory as one archive; the directory stays as it is. out: SCENARIO-ID.zip unless given.

    here: what this machine is called; looked for unless given. The same run on the same machine gives the same bytes. Raises
    HistoryError for what is no run, is damaged, or cannot be closed; BadInput for an experiment, or when out cannot be written.
    """
    if (directory / history_room.EXPERIMENT).is_file():
        raise BadInput(f"{directory} is an experiment; a bundle holds one run.", fix="Name one of the runs in it.")
    directory = directory.resolve()
    recorded = history_room.read(directory)
    before = analyse.analyse(recorded)
    verdict = judge.judge(recorded.meta.spec, before)
    target = out or Path(f"{recorded.meta.spec.scenario}-{recorded.meta.run_id}.zip")
    if target.is_dir():
        raise BadInput(f"{target} is a directory.", fix="Name a file with --out.")
    redactor = Redactor(here or Here.look((directory, *_above(directory), State.default().root)), _vocabulary(recorded))
    with tempfile.TemporaryDirectory(prefix="knative-chaos-bundle-") as scratch:
        root = Path(scratch) / "bundle"
        run = root / RUN_BELOW
        left_out = rewriting.copy(directory, run)
        if not (run / CLOSED).is_file():
            _seal(run, directory)
        rewriting.look(run, texts=redactor.learn, values=redactor.value)
        rewriting.rewrite(run, redactor)
        after = analyse_again(run)
        _require_same(before, verdict, after)
        manifest = _more(root, after, redactor.counts, len(left_out))
        written = archive.write(root, target, manifest)
    return Bundled(target, target.stat().st_size, written, left_out)


def _seal(run: Path, directory: Path) -> None:
    """Close the copy of a run that was never closed: what is in its lines and maps can only be replaced in tables."""
    if history_room.read_head(run)[1]:
        raise HistoryError(
            "This run was never closed, and its layout is an older one.",
            fix="Bundle it with the release that wrote it.",
            where=str(directory),
        )
    history_room.seal(run)


def _above(directory: Path) -> Iterator[Path]:
    """The directories around a run that may be named in its texts: artifacts/SCENARIO/RUN, EXPERIMENT/RUN."""
    yield from list(directory.parents)[:3]


def _vocabulary(recorded: History) -> Iterator[str]:
    """What the analysis joins by, and what it looks for in lines: a password of that name must not take it away."""
    meta, seen = recorded.meta, recorded.observations
    yield from (meta.run_id, meta.namespace, meta.cluster, meta.spec.scenario, meta.spec.service.name)
    service = meta.spec.service
    of_sidecars = (probe for one in service.sidecars for probe in one.probes)
    yield from (probe.path for probe in (service.liveness, service.readiness, service.startup, *of_sidecars) if probe is not None)
    for column in ("stream", "pod", "container"):
        yield from seen[column].unique().sort().to_list()
    yield from ("connection refused", "Killing", "Unhealthy", "Ready", "liveness", "readiness", "startup", "restart", "stopping")


def _require_same(findings: Findings, verdict: Verdict, after: Run) -> None:
    """Raise HarnessError if the redacted history does not show what the recorded one shows."""
    if (was := _shown(findings, verdict)) != (now := _shown(after.findings, after.verdict)):
        where = next(key for key in was if was[key] != now[key])
        raise HarnessError(
            f"The run shows something else once its secrets are replaced ({where}: {was[where]} before, {now[where]} after).",
            fix="Nothing was written. This is a bug of knative-chaos, or a secret is a word that the analysis looks for.",
        )


def _shown(findings: Findings, verdict: Verdict) -> dict[str, Any]:
    """What a redaction may not change. Words may: a reason can name a host."""
    claims = [
        (one.claim.id, one.observed.value, {index: (read.observed.value, read.value) for index, read in one.readings.items()})
        for one in verdict.claims
    ]
    cycles = [
        (one.index, bool(one.voided), one.landed.proved, dict(one.by_outcome), dict(one.by_cause), one.restarts, one.refused_window)
        for one in findings.cycles
    ]
    return {
        "ruling": verdict.ruling.value,
        "claims": claims,
        "cycles": cycles,
        "ledger": findings.ledger,
        "doubts": len(findings.doubts),
        "requests": (findings.sent, findings.ok, dict(findings.by_outcome)),
    }


def seed_of(meta: RunMeta) -> int | None:
    """What the phases of a run were drawn from; None in a record that does not say."""
    text = meta.host.get(SEED_OF_PHASES, "")
    return int(text) if text.isdecimal() else None


def _more(root: Path, run: Run, redacted: dict[str, int], left_out: int) -> Manifest:
    """Write what stands beside the run directory, all of it from the redacted history, and return the manifest."""
    meta = history_room.read_meta(root / RUN_BELOW)
    stack, seed = meta.stack, seed_of(meta)
    workload = Workload(meta.spec.workload, meta.documents)
    arm = Arm(meta.arm or meta.spec.scenario.lower(), stack, workload) if stack else None
    shown: dict[str, Any] = {"label": arm.label, "id": arm.id} if arm else {}
    if stack:
        shown["stack"] = {"id": stack.id, **_object(encode(stack))}
    shown["workload"] = {"kind": workload.kind.value, "documents": "manifests/workload.yaml" if meta.documents else ""}
    seeds = {"load": meta.spec.load.seed, **({} if seed is None else {"phases": seed})}
    write_json(root / "arm.json", shown)
    write_json(root / "seeds.json", seeds)
    write_json(
        root / "environment.json",
        {"cluster": meta.cluster, "host": dict(meta.host), "source": meta.source, "versions": dict(meta.versions)},
    )
    if meta.documents:
        write_atomic(root / "manifests" / "workload.yaml", meta.documents)
    if meta.pod_spec:
        write_atomic(root / "manifests" / "pod-spec.json", _indented(meta.pod_spec))
    manifest = Manifest(
        harness=__version__,
        scenario=meta.spec.scenario,
        run_id=meta.run_id,
        knative=stack.knative if stack else meta.versions.get("knative", ""),
        verdict=run.verdict.ruling.value,
        stack=stack.id if stack else "",
        arm=arm.id if arm else "",
        seeds=seeds,
        redacted=redacted,
        left_out=left_out,
    )
    told = {name: getattr(manifest, name) for name in ("harness", "scenario", "knative", "verdict")}
    write_atomic(root / "README.txt", README.format(**told))
    return manifest


def _object(value: Any) -> dict[str, Any]:
    return dict(value)


def _indented(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    except ValueError:
        return text
