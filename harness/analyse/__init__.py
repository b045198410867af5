"""History -> Findings. Pure: no clock, no network, no process."""

from harness.analyse.findings import analyse
from harness.analyse.landed import landed
from harness.analyse.lines import is_good_probe
from harness.analyse.voiding import void_reason

__all__ = ["analyse", "is_good_probe", "landed", "void_reason"]
