"""Cycles measured at the same time: whose turn it is, and what one of them costs the others."""

from __future__ import annotations

import asyncio
import signal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.errors import LoadError
from harness.model import Outcome
from harness.run import cycle as cycle_module
from harness.run.cycle import Cycle
from harness.run.rounds import measured_together
from harness.run.turn import Turn


class Slot:
    """Stands for a Cycle. raises: in place of the restart."""

    def __init__(self, name: str, story: list[str], raises: BaseException | None = None) -> None:
        self.name, self.story, self.raises = name, story, raises

    async def run(self, turn: Turn) -> None:
        """A restart of many looks, in turn."""
        self.story.append(f"{self.name} begins")
        await asyncio.sleep(0)
        await turn.take(self)
        try:
            self.story.append(f"{self.name} restarts")
            if self.raises is not None:
                raise self.raises
            for _ in range(3):
                await asyncio.sleep(0)
            self.story.append(f"{self.name} serves")
        finally:
            turn.give_up(self)

    def end(self) -> None:
        """Its mark is recorded."""
        self.story.append(f"{self.name} ends")


def together(story: list[str], **raises: BaseException) -> None:
    """Three slots; those named raise this in place of their restart."""
    bench: Any = SimpleNamespace(observers=SimpleNamespace(seal=lambda: story.append("sealed")))
    measured_together(bench, [cast("Cycle", Slot(name, story, raises.get(name))) for name in "abc"])


def test_they_begin_together_and_no_two_restart_at_the_same_time() -> None:
    """In the order in which they are ready; the logs are sealed once, then each ends."""
    story: list[str] = []
    together(story)
    assert story == [
        *("a begins", "b begins", "c begins"),
        *("a restarts", "a serves", "b restarts", "b serves", "c restarts", "c serves"),
        *("sealed", "a ends", "b ends", "c ends"),
    ]


def test_an_error_of_one_costs_the_others_nothing() -> None:
    """They take their course first; then it is raised, and each has its mark."""
    story: list[str] = []
    with pytest.raises(LoadError, match="planted"):
        together(story, b=LoadError("planted"))
    assert [line for line in story if "serves" in line] == ["a serves", "c serves"]
    assert story[-3:] == ["a ends", "b ends", "c ends"]


def test_ctrl_c_ends_them_all_and_what_was_measured_is_kept() -> None:
    """Whoever had the thread when it came."""
    story: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        together(story, b=KeyboardInterrupt())
    assert [line for line in story if "serves" in line] == ["a serves"]
    assert "sealed" not in story
    assert story[-3:] == ["a ends", "b ends", "c ends"]


def test_who_does_not_hold_the_turn_cannot_give_it_up() -> None:
    """A cycle that was given up before its turn gives up nobody else's."""

    async def taken() -> list[str]:
        turn, order = Turn(2), []
        await turn.take("a")
        waiting = asyncio.ensure_future(turn.take("b"))
        turn.give_up("b")
        await asyncio.sleep(0)
        order.append("waiting" if not waiting.done() else "taken")
        turn.give_up("a")
        turn.give_up("a")
        await waiting
        return order

    assert asyncio.run(taken()) == ["waiting"]


@pytest.mark.parametrize(
    ("boots", "free"),
    [
        (("old", "old"), False),  # the app has not stopped yet
        (("old", ""), False),  # nobody answers
        (("", "new"), True),
        (("new", ""), False),  # the new one has stopped answering
    ],
)
def test_the_next_slot_may_restart_once_the_new_container_serves(
    monkeypatch: pytest.MonkeyPatch, boots: tuple[str, ...], *, free: bool
) -> None:
    """The rest of the recovery, until all has been well for after_s, is not waited for."""
    answers = [SimpleNamespace(boot=boot, outcome=Outcome.OK if boot else None) for boot in boots]
    cycle = cast("Any", Cycle.__new__(Cycle))
    pod = SimpleNamespace(name="pod", boot="old")
    cycle.spec = SimpleNamespace(after_s=3.0, recovery_s=60.0, load=SimpleNamespace(lanes=()))
    cycle.deployed, cycle.told = SimpleNamespace(pods=[pod]), [pod]
    cycle.fault, cycle.app = SimpleNamespace(of_workload=True), SimpleNamespace(names_itself=True)
    cycle.ends = SimpleNamespace(new_boot=True, probed_again=False, ready_again=False)
    cycle.turn = Turn(2)

    async def one_look(_what: str, look: Any, **_options: object) -> None:
        look()

    async def recovering() -> bool:
        await cycle.turn.take(cycle)
        await cycle._await_recovery(SimpleNamespace(tail=lambda _since, _lanes: answers))
        return cycle.turn._holder is None

    monkeypatch.setattr(cycle_module, "until", one_look)
    assert asyncio.run(recovering()) is free


def test_ctrl_c_between_two_looks_ends_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The signal itself, while every slot waits: no other thread takes a course, and none is left behind."""
    story: list[str] = []

    class Waiting(Slot):
        async def run(self, turn: Turn) -> None:
            self.story.append(f"{self.name} begins")
            try:
                await asyncio.sleep(0)  # all have begun
                if self.name == "b":
                    signal.raise_signal(signal.SIGINT)
                await asyncio.sleep(60)
            finally:
                self.story.append(f"{self.name} takes its fault back")

    monkeypatch.setattr(f"{__name__}.Slot", Waiting)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            together(story)
    finally:
        signal.signal(signal.SIGINT, before)
    assert sorted(line for line in story if "fault" in line) == [f"{name} takes its fault back" for name in "abc"]
    assert story[-3:] == ["a ends", "b ends", "c ends"]
