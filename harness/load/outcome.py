"""What an OSError of a socket means to a client: each errno is exactly one Outcome.

REFUSED   no connection was to be had. RESET  a connection was torn down. TIMEOUT  the kernel itself gave up.
NOT_SENT  everything else: this machine lacks something (file descriptors, ports, memory, rights), which says nothing of the
system under test. A new errno lands here too, where it makes a run doubtful instead of accusing somebody.
"""

from __future__ import annotations

import errno

from harness.model import Outcome

REFUSED = frozenset(
    {errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.ENONET, errno.EPROTO}
)
RESET = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ENETRESET, errno.ENOTCONN, errno.ESHUTDOWN})
TIMEOUT = frozenset({errno.ETIMEDOUT, errno.ETIME})


def outcome_of(error: OSError) -> Outcome:
    """The one Outcome of this error."""
    code = error.errno
    if code in REFUSED:
        return Outcome.REFUSED
    if code in RESET:
        return Outcome.RESET
    if code in TIMEOUT:
        return Outcome.TIMEOUT
    return Outcome.NOT_SENT
