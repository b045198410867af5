"""SQL over histories: what it sees, what it refuses, and that it reaches nothing else."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import traceback
import tracemalloc
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest

from harness.adapters.patience import Patience
from harness.adapters.wait import Look, wait_for
from harness.cli import main
from harness.errors import BadInput, ExitCode, HistoryError
from harness.history import Recorder, read
from harness.history.layout import Table
from harness.history.query import ABOUT, MEMORY, find, pattern
from harness.history.rows import CELL, LONGEST, TABLE_ROWS, Format, answer
from harness.history.tables import SCHEMAS
from harness.model import Outcome
from tests.unit.history.kit import T0, load, mark, meta, record, seen

ROOT = Path(__file__).parents[3]
DATA = ROOT / "tests" / "data"
S1, N1 = DATA / "s1-knative-1.23", DATA / "n1-knative-1.23"


def asked(sql: str, *places: Path) -> list[dict[str, Any]]:
    """The answer as JSON."""
    said = io.StringIO()
    answer(places or (S1,), sql, said, form=Format.JSON)
    rows: list[dict[str, Any]] = json.loads(said.getvalue())
    return rows


def made(artifacts: Path, run_id: str = "ab12", *, closed: bool = True) -> Path:
    """A small run with three requests, one of them failed, and a cycle that was marked twice."""
    writer = Recorder.open(artifacts, meta(run_id=run_id))
    writer.observation(seen(1, "a line"))
    writer.cycle(mark(0, ended_ns=1))
    writer.cycle(mark(0, ended_ns=77))
    load(writer.load_dir(0), record(0), record(1, Outcome.TIMEOUT), record(2))
    if closed:
        writer.close()
    return writer.dir


def test_every_table_is_what_reading_gives() -> None:
    """Row by row, with the run and its scenario before the columns of the history."""
    history = read(S1)
    for table in Table:
        rows = asked(f"FROM {table}")
        expected = getattr(history, table.value)
        assert len(rows) == (0 if expected is None else len(expected)), table
        if rows:
            assert list(rows[0]) == ["run", "scenario", *SCHEMAS[table]]
            assert {(row["run"], row["scenario"]) for row in rows} == {(history.meta.run_id, "S1")}
    requests = asked("SELECT * EXCLUDE (run, scenario) FROM requests ORDER BY intended_ns, seq")
    assert pl.DataFrame(requests, schema=SCHEMAS[Table.REQUESTS]).equals(history.requests)


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "never closed"])
def test_a_run_that_was_never_closed_says_the_same(tmp_path: Path, *, closed: bool) -> None:
    """From its lines and maps; a cycle marked twice counts as marked last."""
    run = made(tmp_path, closed=closed)
    assert asked("SELECT outcome, count(*) AS n FROM requests GROUP BY ALL ORDER BY ALL", run) == [
        {"outcome": "ok", "n": 2},
        {"outcome": "timeout", "n": 1},
    ]
    assert asked("SELECT ended_ns FROM cycles", run) == [{"ended_ns": 77}]
    assert asked("SELECT payload FROM observations", run) == [{"payload": "a line"}]
    assert asked("SELECT count(*) AS n FROM attempts", run) == [{"n": 0}]


def test_a_run_a_link_to_it_and_the_directories_above_are_one_run(tmp_path: Path) -> None:
    """artifacts, artifacts/S1, the run itself, artifacts/latest/S1: whatever is named, and however often."""
    run = made(tmp_path / "artifacts")
    latest = tmp_path / "artifacts" / "latest"
    latest.mkdir()
    (latest / "S1").symlink_to(Path("..") / "S1" / run.name)
    for place in (tmp_path, tmp_path / "artifacts", run.parent, run, latest, latest / "S1"):
        assert find([place]) == (run.resolve(),), place
    assert find([run, latest, tmp_path]) == (run.resolve(),)


def test_a_link_that_leads_back_up_ends(tmp_path: Path) -> None:
    """Links are followed to runs, not through directories."""
    run = made(tmp_path / "artifacts")
    (run.parent / "up").symlink_to(tmp_path, target_is_directory=True)
    assert find([tmp_path]) == (run.resolve(),)


def test_many_runs_are_told_apart() -> None:
    """Two real runs, closed in their time."""
    rows = asked("SELECT run, scenario, count(*) AS n FROM requests GROUP BY ALL ORDER BY scenario", DATA)
    assert {row["scenario"]: row["n"] for row in rows}.items() >= {
        "N1": len(read(N1).requests),
        "S1": len(read(S1).requests),
    }.items()
    runs = asked("SELECT run, scenario, knative, rate_rps, directory FROM runs WHERE scenario = 'S1'", N1, S1)
    assert [(run["knative"], run["rate_rps"], run["directory"]) for run in runs] == [("1.23.0", 50.0, str(S1))]


def test_a_release_is_the_same_version_whatever_source_it_came_from(tmp_path: Path) -> None:
    """A comparison by version groups by this column: built from the Go module, 1.23.0 is no other version than as released."""
    for run_id, recorded in (("a1", "1.23.0 (module v0.50.0)"), ("b2", "1.23.0"), ("c3", "v1.23.0"), ("d4", "unreadable")):
        writer = Recorder.open(tmp_path, replace(meta(run_id=run_id), versions={"knative": recorded}))
        writer.close()
    rows = asked("SELECT knative, count(*) AS n FROM runs GROUP BY ALL ORDER BY ALL", tmp_path)
    assert rows == [{"knative": "1.23.0", "n": 3}, {"knative": "unreadable", "n": 1}]


def test_closed_and_open_runs_are_asked_together(tmp_path: Path) -> None:
    """One that is being measured beside those of before."""
    made(tmp_path, "aa")
    made(tmp_path, "bb", closed=False)
    assert asked("SELECT run, count(*) AS n FROM requests GROUP BY ALL ORDER BY ALL", tmp_path) == [
        {"run": "aa", "n": 3},
        {"run": "bb", "n": 3},
    ]


def test_a_copy_of_a_run_is_refused(tmp_path: Path) -> None:
    """It would count everything twice."""
    run = made(tmp_path / "one")
    shutil.copytree(run, tmp_path / "two")
    with pytest.raises(HistoryError, match="run ab12 is there twice"):
        asked("SELECT 1", tmp_path)
    assert asked("SELECT count(*) AS n FROM requests", tmp_path / "two") == [{"n": 3}]


HOSTILE = [
    "a[b]",
    "it's",
    '"; DROP VIEW requests; --',
    "*",
    "**",
    "?x",
    "a[!b]",
    "br{a,b}ce",
    "new\nline",
    "tab\t",
    "%41+ü",
    "k=v",
    "\\",
]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_hostile_name_is_a_name(tmp_path: Path, name: str) -> None:
    """Beside directories that it would find if it were a pattern."""
    for decoy in ("ab", "xx"):
        made(tmp_path / decoy, f"decoy{decoy}")
    (tmp_path / name).mkdir()
    run = made(tmp_path / name, "real")
    every = " UNION ALL ".join(f"SELECT run, '{table}' AS of FROM {table}" for table in Table)  # noqa: S608 - our own names
    rows = asked(every, run)
    assert {row["run"] for row in rows} == {"real"}
    assert sum(row["of"] == Table.REQUESTS for row in rows) == 3
    out = tmp_path / f"{name}.parquet"
    answer([run], "SELECT * FROM requests", io.StringIO(), form=Format.PARQUET, out=out)
    assert pl.read_parquet(out.read_bytes()).height == 3


def test_a_pattern_finds_its_path_alone() -> None:
    """Each character that means something to a glob is one in brackets."""
    assert pattern("/x/a[b]*?") == "/x/a[[]b][*][?]"
    assert pattern("/x/y.parquet") == "/x/y.parquet"


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELCT 1", "syntax error"),
        ("SELECT nothing FROM requests", '"nothing" not found'),
        ("SELECT * FROM nowhere", "nowhere does not exist"),
        ("SELECT error('boom')", "boom"),
        ("SELECT ?", "parameters"),
        ("SELECT 'x'::INTEGER", "Could not convert"),
        ("", "this is nothing"),
        ("-- a comment", "this is nothing"),
        ("SELECT 1; SELECT 2", "SELECT and SELECT"),
        ("CREATE TABLE x AS SELECT 1", "this is CREATE"),
        ("DROP VIEW requests", "this is DROP"),
        ("INSERT INTO requests VALUES (1)", "this is INSERT"),
        ("SET memory_limit = '99GB'", "this is SET"),
        ("COPY (SELECT 1) TO 'x.csv'", "this is COPY"),
        ("ATTACH 'x.db'", "this is ATTACH"),
        ("INSTALL httpfs", "this is LOAD"),
        ("LOAD httpfs", "this is LOAD"),
        ("SELECT 1) TO 'x.csv' --", "syntax error"),
    ],
)
def test_what_is_no_select_that_fits_is_one_clear_line(sql: str, said: str) -> None:
    """No traceback, no drawing, and a way on."""
    with pytest.raises(BadInput, match=said) as caught:
        asked(sql)
    assert "\n" not in str(caught.value)
    assert caught.value.fix


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('{file}')",
        "SELECT * FROM read_csv('{file}')",
        "SELECT * FROM read_blob('{file}')",
        "SELECT * FROM read_parquet('{other}')",
        "SELECT * FROM glob('{folder}/*')",
        "SELECT * FROM '{file}'",
        "SELECT * FROM '{other}'",
        "SELECT * FROM duckdb_secrets()",
        "SELECT * FROM history",
    ],
)
def test_nothing_but_the_runs_asked_can_be_read(tmp_path: Path, sql: str) -> None:
    """No file beside them, no other run's, no variable of this process."""
    history = pl.DataFrame({"secret": [1]})
    assert len(history) == 1
    file = tmp_path / "secret.txt"
    file.write_text("secret", encoding="utf-8")
    with pytest.raises(BadInput):
        asked(sql.format(file=file, folder=tmp_path, other=N1 / "requests.parquet"))


