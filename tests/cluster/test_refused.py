"""What a real cluster refuses ends a deployment at once and in the cluster's words; --kn-cluster names the cluster."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from harness import deploy
from harness.adapters.clock import mono_s
from harness.adapters.documents import Obj, dumped
from harness.adapters.files import locked
from harness.apps.toggle import TOGGLE
from harness.deploy.manifest import render
from harness.errors import DeployError, ExitCode
from harness.model import ServiceSpec, Workload, WorkloadKind
from harness.run.world import MEASURE_LOCK, World

pytestmark = pytest.mark.cluster

SETTINGS: Obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"COLOUR": "green"}}
NO_KEY: Obj = {"name": "LEVEL", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "LEVEL"}}}

REFUSED = {
    "no-image-on-the-node": ({"image": "dev.local/no-such-image:1"}, {}, r"ErrImagePull|ImagePullBackOff"),
    "no-image-for-the-controller": ({"image": "docker.io/library/no-such-image:1"}, {}, r"ContainerMissing"),
    "no-key-in-the-config-map": ({"env": [NO_KEY]}, {}, r"CreateContainerConfigError.*find key LEVEL"),
    "no-such-program": ({"command": ["/no-such-program"]}, {}, r"no-such-program"),
    "it-ends": ({"command": ["python3", "-c", "raise SystemExit('no database')"]}, {}, r"exit code 1.*no database"),
    "no-service-account": ({}, {"serviceAccountName": "robot"}, r"FailedCreate.*robot"),
    "startup-probe-without-a-port": ({"startupProbe": {"httpGet": {"path": "/"}}}, {}, r"startupProbe\.httpGet\.port"),
}
"""By name: what is changed in the container, what in the pod, and what must be quoted."""


@pytest.fixture(autouse=True)
def _alone(world: World) -> Iterator[None]:
    """A pod that cannot start takes the time of nothing that is measured."""
    with locked(world.state.locks / MEASURE_LOCK, within_s=3600, holder="the tests of refused Services"):
        yield


def deployed(world: World, namespace: str, service: Obj, *, within_s: float = 120.0) -> DeployError:
    """The error that a Service ends in which cannot stand."""
    with pytest.raises(DeployError) as caught:
        deploy.deploy(
            world.handle,
            world.stack,
            Workload(WorkloadKind.KNATIVE_SERVICE, dumped([service, SETTINGS])),
            namespace=namespace,
            app_image=world.provision.app_image,
            run_id=namespace.rpartition("-")[2],
            progress=world.progress,
            within_s=within_s,
        )
    assert caught.value.exit_code == ExitCode.BAD_INPUT_OR_HOST
    assert caught.value.fix
    assert len(str(caught.value).splitlines()) == 1
    return caught.value


@pytest.mark.parametrize(("container", "pod", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_it_is_refused_in_the_clusters_words(world: World, namespace: str, container: Obj, pod: Obj, said: str) -> None:
    """Not by the deadline, whose error begins otherwise; the seconds it took are printed."""
    service = render(ServiceSpec())
    service["spec"]["template"]["spec"].update(pod)
    service["spec"]["template"]["spec"]["containers"][0].update({"image": TOGGLE.image, **container})
    begun_s = mono_s()
    error = deployed(world, namespace, service)
    assert re.match(rf"The cluster refused Service toggle: .*({said})", str(error), re.DOTALL), error
    world.progress.say(f"refused after {mono_s() - begun_s:.1f} s: {error}")


def test_a_program_that_never_listens_is_waited_for_and_named(world: World, namespace: str) -> None:
    """Nothing says that it never will, so that only the deadline ends it: with the probe that failed, and what to look at.

    Red where the error quotes no event of the pod (`failed` in harness/deploy/applying.py).
    """
    service = render(ServiceSpec())
    service["spec"]["template"]["spec"]["containers"][0].update({"image": TOGGLE.image, "command": ["sleep", "600"]})
    error = deployed(world, namespace, service, within_s=30)
    world.progress.say(str(error))
    assert "not seen within 30 s" in error.what
    assert "Readiness probe failed" in error.what
    assert "must listen on the port" in error.fix
