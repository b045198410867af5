"""Commands of the user's own Go sources: a checkout of Serving, a queue-proxy on Serving's extension point.

Nothing is written into the user's directory, and only a build of the very files that were asked for is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.adapters.gomod import GoModule, directives, is_directory, module_above, read_module
from harness.errors import BadInput, ImageError, ToolFailed
from harness.images.bench import MACHINE, Shelf
from harness.images.gobinaries import FLAGS, go_line
from harness.images.jobs import Job
from harness.images.keys import key
from harness.model import SourceTree

SERVING = "knative.dev/serving"

COMMAND = "queue"
"""What the command of a queue-proxy is called in its image, whatever its directory is called."""


def tree_job(shelf: Shelf, tree: SourceTree, packages: Sequence[str], *, name: str, weight_s: float) -> Job:
    """A job whose directory holds the commands of these packages of a tree. Its work raises BadInput for a tree that has changed.

    packages: below the tree's directory, called by their last element; "" is that directory itself, called COMMAND.
    name: for people and for the place. Its work raises ImageError with everything that Go says when they do not build.
    """
    wanted = tuple(sorted(set(packages)))
    made_from = key("tree", tree.digest, tree.package, shelf.go.version, MACHINE, wanted, FLAGS)

    def fill(product: Path, log: Path) -> dict[str, object]:
        place = Path(tree.directory)
        module = _unchanged(tree)
        with shelf.scratch(f"{name}-module") as scratch:
            asked = [f"./{package}" if package else "." for package in wanted]
            try:
                shelf.go.build(place, asked, out=product, log=log, ldflags=FLAGS, flags=_flags(shelf, module, scratch))
            except ToolFailed as failure:
                raise ImageError(
                    f"{tree.name} does not build ({tree.text}). Go says:\n{said(log)}\n",
                    where=str(log),
                    fix=f"Correct the code in {tree.directory} and repeat the command. The cluster was not changed.",
                ) from failure
        _unchanged(tree)
        if wanted == ("",):
            (built,) = product.iterdir()
            built.rename(product / COMMAND)
        return {"packages": wanted, "tree": tree.text, "toolchain": f"go{shelf.go.version}"}

    many = f", {len(wanted)} commands" if len(wanted) > 1 else ""
    return shelf.directory_job("go", name, made_from, fill, title=f"build {tree.name} ({tree.text}){many}", weight_s=weight_s)


def said(log: Path) -> str:
    """What Go printed: all of the log but the line with the command."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(line for line in lines if not line.startswith("$ ")) or "nothing"


def _unchanged(tree: SourceTree) -> GoModule:
    """The module that the tree is, or lies in. Raises BadInput unless its files are those that were asked for."""
    module = module_above(Path(tree.directory))
    if module is None or module.digest() != tree.digest:
        raise BadInput(
            f"{tree.directory} was changed while it was built.",
            fix="Save all files and repeat the command. The build was not kept.",
        )
    return module


def _flags(shelf: Shelf, module: GoModule, scratch: Path) -> tuple[str, ...]:
    """How Go is told where the dependencies come from, without a change to the module's own files.

    A tree with its dependencies in it is built from them; Serving's go.mod and go.sum are complete; those of a queue-proxy are
    completed in a copy, with what Serving's own files say.
    """
    if module.vendored:
        return ("-mod=vendor",)
    if module.path == SERVING:
        return ("-mod=readonly",)
    copy = scratch / "go.mod"
    serving = _serving(shelf, module)
    copy.write_text(_completed(module, serving), encoding="utf-8")
    sums = [root / "go.sum" for root in (module.root, *([serving.root] if serving else []))]
    lines = dict.fromkeys(line for path in sums if path.is_file() for line in path.read_text(encoding="utf-8").splitlines())
    (scratch / "go.sum").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return ("-mod=mod", f"-modfile={copy}")


def _serving(shelf: Shelf, module: GoModule) -> GoModule | None:
    """The Serving that the module is built on, None for one that another module stands for."""
    instead = module.replaced.get(SERVING, "")
    if is_directory(instead):
        return read_module((module.root / instead).resolve())
    if instead or SERVING not in module.required:
        return None
    return read_module(shelf.go.module_dir(SERVING, module.required[SERVING]))


def _completed(module: GoModule, serving: GoModule | None) -> str:
    """The go.mod with Serving's replacements, and with Go's run-time defaults as Serving's own build has them."""
    if serving is None:
        return module.text
    verbs = [verb for verb, _ in directives(module.text)]
    lines = [] if "godebug" in verbs else [f"godebug default=go{go_line(serving.text)}"]
    lines += [
        f"replace {' '.join(words)}"
        for verb, words in directives(serving.text)
        if verb == "replace" and words[0] not in module.replaced and not is_directory(words[words.index("=>") + 1])
    ]
    return "\n".join([module.text, *lines, ""])
