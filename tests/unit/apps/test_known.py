"""The app of an image."""

from __future__ import annotations

import pytest

from harness.apps.foreign import FOREIGN
from harness.apps.known import APPS, app_of
from harness.apps.toggle import TOGGLE


@pytest.mark.parametrize("image", ["nginx", "", "docker.io/library/toggle:1", "toggle:1"])
def test_any_other_image_says_nothing_of_itself(image: str) -> None:
    """A user's own image may have any name but the bare word that stands for ours."""
    assert app_of(image) is FOREIGN
    assert not any((FOREIGN.names_itself, FOREIGN.logs_probes, FOREIGN.logs_listener, FOREIGN.control_port))


def test_the_toggle_app_can_do_everything() -> None:
    """It names itself, logs its probes and its listener, and takes orders."""
    assert app_of("toggle") is TOGGLE
    assert all((TOGGLE.names_itself, TOGGLE.logs_probes, TOGGLE.logs_listener, TOGGLE.control_port))


def test_every_app_has_an_image_of_its_own() -> None:
    """Or the first one would stand for both."""
    assert len({app.image for app in APPS}) == len(APPS)
    assert FOREIGN not in APPS
