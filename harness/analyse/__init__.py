"""History -> Findings. Pure: no clock, no network, no process."""