def test_what_needs_too_much_memory_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do, instead of the machine's last page. Here the limit is smaller: to fill a gigabyte takes seconds."""
    assert MEMORY == "1GiB"
    assert asked("SELECT current_setting('memory_limit') AS m") == [{"m": "1.0 GiB"}]
    monkeypatch.setattr("harness.history.query.MEMORY", "100MiB")
    with pytest.raises(BadInput, match="more than 100MiB") as caught:
        asked("SELECT len(list(repeat('x', 1000) || i)) FROM range(10_000_000) t(i)")
    assert "\n" not in str(caught.value)


def test_a_damaged_run_is_named(tmp_path: Path) -> None:
    """Which file, and what is wrong with it; also when it is one of many."""
    made(tmp_path, "aa")
    run = made(tmp_path, "bb")
    whole = (run / "requests.parquet").read_bytes()
    (run / "requests.parquet").write_bytes(whole[:-9])
    with pytest.raises(HistoryError, match=r"requests\.parquet is damaged") as caught:
        asked("SELECT 1", tmp_path)
    assert caught.value.where == str(run / "requests.parquet")
    pl.read_parquet(io.BytesIO(whole)).head(2).write_parquet(run / "requests.parquet")
    with pytest.raises(HistoryError, match=r"has 2 rows, closed\.json says 3"):
        asked("SELECT 1", tmp_path)
    pl.read_parquet(io.BytesIO(whole)).drop("lane").write_parquet(run / "requests.parquet")
    with pytest.raises(HistoryError, match="lane"):
        asked("SELECT 1", tmp_path)
    (run / "requests.parquet").unlink()
    with pytest.raises(HistoryError, match=r"requests\.parquet is damaged or gone"):
        asked("SELECT 1", tmp_path)
    (run / "closed.json").write_text("[]", encoding="utf-8")
    with pytest.raises(HistoryError, match=r"closed\.json is damaged"):
        asked("SELECT 1", tmp_path)


