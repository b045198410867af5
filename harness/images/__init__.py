"""Makes an image when no registry serves it: recipes and a content-addressed cache. May touch adapters; knows no other stage.

make          what a Provision wants -> the same Provision with image names
kind_binary   the pinned kind, built from its module
entries, prune  what is kept on this host, and how to be rid of it
Versions      the pins of `recipes/versions.toml`
"""

from __future__ import annotations

from harness.images.cache import Entry, What, entries, prune
from harness.images.make import kind_binary, make
from harness.images.versions import Versions

__all__ = ["Entry", "Versions", "What", "entries", "kind_binary", "make", "prune"]
