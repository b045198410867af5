"""Commands of Go modules, each module at one version built by a small module of ours: `recipes/go/*.mod`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from harness.errors import ImageError
from harness.images.bench import MACHINE, Shelf
from harness.images.jobs import Job
from harness.images.keys import digest, key
from harness.images.recipes import filled
from harness.images.versions import RECIPES

KUBERNETES = "k8s.io/kubernetes"
FLAGS = "-s -w"


def commands_job(
    shelf: Shelf, module: str, version: str, packages: Sequence[str], *, name: str, weight_s: float, called: str = ""
) -> Job:
    """A job whose directory holds these commands, called by the last element of their package.

    version: as Go writes it ("v1.34.4"). packages: below the module; "" is the module itself. name: for people, without version.
    called: what the only command is to be called instead.
    """
    wanted = tuple(sorted(set(packages)))
    recipe = recipe_of(shelf, module)
    flags = kubernetes_flags(version) if module == KUBERNETES else FLAGS
    made_from = key(digest(RECIPES / "go" / recipe), shelf.go.version, MACHINE, module, version, wanted, flags, called)

    def fill(product: Path, log: Path) -> dict[str, object]:
        with shelf.scratch(f"{name}-module") as root:
            write_module(shelf, module, version, recipe, root)
            paths = [f"{module}/{package}".rstrip("/") for package in wanted]
            (first, *_) = shelf.go.build(root, paths, out=product, log=log, ldflags=flags)
            if called:
                first.rename(product / called)
            (product / "go.sum").write_bytes((root / "go.sum").read_bytes())
        return {"module": module, "version": version, "packages": wanted, "toolchain": f"go{shelf.go.version}"}

    many = f", {len(wanted)} commands" if len(wanted) > 1 else ""
    return shelf.directory_job("go", f"{name}-{version}", made_from, fill, title=f"build {name} {version}{many}", weight_s=weight_s)


def recipe_of(shelf: Shelf, module: str) -> str:
    """Which go.mod a module is built with."""
    if module == KUBERNETES:
        return "kubernetes.mod"
    return "inherit.mod" if module in shelf.versions.inherit else "command.mod"


def write_module(shelf: Shelf, module: str, version: str, recipe: str, root: Path) -> None:
    """The build module: go.mod filled in, and where the module has its own checksums to bring, its go.sum."""
    values = {"VERSION": version}
    if recipe == "command.mod":
        values["MODULE"] = module
    else:
        source = shelf.go.module_dir(module, version)
        gomod = (source / "go.mod").read_text(encoding="utf-8")
        if recipe == "kubernetes.mod":
            values["STAGING"] = staging(gomod, version)
        else:
            values |= {"MODULE": module, "GO": go_line(gomod), "REPLACE": replaces(gomod)}
            (root / "go.sum").write_text((source / "go.sum").read_text(encoding="utf-8"), encoding="utf-8")
    (root / "go.mod").write_text(filled(f"go/{recipe}", values), encoding="utf-8")


def staging(gomod: str, version: str) -> str:
    """Replace lines for Kubernetes' staging modules: k8s.io/X of v1.34.4 is published as v0.34.4.

    Raises ImageError when go.mod names none, which means that its form has changed.
    """
    names = re.findall(r"^\s*(?:replace\s+)?(k8s\.io/\S+) => \./staging/", gomod, re.MULTILINE)
    if not names:
        raise ImageError(f"{KUBERNETES} {version} names no staging modules.", fix="Ask for another version of Kubernetes.")
    published = re.sub(r"^v1\.", "v0.", version)
    return "\n".join(f"\t{name} => {name} {published}" for name in names)


def go_line(gomod: str) -> str:
    """The Go version a module was written for, "1.25"; modules without the line count as the oldest there is a default for."""
    match = re.search(r"^go (\d+\.\d+)", gomod, re.MULTILINE)
    return match[1] if match else "1.20"


def replaces(gomod: str) -> str:
    """The replace lines of a go.mod, one a line. Raises ImageError for one by a local directory: a module has none to offer."""
    lines = [line.split("//", maxsplit=1)[0].strip() for line in gomod.splitlines()]
    inside = False
    found = []
    for line in lines:
        if re.fullmatch(r"replace\s*\(", line):
            inside = True
        elif inside and line == ")":
            inside = False
        elif inside and line:
            found.append(line)
        elif line.startswith("replace "):
            found.append(line.removeprefix("replace ").strip())
    for line in found:
        if re.search(r"=>\s*\.", line):
            raise ImageError(f"The module replaces by a directory of its repository: {line}.", fix="Ask for another version.")
    return "\n".join(f"replace {line}" for line in found)


def kubernetes_flags(version: str) -> str:
    """Linker flags that tell Kubernetes' commands their version, as its own build does. version: "v1.34.4"."""
    major, minor, _patch = version.removeprefix("v").split(".", 2)
    base = "k8s.io/component-base/version"
    return (
        f"{FLAGS} -X {base}.gitVersion={version} -X {base}.gitMajor={major} -X {base}.gitMinor={minor}"
        f" -X k8s.io/client-go/pkg/version.gitVersion={version}"
    )
