"""S22: the kernel's OOM killer ends the app's process."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.s20 import S20B
from harness.model import FaultSpec

S22 = replace(
    S20B,
    name="S22",
    title="The process is out of memory under load",
    fault=FaultSpec("oom"),
    # The claims of S20B: for the clients an end by the kernel is one by SIGKILL.
)
