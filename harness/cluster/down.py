"""Taking everything of ours away again, from nothing but the names on the host: also after a SIGKILL, also twice."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from harness.adapters.engine import NETWORK, PREFIX, Engine
from harness.adapters.files import State, locked
from harness.cluster import remains, strays
from harness.cluster.record import full_name, known_clusters

KEPT = "Images and caches are kept for the next time: `knative-chaos cache` lists and prunes them."


def down(*, engine: Engine, state: State, names: Sequence[str] | None) -> tuple[str, ...]:
    """Remove these clusters, or with None every cluster, container, network and volume whose name begins as ours do.

    Answers with one line for each thing removed (none when there was nothing), and at the end says what is kept. The network
    goes with the last container on it; the files are those of this state directory.
    Raises BadInput for a name no cluster can have, HostError when a cluster is just being made by somebody, ToolFailed when the
    engine does not obey.
    """
    done: list[str] = []
    if names is None:
        done += [f"process {pid} (load generator)" for pid in strays.end(strays.find(strays.is_generator(state)))]
    chosen = _all_names(engine, state) if names is None else [(name, full_name(name)) for name in names]
    for name, full in chosen:
        with locked(state.locks / f"cluster-{name}.lock", within_s=30, holder=f"removing {full}"):
            home = state.root / "clusters" / name
            done += [f"process {pid} (Prometheus)" for pid in strays.end(strays.find(strays.is_prometheus(home)))]
            done += remains.remove_cluster(full, engine, home if home.is_dir() else None)
            if home.is_dir():
                shutil.rmtree(home)
                done.append(f"files {home}")
    if names is None:
        done += [f"container {each.name}" for each in engine.containers(PREFIX) if engine.remove_container(each.name)]
    owners = remains.orphaned_volumes(engine)
    done += [
        f"volume {volume[:12]}"
        for volume, full in owners.items()
        if (names is None or full in {full for _, full in chosen}) and engine.remove_volume(volume)
    ]
    done += _networks(engine, every=names is None)
    return (*done, KEPT)


def _all_names(engine: Engine, state: State) -> list[tuple[str, str]]:
    """Clusters the engine knows and clusters this state directory knows."""
    on_engine = {full.removeprefix(PREFIX) for full in remains.clusters(engine)}
    return [(name, PREFIX + name) for name in sorted(on_engine | set(known_clusters(state)))]


def _networks(engine: Engine, *, every: bool) -> list[str]:
    """Networks of ours; the clusters' own only when no cluster is left on it."""
    doomed = [name for name in engine.networks(PREFIX) if every or (name == NETWORK and not remains.clusters(engine))]
    return [f"network {name}" for name in doomed if engine.remove_network(name)]
