"""The judges: two Go programs of ours, built from the modules of Knative and of Kubernetes at one version, and what they answer."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.images.bench import MACHINE, Shelf
from harness.images.gobinaries import KUBERNETES, recipe_of, write_module
from harness.images.jobs import Job
from harness.images.keys import digest, key
from harness.images.versions import CHECKOUT, RECIPES
from harness.knative.manifest.places import Obj
from harness.model import KnativeVersion

SERVING = "knative.dev/serving"
SOURCES = CHECKOUT / "testapps" / "judge"


def judge_job(shelf: Shelf, module: str, version: str) -> Job:
    """A job whose directory holds the command `judge` for one version of a module."""
    source = SOURCES / module.rpartition("/")[2] / "main.go"
    recipe = recipe_of(shelf, module)
    made_from = key(digest(RECIPES / "go" / recipe), shelf.go.version, MACHINE, module, version, digest(source))
    name = f"judge-{module.rpartition('/')[2]}"

    def fill(product: Path, log: Path) -> dict[str, object]:
        with shelf.scratch(name) as root:
            write_module(shelf, module, version, recipe, root)
            (root / "judge").mkdir()
            shutil.copy(source, root / "judge" / "main.go")
            shelf.go.build(root, ["./judge"], out=product, log=log)
        return {"module": module, "version": version}

    return shelf.directory_job("go", f"{name}-{version}", made_from, fill, title=f"build {name} {version}", weight_s=60)


@dataclass(frozen=True, slots=True)
class Judges:
    """Both programs, ready to be asked. knative: of `version`. crd: the file with that version's schema of a Service."""

    version: KnativeVersion
    knative: Path
    kubernetes: Path
    crd: Path

    @staticmethod
    def build(shelf: Shelf, version: KnativeVersion) -> Judges:
        """Build what is missing; a warm cache makes that seconds, a cold one minutes. Raises HarnessError."""
        jobs = (
            judge_job(shelf, SERVING, version.module),
            judge_job(shelf, KUBERNETES, f"v{shelf.versions.kubernetes}"),
        )
        for job in jobs:
            if not job.present():
                job.work()
        crd = shelf.go.module_dir(SERVING, version.module) / "config" / "core" / "300-resources" / "service.yaml"
        knative, kubernetes = (Path(job.makes) / "judge" for job in jobs)
        return Judges(version, knative, kubernetes, crd)

    def judged(self, asked: Sequence[tuple[Obj, bool]]) -> list[Obj]:
        """For each Service, with whether multi-container-probing is on: {"errors": [...]} or {"rendered": {...}}.

        errors: the words of the first step that refuses, its name first. rendered: what `extract` keeps of the Deployment.
        """
        objects = [obj for obj, _ in asked]
        read = self._kubernetes([("read", obj) for obj in objects])
        features = [{"multi-container-probing": "enabled"} if probing else {} for _, probing in asked]
        served = _lines(
            [self.knative],
            [{"object": one.get("object") or {}, "features": flags} for one, flags in zip(read, features, strict=True)],
        )
        if crashed := [said for one in served for said in one.get("errors") or [] if said.startswith("panic:")]:
            raise ValueError(f"the judge of {self.version} crashed, which is no answer: {crashed[0]}")
        stored = self._kubernetes(
            [("stored", one.get("service") or one_read.get("object") or {}) for one, one_read in zip(served, read, strict=True)]
        )
        deployments = self._kubernetes([("deployment", one.get("deployment") or {}) for one in served])
        found = []
        for first, second, third, fourth in zip(read, served, stored, deployments, strict=True):
            steps = {"schema": [*(first["errors"] or [])], "webhook": second["errors"] or [], "stored": third["errors"] or []}
            if second.get("deployment"):
                steps["deployment"] = fourth["errors"] or []
            refusing = next((name for name, said in steps.items() if said), "")
            found.append({"errors": [refusing, *steps[refusing]]} if refusing else {"rendered": extract(second["deployment"])})
        return found

    def _kubernetes(self, asked: Sequence[tuple[str, Obj]]) -> list[Obj]:
        return _lines([self.kubernetes, self.crd], [{"step": step, "object": obj} for step, obj in asked])


def _lines(argv: Sequence[Path], asked: Sequence[Obj]) -> list[Obj]:
    text = "".join(json.dumps({"id": index, **one}) + "\n" for index, one in enumerate(asked))
    done = subprocess.run([str(part) for part in argv], input=text, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if [one["id"] for one in answers] != list(range(len(asked))):
        raise ValueError(f"{argv[0]} answered {len(answers)} of {len(asked)} questions")
    return answers


PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def extract(deployment: Obj) -> Obj:
    """What is predicted of a Deployment: probes and ports of its containers, and the probes that queue-proxy is to ask."""
    pod = deployment["spec"]["template"]["spec"]
    containers = {}
    asked: Any = None
    for container in pod["containers"]:
        kept = {name: plain(container[name]) for name in PROBES if container.get(name)}
        if container["name"] != "queue-proxy":
            kept["ports"] = [one["containerPort"] for one in container.get("ports") or []]
        containers[container["name"]] = kept
        for variable in container.get("env") or []:
            if variable["name"] == "SERVING_READINESS_PROBE":
                asked = plain(json.loads(variable["value"]))
    return {
        "containers": containers,
        "asked": asked if isinstance(asked, list) else [asked],
        "replicas": deployment["spec"].get("replicas"),
        "grace": pod.get("terminationGracePeriodSeconds"),
    }


def plain(value: Any) -> Any:
    """Without what Go leaves out, or may: zeros, empty texts and lists. A handler stays, even an empty one."""
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    handlers = {"httpGet", "tcpSocket", "exec", "grpc"}
    return {key: plain(inner) for key, inner in value.items() if key in handlers or inner not in (0, "", [], None, {}, False)}
