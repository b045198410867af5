"""Signals: every polite end is an interrupt, and what must not be cut in two is not."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

POLITE = (signal.SIGTERM, signal.SIGHUP)
"""Besides SIGINT: somebody's `kill`, a CI's time limit, a lost terminal."""


def as_interrupts() -> None:
    """From now on SIGTERM and SIGHUP raise KeyboardInterrupt, as Ctrl-C does. For the main thread of a program of ours."""
    for number in POLITE:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup means it
            signal.signal(number, _interrupt)


@contextmanager
def deferred() -> Iterator[None]:
    """Let the block end first, then raise the interrupt that came meanwhile. Outside of the main thread it does nothing.

    A signal that is ignored, as under nohup, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    heeded = [number for number in (signal.SIGINT, *POLITE) if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, remember) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
