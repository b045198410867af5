"""Running programs: always an argument list, never a shell; output to a log, its tail in the error.

A long step shows its name, the time gone and what it took before (see `progress`).
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from harness.errors import HostError, ToolFailed

TAIL_BYTES = 4_000
REAPED_WITHIN_S = 60.0
"""For a killed program to be gone. Nothing can hold it but the kernel, and a machine that schedules nobody."""

_RUNNING: dict[int, subprocess.Popen[str]] = {}
"""The program each thread waits for in `run`, so that another thread can end it."""


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    timeout_s: float = 120.0,
    log: Path | None = None,
    check: bool = True,
    fix: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run to the end and return it; stdout and stderr are kept apart, or with `log` go there both (stdout is then empty).

    env: added to the process's own. The program and all it started end when it times out or we are interrupted.
    Raises HostError when the program is not there, ToolFailed when it fails (unless check is False) or does not end in time.
    """
    merged = {**os.environ, **(env or {})}
    if os.sep not in argv[0] and which(argv[0], path=merged.get("PATH", "")) is None:
        # Said by us: the system's own word for it is "permission denied" where a directory of PATH may not be looked into.
        raise HostError(f"The program {argv[0]} is not on this machine.", fix=fix or "knative-chaos doctor")
    sink = None
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
        sink = log.open("ab")
        sink.write(f"$ {shlex.join(argv)}\n".encode())
        sink.flush()
    try:
        try:
            child = subprocess.Popen(
                list(argv),
                env=merged,
                cwd=cwd,
                stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
                stdout=sink or subprocess.PIPE,
                stderr=sink or subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise HostError(f"The program {argv[0]} is not on this machine.", fix=fix or "knative-chaos doctor") from error
        except PermissionError as error:
            raise HostError(
                f"The program {argv[0]} may not be run: {error.strerror}.", fix=fix or "knative-chaos doctor"
            ) from error
        _RUNNING[threading.get_ident()] = child
        try:
            out, err = child.communicate(stdin, timeout=timeout_s)
        except subprocess.TimeoutExpired as late:
            end_group(child)
            raise ToolFailed(argv, -1, f"still running after {timeout_s:g} s, ended", fix=fix, where=str(log or "")) from late
        except BaseException:
            end_group(child)
            raise
        finally:
            _RUNNING.pop(threading.get_ident(), None)
    finally:
        if sink is not None:
            sink.close()
    if check and child.returncode != 0:
        tail = tail_of(log) if log is not None else (err or out or "")[-TAIL_BYTES:]
        raise ToolFailed(argv, child.returncode, tail, fix=fix, where=str(log or ""))
    return subprocess.CompletedProcess(list(argv), child.returncode, out or "", err or "")


def signal_threads(threads: Collection[int], sig: signal.Signals) -> int:
    """Signal the programs that these threads (by ident) wait for in `run`, with all they started; how many there were.

    An interrupt reaches the main thread only: whoever runs programs in other threads ends them by this. `run` then raises
    ToolFailed there, as for any program that ends badly.
    """
    found = [child for ident, child in list(_RUNNING.items()) if ident in threads and child.poll() is None]
    for child in found:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, sig)
    return len(found)


def end_group(child: subprocess.Popen[str]) -> None:
    """Ask the program and all it started to end; after 5 s make them. Leaves neither a zombie nor an open pipe."""
    try:
        os.killpg(child.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.communicate(timeout=5.0)
            return
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(REAPED_WITHIN_S)
    # What it started may have left the group and hold the pipes for ever: nobody waits for that.
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def tail_of(log: Path, limit: int = TAIL_BYTES) -> str:
    """The end of a log, as text."""
    with log.open("rb") as source:
        source.seek(0, os.SEEK_END)
        source.seek(max(0, source.tell() - limit))
        return source.read().decode(errors="replace")


def which(program: str, extra: Sequence[Path] = (), *, path: str | None = None) -> Path | None:
    """Where a program lies: in `extra` first, then on PATH (ours, unless another is given)."""
    for place in [
        *extra,
        *(Path(part) for part in (os.environ.get("PATH", "") if path is None else path).split(os.pathsep) if part),
    ]:
        found = place / program
        if runnable(found):
            return found
    return None


def runnable(path: Path) -> bool:
    """Whether this is a program we may run. What lies in a directory we may not look into is not there for us."""
    try:
        return path.is_file() and os.access(path, os.X_OK)
    except OSError:
        return False
