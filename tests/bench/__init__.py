"""Programs behind `make bench`; nothing here is a test, and their pure parts are tested in tests/unit/bench."""
