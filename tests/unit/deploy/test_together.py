"""Several workloads of one run, made together and given fresh pods together."""

from __future__ import annotations

import pytest

from harness.adapters.documents import documents
from harness.adapters.ingress import Reply
from harness.adapters.objects import Ref
from harness.deploy import knative_service, name_of, named, serving, standing
from harness.model import Deployed, ServiceSpec
from tests.unit.deploy.test_service import HANDLE, STACK, World, world

__all__ = ["world"]
pytestmark = pytest.mark.usefixtures("quick_looks")

NAMES = ("toggle-0", "toggle-1")


@pytest.fixture
def asked(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done in which order: each request is answered by the youngest pod of the host's own Service."""
    done: list[str] = []

    def ask(_address: str, _port: int, host: str, **_request: object) -> Reply:
        owner = host.split(".", maxsplit=1)[0]
        done.append(f"ask {owner}")
        pod = [ref.name for ref in world.stored if ref.kind == "Pod" and ref.name.startswith(f"{owner}-")][-1]
        return Reply(200, {"x-toggle-pod": pod, "x-toggle-boot": f"boot of {pod}"}, "")

    deleted = world.delete

    def delete(ref: Ref, *, grace_s: int | None = None) -> bool:
        done.append(f"delete {ref.name}")
        return deleted(ref, grace_s=grace_s)

    monkeypatch.setattr(serving, "ask", ask)
    monkeypatch.setattr(world, "delete", delete)
    return done


def made() -> tuple[Deployed, ...]:
    """The toggle app under two names."""
    workloads = [named(knative_service(ServiceSpec()), name) for name in NAMES]
    return standing.deploy_together(
        HANDLE, STACK, workloads, namespace="ns", app_image="dev.local/toggle:1", run_id="r1", within_s=60
    )


def test_each_has_its_own_pods_host_and_token(world: World, asked: list[str]) -> None:
    """All are applied before the first is asked."""
    several = made()
    assert [one.name for one in several] == list(NAMES)
    assert [pod.name for one in several for pod in one.pods] == ["toggle-0-00001-1", "toggle-1-00001-2"]
    assert len({one.token for one in several} | {one.routes[0].host for one in several}) == 4
    assert world.made == 2
    assert asked == ["ask toggle-0", "ask toggle-1"]


def test_the_pods_of_all_go_before_the_new_ones_of_the_first_are_waited_for(world: World, asked: list[str]) -> None:
    """Kubernetes makes them at the same time; none of the new ones is deleted again."""
    before = made()
    asked.clear()
    after = standing.fresh_pods_together(HANDLE, before, within_s=60)
    assert asked == ["delete toggle-0-00001-1", "delete toggle-1-00001-2", "ask toggle-0", "ask toggle-1"]
    assert [pod.name for one in after for pod in one.pods] == ["toggle-0-00001-3", "toggle-1-00001-4"]
    assert world.made == 4


def test_a_workload_under_another_name_is_the_same_else() -> None:
    """Only the name in its metadata changes."""
    workload = knative_service(ServiceSpec())
    other = named(workload, "toggle-1")
    assert (name_of(workload), name_of(other)) == ("toggle", "toggle-1")
    assert documents(named(other, "toggle").documents)[0].value == documents(workload.documents)[0].value