def test_where_there_is_no_run_that_is_said(tmp_path: Path) -> None:
    """With a directory that would do."""
    with pytest.raises(HistoryError, match="contains no run") as caught:
        asked("SELECT 1", tmp_path)
    assert "artifacts/latest" in caught.value.fix
    with pytest.raises(HistoryError, match="is no directory"):
        asked("SELECT 1", tmp_path / "nowhere")


def test_numbers_times_and_structures_come_out_in_each_form(tmp_path: Path) -> None:
    """Whole numbers exactly; a time in UTC; what is no number in JSON as null."""
    sql = """SELECT 9223372036854775807 AS big, sum(9223372036854775807) AS bigger, 1.5 AS part, 'nan'::DOUBLE AS none, NULL AS nil,
        to_timestamp(0) AS at, make_timestamp_ns(1) AS fine, [1, 2] AS list, {'a': 1} AS struct, 'ü, "q"' AS text, true AS yes
        FROM range(2) -- a comment at the end"""
    (row,) = asked(sql)
    assert row["big"] == 2**63 - 1
    assert row["bigger"] == 2 * (2**63 - 1)
    assert (row["part"], row["none"], row["nil"], row["yes"]) == (1.5, None, None, True)
    assert row["at"] == "1970-01-01 00:00:00+00"
    assert row["fine"] == "1970-01-01 00:00:00.000000001"
    assert (row["list"], row["struct"], row["text"]) == ("[1, 2]", "{'a': 1}", 'ü, "q"')
    for form in (Format.CSV, Format.PARQUET, Format.TABLE):
        answer([S1], sql, io.StringIO(), form=form, out=tmp_path / form.value)
    (line,) = csv.DictReader((tmp_path / "csv").read_text(encoding="utf-8").splitlines())
    assert (line["big"], line["bigger"], line["text"]) == (str(2**63 - 1), str(2 * (2**63 - 1)), 'ü, "q"')
    assert pl.read_parquet(tmp_path / "parquet")["big"].to_list() == [2**63 - 1]
    assert (tmp_path / "table").read_text(encoding="utf-8").splitlines()[-1] == "1 row"


