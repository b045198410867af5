"""One tree of errors; each says what happened, where, and what mends it.

    HarnessError                     exit code 3 unless said otherwise
    ├── BadInput                     what the user wrote cannot be used
    ├── HostError                    this machine lacks something (engine, rights, disk, port, ...)
    ├── ToolFailed                   a program we ran failed; carries the tail of its output
    ├── SourceError                  a Knative version cannot be had from the source asked for
    ├── ImageError                   an image could not be built or loaded
    ├── ClusterError                 kind did not give a working cluster
    ├── InstallError                 Knative was applied but does not serve
    ├── DeployError                  the app under test does not serve
    ├── FaultError                   the fault could not be put in
    ├── LoadError                    the generator did not start or died
    ├── ObserveError                 an observer sees nothing
    ├── HistoryError                 a run directory cannot be written or read
    ├── WaitTimeout                  a condition did not come in time; says what was last seen
    └── Interrupted                  Ctrl-C or SIGTERM; exit code 2, what was measured is kept

Nothing here imports anything of the harness.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """What the command `knative-chaos` answers its caller."""

    PASS = 0
    REGRESSION = 1
    INCONCLUSIVE = 2
    BAD_INPUT_OR_HOST = 3
    OWN_CRASH = 70


class HarnessError(Exception):
    """Something went wrong that a person can act on.

    what: one sentence with the values seen. fix: the command or change that mends it, or "".
    where: a file, an object or a command the reader can look at, or "".
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
    """A Knative version cannot be had from the source asked for."""


class ImageError(HarnessError):
    """An image could not be built, found or loaded."""


class ClusterError(HarnessError):
    """No working cluster came out of kind."""


class InstallError(HarnessError):
    """Knative was applied but does not serve."""


class DeployError(HarnessError):
    """The app under test does not serve."""


class FaultError(HarnessError):
    """The fault could not be put in."""


class LoadError(HarnessError):
    """The load generator did not start, or died."""


class ObserveError(HarnessError):
    """An observer that a verdict needs sees nothing."""


class HistoryError(HarnessError):
    """A run directory cannot be written or read."""


class WaitTimeout(HarnessError):
    """A condition did not come within its deadline.

    last_seen: what the condition's last look found, in words.
    """

    def __init__(self, waited_for: str, within_s: float, last_seen: str, *, fix: str = "", where: str = "") -> None:
        super().__init__(f"{waited_for}: not seen within {within_s:g} s; last seen: {last_seen}.", fix=fix, where=where)
        self.waited_for = waited_for
        self.within_s = within_s
        self.last_seen = last_seen


class ToolFailed(HarnessError):
    """A program the harness ran failed.

    tail: the last lines of its output, for the terminal; the whole of it is in the log at `where`.
    """

    def __init__(self, argv: Sequence[str], code: int, tail: str, *, fix: str = "", where: str = "") -> None:
        shown = " ".join(argv[:6]) + (" ..." if len(argv) > 6 else "")
        last = tail.strip().splitlines()[-1] if tail.strip() else "it printed nothing"
        super().__init__(f"`{shown}` ended with {code}: {last}", fix=fix, where=where)
        self.argv = tuple(argv)
        self.code = code
        self.tail = tail


class Interrupted(HarnessError):
    """Ctrl-C or SIGTERM: what was measured is kept and reported as inconclusive."""

    exit_code = ExitCode.INCONCLUSIVE
