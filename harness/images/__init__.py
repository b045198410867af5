"""Makes an image when no registry serves it: recipes and a content-addressed cache. May touch adapters; knows no other stage.

pins            the versions a source of Knative is told
make            what a Provision wants -> the same Provision with image names
kind_binary     the pinned kind, built from its module
own_images, bring  images of the user's own, from the engine or an archive
built           the versions whose programs are on this host
entries, prune  what is kept on this host, and how to be rid of it
"""

from harness.images.built import built
from harness.images.cache import Entry, Kept, entries, prune
from harness.images.make import kind_binary, make
from harness.images.own import OwnImage, bring, own_images
from harness.images.versions import Pins, pins

__all__ = ["Entry", "Kept", "OwnImage", "Pins", "bring", "built", "entries", "kind_binary", "make", "own_images", "pins", "prune"]
