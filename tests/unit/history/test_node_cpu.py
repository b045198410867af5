"""The node's waits for a CPU in a history: open, closed, and in one that knows nothing of them."""

from __future__ import annotations

import json
from pathlib import Path

from harness.history import Recorder, read
from harness.model import NodeCpu
from tests.unit.history.kit import T0, mark, meta

SECOND = NodeCpu(T0, T0 + 1_000_000_000, 2, 261_030_816, 180, 89_595_889, 2_484)


def test_the_intervals_are_read_open_and_closed(tmp_path: Path) -> None:
    """In the order recorded."""
    writer = Recorder.open(tmp_path, meta())
    writer.cycle(mark(0))
    writer.node_cpu(SECOND)
    assert read(writer.dir).node_cpu == (SECOND,)
    writer.close()
    assert read(writer.dir).node_cpu == (SECOND,)
    assert json.loads((writer.dir / "closed.json").read_text(encoding="utf-8"))["rows"]["node_cpu"] == 1


def test_a_history_without_them_says_so(tmp_path: Path) -> None:
    """As those of an earlier release: there is no table, and none is missed."""
    writer = Recorder.open(tmp_path, meta())
    writer.cycle(mark(0))
    (writer.dir / "node_cpu.jsonl").unlink()
    assert read(writer.dir).node_cpu == ()
    writer.close()
    assert read(writer.dir).node_cpu == ()
    assert not (writer.dir / "node_cpu.parquet").exists()
