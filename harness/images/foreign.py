"""Images of programs that are not ours, for measurements on any program: testapps/foreign, made without a registry."""

from __future__ import annotations

from harness.adapters.engine import Engine
from harness.adapters.files import State
from harness.adapters.progress import Progress
from harness.errors import BadInput
from harness.images.bench import APPS, Bench
from harness.images.commands import command_job
from harness.images.debian import rootfs_job
from harness.images.gobinaries import commands_job
from harness.images.jobs import Job, missing, run_all
from harness.images.toggle import context_job
from harness.images.versions import CHECKOUT

CONTEXTS = CHECKOUT / "testapps" / "foreign"

GRPC_EXAMPLES = ("google.golang.org/grpc/examples", "v0.0.0-20260825154716-030ee8becb20")
"""The module of the gRPC health server, and its version."""

PROGRAMS = ("nginx", "python", "grpc-health")


def make_foreign(name: str, *, engine: Engine, state: State, progress: Progress) -> str:
    """Make the image of one of PROGRAMS, and give it the name that its manifest has, which is returned.

    Raises BadInput, HostError, SourceError, ImageError, ToolFailed.
    """
    if name not in PROGRAMS:
        raise BadInput(f"There is no program {name!r}.", fix=f"Use one of: {', '.join(PROGRAMS)}.")
    bench = Bench(engine=engine, state=state, progress=progress)
    job = _job(name, bench)
    todo = missing([job], lambda one: one.present())
    if todo:
        run_all(todo, side_by_side=1, locks=state.locks, progress=progress)
    written = f"foreign/{name}:1"
    engine.tag(job.makes, written)
    return written


def _job(name: str, bench: Bench) -> Job:
    if name == "grpc-health":
        module, version = GRPC_EXAMPLES
        binaries = commands_job(
            bench, module, version, ["features/health/server"], name="grpc-examples", weight_s=60, called="health-server"
        )
        return command_job(bench, f"{APPS}foreign-{name}:1", binaries, "health-server")
    base = rootfs_job(bench, "nginx" if name == "nginx" else "base", weight_s=60)
    return context_job(bench, CONTEXTS / name, f"{APPS}foreign-{name}:1", base)
