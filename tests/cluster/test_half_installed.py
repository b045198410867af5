"""A Knative that does not start on a cluster: an error that names the pod, and no cluster with half of it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest

from harness import install
from harness.adapters.documents import documents
from harness.adapters.progress import Progress
from harness.cluster.down import down
from harness.cluster.record import full_name, known_clusters
from harness.errors import WaitTimeout
from harness.model import Provision
from harness.run import Ask, World
from harness.run.world import Built, build, find, stand

pytestmark = pytest.mark.cluster

SOON_S = 45.0
"""For a controller that never starts; a good one needs some 20 s, its images being on the node."""


@pytest.fixture
def said() -> list[str]:
    """What the people were told."""
    return []


@pytest.fixture
def built(world: World, kn_ask: Ask, said: list[str]) -> Iterator[Built]:
    """The session's Knative for a cluster of this test's own, which is removed if the test leaves it."""
    ask = replace(kn_ask, cluster=f"t-{secrets.token_hex(3)}", context="", recreate=False)
    found = build(find(ask, state=world.state, progress=Progress(said.append)))
    yield found
    down(engine=world.engine, state=world.state, names=[found.cluster])


def that_does_not_start(provision: Provision) -> Provision:
    """The same, but its controller gets a flag that it does not know, and ends."""
    manifests = []
    for name, text in provision.manifests:
        values = [one.value for one in documents(text)]
        for one in values:
            if (one["kind"], one["metadata"]["name"]) == ("Deployment", "controller"):
                one["spec"]["template"]["spec"]["containers"][0]["args"] = ["--no-such-flag"]
        manifests.append((name, "---\n".join(f"{json.dumps(one)}\n" for one in values)))
    return replace(provision, manifests=tuple(manifests))


def is_there(built: Built) -> bool:
    """Anything of the cluster: files, or a container."""
    return built.cluster in known_clusters(built.state) or bool(built.engine.containers(full_name(built.cluster)))


@pytest.mark.timeout(600)  # two clusters are made, and two installations waited for in vain
def test_no_cluster_is_left_with_half_a_knative(built: Built, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """On a cluster made for it, and on one that had served a request before; 5 min on two busy cores."""
    broken = replace(built, provision=that_does_not_start(built.provision))
    whole, hasty = install.install, partial(install.install, within_s=SOON_S)

    def fails() -> None:
        said.clear()
        monkeypatch.setattr(install, "install", hasty)
        with pytest.raises(WaitTimeout, match=r"pod controller-") as caught:
            stand(broken)
        monkeypatch.setattr(install, "install", whole)
        assert len(str(caught.value).splitlines()) == 1
        assert f"Knative does not start on the cluster {built.cluster}, which is removed" in said
        assert not is_there(built)

    fails()
    assert stand(built).handle.created
    assert is_there(built)
    fails()
