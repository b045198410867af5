"""What the benches that measure restarts share: the costs of a cycle, their intervals, and measuring unattended."""
