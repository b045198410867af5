"""`knative-chaos advise`: which measured risks a Service runs, and the smallest change that helps."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from harness import images
from harness.adapters.engine import Engine
from harness.adapters.files import State
from harness.advise import Advice, Load, advice
from harness.advise.rules import OF_A_RESTART
from harness.advise.schema import as_json as json_of
from harness.advise.shape import Change, Cost, Risk, Verified
from harness.advise.words import lines
from harness.cli.manifests import AsJson, File, Name, SidecarProbes, asked, require_one, show_each
from harness.cli.options import Artifacts, OnCluster, Seed, Version, with_cluster
from harness.cli.showing import progress_of
from harness.deploy import images_of, workload_of
from harness.deploy.reading import Manifest
from harness.errors import BadInput, ExitCode
from harness.run import Compared, asked_build, compare, require_comparable, worlds
from harness.run.own import loaded, user_request
from harness.run.verify import AFTER, BEFORE, EXPERIMENT_NAME, median_boot_s, restarts_of, sides_of


@with_cluster
def advise(
    file: File,
    kn_version: Version = "",
    name: Name = "",
    *,
    boot_seconds: Annotated[
        float | None,
        typer.Option("--boot-seconds", min=0, help="Seconds from the start of the container until its app listens."),
    ] = None,
    rate: Annotated[float, typer.Option("--rate", min=0, help="Requests a second to the Service.")] = 50,
    check_path: Annotated[
        str, typer.Option("--check-path", help="Path that succeeds only if the app can serve; for suggested probes.")
    ] = "",
    sidecar_probes: SidecarProbes = False,
    as_json: AsJson = False,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Also measure restarts on a cluster, before and after a change; see docs/advise.md."),
    ] = False,
    change: Annotated[int, typer.Option("--change", min=1, help="With --verify: number of the change to measure.")] = 1,
    image: Annotated[
        list[str] | None,
        typer.Option(
            "--image", metavar="NAME", help="Image of the Service in the local container engine; can be given several times."
        ),
    ] = None,
    image_archive: Annotated[
        list[Path] | None,
        typer.Option(
            "--image-archive",
            metavar="FILE",
            help="The same, from an archive in the docker or OCI format; can be given several times.",
        ),
    ] = None,
    path: Annotated[str, typer.Option("--path", help="With --verify: path of the requests; default: /.")] = "",
    cycles: Annotated[
        int,
        typer.Option("--kn-cycles", min=1, help="With --verify: number of restarts to measure before the change, and after it."),
    ] = 3,
    seed: Seed = None,
    on: OnCluster,
    artifacts: Artifacts = Path("artifacts"),
) -> None:
    """Show which measured risks a Knative Service runs, what a restart costs, and what helps; needs no cluster without --verify.

    Exit codes: 0 no risk, 1 a risk, 2 a warning, or the restart cannot be judged or was not measured, 3 bad input.
    """
    if not 0 < rate < math.inf:
        raise BadInput(f"--rate is {rate:g}: it must be a number above 0.", fix="Give the requests a second that the Service gets.")
    one = asked(file, kn_version, name, sidecar_probes=sidecar_probes)
    load = Load(rate, boot_seconds, check_path)
    if verify:
        require_one(one.text, one.where, name, because="--verify measures one.")

    def measured(found: Advice, manifest: Manifest) -> Advice:
        risk, what = chosen(found, change)
        build = asked_build(kn_version)
        # The user's file is read, and both arms are planned, before anything is built.
        workload = workload_of(one.text, where=one.where, version=build.version, name=name)
        wanted = images.own_images(images_of(workload), image or (), image_archive or ())
        request = user_request("", path, (), "")
        sides = sides_of(workload, what.patch, request, cycles=cycles, rate_rps=rate)
        ask = on.ask(build)
        require_comparable(sides, ask, artifacts)
        state = State.default()
        names = images.bring(wanted, Engine.detect(state, prefer=on.engine)) if wanted else {}
        pairs = worlds([replace(side, images=names) for side in sides], ask, state=state, progress=progress_of(state))
        loaded(pairs[0][1], names)
        done = compare(EXPERIMENT_NAME, pairs, artifacts=artifacts, seed=seed, title=f"{risk.name}: {what.what}")
        boot = median_boot_s([*restarts_of(done, BEFORE), *restarts_of(done, AFTER)])
        # The fault of --verify refuses the kubelet's probes on the node: the app answers queue-proxy's well.
        seen = replace(load, boot_s=boot_seconds if boot is None else boot, only_liveness_fails=True)
        known = advice(manifest.obj, one.settings, seen)
        return replace(found, verified=verified(done, known, (risk.name, change), boot))

    def answer(manifest: Manifest) -> tuple[list[str], ExitCode]:
        found = advice(manifest.obj, one.settings, load, manifest.line)
        if verify:
            found = measured(found, manifest)
        return [json_of(found)] if as_json else lines(found, one.where), exit_code(found)

    show_each(one, answer, as_json=as_json)


def exit_code(found: Advice) -> ExitCode:
    """Of a command that gives this advice; a Service whose restart cannot be judged is not one without a risk."""
    arms = () if found.verified is None else (found.verified.before, found.verified.after)
    if any(all(one.failed is None for one in arm) for arm in arms):
        return ExitCode.INCONCLUSIVE
    if found.risks:
        return ExitCode.REGRESSION
    return ExitCode.INCONCLUSIVE if found.warnings or any(one.decisive for one in found.not_judged) else ExitCode.PASS


def chosen(found: Advice, number: int) -> tuple[Risk, Change]:
    """The change to measure: the one with this number of the first risk of a restart. Raises BadInput."""
    risk = next((one for one in found.risks if one.name in OF_A_RESTART and one.changes), None)
    if risk is None:
        raise BadInput(
            "There is no change to verify: --verify measures restarts by the liveness probe, and no change here is for them.",
            fix="Leave --verify out.",
        )
    if number > len(risk.changes):
        raise BadInput(f"{risk.name} has {len(risk.changes)} changes, and --change is {number}.", fix="Name one of them.")
    return risk, risk.changes[number - 1]


def verified(done: Compared, known: Advice, which: tuple[str, int], boot_s: float | None) -> Verified:
    """The measured restarts beside what is predicted. known: the advice for such restarts with this start-up time."""
    name, number = which
    after: Cost | None = next((one.changes[number - 1].cost for one in known.risks if one.name == name), None)
    return Verified(
        risk=name,
        change=number,
        experiment=str(done.directory),
        boot_s=boot_s,
        before=restarts_of(done, BEFORE),
        after=restarts_of(done, AFTER),
        predicted_before=known.cost,
        predicted_after=after,
    )
