"""The program of an exported reproduction: what it is told by, and where. It runs on any image with Python.

Its text is `harness/run/export/program.py`. It fails on command as the toggle app does, and logs nothing: whoever runs it looks at
queue-proxy's log. It is told by files, so that `kubectl exec` is all that is needed.
"""

from __future__ import annotations

PUBLIC_IMAGE = "docker.io/library/python:3.13-slim"

STATE = "/dev/shm"  # noqa: S108 - of the pod, in which nobody else lives
"""The pod's shared memory: a file in it survives a restart of the container, and goes with the pod."""

PERSISTENT = "persistent"
"""A file that holds this word survives a start of the program; any other is removed by it."""

STARTUP_DELAY_ENV = "STARTUP_DELAY"
"""Seconds before it listens."""


def told(toggle: str, word: str = "", *, persistent: bool = False) -> str:
    """The command, for `sh`, that turns a toggle on in the pod $POD: liveness, readiness, hang, exit. word: a scope, a code."""
    text = " ".join(filter(None, (word, PERSISTENT if persistent else "")))
    return _inside(f"open('{STATE}/{toggle}', 'w').write('{text}')")


def told_to_stop(toggle: str) -> str:
    """The command that turns it off."""
    return _inside(f"import os; os.remove('{STATE}/{toggle}')")


def _inside(program: str) -> str:
    return f'kubectl -n "$NS" exec "$POD" -c user-container -- python3 -c "{program}"'
