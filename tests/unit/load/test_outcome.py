"""Each errno is exactly one Outcome."""

from __future__ import annotations

import errno
import os

import pytest

from harness.load import outcome
from harness.load.outcome import outcome_of
from harness.model import Outcome

TABLE = {
    "ECONNREFUSED": Outcome.REFUSED,
    "EHOSTUNREACH": Outcome.REFUSED,
    "ENETUNREACH": Outcome.REFUSED,
    "ECONNRESET": Outcome.RESET,
    "EPIPE": Outcome.RESET,
    "ECONNABORTED": Outcome.RESET,
    "ETIMEDOUT": Outcome.TIMEOUT,
    "EMFILE": Outcome.NOT_SENT,
    "ENFILE": Outcome.NOT_SENT,
    "EADDRNOTAVAIL": Outcome.NOT_SENT,
    "ENOBUFS": Outcome.NOT_SENT,
    "EPERM": Outcome.NOT_SENT,
}


@pytest.mark.parametrize(("name", "expected"), TABLE.items())
def test_what_a_client_meets_has_its_outcome(name: str, expected: Outcome) -> None:
    """The errors a client of a broken service meets, and those of a machine that lacks something."""
    code = getattr(errno, name)
    assert outcome_of(OSError(code, os.strerror(code))) is expected


def test_every_errno_has_one_outcome() -> None:
    """No errno is in two sets, every one is mapped, and an error without errno accuses nobody."""
    sets = (outcome.REFUSED, outcome.RESET, outcome.TIMEOUT)
    for code in errno.errorcode:
        assert sum(code in one for one in sets) <= 1
        assert outcome_of(OSError(code, "")) in {Outcome.REFUSED, Outcome.RESET, Outcome.TIMEOUT, Outcome.NOT_SENT}
    assert outcome_of(OSError("no number")) is Outcome.NOT_SENT
