"""How analysis grows with a history: `tests.bench.sizes` builds them, a fresh process on one CPU reads, analyses and judges each.

python -m tests.bench.scaling DIRECTORY       the child: one line of JSON
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from harness.adapters.progress import Progress
from tests.bench.machine import cpus, on_cpu
from tests.bench.measures import median
from tests.bench.results import Size
from tests.bench.sizes import build

FULL = (10_000, 100_000, 1_000_000)
QUICK = (10_000, 100_000)
REPEATS = 3


def measure(sizes: Sequence[int], scratch: Path, progress: Progress) -> tuple[Size, ...]:
    """As many requests as observations, each size. Raises CalledProcessError when the child fails."""
    found = []
    for size in sizes:
        with progress.step(f"analysis of {size} requests"), tempfile.TemporaryDirectory(dir=scratch) as folder:
            found.append(_one(build(size, size, Path(folder) / "run"), size))
    return tuple(found)


def _one(directory: Path, size: int) -> Size:
    told = [_child(directory) for _ in range(REPEATS)]

    def middle(name: str) -> float:
        return round(median([one[name] for one in told]), 4)

    return Size(
        requests=size,
        observations=size,
        payload_mib=middle("payload_mib"),
        disk_mib=round(sum(one.stat().st_size for one in directory.rglob("*") if one.is_file()) / 2**20, 2),
        read_s=middle("read_s"),
        analyse_s=middle("analyse_s"),
        judge_s=middle("judge_s"),
        peak_mib=middle("peak_mib"),
        unattributed=int(max(one["unattributed"] for one in told)),
        repeats=len(told),
    )


def _child(directory: Path) -> dict[str, float]:
    with on_cpu(cpus()[0]):
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.scaling", str(directory)],
            env={**os.environ, "POLARS_MAX_THREADS": "1"},
            cwd=Path(__file__).parents[2],
            check=True,
            capture_output=True,
            text=True,
        )
    told: dict[str, float] = json.loads(done.stdout)
    return told


def main() -> None:
    """The child."""
    from harness.analyse import analyse  # noqa: PLC0415 - imported before the clock starts, and not by the parent
    from harness.history import read  # noqa: PLC0415 - the same
    from harness.judge import judge  # noqa: PLC0415 - the same

    begun = time.perf_counter()
    history = read(Path(sys.argv[1]))
    been_read = time.perf_counter()
    findings = analyse(history)
    analysed = time.perf_counter()
    judge(history.meta.spec, findings)
    judged = time.perf_counter()
    # Of this program alone: ru_maxrss would begin with what its parent had.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak_kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    told = {
        "read_s": been_read - begun,
        "analyse_s": analysed - been_read,
        "judge_s": judged - analysed,
        "peak_mib": peak_kib / 1024,
        "payload_mib": float(history.observations["payload"].str.len_bytes().sum()) / 2**20,
        "unattributed": float(findings.ledger.unattributed + findings.ledger.unmatched),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
