"""A Knative version from its release or its Go module -> Provision. May touch adapters; knows no other stage."""

from harness.sources.choose import KINDS, choose
from harness.sources.fetch import Fetcher
from harness.sources.pins import Modules, Pins
from harness.sources.release import DEFAULT_BASE
from harness.sources.version import parsed

__all__ = ["DEFAULT_BASE", "KINDS", "Fetcher", "Modules", "Pins", "choose", "parsed"]