def test_the_order_asked_for_is_kept() -> None:
    """Also where a type makes another SELECT go around the one that was asked."""
    rows = asked("SELECT i, to_timestamp(i) AS t FROM range(50000) r(i) ORDER BY i DESC")
    assert [row["i"] for row in rows] == list(range(49_999, -1, -1))


def test_two_columns_of_one_name_are_no_object() -> None:
    """A table and CSV can show them, JSON would lose one."""
    with pytest.raises(BadInput, match="Two columns are named a"):
        asked("SELECT 1 AS a, 2 AS a")
    said = io.StringIO()
    answer([S1], "SELECT 1 AS a, 2 AS a", said, form=Format.CSV)
    assert said.getvalue() == "a,a\n1,2\n"


def test_a_table_is_for_people() -> None:
    """Aligned, cut, numbered, and harmless to a terminal."""
    said = io.StringIO()
    answer([S1], "SELECT 'x' || chr(27) || '[31m' || chr(10) AS text, repeat('y', 500) AS long, 7 AS n FROM range(1000)", said)
    lines = said.getvalue().splitlines()
    assert "\x1b" not in said.getvalue()
    assert lines[2].startswith("x\\x1b[31m\\n ")
    assert "y" * (CELL - 1) + "…" in lines[2]
    assert lines[2].endswith(" 7")
    assert len(lines) == TABLE_ROWS + 3
    assert lines[-1] == f"{TABLE_ROWS} rows, and more: --format csv has them all"


