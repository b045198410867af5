"""DuckDB's work aside, so that an interrupt or a limit ends it: in its own code it hears of neither."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from harness.adapters.clock import mono_s
from harness.adapters.signals import deferred
from harness.errors import BadInput, ExitCode

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")

WITHIN_S = 600.0
"""Of DuckDB's work for one query, unless asked otherwise."""

LETS_GO_S = 5.0
"""DuckDB looks for an interrupt between its steps; one function over one huge value is a single step, and may take hours."""

LOOK_S = 0.02

HEARS_S = 0.2
"""The kernel may give a signal to one of DuckDB's threads; Python then marks it and does not wake the main thread, which has to
look by itself."""

INTERRUPTED = "The query was interrupted."


class Patience:
    """Does DuckDB's work of one query, call by call, in threads; the caller waits where signals reach it.

    within_s: of all calls together; the time in which the caller writes, or waits for its own reader, does not count.
    left_s: what is left of it. abandoned: called before the process is left because DuckDB does not let go.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, within_s: float = WITHIN_S, *, abandoned: Callable[[], object] = bool
    ) -> None:
        self._connection = connection
        self._within_s = within_s
        self.left_s = within_s
        self._abandoned = abandoned

    def __call__(self, work: Callable[[], T]) -> T:
        """What `work` gives or raises. Raises BadInput once the limit is reached, KeyboardInterrupt when one came."""
        call = _Call(work)
        began, left_s = mono_s(), self.left_s
        try:
            with deferred():  # an interrupt within the start would leave a thread nobody knows of
                call.start()
            while not call.ended.wait(min(HEARS_S, left_s)):
                left_s -= HEARS_S
                if left_s > 0:
                    continue
                late = f"The query took longer than {self._within_s:g} s."
                self._end(call, ExitCode.BAD_INPUT_OR_HOST, late)
                raise BadInput(late, fix="Give it more with --within SECONDS, or ask for fewer runs or rows.")
        except KeyboardInterrupt:
            self._end(call, ExitCode.INCONCLUSIVE, INTERRUPTED)
            raise
        self.left_s = max(0.0, self.left_s - (mono_s() - began))
        given: T = call.given()
        return given

    def _end(self, call: _Call, code: ExitCode, why: str) -> None:
        """Interrupt DuckDB until it lets go: an interrupt that comes before a statement begins is forgotten."""
        deadline = mono_s() + LETS_GO_S
        while not call.ended.is_set():
            self._connection.interrupt()
            call.ended.wait(LOOK_S)
            if mono_s() > deadline:
                # Closing the connection, or ending Python in order, would wait for that very thread.
                self._abandoned()
                sys.stderr.write(f"knative-chaos: {why}\n")
                sys.stderr.flush()
                os._exit(code)


class _Call(threading.Thread):
    """One call. ended: a thread's own `join`, once interrupted, may take a thread that runs for one that has ended."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__(name="query", daemon=True)
        self.ended = threading.Event()
        self._work = work
        self._gave: Any = None
        self._raised: BaseException | None = None

    def run(self) -> None:
        """Keeps what came of it."""
        try:
            self._gave = self._work()
        except BaseException as error:  # noqa: BLE001 - raised again where it was asked for
            self._raised = error
        finally:
            self.ended.set()

    def given(self) -> Any:
        """What it gave; raises what it raised."""
        if self._raised is not None:
            raise self._raised
        return self._gave
