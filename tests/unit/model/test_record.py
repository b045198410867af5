"""The record of a request on disk: old recordings are read with it."""

from __future__ import annotations

from harness.model import RECORD, RECORD_FIELDS


def test_a_record_is_what_it_was() -> None:
    """48 bytes, little-endian, without padding; another layout would be another history schema."""
    assert (RECORD.format, RECORD.size) == ("<IBBHiIqqqq", 48)
    assert RECORD_FIELDS[-1][0] == "done_ns", "the writer writes it last and the reader looks at it first"
