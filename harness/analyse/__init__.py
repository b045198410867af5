"""History -> Findings. Pure: no clock, no network, no process."""

from harness.analyse.anatomy import well_probed
from harness.analyse.findings import analyse
from harness.analyse.landed import landed
from harness.analyse.planned import loose
from harness.analyse.voiding import void_reason

__all__ = ["analyse", "landed", "loose", "void_reason", "well_probed"]
