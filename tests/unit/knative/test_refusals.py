"""Which refusals are final at once, which after a time, and what is waited for."""

from __future__ import annotations

import pytest

from harness.knative.refusals import FULL_S, UNANSWERED_S, Evidence, refusals
from tests.unit.knative import refused_objects as objects
from tests.unit.knative.refused_objects import deployment, ended, event, logged, pod, revision, waiting

UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
CRASHED = waiting("CrashLoopBackOff", "back-off 10s restarting failed container=user-container pod=shop", restartCount=1)


def of_pod(status: objects.Obj | None = None, *events: objects.Obj, **more: object) -> Evidence:
    """One pod of the Service, and its Deployment."""
    return Evidence(pods=(pod(status, **more),), events=events, deployments=(deployment(),))  # type: ignore[arg-type]


FINAL = {
    "not-found": (of_pod(waiting("ErrImagePull", objects.NOT_FOUND)), "not found", "name"),
    "no-host": (of_pod(waiting("ErrImagePull", objects.NO_HOST)), "no such host", "imagePullPolicy"),
    "back-off": (
        of_pod(
            waiting("ImagePullBackOff", f"{objects.BACK_OFF}: ErrImagePull: {objects.NOT_FOUND}"),
        ),
        "not found",
        "name",
    ),
    "back-off-old": (
        of_pod(
            waiting("ImagePullBackOff", objects.BACK_OFF),
            event("Failed", f'Failed to pull image "{objects.IMAGE}": {objects.NOT_FOUND}'),
            event("Failed", "Error: ErrImagePull"),
        ),
        "not found",
        "name",
    ),
    "never-pulled": (
        of_pod(waiting("ErrImageNeverPull", 'Container image "shop:1" is not present with pull policy of Never')),
        "is not present",
        "name",
    ),
    "invalid-name": (
        of_pod(waiting("InvalidImageName", 'Failed to apply default image tag "A:": couldn\'t parse image name "A:"')),
        "parse",
        "name",
    ),
    "config-key": (of_pod(waiting("CreateContainerConfigError", objects.NO_KEY)), "find key LEVEL", "Add the object"),
    "config-map": (of_pod(waiting("CreateContainerConfigError", 'configmap "settings" not found')), "settings", "Add the object"),
    "root": (
        of_pod(
            waiting(
                "CreateContainerConfigError", "container has runAsNonRoot and image will run as root (pod: ..., container: ...)"
            )
        ),
        "runAsNonRoot",
        "runAsUser",
    ),
    "no-program": (of_pod(waiting("RunContainerError", objects.NO_PROGRAM)), "/serve", "runtime names"),
    "start-error": (
        of_pod(waiting("CrashLoopBackOff", "back-off 10s", lastState=ended(128, "StartError", objects.NO_PROGRAM), restartCount=1)),
        "no such file",
        "command",
    ),
    "exited": (
        of_pod({**CRASHED, "lastState": ended(1, "Error", "Traceback ...\nValueError: PORT")}),
        "(exit code 1, Error) Traceback ... ValueError: PORT",
        "log",
    ),
    "out-of-memory": (of_pod({**CRASHED, "lastState": ended(137, "OOMKilled")}), "OOMKilled", "memory limit"),
    "killed-for-liveness": (
        of_pod(
            {**CRASHED, "lastState": ended(143, "Error")},
            event("Killing", "Container user-container failed liveness probe, will be restarted"),
        ),
        "failed liveness probe",
        "more time",
    ),
    "volume-key": (
        of_pod(
            waiting("ContainerCreating"),
            event("FailedMount", 'MountVolume.SetUp failed for volume "c" : configmap references non-existent config key: a.yaml'),
        ),
        "non-existent config key",
        "volume",
    ),
    "no-node": (
        of_pod(
            conditions=[
                {**UNSCHEDULABLE, "message": "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."}
            ]
        ),
        "affinity",
        "nodes do not have",
    ),
    "policy": (
        Evidence(
            deployments=(deployment('pods "shop-00001-deployment-6d5f8c9b7d-" is forbidden: violates PodSecurity "restricted"'),)
        ),
        "PodSecurity",
        "policy",
    ),
    "account": (
        Evidence(
            deployments=(
                deployment(
                    'pods "shop-" is forbidden: error looking up service account ns/robot: serviceaccount "robot" not found'
                ),
            )
        ),
        "robot",
        "not there",
    ),
    "digest": (Evidence(revisions=(revision("ContainerMissing", objects.DIGEST_404),)), "404", "name"),
    "startup-port": (
        Evidence(
            revisions=(revision("Deploying", status="Unknown"),),
            events=(event("InternalError", objects.NO_PORT, kind="Revision", name="shop-00001"),),
        ),
        "startupProbe.httpGet.port",
        "field of the Service",
    ),
    "only-in-the-log": (
        Evidence(
            revisions=(revision("Deploying", status="Unknown"),), controller_log=f"not JSON\n{logged(objects.NO_SIDECAR_PORT)}\n"
        ),
        "sidecar readiness probe does not define",
        "field of the Service",
    ),
}


