"""The app of an image."""

from __future__ import annotations

from harness.apps.app import App
from harness.apps.foreign import FOREIGN
from harness.apps.toggle import TOGGLE

APPS = (TOGGLE,)
"""The apps that say something of themselves. A new one is added here."""


def app_of(image: str) -> App:
    """The app that a manifest means by this image; FOREIGN for every image that is none of ours."""
    return next((app for app in APPS if app.image == image), FOREIGN)
