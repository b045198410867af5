"""History -> Findings. Pure: no clock, no network, no process."""

from harness.analyse.anatomy import well_probed
from harness.analyse.findings import analyse
from harness.analyse.landed import ends_in_restart, landed, takes_away_ready
from harness.analyse.planned import loose
from harness.analyse.voiding import void_reason
from harness.knative.pods import is_ready

__all__ = ["analyse", "ends_in_restart", "is_ready", "landed", "loose", "takes_away_ready", "void_reason", "well_probed"]
