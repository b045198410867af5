"""Findings and verdict -> summary.json, HTML, terminal, JUnit. Writes files it is told to, nothing else."""
