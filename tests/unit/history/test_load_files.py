"""A generator's records as a table, whatever order or holes they have."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.history.load_files import RECORD_DTYPE, read_load
from harness.model import LANES, OUTCOMES, RECORD, Outcome
from tests.unit.history.kit import T0

ROWS = st.lists(
    st.tuples(
        st.integers(0, 2**32 - 1),
        st.integers(0, len(LANES) - 1),
        st.integers(0, len(OUTCOMES) - 1),
        st.integers(0, 599),
        st.integers(-1, 9),
        st.integers(0, 2**16 - 1),
        st.sampled_from([0, T0, T0 + 1, T0 + 2]),
        st.sampled_from([0, T0 + 3]),
        st.sampled_from([0, T0 + 4]),
        st.sampled_from([0, T0 + 5]),
    ),
    max_size=30,
)


@settings(deadline=None)  # how long a busy machine takes says nothing
@given(rows=ROWS)
def test_every_planned_record_is_a_row(rows: list[tuple[int, ...]]) -> None:
    """Field by field as `struct` reads it, by intended time and number; one without an end is no success."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "records.bin").write_bytes(b"".join(RECORD.pack(*row) for row in rows))
        table, _, _, _ = read_load(Path(folder), 7)
    expected = []
    for seq, lane, outcome, status, answer, flags, *times in sorted(rows, key=lambda row: (row[6], row[0])):
        if times[0]:
            known = OUTCOMES[outcome] if times[3] or OUTCOMES[outcome] is not Outcome.OK else Outcome.UNANSWERED
            expected.append((7, seq, LANES[lane].value, known.value, status, answer, bool(flags & 1), *times))
    assert sorted(table.rows()) == sorted(expected)
    assert table.select("intended_ns", "seq").rows() == [(row[7], row[1]) for row in expected]


def test_the_dtype_is_the_record() -> None:
    """Names, sizes and order of the struct, whose format says no names."""
    assert RECORD_DTYPE.itemsize == RECORD.size
    packed = RECORD.pack(*range(1, 11))
    assert np.frombuffer(packed, dtype=RECORD_DTYPE)[0].tolist() == tuple(range(1, 11))
