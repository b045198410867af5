"""Polite ends are interrupts, and a deferred one comes after the block."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from harness.adapters.signals import deferred


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_deferred_signal_is_raised_after_the_block(number: signal.Signals) -> None:
    """What the block does is done whole, and the interrupt is not lost."""
    done = []

    def block() -> None:
        with deferred():
            os.kill(os.getpid(), number)
            done.append(1)

    before = signal.signal(number, signal.default_int_handler)  # whoever runs the tests in the background hands it down ignored
    try:
        with pytest.raises(KeyboardInterrupt):
            block()
    finally:
        signal.signal(number, before)
    assert done == [1]


def test_without_a_signal_nothing_is_raised_and_the_handlers_are_back() -> None:
    """A block that nobody interrupts leaves no trace."""
    outside = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with deferred():
            assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, outside)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_an_ignored_signal_stays_ignored_in_the_block(number: signal.Signals) -> None:
    """A shell starts what it puts into the background with SIGINT ignored, nohup with SIGHUP."""
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with deferred():
            os.kill(os.getpid(), number)
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP"])
def test_a_polite_end_is_an_interrupt(number: str) -> None:
    """So that every clean-up that Ctrl-C has, `kill` has too."""
    code = (
        "import os, signal\nfrom harness.adapters.signals import as_interrupts\n"
        f"signal.signal(signal.{number}, signal.SIG_DFL)\n"  # whoever runs the tests under nohup hands it down ignored
        "as_interrupts()\n"
        f"try:\n    os.kill(os.getpid(), signal.{number})\n    import time; time.sleep(5)\n"
        "except KeyboardInterrupt:\n    print('interrupted')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout == "interrupted\n"