@pytest.mark.parametrize(("seen", "said", "fix"), FINAL.values(), ids=FINAL.keys())
def test_it_is_final_at_once(seen: Evidence, said: str, fix: str) -> None:
    """With the cluster's own words and what to change."""
    first, *_ = refusals(seen)
    assert first.after_s == 0
    assert said in str(first)
    assert fix in first.fix


LATER = {
    "no-answer": (of_pod(waiting("ErrImagePull", objects.NO_ANSWER)), UNANSWERED_S),
    "no-cpu": (of_pod(conditions=[{**UNSCHEDULABLE, "message": "0/1 nodes are available: 1 Insufficient cpu."}]), FULL_S),
    "digest": (Evidence(revisions=(revision("ContainerMissing", objects.DIGEST_NO_ANSWER),)), UNANSWERED_S),
    "quota": (
        Evidence(
            deployments=(
                deployment('pods "shop-" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1'),
            )
        ),
        UNANSWERED_S,
    ),
    "account-of-a-new-namespace": (
        Evidence(
            deployments=(
                deployment(
                    'pods "s" is forbidden: error looking up service account ns/default: serviceaccount "default" not found'
                ),
            )
        ),
        UNANSWERED_S,
    ),
}


@pytest.mark.parametrize(("seen", "after_s"), LATER.values(), ids=LATER.keys())
def test_it_is_final_once_it_has_lasted(seen: Evidence, after_s: float) -> None:
    """A registry may answer the next time, and the pods of the run before may leave."""
    assert [one.after_s for one in refusals(seen)] == [after_s]


WAITED_FOR = {
    "starting": of_pod(waiting("ContainerCreating")),
    "not-seen-yet": of_pod(),
    "cache": of_pod(waiting("CreateContainerConfigError", "failed to sync configmap cache: timed out waiting for the condition")),
    "slow-runtime": of_pod(waiting("CreateContainerError", "context deadline exceeded")),
    "on-its-way-out": of_pod(waiting("ErrImagePull", objects.NOT_FOUND), deleting=True),
    "mount-cache": of_pod(None, event("FailedMount", "failed to sync secret cache: timed out; object not found")),
    "of-another-pod": of_pod(None, event("FailedMount", 'configmap "x" not found', name="else")),
    "pods-of-before": Evidence(
        pods=(pod(deleting=True),), deployments=(deployment('pods "s" is forbidden: violates PodSecurity'),)
    ),
    "conflict": Evidence(
        revisions=(revision("Deploying", status="Unknown"),),
        events=(event("InternalError", objects.CONFLICT, kind="Revision", name="shop-00001"),),
    ),
    "it-was-made-after-all": Evidence(
        revisions=(revision("Deploying", status="Unknown"),),
        deployments=(deployment(),),
        controller_log=logged(objects.NO_PORT),
    ),
    "of-another-namespace": Evidence(
        revisions=(revision("Deploying", status="Unknown"),), controller_log=logged(objects.NO_PORT, key="else/shop-00001")
    ),
    "webhook-away": Evidence(
        revisions=(revision("Deploying", status="Unknown"),),
        controller_log=logged('failed to create deployment "d": Internal error: failed calling webhook "w": is forbidden'),
    ),
    "digest-being-resolved": Evidence(revisions=(revision("ResolvingDigests", status="Unknown"),)),
}


@pytest.mark.parametrize("seen", WAITED_FOR.values(), ids=WAITED_FOR.keys())
def test_it_is_waited_for(seen: Evidence) -> None:
    """Nothing says that it will not come."""
    assert refusals(seen) == ()


def test_what_is_final_comes_first() -> None:
    """Whatever else is seen beside it."""
    pods = (pod(conditions=[{**UNSCHEDULABLE, "message": "1 Insufficient cpu"}]), pod(waiting("ErrImagePull", objects.NOT_FOUND)))
    assert [one.after_s for one in refusals(Evidence(pods=pods, deployments=(deployment(),)))] == [0, FULL_S]
