"""One run directory: append while running, close, read. May touch files; knows no other stage."""
