"""Findings and claims -> Verdict. Pure."""
