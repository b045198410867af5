"""Our prediction beside the judges' answer."""

from __future__ import annotations

from harness.knative.manifest.judged import judged
from harness.knative.manifest.places import Obj
from harness.knative.manifest.rendering import Rendered
from harness.knative.manifest.settings import Settings
from harness.model import KnativeVersion
from tests.judge.judges import PROBES, plain


def predicted(manifest: Obj, version: KnativeVersion, *, probing: bool) -> Obj:
    """In the form of `Judges.judged`."""
    ours = judged(manifest, Settings(version, probing=probing))
    if ours.problems:
        return {"errors": [f"{one.by}: {one.what}" for one in ours.problems]}
    if ours.rendered is None:
        raise ValueError("a Service that is neither refused nor rendered")
    return {"rendered": extracted(ours.rendered)}


def extracted(made: Rendered) -> Obj:
    """The same part of a prediction as `judges.extract` keeps of a Deployment."""
    containers = {}
    for container in made.pod["containers"]:
        kept = {name: plain(container[name]) for name in PROBES if container.get(name)}
        if container["name"] != "queue-proxy":
            kept["ports"] = [one["containerPort"] for one in container.get("ports") or []]
        containers[container["name"]] = kept
    return {
        "containers": containers,
        "asked": [plain(probe) for _, probe in made.asked],
        "replicas": made.replicas,
        "grace": made.pod["terminationGracePeriodSeconds"],
    }


def difference(ours: Obj, theirs: Obj) -> str:
    """Why the two do not agree, "" where they do: both refuse, or both render the same."""
    if ("errors" in ours) != ("errors" in theirs):
        who = "we refuse" if "errors" in ours else "they refuse"
        return f"{who}: {(ours if 'errors' in ours else theirs)['errors'][:3]}"
    if "errors" in ours or ours == theirs:
        return ""
    names = sorted(name for name in ours["rendered"] if ours["rendered"][name] != theirs["rendered"].get(name))
    return "; ".join(f"{name}: ours {ours['rendered'][name]}, theirs {theirs['rendered'].get(name)}" for name in names)
