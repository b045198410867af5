"""A Knative version from its release or its Go module -> Provision. May touch adapters; knows no other stage."""

from harness.sources.builds import asked
from harness.sources.choose import KINDS, choose, of_build, require_source
from harness.sources.dialect import Dialect, dialect_of, fetched
from harness.sources.fetch import Fetcher
from harness.sources.module import SERVING
from harness.sources.own import CHECKOUT_MARK
from harness.sources.pins import Modules, Pins
from harness.sources.release import DEFAULT_BASE
from harness.sources.version import KNOWN, parsed

__all__ = [
    "CHECKOUT_MARK",
    "DEFAULT_BASE",
    "KINDS",
    "KNOWN",
    "SERVING",
    "Dialect",
    "Fetcher",
    "Modules",
    "Pins",
    "asked",
    "choose",
    "dialect_of",
    "fetched",
    "of_build",
    "parsed",
    "require_source",
]
