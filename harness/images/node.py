"""kind's node image: Debian, kind's own files from its Go module, ours, Kubernetes' commands, and the images kubeadm wants."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.adapters.process import run
from harness.errors import BadInput, ImageError
from harness.images.bench import OURS, Bench, put
from harness.images.commands import ROOT, command_job, pause_job
from harness.images.debian import rootfs_job
from harness.images.gobinaries import KUBERNETES, commands_job
from harness.images.jobs import Job, undisturbed
from harness.images.keys import digest, key
from harness.images.versions import RECIPES
from harness.model import PREFIX

UPSTREAM = "registry.k8s.io"
"""Names below it exist inside the node only: kubeadm and kubelet look for them there, and nobody shall push or pull ours."""

ON_THE_NODE = ("kubelet", "kubeadm", "kubectl")
KIND = "sigs.k8s.io/kind"
ENTRY = ('ENTRYPOINT ["/usr/local/bin/entrypoint","/sbin/init"]', "CMD []")


def kubernetes_version(bench: Bench, asked: str) -> str:
    """As Go writes it, "v1.34.4". Raises BadInput for another minor than the pinned: etcd and the others are pinned for it."""
    version = (asked or bench.versions.kubernetes).removeprefix("v")
    if version.split(".")[:2] != bench.versions.kubernetes.split(".")[:2]:
        raise BadInput(
            f"A node image of Kubernetes {version} cannot be made: the recipes are for {bench.versions.kubernetes}.",
            fix="Ask for that minor, or take kind's own node image: --kn-source release.",
            where=str(RECIPES / "versions.toml"),
        )
    return f"v{version}"


def node_job(bench: Bench, asked: str, base: Job) -> Job:
    """The node image for a version of Kubernetes ("" is the pinned one). base: the small Debian base."""
    version = kubernetes_version(bench, asked)
    pins = bench.versions
    built = commands_job(
        bench, KUBERNETES, version, [f"cmd/{name}" for name in pins.kubernetes_commands], name="kubernetes", weight_s=420
    )
    bare = _bare_job(bench, version, built, rootfs_job(bench, "node", weight_s=75))
    inside = _images(bench, version, built, base)
    script = RECIPES / "preload.sh"
    made_from = key(bare.makes, digest(script), {name: job.makes for name, job in inside.items()}, ENTRY)

    def make(image: str, labels: Mapping[str, str], scratch: Path, log: Path) -> None:
        _check_names(Path(built.makes) / "kubeadm", version, inside)
        shutil.copy(script, scratch / script.name)
        with undisturbed():
            bench.engine.save([job.makes for job in inside.values()], scratch / "images.tar")
        pairs = [f"{job.makes}={name}" for name, job in inside.items()]
        changes = [*(f"LABEL {name}={value}" for name, value in labels.items()), *ENTRY]
        _bake(bench, bare.makes, image, scratch, pairs, changes, log)

    title = f"node image {version}"
    return bench.image_job(
        f"{OURS}node:{version}", made_from, make, title=title, weight_s=40, needs=(bare, built, *inside.values())
    )


def _images(bench: Bench, version: str, built: Job, base: Job) -> dict[str, Job]:
    """The images kubeadm wants, by the names it looks for."""
    pins = bench.versions
    etcd_module = "go.etcd.io/etcd/server/v3"
    etcd = commands_job(bench, etcd_module, f"v{pins.etcd}", [""], name="etcd", weight_s=20, called="etcd")
    coredns = commands_job(bench, "github.com/coredns/coredns", f"v{pins.coredns}", [""], name="coredns", weight_s=120)
    images = {
        f"{UPSTREAM}/{name}:{version}": command_job(bench, f"{OURS}{name}:{version}", built, name, user=ROOT)
        for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
    }
    proxy = command_job(bench, f"{OURS}kube-proxy:{version}", built, "kube-proxy", user=ROOT, base=base)
    return images | {
        f"{UPSTREAM}/kube-proxy:{version}": proxy,
        f"{UPSTREAM}/coredns/coredns:v{pins.coredns}": command_job(
            bench, f"{OURS}coredns:v{pins.coredns}", coredns, "coredns", user=ROOT
        ),
        f"{UPSTREAM}/etcd:{pins.etcd_image}": command_job(bench, f"{OURS}etcd:v{pins.etcd}", etcd, "etcd", user=ROOT),
        f"{UPSTREAM}/pause:{pins.pause}": pause_job(bench, base),
    }


def _bare_job(bench: Bench, version: str, built: Job, rootfs: Job) -> Job:
    """The node without images."""
    recipe = RECIPES / "node.Containerfile"
    pins = bench.versions
    made_from = key(digest(recipe), digest(RECIPES / "node"), pins.kind, pins.pause, built.makes.rsplit("-", 1)[-1], rootfs.makes)

    def make(image: str, labels: Mapping[str, str], context: Path, log: Path) -> None:
        lay_out(bench.go.module_dir(KIND, f"v{pins.kind}"), Path(built.makes), version, context)
        shutil.copy(recipe, context / "Containerfile")
        args = {"BASE": rootfs.makes, "PAUSE": pins.pause}
        with undisturbed():
            bench.engine.build(context, containerfile=context / "Containerfile", tag=image, args=args, labels=labels, log=log)

    return bench.image_job(
        f"{OURS}node-bare:{version}", made_from, make, title="node without images", weight_s=30, needs=(built, rootfs)
    )


def lay_out(kind: Path, binaries: Path, version: str, context: Path) -> None:
    """The three directories node.Containerfile copies, with the modes they are to have in the node.

    kind: its unpacked module, which is read and never copied into this repository. Raises ImageError when it has not the files.
    """
    files = kind / "images" / "base" / "files"
    if not (files / "usr" / "local" / "bin" / "entrypoint").is_file():
        raise ImageError("kind's module has no node files where they are looked for.", where=str(files), fix="Pin another kind.")
    for source, target in ((files, context / "kind-files"), (RECIPES / "node", context / "node-files")):
        for path in (each for each in sorted(source.rglob("*")) if each.is_file()):
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            copy.chmod(0o755 if copy.parent.name == "bin" else 0o644)
    (context / "node-files" / "kind" / "version").write_text(f"{version}\n", encoding="utf-8")
    for folder in (each for each in context.rglob("*") if each.is_dir()):
        folder.chmod(0o755)
    for name in ON_THE_NODE:
        put(binaries / name, context / "bin" / name)


def _check_names(kubeadm: Path, version: str, inside: Mapping[str, Job]) -> None:
    """That the images preloaded are those this kubeadm will look for: there is no registry to make up for a wrong pin."""
    said = run([str(kubeadm), "config", "images", "list", "--kubernetes-version", version], timeout_s=60).stdout.split()
    if set(said) != set(inside):
        raise ImageError(
            f"kubeadm {version} wants {', '.join(sorted(set(said) - set(inside)))}; "
            f"the recipes make {', '.join(sorted(set(inside) - set(said)))}.",
            fix="Mend the pins below [kubernetes].",
            where=str(RECIPES / "versions.toml"),
        )


def _bake(bench: Bench, base: str, image: str, files: Path, pairs: Sequence[str], changes: Sequence[str], log: Path) -> None:
    """Put the archive into the node's store and keep the result as an image. The container is gone afterwards, however it ends."""
    engine = bench.engine
    container = f"{PREFIX}bake-{image.rsplit('-', 1)[-1]}"
    with undisturbed():
        engine.remove_container(container)
        try:
            engine.run(
                *["run", "--detach", "--name", container, "--privileged", "--network", "none", "--stop-signal", "KILL"],
                *["--volume", f"{files}:/preload:ro", "--entrypoint", "/bin/sleep", base, "3600"],
                log=log,
            )
            argv = ["/bin/bash", "/preload/preload.sh", "/preload/images.tar", *pairs]
            engine.exec(container, argv, timeout_s=600, log=log)
            engine.commit(container, image, changes)
        finally:
            engine.remove_container(container)
