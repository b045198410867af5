"""Makes an image when no registry serves it: recipes and a content-addressed cache. May touch adapters; knows no other stage."""
