"""History -> Findings. Pure: no clock, no network, no process."""

from harness.analyse.anatomy import well_probed
from harness.analyse.findings import analyse
from harness.analyse.landed import landed
from harness.analyse.merged import merged
from harness.analyse.planned import loose
from harness.analyse.voiding import STEAL_LIMIT, void_reason

__all__ = ["STEAL_LIMIT", "analyse", "landed", "loose", "merged", "void_reason", "well_probed"]