@pytest.mark.parametrize("form", [Format.CSV, Format.JSON, Format.PARQUET])
def test_an_answer_appears_whole_or_not_at_all(tmp_path: Path, form: Format) -> None:
    """A query that fails on its way leaves what was there, and nothing half."""
    out = tmp_path / "out"
    out.write_text("before", encoding="utf-8")
    with pytest.raises(BadInput, match="Could not convert"):
        answer(
            [S1],
            "SELECT CASE WHEN i < 90000 THEN i ELSE 'x'::INT + i END FROM range(100000) t(i)",
            io.StringIO(),
            form=form,
            out=out,
        )
    assert out.read_text(encoding="utf-8") == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    answer([S1], "SELECT 1 AS a", io.StringIO(), form=form, out=out)
    assert out.read_bytes() != b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_answer_is_not_written_into_evidence(tmp_path: Path) -> None:
    """Nor where no file can be."""
    run = made(tmp_path)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(BadInput, match="lies within a run"):
        answer([run], "SELECT 1 AS a", io.StringIO(), form=Format.CSV, out=run / "requests.parquet")
    with pytest.raises(BadInput, match="directory is not there"):
        answer([run], "SELECT 1 AS a", io.StringIO(), form=Format.CSV, out=tmp_path / "no" / "x")
    with pytest.raises(BadInput, match="it is a directory"):
        answer([run], "SELECT 1 AS a", io.StringIO(), form=Format.CSV, out=tmp_path)
    with pytest.raises(BadInput, match="--out") as caught:
        answer([run], "SELECT 1 AS a", io.StringIO(), form=Format.PARQUET)
    assert caught.value.exit_code is ExitCode.BAD_INPUT_OR_HOST
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_million_rows_are_counted_right(tmp_path: Path) -> None:
    """Through the same views, none lost and none twice; how long it takes is in docs/query.md."""
    run = made(tmp_path)
    rows = 1_000_000
    one = pl.read_parquet(run / "requests.parquet").head(1)
    many = pl.concat([one.drop("seq", "intended_ns")] * 1, how="vertical").select(pl.all().repeat_by(rows).explode())
    many = many.with_columns(seq=pl.Series(np.arange(rows)), intended_ns=pl.Series(T0 + np.arange(rows) * 1000))
    many.select(list(SCHEMAS[Table.REQUESTS])).write_parquet(run / "requests.parquet")
    told = json.loads((run / "closed.json").read_text(encoding="utf-8"))
    told["rows"]["requests"] = rows
    (run / "closed.json").write_text(json.dumps(told), encoding="utf-8")
    sql = "SELECT count(*) AS n, count(DISTINCT seq) AS d, sum(seq) AS s, max(intended_ns) - min(intended_ns) AS span FROM requests"
    assert asked(sql, run) == [{"n": rows, "d": rows, "s": rows * (rows - 1) // 2, "span": (rows - 1) * 1000}]


PAGE = (ROOT / "docs" / "query.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```sql\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("sql", EXAMPLES, ids=lambda sql: " ".join(sql.split())[:40])
def test_each_example_of_the_page_answers(sql: str) -> None:
    """On the recorded runs of the catalogue; rows, but for the one that looks for what must not be there."""
    said = io.StringIO()
    answer(sorted(DATA.glob("*-knative-1.23")), sql, said, form=Format.CSV)
    lines = said.getvalue().splitlines()
    assert (len(lines) > 1) is ("coalesce(n, 0) <> 1" not in sql)


def test_the_exact_join_by_hand_finds_a_line_that_is_not_there(tmp_path: Path) -> None:
    """The page's own query, on a real run from which one line was taken and of which another was doubled."""
    run = tmp_path / "run"
    shutil.copytree(DATA / "s1-request-log-knative-1.23", run)
    sql = next(sql for sql in EXAMPLES if "coalesce(n, 0) <> 1" in sql)
    assert asked(sql, run) == []
    rows = pl.read_parquet(run / "observations.parquet").with_row_index("at")
    logged = rows.filter(pl.col("payload").str.contains('"log":"knative-chaos-request","rid":"8b269082-', literal=True))
    mine = logged.filter(pl.col("stream") == "log:queue-proxy")["at"]
    doubled = rows.filter(pl.col("at") == mine[5])
    pl.concat([rows.filter(pl.col("at") != mine[3]), doubled]).drop("at").write_parquet(run / "observations.parquet")
    assert sorted((row["lines"], row["requests"]) for row in asked(sql, run)) == [(0, 1), (2, 1)]


def test_the_page_names_every_table_and_column() -> None:
    """In their order."""
    assert len(EXAMPLES) > 4
    rows = {cells[1].strip(" `"): cells[3].strip() for line in PAGE.splitlines() if len(cells := line.split("|")) == 5}
    assert rows["runs"] == ", ".join(list(ABOUT)[2:])
    for table in Table:
        expected = "as `requests`, and attempt" if table is Table.ATTEMPTS else ", ".join(SCHEMAS[table])
        assert rows[table.value] == expected


def test_the_command_answers_and_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """0 and rows, or 3 and a line; in this process, for to start the command takes most of a second."""
    monkeypatch.chdir(tmp_path)

    def command(*args: str) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["knative-chaos", "query", *args])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capfd.readouterr()

    good = command(str(S1), str(N1), "SELECT scenario, count(*) AS n FROM cycles GROUP BY ALL ORDER BY ALL", "--format", "csv")
    assert good == (0, "scenario,n\nN1,5\nS1,5\n", "")
    code, _, said = command(str(S1), "SELECT nothing FROM requests")
    assert code == ExitCode.BAD_INPUT_OR_HOST
    assert len(said.splitlines()) == 1
    code, _, said = command("SELECT 1")
    assert code == ExitCode.BAD_INPUT_OR_HOST
    assert "needs a directory" in said
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    """The answer is longer than a pipe holds; nothing is said on stderr."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "harness", "query", str(S1), "SELECT * FROM range(300000)", "--format", "csv"]
    with subprocess.Popen(words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline() == b"range\n"
        child.stdout.close()
        assert child.stderr.read() == b""
        assert child.wait(120) == 0
    assert list(tmp_path.iterdir()) == []


HEAVY = "SELECT a.* FROM requests a, requests b, requests c ORDER BY random() LIMIT 3"
"""10^11 rows to go through: nobody waits for that."""

STUBBORN = "SELECT levenshtein(repeat('a', n), repeat('b', n)) FROM (SELECT count(*) + 5000000 AS n FROM requests)"
"""One step of DuckDB, without an end."""

TOLD = """
import sys, threading
from harness import cli
from harness.adapters import patience

class Said(patience._Call):
    def run(self):
        print("working", file=sys.stderr, flush=True)
        super().run()

patience._Call = Said
patience.LETS_GO_S = {lets_go_s}
sys.argv = ["knative-chaos", "query", *sys.argv[1:]]
cli.main()
"""
"""The command; a line on stderr before each call of DuckDB: the first asks whether the SQL holds, the second asks it."""


@pytest.mark.parametrize(
    ("sql", "number", "lets_go_s"),
    [(HEAVY, signal.SIGINT, 60), (HEAVY, signal.SIGTERM, 60), (STUBBORN, signal.SIGINT, 0.1)],
    ids=["Ctrl-C", "SIGTERM", "one that cannot be interrupted"],
)
def test_a_heavy_query_ends_when_told_to(tmp_path: Path, sql: str, number: signal.Signals, lets_go_s: float) -> None:
    """Exit code 2, one line, no traceback, and nothing of the answer left."""
    words = [sys.executable, "-c", TOLD.format(lets_go_s=lets_go_s), str(S1), sql, "--format", "csv", "--out", "answer.csv"]
    with subprocess.Popen(words, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE) as child:
        try:
            assert child.stderr is not None
            assert [child.stderr.readline() for _ in range(2)] == [b"working\n"] * 2
            child.send_signal(number)
            _, said = child.communicate(timeout=120)
        finally:
            child.kill()
    assert said == b"knative-chaos: The query was interrupted.\n"
    assert child.returncode == ExitCode.INCONCLUSIVE
    assert list(tmp_path.iterdir()) == []


def test_a_query_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, also for one that writes Parquet; the limit itself is a number of seconds."""
    monkeypatch.setattr("harness.adapters.patience.LETS_GO_S", 600.0)  # past it this very process would be left
    for form in (Format.CSV, Format.PARQUET):
        with pytest.raises(BadInput, match=r"longer than 0\.2 s\..*--within"):
            answer([S1], HEAVY, io.StringIO(), form=form, out=tmp_path / "answer", within_s=0.2)
    assert list(tmp_path.iterdir()) == []
    for wrong in (0, -1, float("nan"), float("inf")):
        with pytest.raises(BadInput, match="not a number of seconds"):
            answer([S1], "SELECT 1", io.StringIO(), within_s=wrong)


def test_an_interrupt_that_reaches_another_thread_is_heard() -> None:
    """The kernel chooses the thread; only the main one raises, and nobody wakes it."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with duckdb.connect() as connection:
            main = threading.get_ident()
            over, told = threading.Event(), list[bool]()

            def waits() -> Look[bool]:
                """The main thread, for the work and no longer for its start."""
                names = [at.name for at in traceback.extract_stack(sys._current_frames()[main])][-4:]
                return Look(("wait" in names[-2:] and "start" not in names) or None, str(names))

            def work() -> None:
                wait_for("the main thread's waiting", waits, within_s=60, every_s=0.01)
                signal.pthread_kill(threading.get_ident(), signal.SIGINT)
                told.append(over.wait(60))

            def interrupted() -> None:
                over.set()

            patience = Patience(connection, 1000)
            patience._connection = SimpleNamespace(interrupt=interrupted)  # type: ignore[assignment]
            with pytest.raises(KeyboardInterrupt):
                patience(work)
            assert told == [True], "it was the work's own end that woke the main thread"
    finally:
        signal.signal(signal.SIGINT, handler)


def test_a_reader_may_take_its_time() -> None:
    """What is left of the limit shrinks by DuckDB's work, not by what is done with the rows."""
    clock = iter([0.0, 1.0, 5000.0, 5003.0])
    with duckdb.connect() as connection, pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.adapters.patience.mono_s", lambda: next(clock))
        patience = Patience(connection, 1000)
        assert [patience(lambda: 1), patience(lambda: 2)] == [1, 2]
        assert patience.left_s == 996


def test_a_huge_value_is_never_held() -> None:
    """Cut in a table, refused by name in CSV and JSON, also within a list."""
    for sql in ("SELECT repeat('x', 20_000_000) AS x", "SELECT [repeat('x', 20_000_000)] AS x"):
        said = io.StringIO()
        tracemalloc.start()
        try:
            answer([S1], sql, said)
            for form in (Format.CSV, Format.JSON):
                with pytest.raises(BadInput, match=f"longer than {LONGEST} bytes"):
                    answer([S1], sql, io.StringIO(), form=form)
            assert tracemalloc.get_traced_memory()[1] < 10_000_000
        finally:
            tracemalloc.stop()
        assert re.fullmatch(r"\[?x+…", said.getvalue().splitlines()[2])
        assert len(said.getvalue().splitlines()[2]) == CELL
    assert asked(f"SELECT repeat('x', {LONGEST}) AS x")[0]["x"] == "x" * LONGEST
