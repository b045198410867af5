"""Loads the fixtures; they live in `fixtures/`, which knows the harness, and the harness does not know pytest."""

pytest_plugins = ["fixtures.options", "fixtures.world", "fixtures.again", "fixtures.experiment"]  # `again` before who imports it
