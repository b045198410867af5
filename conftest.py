"""Loads the fixtures; they live in `fixtures/`, which knows the harness, and the harness does not know pytest."""

# `again` before those that import it.
pytest_plugins = [
    "fixtures.options",
    "fixtures.world",
    "fixtures.again",
    "fixtures.experiment",
    "fixtures.comparison",
]
