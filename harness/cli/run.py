"""`knative-chaos run`: one scenario, or one fault on a Service of the user's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from harness import images
from harness.adapters.engine import Engine
from harness.adapters.files import State
from harness.catalogue import SCENARIOS, is_catalogued
from harness.cli.manifests import require_one
from harness.cli.options import Artifacts, Knative, OnCluster, QueueProxy, Seed, with_cluster
from harness.cli.showing import progress_of, show, text_of
from harness.deploy import images_of, spec_of, workload_of
from harness.errors import BadInput
from harness.run import asked_build, faults_of, measure, prepare, require_runnable, with_request_log
from harness.run.own import asked_for, in_container, left_out, loaded, on_own, user_request


@with_cluster
def run(
    name: Annotated[
        str, typer.Argument(metavar="SCENARIO", help=f"One of {', '.join(SCENARIOS)}; or, with --service, the name of a fault.")
    ],
    cycles: Annotated[int, typer.Option("--kn-cycles", min=0, help="Number of cycles; 0: as in the scenario.")] = 0,
    slots: Annotated[
        int,
        typer.Option(
            "--kn-slots", min=1, help="Number of cycles measured at the same time; their faults come one after the other."
        ),
    ] = 1,
    rate: Annotated[float, typer.Option("--rate", min=0, help="Requests per second; 0: as in the scenario.")] = 0,
    service: Annotated[
        Path | None, typer.Option("--service", help="File with a Knative Service of your own (docs/your-own-service.md).")
    ] = None,
    own_name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Which Service of the file of --service, if it has several.")
    ] = "",
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
    container: Annotated[
        str,
        typer.Option(
            "--container",
            metavar="NAME",
            help="Sidecar that the fault hits (docs/sidecars.md); default: the container that gets the requests.",
        ),
    ] = "",
    path: Annotated[str, typer.Option("--path", help="Path of the requests; default: /.")] = "",
    method: Annotated[str, typer.Option("--method", help="Method of the requests: GET or POST.")] = "",
    header: Annotated[
        list[str] | None,
        typer.Option("--header", metavar='"NAME: VALUE"', help="Header of every request; can be given several times."),
    ] = None,
    expect: Annotated[
        str, typer.Option("--expect", metavar="STATUS,...", help="HTTP statuses that count as success; default: 200 to 299.")
    ] = "",
    grpc: Annotated[
        str,
        typer.Option(
            "--grpc", metavar="SERVICE/METHOD", help="Send unary gRPC calls instead of HTTP requests; grpc-status decides."
        ),
    ] = "",
    message: Annotated[str, typer.Option("--message", metavar="BASE64", help="Message of the gRPC calls; default: empty.")] = "",
    seed: Seed = None,
    *,
    request_log: Annotated[
        bool,
        typer.Option(
            "--kn-request-log", "--request-log", help="Let queue-proxy log the id of each request; this changes what is measured."
        ),
    ] = False,
    on: OnCluster,
    kn_version: Knative = "",
    queue_proxy: QueueProxy = "",
    artifacts: Artifacts = Path("artifacts"),
) -> None:
    """Measure one scenario, or with --service one fault on your own Service, and print the verdict."""
    entry = asked_for(name)
    # The user's file is read before anything is built: bad input must be refused at once.
    build = asked_build(kn_version, queue_proxy)
    version = build.version
    workload = None
    if service:
        text = text_of(service)
        require_one(text, str(service), own_name, because="A run measures one.")
        workload = workload_of(text, where=str(service), version=version, name=own_name)
    request = user_request(method, path, header or (), expect, grpc=grpc, message=message)
    if workload is None and (request or own_name or image or image_archive or container or not entry.claims):
        what = "The options of a Service and of its requests need" if entry.claims else f"The fault {name} needs"
        raise BadInput(f"{what} a Service of your own.", fix="Name its file with --service.")
    asked = replace(entry, cycles=cycles or entry.cycles, load=replace(entry.load, rate_rps=rate or entry.load.rate_rps))
    wanted: tuple[images.OwnImage, ...] = ()
    if workload:
        described = spec_of(workload, base=asked.service)
        asked = on_own(in_container(asked, described, container), described, request)
        wanted = images.own_images(images_of(workload), image or (), image_archive or ())
    if workload or not is_catalogued(asked):
        asked = replace(asked, name=f"{asked.name}-own", title=f"{asked.title}, changed by the caller")
    if request_log:
        asked = with_request_log(asked)
    require_runnable(asked, version, artifacts, workload=workload, slots=slots)
    state = State.default()
    progress = progress_of(state)
    if out := left_out(entry, asked):
        progress.say(f"Not asked of {asked.service.app.image}, since they are predictions about the toggle app: {', '.join(out)}.")
    names = images.bring(wanted, Engine.detect(state, prefer=on.engine)) if wanted else {}
    world = prepare(replace(on.ask(build), faults=faults_of(asked)), state=state, progress=progress)
    loaded(world, names)
    show(measure(asked, world, artifacts=artifacts, seed=seed, workload=workload, images=names, slots=slots))
