"""Access to the node: a shell that ended is replaced, and what it did is known to have ended with it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import cast

import pytest

from harness.adapters.engine import Engine
from harness.adapters.progress import Progress
from harness.errors import FaultError
from harness.inject import ClusterAccess, sweep, take_back
from harness.inject.shell import NodeShell
from harness.model import ClusterHandle, Deployed, FaultSpec, Observation


class Shell:
    """In place of the shell on the node. fails: the commands that it cannot carry out. found: what a sweep of it finds."""

    def __init__(self) -> None:
        self.alive = True
        self.closed = False
        self.asked: list[str] = []
        self.fails: dict[str, str] = {}
        self.found = ""

    def ask(self, verb: str, *_words: str | int) -> str:
        """As `NodeShell.ask`."""
        self.asked.append(verb)
        if verb in self.fails:
            raise FaultError(f"`{verb}` failed on the node: {self.fails[verb]}", where="node")
        return self.found if verb == "sweep" else '{"rule": false}'

    def close(self) -> None:
        """As `NodeShell.close`."""
        self.alive, self.closed = False, True


@pytest.fixture
def shells(monkeypatch: pytest.MonkeyPatch) -> list[Shell]:
    """Those that were started, the newest last."""
    started: list[Shell] = []

    def start(_engine: Engine, _node: str) -> Shell:
        started.append(Shell())
        return started[-1]

    monkeypatch.setattr(NodeShell, "start", start)
    return started


@pytest.fixture
def said() -> list[str]:
    """Progress."""
    return []


@pytest.fixture
def seen() -> list[Observation]:
    """What the door showed."""
    return []


@pytest.fixture
def access(handle: ClusterHandle, said: list[str], seen: list[Observation]) -> ClusterAccess:
    """A cluster of ours."""
    return ClusterAccess(replace(handle, node="node"), cast("Engine", "engine"), see=seen.append, progress=Progress(said.append))


def test_a_fault_ends_with_the_shell_that_did_it(access: ClusterAccess, shells: list[Shell], deployed: Deployed) -> None:
    """It is undone once more by the next shell, and that it did not last is an error; once."""
    (pod,) = deployed.pods
    access.hold(pod.name)
    take_back(access, deployed, pod, FaultSpec("freeze"))
    access.hold(pod.name)
    shells[0].alive = False
    with pytest.raises(FaultError, match=r"that did freeze ended before the fault was taken back.*ns/pod-1.*Fix: Run again"):
        take_back(access, deployed, pod, FaultSpec("freeze"))
    assert [one.asked for one in shells] == [["undo"], ["undo"]]
    assert [one.closed for one in shells] == [True, False]  # what it was talked to by is not left to the garbage collector
    take_back(access, deployed, pod, FaultSpec("freeze"))


def test_a_shell_that_ended_between_two_faults_is_nobodys_concern(
    access: ClusterAccess, shells: list[Shell], deployed: Deployed
) -> None:
    """Nothing of ours was in."""
    access.sweep()
    shells[0].alive = False
    access.hold(deployed.pods[0].name)
    take_back(access, deployed, deployed.pods[0], FaultSpec("liveness-blocked"))
    assert len(shells) == 2


def test_a_rule_that_stays_names_the_way_to_remove_it(access: ClusterAccess, shells: list[Shell], deployed: Deployed) -> None:
    """The cause is the node's own word."""
    access.hold(deployed.pods[0].name)
    shells[0].fails["undo"] = "the rule is still there"
    with pytest.raises(FaultError, match=r"liveness-blocked was not taken back: .*the rule is still there.*Fix: knative-chaos up"):
        take_back(access, deployed, deployed.pods[0], FaultSpec("liveness-blocked"))


def test_at_the_end_the_node_is_swept(access: ClusterAccess, shells: list[Shell], said: list[str]) -> None:
    """By a shell that is started for it if the one before has ended; what is found then is said."""
    with access:
        access.node()
        shells[0].alive = False
        access.node().ask("packets")
        shells[1].found = "stopped program 7; "
    assert [one.asked for one in shells] == [[], ["packets", "sweep"]]
    assert said == ["Undone on the node: stopped program 7."]
    assert not shells[1].alive


def test_a_node_that_lets_nobody_in_is_not_called_swept(
    access: ClusterAccess, shells: list[Shell], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was done there before may still be in."""

    def locked_out(_engine: Engine, _node: str) -> Shell:
        raise FaultError("The shell on the node ended at `start`.", where="node")

    def lose() -> None:
        access.node()
        shells[0].alive = False
        monkeypatch.setattr(NodeShell, "start", locked_out)
        with suppress(FaultError):
            access.node()

    with pytest.raises(FaultError, match=r"Faults may be left on the node: The shell on the node ended at `start`"), access:
        lose()


def test_what_stays_at_the_end_is_an_error_of_its_own_or_said(
    access: ClusterAccess, handle: ClusterHandle, shells: list[Shell], said: list[str]
) -> None:
    """It does not hide what ended the run before."""

    def stuck(ends: BaseException | None = None) -> None:
        access.node()
        shells[-1].fails["sweep"] = "cannot be deleted: x"
        if ends:
            raise ends

    with pytest.raises(FaultError, match=r"Faults may be left on the node: .*cannot be deleted: x.*Fix: make down"), access:
        stuck()
    with pytest.raises(KeyboardInterrupt), access:
        stuck(KeyboardInterrupt())
    (words,) = said
    assert words.startswith("The node is not as it was before: Faults may be left on the node: `sweep` failed on the node: cannot")
    assert not any(one.alive for one in shells)
    with ClusterAccess(handle) as foreign:
        assert foreign.sweep() == ""


def test_up_and_every_run_undo_what_is_left(handle: ClusterHandle, shells: list[Shell]) -> None:
    """With a shell of their own, which ends; a node that is not ours is let alone."""
    assert sweep(handle, cast("Engine", "engine")) == ""
    assert shells == []
    assert sweep(replace(handle, node="node"), cast("Engine", "engine")) == ""
    assert (shells[0].asked, shells[0].alive) == (["sweep"], False)
