"""Lines of containerd's journal."""

from __future__ import annotations

import pytest

from harness.knative import containerd
from harness.knative.containerd import Act
from harness.model import Observation, Stream

ID, BOX = "a" * 64, "b" * 64
HEAD = 'time="2026-11-23T18:18:06.5Z" level=info msg="'
METADATA = "ContainerMetadata{Name:user-container,Attempt:1,}"
CREATED = HEAD + f'CreateContainer within sandbox \\"{BOX}\\" for &{METADATA} returns container id \\"{ID}\\""'
EXITED = HEAD + f'received exit event container_id:\\"{ID}\\"  id:\\"{ID}\\"  pid:7  exited_at:{{seconds:1795457886 nanos:25}}"'


@pytest.mark.parametrize(
    ("payload", "act"),
    [
        (HEAD + f'StopContainer for \\"{ID}\\" with timeout 30 (s)"', Act.STOP_ASKED),
        (HEAD + f'StopContainer for \\"{ID}\\" returns successfully"', None),
        (HEAD + f'Stop container \\"{ID}\\" with signal terminated"', Act.SIGNAL),
        (EXITED, Act.EXITED),
        (EXITED.replace(f'id:\\"{ID}\\"  pid', f'id:\\"{BOX}\\"  pid'), None),
        (HEAD + f'shim disconnected" id={ID}', Act.GONE),
        (CREATED, Act.CREATED),
        (CREATED.partition(" returns")[0].replace("for &", "for container &"), Act.CREATE_ASKED),
        (HEAD + f'StartContainer for \\"{ID}\\""', Act.START_ASKED),
        (HEAD + f'StartContainer for \\"{ID}\\" returns successfully"', Act.STARTED),
        ("anything else", None),
    ],
)
def test_each_act_has_one_form(payload: str, act: Act | None) -> None:
    """The exit of an exec probe's process, which has an id of its own, is none of the container's."""
    assert containerd.act_of(payload) is act


def test_a_line_is_read_with_its_own_clock() -> None:
    """And with the time of the exit, where it tells of one."""
    line = containerd.read(Observation(Stream.CONTAINERD, "p", "user-container", 1, 9, 1_000, 9, EXITED))
    assert line is not None
    assert (line.act, line.own_ns, line.journal_ns, line.id, line.instance) == (Act.EXITED, 1795457886500000000, 9, ID, 1)
    assert line.exited_ns == 1795457886000000025
    assert containerd.read(Observation(Stream.CONTAINERD, "p", "", -1, 9, 1_000, 9, "anything else")) is None


def test_a_line_names_what_it_is_about() -> None:
    """Ids, the sandbox a container is made in, its name and its restart count."""
    assert containerd.container_ids(CREATED) == [BOX, ID]
    assert (containerd.id_made(CREATED), containerd.id_of_sandbox(CREATED)) == (ID, BOX)
    assert containerd.container_attempt(CREATED) == ("user-container", 1)
    run = HEAD + 'RunPodSandbox for &PodSandboxMetadata{Name:toggle-1,Uid:u-1,Namespace:ns,Attempt:0,}"'
    assert containerd.sandbox(run) == containerd.Sandbox("toggle-1", "u-1", "ns")
    assert (containerd.id_made(run), containerd.container_attempt(run), containerd.sandbox(CREATED)) == ("", None, None)
