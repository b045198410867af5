"""Removing what a cluster leaves on the engine, from nothing but names and labels: it works after any kind of death.

kind's own `delete` is not used: it needs the program, and it leaves the volume of a node whose container is gone.
"""

from __future__ import annotations

import re
from pathlib import Path

from harness.adapters.engine import PREFIX, Engine
from harness.cluster import strays
from harness.cluster.record import FILE, KUBECONFIG, node_name

KIND_LABEL = "io.x-k8s.kind.cluster"
DEAD = ("exited", "dead", "stopped")


def clusters(engine: Engine, *, states: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Full names of our clusters that have a container, of all or only of those in one of these states."""
    nodes = [each for each in engine.containers(label=KIND_LABEL) if not states or each.state in states]
    names = {engine.container_label(each.name, KIND_LABEL) or "" for each in nodes}
    return tuple(sorted(name for name in names if name.startswith(PREFIX)))


def remove_cluster(full: str, engine: Engine, home: Path | None = None) -> tuple[str, ...]:
    """End whoever still makes it; remove its containers, its volumes, and what is known of it in home. Says what it removed."""
    done = [f"process {pid}" for pid in strays.end(strays.find(strays.is_making(full)))]
    if home is not None:
        (home / FILE).unlink(missing_ok=True)
        (home / KUBECONFIG).unlink(missing_ok=True)
    volumes = set(engine.volumes(label=node_name(full)))
    for container in engine.containers(label=f"{KIND_LABEL}={full}"):
        volumes.update(engine.container_volumes(container.name))
        if engine.remove_container(container.name):
            done.append(f"container {container.name}")
    done += [f"volume {volume[:12]}" for volume in sorted(volumes) if engine.remove_volume(volume)]
    return tuple(done)


def orphaned_volumes(engine: Engine) -> dict[str, str]:
    """Volumes of nodes of ours that have no container any more: volume name to full cluster name.

    Others may make clusters meanwhile. kind makes the volume before the container: the volumes are listed first, so that the
    container of each of them is seen, and those of a cluster that a process is making are nobody's to remove.
    """
    labels_of = engine.volume_labels()
    alive = {each.name for each in engine.containers(PREFIX)}
    found = {}
    for volume, labels in labels_of.items():
        owner = re.search(rf"\b({re.escape(PREFIX)}[a-z0-9-]+)-control-plane\b", labels)
        if owner and owner[0] not in alive:
            found[volume] = owner[1]
    return {volume: full for volume, full in found.items() if not strays.find(strays.is_making(full))}


def sweep(engine: Engine, *, besides: str) -> tuple[str, ...]:
    """Remove dead clusters and their volumes, all but `besides`. A dead node cannot be started again."""
    done = [part for full in clusters(engine, states=DEAD) if full != besides for part in remove_cluster(full, engine)]
    done += [
        f"volume {volume[:12]} of {full}"
        for volume, full in orphaned_volumes(engine).items()
        if full != besides and engine.remove_volume(volume)
    ]
    return tuple(done)
