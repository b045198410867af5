"""Scenarios as data, one file each; imports model only."""
