"""Loads the fixtures; they live in `fixtures/`, which knows the harness, and the harness does not know pytest."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# `again` before those that import it.
pytest_plugins = [
    "fixtures.options",
    "fixtures.world",
    "fixtures.again",
    "fixtures.experiment",
    "fixtures.comparison",
]
