"""Making what is missing: jobs that need one another, a few side by side, each under its own lock.

A job whose product is there is not looked behind: what it was made from need not exist any more.
"""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.adapters.files import locked
from harness.adapters.process import signal_threads
from harness.adapters.progress import Progress
from harness.errors import HostError, Interrupted

PATIENCE_S = 3 * 3600.0
"""How long one process waits for another that makes the same thing: longer than the longest cold build on a slow machine."""


POLITE_LOOKS = 10
"""How often, every half second, the programs of a build that stops are asked to end before they are made to."""

_UNDISTURBED: set[int] = set()
"""Threads whose program is let end by itself although the build stops."""


@contextmanager
def undisturbed() -> Iterator[None]:
    """For calls that are short and, ended midway, leave something behind: of the engine, or that tidy up."""
    me = threading.get_ident()
    _UNDISTURBED.add(me)
    try:
        yield
    finally:
        _UNDISTURBED.discard(me)


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One thing to make.

    title: for people and for remembered times, without the key. makes: an image name or an absolute path. present: whether it is
    there (a fresh look). work: makes it, whole or not at all. needs: what must be there before. weight_s: about how long it takes
    cold; of what could start, the heaviest does.
    """

    title: str
    makes: str
    present: Callable[[], bool]
    work: Callable[[], None]
    needs: tuple[Job, ...] = ()
    weight_s: float = 1.0


def family(roots: Sequence[Job]) -> tuple[Job, ...]:
    """These jobs and all they need, each once, needs first."""
    seen: dict[str, Job] = {}

    def visit(job: Job) -> None:
        for need in job.needs:
            visit(need)
        seen.setdefault(job.makes, job)

    for root in roots:
        visit(root)
    return tuple(seen.values())


def missing(roots: Sequence[Job], present: Callable[[Job], bool]) -> tuple[Job, ...]:
    """What must be made for all roots to be there, needs first. `present` is asked once a job."""
    answers: dict[str, bool] = {}
    found: dict[str, Job] = {}

    def visit(job: Job) -> None:
        if job.makes in answers:
            return
        answers[job.makes] = present(job)
        if not answers[job.makes]:
            for need in job.needs:
                visit(need)
            found[job.makes] = job

    for root in roots:
        visit(root)
    return tuple(found.values())


def run_all(jobs: Sequence[Job], *, side_by_side: int, locks: Path, progress: Progress) -> None:
    """Run these jobs, each after those it needs. The first failure ends the others, and so does an interrupt.

    Raises what the failed job raised.
    """
    waiting = {job.makes: job for job in jobs}
    blocked_by = {job.makes: {need.makes for need in job.needs} & set(waiting) for job in jobs}
    urgency = _urgency(jobs)
    running: dict[Future[None], str] = {}
    stopping = threading.Event()
    workers: set[int] = set()

    def one(job: Job) -> None:
        workers.add(threading.get_ident())
        if stopping.is_set():
            raise Interrupted("The build was stopped.")
        with _turn(job, locks, progress):
            if not job.present():
                with progress.step(job.title):
                    job.work()

    with ThreadPoolExecutor(max_workers=side_by_side, thread_name_prefix="images") as pool:
        try:
            while waiting or running:
                ready = sorted((name for name in waiting if not blocked_by[name]), key=lambda name: (-urgency[name], name))
                for name in ready[: side_by_side - len(running)]:
                    running[pool.submit(one, waiting.pop(name))] = name
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    name = running.pop(future)
                    future.result()
                    for others in blocked_by.values():
                        others.discard(name)
        except BaseException:
            stopping.set()
            _stop(running, workers)
            raise


def _urgency(jobs: Sequence[Job]) -> dict[str, float]:
    """Of each job, its own weight and that of the longest chain that waits for it. jobs: needs first."""
    total = {job.makes: job.weight_s for job in jobs}
    for job in reversed(jobs):
        for need in job.needs:
            if need.makes in total:
                total[need.makes] = max(total[need.makes], need.weight_s + total[job.makes])
    return total


def _stop(running: dict[Future[None], str], workers: set[int]) -> None:
    """End the programs of all workers until none is left, but for the undisturbed: politely first, then by force."""
    looks = 0
    left = set(running)
    while left:
        signal_threads(workers - _UNDISTURBED, signal.SIGTERM if looks < POLITE_LOOKS else signal.SIGKILL)
        _, left = wait(left, timeout=0.5)
        looks += 1


@contextmanager
def _turn(job: Job, locks: Path, progress: Progress) -> Iterator[None]:
    """The job's lock, with a word to the user when another process has it."""
    path = locks / f"make-{re.sub(r'[^A-Za-z0-9._-]+', '-', job.makes).strip('-')[-120:]}.lock"
    with ExitStack() as held:
        try:
            held.enter_context(locked(path, within_s=0.2, holder=job.title))
        except HostError:
            progress.say(f"{job.title}: another process makes it; waiting")
            held.enter_context(locked(path, within_s=PATIENCE_S, holder=job.title))
        yield
