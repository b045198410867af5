"""History -> Findings. Pure: no clock, no network, no process."""

from harness.analyse.cpuwait import CPU_WAIT_LIMIT_US, cpu_wait_us
from harness.analyse.findings import analyse
from harness.analyse.landed import landed
from harness.analyse.merged import merged
from harness.analyse.planned import loose
from harness.analyse.slots import slot_of
from harness.analyse.voiding import STEAL_LIMIT, void_reason

__all__ = ["CPU_WAIT_LIMIT_US", "STEAL_LIMIT", "analyse", "cpu_wait_us", "landed", "loose", "merged", "slot_of", "void_reason"]
