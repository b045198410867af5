"""Jobs: what is missing is made, in order, side by side, once; and a failure or an interrupt ends the rest."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.adapters.files import locked
from harness.adapters.process import run
from harness.adapters.progress import QUIET, Progress
from harness.errors import ImageError, ToolFailed
from harness.images import jobs
from harness.images.jobs import Job, family, missing, run_all, undisturbed


class Bakery:
    """Makes jobs that note what they did."""

    def __init__(self) -> None:
        self.there: set[str] = set()
        self.order: list[str] = []
        self.guard = threading.Lock()

    def job(self, name: str, *needs: Job, work: Callable[[], None] | None = None, weight_s: float = 1.0) -> Job:
        """A job that makes `name`, after what `work` does."""

        def bake() -> None:
            if work is not None:
                work()
            with self.guard:
                self.order.append(name)
                self.there.add(name)

        return Job(name, name, lambda: name in self.there, bake, needs, weight_s)


def test_needs_come_first_and_each_is_made_once(tmp_path: Path) -> None:
    """A diamond: the base under two images under the node."""
    bakery = Bakery()
    base = bakery.job("base")
    left, right = bakery.job("left", base), bakery.job("right", base)
    node = bakery.job("node", left, right)
    run_all(missing([node], lambda job: job.present()), side_by_side=2, locks=tmp_path, progress=QUIET)
    assert sorted(bakery.order) == ["base", "left", "node", "right"]
    assert (bakery.order[0], bakery.order[-1]) == ("base", "node")


def test_behind_what_is_there_nobody_looks() -> None:
    """The node is there: that its binaries were pruned does not matter."""
    bakery = Bakery()
    bakery.there = {"node"}
    binaries = bakery.job("binaries")
    node = bakery.job("node", binaries)
    assert missing([node], lambda job: job.present()) == ()
    assert [job.makes for job in family([node])] == ["binaries", "node"]


def test_a_need_of_something_missing_that_is_there_is_not_made_again() -> None:
    """Only the top of the tree is missing."""
    bakery = Bakery()
    bakery.there = {"binaries"}
    node = bakery.job("node", bakery.job("binaries"))
    assert [job.makes for job in missing([node], lambda job: job.present())] == ["node"]


def test_independent_jobs_run_side_by_side(tmp_path: Path) -> None:
    """Each waits for the other to have begun: one after the other, both would fail."""
    bakery = Bakery()
    both = threading.Barrier(2, timeout=60)
    run_all(
        [bakery.job("one", work=lambda: void(both.wait())), bakery.job("two", work=lambda: void(both.wait()))],
        side_by_side=2,
        locks=tmp_path,
        progress=QUIET,
    )
    assert sorted(bakery.order) == ["one", "two"]


def test_never_more_than_so_many_at_once(tmp_path: Path) -> None:
    """Six jobs, two places."""
    bakery = Bakery()
    guard, now, most = threading.Lock(), [0], [0]

    def work() -> None:
        with guard:
            now[0] += 1
            most[0] = max(most[0], now[0])
        threading.Event().wait(0.02)
        with guard:
            now[0] -= 1

    run_all([bakery.job(f"j{i}", work=work) for i in range(6)], side_by_side=2, locks=tmp_path, progress=QUIET)
    assert len(bakery.order) == 6
    assert most[0] <= 2


def test_the_longest_chain_starts_first(tmp_path: Path) -> None:
    """A short job that a long one waits for is more urgent than a job of middling length."""
    bakery = Bakery()
    short = bakery.job("short", weight_s=1)
    jobs = [bakery.job("middling", weight_s=50), short, bakery.job("long", short, weight_s=100)]
    run_all(jobs, side_by_side=1, locks=tmp_path, progress=QUIET)
    assert bakery.order == ["short", "long", "middling"]


def test_a_failure_ends_the_others_and_is_what_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other job's program would sleep for ten minutes: it is asked to end, and what waited is never begun."""
    monkeypatch.setattr(jobs, "POLITE_LOOKS", 1_000)  # on a machine that stands still for a while it would be made to instead
    bakery = Bakery()
    begun = threading.Event()
    ended: list[int] = []

    def sleep() -> None:
        begun.set()
        try:
            run(["sleep", "600"], timeout_s=600)
        except ToolFailed as failure:
            ended.append(failure.code)
            raise

    def fail() -> None:
        assert begun.wait(60)
        raise ImageError("broken on purpose")

    sleeper = bakery.job("sleeper", work=sleep)
    with pytest.raises(ImageError, match="on purpose"):
        run_all(
            [sleeper, bakery.job("failing", work=fail), bakery.job("later", sleeper)],
            side_by_side=2,
            locks=tmp_path,
            progress=QUIET,
        )
    assert bakery.order == []
    assert ended == [-15]


def test_what_is_undisturbed_ends_by_itself(tmp_path: Path) -> None:
    """An engine's call that is nearly done is not cut: it would leave something behind."""
    bakery = Bakery()
    begun = threading.Event()

    def commit() -> None:
        with undisturbed():
            begun.set()
            run(["sleep", "1.2"], timeout_s=30)

    def fail() -> None:
        assert begun.wait(60)
        raise ImageError("broken on purpose")

    with pytest.raises(ImageError, match="on purpose"):
        run_all(
            [bakery.job("commit", work=commit), bakery.job("failing", work=fail)], side_by_side=2, locks=tmp_path, progress=QUIET
        )
    assert bakery.order == ["commit"]


def test_what_another_process_made_meanwhile_is_not_made_again(tmp_path: Path) -> None:
    """While it holds the job's lock the user is told; then the product is there."""
    bakery = Bakery()
    said: list[str] = []
    job = bakery.job("image")
    held, release = threading.Event(), threading.Event()

    def other() -> None:
        with locked(tmp_path / "make-image.lock", within_s=5, holder="another"):
            held.set()
            release.wait(60)
            bakery.there.add("image")

    def speak(text: str) -> None:
        said.append(text)
        release.set()

    rival = threading.Thread(target=other)
    rival.start()
    assert held.wait(60)
    run_all([job], side_by_side=1, locks=tmp_path, progress=Progress(speak))
    rival.join()
    assert said == ["image: another process makes it; waiting"]
    assert bakery.order == []


def void(_value: object) -> None:
    """A lambda's value, dropped."""
