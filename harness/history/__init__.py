"""One run directory: append while running, close, read. May touch files; knows no other stage."""

from harness.history.latest import link_latest
from harness.history.load_files import read_attempts, read_load
from harness.history.reader import read, read_meta
from harness.history.recorder import Recorder, require_writable, seal

__all__ = ["Recorder", "link_latest", "read", "read_attempts", "read_load", "read_meta", "require_writable", "seal"]
