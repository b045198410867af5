"""History -> Findings. Pure: no clock, no network, no process."""

from harness.analyse.findings import analyse
from harness.analyse.landed import landed
from harness.analyse.lines import boot_of_good_probe
from harness.analyse.voiding import void_reason

__all__ = ["analyse", "boot_of_good_probe", "landed", "void_reason"]
