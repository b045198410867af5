"""Whose a journal line is. The lines are of a real node, ids shortened to one digit repeated."""

from __future__ import annotations

from typing import Any

from harness.knative.identity import Identity, Owner

BOX, OLD, NEW, OTHER = ("a" * 64), ("b" * 64), ("c" * 64), ("d" * 64)
UID = "3a137a30-402e-4678-bcd3-736bc78f1d7b"


def pod(name: str = "app-1", container_id: str = OLD, restarts: int = 0) -> dict[str, Any]:
    """A pod object as far as ids go."""
    status = {"name": "user-container", "containerID": f"containerd://{container_id}", "restartCount": restarts}
    return {"metadata": {"name": name, "uid": UID}, "status": {"containerStatuses": [status]}}


def test_kubelet_lines_name_the_pod() -> None:
    """By namespace and name, with the container if the line has one; another namespace's pod is not ours."""
    known: Identity[int] = Identity("ns")
    assert known.place('"Probe failed" probeType="Liveness" pod="ns/app-1" containerName="user-container"', 1) == Owner(
        "app-1", "user-container"
    )
    assert known.place('"SyncLoop ADD" source="api" pods=["ns/app-1"]', 2) == Owner("app-1")
    assert known.place('"SyncLoop ADD" source="api" pods=["another-ns/app-1"]', 3) is None
    assert known.place('"Caches populated" type="*v1.ConfigMap" reflector="object-"ns"/"kube-root-ca.crt""', 4) is None


def test_runtime_lines_are_placed_by_container_id() -> None:
    """An id that the API has told stands for pod, container and restart count."""
    known: Identity[int] = Identity("ns")
    known.learn(pod())
    assert known.place(f'level=info msg="StopContainer for \\"{OLD}\\" with timeout 299 (s)"', 1) == Owner(
        "app-1", "user-container", 0
    )
    assert known.place(f'level=info msg="StopContainer for \\"{OTHER}\\" with timeout 299 (s)"', 2) is None


def test_a_line_comes_back_once_its_id_is_known() -> None:
    """The runtime starts a container before the API tells whose it is."""
    known: Identity[int] = Identity("ns")
    known.learn(pod())
    assert known.place(f'msg="StartContainer for \\"{NEW}\\""', 1) is None
    assert known.place(f'msg="StartContainer for \\"{OTHER}\\""', 2) is None
    assert known.settled() == []
    known.learn(pod(container_id=NEW, restarts=1))
    assert known.settled() == [(Owner("app-1", "user-container", 1), 1)]
    assert known.settled() == []


def test_the_runtime_itself_tells_whose_a_new_container_is() -> None:
    """From the sandbox's line on, each id leads to the next without the API."""
    known: Identity[int] = Identity("ns")
    box = f'"RunPodSandbox for &PodSandboxMetadata{{Name:app-1,Uid:{UID},Namespace:ns,Attempt:0,}} returns sandbox id \\"{BOX}\\""'
    made = (
        f'"CreateContainer within sandbox \\"{BOX}\\" for &ContainerMetadata{{Name:user-container,Attempt:2,}} '
        f'returns container id \\"{NEW}\\""'
    )
    assert known.place(box, 1) == Owner("app-1")
    assert known.place(made, 2) == Owner("app-1", "user-container", 2)
    assert known.place(f'"StartContainer for \\"{NEW}\\" returns successfully"', 3) == Owner("app-1", "user-container", 2)


def test_the_sandbox_is_learnt_from_a_container_that_is_known() -> None:
    """A pod older than the observers: its next container's first line names only the sandbox."""
    known: Identity[int] = Identity("ns")
    first = f'"CreateContainer within sandbox \\"{BOX}\\" for container &ContainerMetadata{{Name:user-container,Attempt:1,}}"'
    made = (
        f'"CreateContainer within sandbox \\"{BOX}\\" for &ContainerMetadata{{Name:user-container,Attempt:1,}} '
        f'returns container id \\"{NEW}\\""'
    )
    assert known.place(first, 1) is None
    assert known.place(made, 2) is None
    known.learn(pod(container_id=NEW, restarts=1))
    assert sorted(item for _owner, item in known.settled()) == [1, 2]


def test_lines_that_name_only_the_uid_are_placed_by_it() -> None:
    """Volumes and cgroups are named by the pod's uid, with dashes or underscores."""
    known: Identity[int] = Identity("ns")
    assert known.place(f'"Volume detached for volume" UniqueName="kubernetes.io/projected/{UID}-kube-api-access"', 1) is None
    known.learn(pod())
    assert known.settled() == [(Owner("app-1"), 1)]
    assert known.place(f"cgroup kubepods-pod{UID.replace('-', '_')}.slice", 2) == Owner("app-1")
