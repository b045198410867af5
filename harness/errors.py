"""The errors of the harness; each says what happened, where, and how to fix it.

    HarnessError                     exit code 3 where no other is given
    ├── BadInput                     what the user wrote cannot be used
    ├── HostError                    this machine lacks something: engine, permission, disk space, port
    ├── ToolFailed                   a program failed; carries the end of its output
    │   └── EngineFailed             the container engine failed; a HostError too
    ├── SourceError                  the source does not provide the requested Knative version
    ├── ImageError                   an image could not be built or loaded
    ├── ClusterError                 kind did not create a working cluster
    ├── InstallError                 Knative is applied but serves no request
    ├── DeployError                  the app under test serves no request
    ├── FaultError                   the fault could not be injected
    ├── LoadError                    the generator did not start or died
    ├── ObserveError                 an observer receives nothing
    ├── HistoryError                 a run directory cannot be written or read
    ├── WaitTimeout                  a condition was not met in time; says what was observed last
    └── Interrupted                  Ctrl-C or SIGTERM; exit code 2, what was measured is kept

This module imports nothing of the harness.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the command `knative-chaos`."""

    PASS = 0
    REGRESSION = 1
    INCONCLUSIVE = 2
    BAD_INPUT_OR_HOST = 3
    OWN_CRASH = 70


class HarnessError(Exception):
    """An error that the user can act on.

    what: one sentence with the observed values. fix: the command or change that fixes it, or "".
    where: the file, object or command to look at, or "".
    """

    exit_code: ExitCode = ExitCode.BAD_INPUT_OR_HOST

    def __init__(self, what: str, *, fix: str = "", where: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix
        self.where = where

    def __str__(self) -> str:
        parts = [self.what]
        if self.where:
            parts.append(f"[{self.where}]")
        if self.fix:
            parts.append(f"Fix: {self.fix}")
        return " ".join(parts)


class BadInput(HarnessError):
    """What the user wrote cannot be used."""


class HostError(HarnessError):
    """This machine lacks something the harness needs."""


class SourceError(HarnessError):
    """The source does not provide the requested Knative version."""


class ImageError(HarnessError):
    """An image could not be built, found or loaded."""


class ClusterError(HarnessError):
    """kind did not create a working cluster."""


class InstallError(HarnessError):
    """Knative is applied but serves no request."""


class DeployError(HarnessError):
    """The app under test serves no request."""


class FaultError(HarnessError):
    """The fault could not be injected."""


class LoadError(HarnessError):
    """The load generator did not start, or died."""


class ObserveError(HarnessError):
    """An observer that a verdict needs receives nothing."""


class HistoryError(HarnessError):
    """A run directory cannot be written or read."""


class WaitTimeout(HarnessError):
    """A condition was not met within its deadline.

    last_seen: what the last check of the condition found, in words.
    """

    def __init__(self, waited_for: str, within_s: float, last_seen: str, *, fix: str = "", where: str = "") -> None:
        super().__init__(f"{waited_for}: not seen within {within_s:g} s; last seen: {last_seen}.", fix=fix, where=where)
        self.waited_for = waited_for
        self.within_s = within_s
        self.last_seen = last_seen


class ToolFailed(HarnessError):
    """A program that the harness ran failed.

    tail: the last lines of its output, for the terminal; all of it is in the log at `where`.
    """

    def __init__(self, argv: Sequence[str], code: int, tail: str, *, fix: str = "", where: str = "") -> None:
        shown = " ".join(argv[:6]) + (" ..." if len(argv) > 6 else "")
        last = tail.strip().splitlines()[-1] if tail.strip() else "it printed nothing"
        super().__init__(f"`{shown}` ended with {code}: {last}", fix=fix, where=where)
        self.argv = tuple(argv)
        self.code = code
        self.tail = tail


class EngineFailed(ToolFailed, HostError):
    """The container engine did not do what it was asked for. It says nothing about a release or a commit that is measured."""


class Interrupted(HarnessError):
    """Ctrl-C or SIGTERM: what was measured is kept and reported as inconclusive."""

    exit_code = ExitCode.INCONCLUSIVE
