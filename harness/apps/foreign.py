"""An app that says nothing of itself: a user's own image, of which only the manifest is known."""

from __future__ import annotations

from harness.apps.app import App

FOREIGN = App(image="", names_itself=False, logs_probes=False, logs_listener=False, control_port=0)
