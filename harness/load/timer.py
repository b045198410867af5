"""One absolute timer on the monotonic clock, as a file descriptor that epoll can wait for.

Python has timerfd only from 3.13 on, and its epoll timeouts are rounded up to whole milliseconds; so the C library is asked.
"""

from __future__ import annotations

import ctypes
import os
import time

_ABSOLUTE = 1
_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC  # TFD_NONBLOCK and TFD_CLOEXEC are these by definition
_SECOND_NS = 1_000_000_000


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class Timer:
    """Becomes readable at the time it was armed for, and stays so until armed anew."""

    def __init__(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd: int = libc.timerfd_create(time.CLOCK_MONOTONIC, _FLAGS)
        if self.fd < 0:
            code = ctypes.get_errno()
            raise OSError(code, f"timerfd_create: {os.strerror(code)}")
        self._settime = libc.timerfd_settime
        self._settime.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
        self._spec = _Itimerspec()
        self._at = ctypes.addressof(self._spec)
        self._armed = 0

    def arm(self, at_ns: int) -> None:
        """Fire at this reading of the monotonic clock, at once if it has passed; 0: never."""
        if at_ns == self._armed:
            return
        value = self._spec.value
        value.seconds, value.nanoseconds = divmod(at_ns, _SECOND_NS)
        if self._settime(self.fd, _ABSOLUTE, self._at, None) != 0:
            code = ctypes.get_errno()
            raise OSError(code, f"timerfd_settime: {os.strerror(code)}")
        self._armed = at_ns

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.fd)
