"""One run directory: append while running, close, read. May touch files; knows no other stage."""

from harness.history.experiments import EXPERIMENT, LABEL, make_directory, read_experiment, write_experiment
from harness.history.latest import LATEST, link_latest
from harness.history.load_files import read_attempts, read_load
from harness.history.reader import read, read_head, read_meta
from harness.history.recorder import Recorder, require_writable, seal

__all__ = [
    "EXPERIMENT",
    "LABEL",
    "LATEST",
    "Recorder",
    "link_latest",
    "make_directory",
    "read",
    "read_attempts",
    "read_experiment",
    "read_head",
    "read_load",
    "read_meta",
    "require_writable",
    "seal",
    "write_experiment",
]
