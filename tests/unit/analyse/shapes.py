"""Lines and failures as the columns analysis works on, from what a test has in mind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.analyse.errorlines import ErrorLines
from harness.analyse.evidence import Failure, Failures
from harness.analyse.ledger import CAUSES, Account
from harness.model import Cause

Line = tuple[str, int, str]
"""pod, time, text."""

When = tuple[int, int]
"""Sent, done."""


def lines(*told: Line) -> ErrorLines:
    """These forwarding errors, by time."""
    ordered = sorted(told, key=lambda line: line[1])
    pods, texts = sorted({pod for pod, _, _ in told}), sorted({text for _, _, text in told})
    at_ns = np.array([at_ns for _, at_ns, _ in ordered], dtype=np.int64)
    return ErrorLines(
        at_ns=at_ns,
        told_ns=at_ns,
        read_ns=at_ns,
        pod=np.array([pods.index(pod) for pod, _, _ in ordered], dtype=np.int64),
        text=np.array([texts.index(text) for _, _, text in ordered], dtype=np.int64),
        pods=tuple(pods),
        texts=tuple(texts),
    )


def failures(seen: Sequence[tuple[Failure, When]], superseded: Sequence[int] = ()) -> Failures:
    """These failures in this order; superseded: which of them another attempt followed."""
    return Failures(
        kinds=tuple(kind for kind, _ in seen),
        kind=np.arange(len(seen)),
        row=np.arange(len(seen)),
        sent_ns=np.array([sent for _, (sent, _) in seen], dtype=np.int64),
        done_ns=np.array([done for _, (_, done) in seen], dtype=np.int64),
        superseded=np.isin(np.arange(len(seen)), superseded),
    )


def causes(books: Account) -> list[Cause]:
    """The causes, one a failure."""
    return [CAUSES[code] for code in books.causes.tolist()]
