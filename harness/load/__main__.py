"""`python -m harness.load DIR/spec.json`: one generator; it writes what it measured into DIR and ends with its standard input.

Standard input: a line "start" (unless the spec says at_once), a line "stop" (send nothing more, wait for what is in flight), and
its end (give up at once). Standard output: one JSON object a line, "event" being ready, started or ended.
SIGTERM and the death of the parent end it in order too; SIGINT is ignored: Ctrl-C is for the harness, which then says stop.
Exit codes: 0 in order, 3 a spec that cannot be used, 70 its own crash (Python's traceback on standard error).
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from harness.load import host
from harness.load.book import Book
from harness.load.engine import Engine
from harness.load.records import AnswerWriter, AttemptWriter, RecordWriter
from harness.load.report import Reporter
from harness.load.retry import Retry
from harness.load.schedule import capacity
from harness.load.spec import GeneratorSpec
from harness.model import ANSWERS_FILE, ATTEMPTS_FILE, RECORDS_FILE, REPORT_FILE, Behaviour

BAD_SPEC = 3
CRASH = 70


def main(argv: list[str]) -> int:
    """Run one generator to its end."""
    wake = _listen_to_signals()
    if len(argv) != 1:
        print("usage: python -m harness.load DIR/spec.json", file=sys.stderr)
        return BAD_SPEC
    path = Path(argv[0])
    try:
        spec = GeneratorSpec.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return BAD_SPEC
    standing = host.settle()
    offset = host.utc_offset_ns()
    places = capacity(spec.plan, spec.max_s)
    try:
        records = RecordWriter(path.parent / RECORDS_FILE, places, offset)
        answers = AnswerWriter(path.parent / ANSWERS_FILE)
        tries_again = any(weight and lane.behaviour is Behaviour.RETRYING for lane, weight in spec.plan.lanes)
        attempts = AttemptWriter(path.parent / ATTEMPTS_FILE, offset) if tries_again else None
        reporter = Reporter(path.parent / REPORT_FILE, spec.plan.rate_rps, standing, offset)
        book = Book(records, answers, attempts, Retry.of(spec.plan))
        engine = Engine(spec, book, reporter, capacity=places, say=sys.stdout)
    except OSError as error:
        print(f"{path}: cannot begin: {error}", file=sys.stderr)
        return BAD_SPEC
    host.still_memory()
    engine.run(sys.stdin.fileno(), wake)
    answers.close()
    if attempts is not None:
        attempts.close()
    records.close(engine.planned)
    return 0


def _listen_to_signals() -> int:
    """The descriptor over which SIGTERM ("t") and the parent's death ("p") reach the loop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    parent = os.getppid()

    def told_to_end(_signum: int, _frame: object) -> None:
        os.write(write, b"t")

    def parent_died(_signum: int, _frame: object) -> None:
        if os.getppid() != parent:
            os.write(write, b"p")

    signal.signal(signal.SIGTERM, told_to_end)
    signal.signal(signal.SIGUSR2, parent_died)
    host.tell_of_parents_death(signal.SIGUSR2)
    return read


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
    except Exception:  # noqa: BLE001 - the last door: the traceback goes to the harness, which shows its end
        sys.excepthook(*sys.exc_info())
        code = CRASH
    sys.exit(code)
