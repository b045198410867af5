"""A bundle holds what others need and nothing that must not leave the machine; what it shows is what the run showed."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from harness.adapters.files import write_json
from harness.adapters.here import Here
from harness.errors import BadInput, HarnessError, HistoryError
from harness.history import Recorder, archive, read
from harness.history.layout import Table
from harness.history.redaction import Redactor
from harness.history.tables import sha256_of
from harness.model import RunMeta
from harness.run import analyse_again, bundling
from harness.run.bundling import bundle
from tests.unit.history import kit

DATA = Path(__file__).parents[2] / "data"
RECORDED = DATA / "exit"
HERE = Here(("build-7",), ("alice",), ("/srv/alice/chaos",))

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
OF_A_SECRET = "open-sesame-4711"
PLANTED = (
    "tok3n-of-the-run",
    "hunter2-in-env",
    OF_A_SECRET,
    base64.b64encode(OF_A_SECRET.encode()).decode(),
    "bearer-in-the-load-1",
    "cl13nt-k3y-d4t4",
    JWT,
    "dXNlcjpyZWdpc3RyeQ==",
    "MHcCAQEEIKqPrivate",
    "build-7",
    "alice",
    "worker-a.example.org",
    "172.18.0.2",
    "fd00:10:89::14",
    "/srv/alice/chaos",
    "/home/carol",
)
POD_SPEC = {
    "nodeName": "worker-a.example.org",
    "containers": [
        {"name": "user-container", "env": [{"name": "DB_PASSWORD", "value": "hunter2-in-env"}, {"name": "MODE", "value": "on"}]}
    ],
}
DOCUMENTS = f"""\
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {{name: toggle}}
spec: {{template: {{spec: {{containers: [{{image: toggle, env: [{{name: DB_PASSWORD, value: hunter2-in-env}}]}}]}}}}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: s}}
data: {{key: {base64.b64encode(OF_A_SECRET.encode()).decode()}}}
"""
LINES = (
    "token=tok3n-of-the-run",
    f'{{"msg":"GET /","headers":"map[Authorization:[Bearer {JWT}] Host:[x]]"}}',
    "connecting with hunter2-in-env to the database",
    "it was open-sesame-4711 all the time",
    "kubeconfig: {client-key-data: cl13nt-k3y-d4t4, server: 'https://172.18.0.2:6443'}",
    '{"auths":{"r.example.com":{"auth":"dXNlcjpyZWdpc3RyeQ=="}}}',
    "-----BEGIN PRIVATE KEY-----\nMHcCAQEEIKqPrivate\n-----END PRIVATE KEY-----",
    "alice@build-7 reads /home/carol/.kube/config and /srv/alice/chaos/harness",
    "dial tcp [fd00:10:89::14]:6443",
)


def planted(place: Path) -> Path:
    """A copy of a recording with something of each kind in every file that can hold it."""
    shutil.copytree(RECORDED, place)
    head = json.loads((place / "run.json").read_text(encoding="utf-8"))
    head["meta"]["spec"]["load"]["headers"] = [["Authorization", "Bearer bearer-in-the-load-1"], ["Accept", "*/*"]]
    head["meta"] |= {"pod_spec": json.dumps(POD_SPEC), "documents": DOCUMENTS}
    head["meta"]["host"]["x"] = "build-7"
    write_json(place / "run.json", head)
    plant_rows(place, Table.OBSERVATIONS, lines=LINES)
    scheduled = json.dumps({"message": "Successfully assigned ns/p to worker-a.example.org", "reason": "Scheduled"})
    plant_rows(place, Table.OBSERVATIONS, lines=(scheduled,), stream="events")
    for table, column in ((Table.ANSWERS, "body"), (Table.FAULTS, "answer"), (Table.GAPS, "reason"), (Table.CYCLES, "given_up")):
        spoil(place, table, column, " ".join(LINES))
    log = place / "raw" / "toggle-x" / "user-container.0.log"
    log.parent.mkdir(parents=True)
    log.write_bytes("\n".join(f"2026-11-27T18:21:34.300107264Z {line}" for line in LINES).encode() + b"\n\xff\xfe bytes\n")
    cycle = next((place / "load").iterdir())
    (cycle / "generator.log").write_text("\n".join(LINES), encoding="utf-8")
    told = json.loads((cycle / "spec.json").read_text(encoding="utf-8")) if (cycle / "spec.json").exists() else {}
    write_json(cycle / "spec.json", {**told, "plan": {"headers": [["Authorization", "Bearer bearer-in-the-load-1"]]}})
    (place / "core.1234").write_bytes(b"hunter2-in-env")
    (place / "raw" / "away").symlink_to("/etc")
    return place


def plant_rows(place: Path, table: Table, *, lines: tuple[str, ...], stream: str = "log:user-container") -> None:
    """Lines that no analysis has a use for, at the time of the last one there."""
    path = place / f"{table}.parquet"
    rows = pl.read_parquet(path)
    like = rows.filter(pl.col("stream") == stream).tail(1)
    more = pl.concat([like.with_columns(payload=pl.lit(line)) for line in lines])
    sealed(place, table, pl.concat([rows, more]))


def spoil(place: Path, table: Table, column: str, text: str) -> None:
    """This text behind each cell that is not empty: what is empty means something."""
    rows = pl.read_parquet(place / f"{table}.parquet")
    cell = pl.col(column)
    sealed(place, table, rows.with_columns(pl.when(cell == "").then(cell).otherwise(cell + "\n" + text).alias(column)))


def sealed(place: Path, table: Table, rows: pl.DataFrame) -> None:
    """The table, and in closed.json its rows and digest."""
    path = place / f"{table}.parquet"
    rows.write_parquet(path)
    closed = json.loads((place / "closed.json").read_text(encoding="utf-8"))
    closed["rows"][table.value] = rows.height
    if "sha256" in closed:
        closed["sha256"][table.value] = sha256_of(path)
    write_json(place / "closed.json", closed)


def members(path: Path) -> dict[str, bytes]:
    """Every file of an archive by its name."""
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def texts(path: Path) -> Iterator[tuple[str, str]]:
    """(name, text) of every file, its own name among it; of a table each of its cells."""
    for name, body in members(path).items():
        yield name, name
        if name.endswith(".parquet"):
            for row in pl.read_parquet(body).iter_rows():
                yield name, " ".join(map(str, row))
        else:
            yield name, body.decode("utf-8", "replace")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with something planted in it, and its bundle beside it."""
    place = tmp_path_factory.mktemp("bundle")
    bundle(planted(place / "run"), place / "run.zip", here=HERE)
    return place


def test_what_was_planted_is_in_the_run(made: Path) -> None:
    """Or the next test would see nothing whatever the bundle held."""
    packed = made / "as-it-is.zip"
    with zipfile.ZipFile(packed, "w") as out:
        for path in sorted((made / "run").rglob("*")):
            if path.is_file() and not path.is_symlink():
                out.write(path, path.relative_to(made / "run"))
    whole = "\n".join(text for _, text in texts(packed))
    assert [one for one in PLANTED if one not in whole] == []


def test_nothing_of_it_is_in_the_archive(made: Path) -> None:
    """Not in a cell of a table, a log, the report, a name."""
    found = {(name, one) for name, text in texts(made / "run.zip") for one in PLANTED if one in text}
    assert found == set()


def test_the_bundled_history_gives_the_same_verdict(made: Path, tmp_path: Path) -> None:
    """Nothing that the analysis joins by was changed."""
    archive.unpack(made / "run.zip", tmp_path / "out")
    shutil.copytree(made / "run", tmp_path / "run", ignore=shutil.ignore_patterns("away", "core*"))
    theirs, ours = analyse_again(tmp_path / "out" / "run"), analyse_again(tmp_path / "run")
    assert theirs.verdict.ruling is ours.verdict.ruling
    assert [one.observed for one in theirs.verdict.claims] == [one.observed for one in ours.verdict.claims]
    assert theirs.findings.ledger == ours.findings.ledger
    assert theirs.summary["cycles"][0]["requests"] == ours.summary["cycles"][0]["requests"]


def test_it_says_what_it_replaced_and_left_out(made: Path) -> None:
    """Every kind, and the file that is none of a run's and the link that leads away from it."""
    manifest = archive.read_manifest(made / "run.zip")
    assert set(manifest.redacted) == {"secret", "host", "user", "address", "path"}
    assert manifest.left_out == 3  # with expected.json of the recording
    assert manifest.scenario == read(RECORDED).meta.spec.scenario


def test_each_file_is_in_the_manifest(made: Path) -> None:
    """With the digest of what lies in the archive."""
    listed = {one.path: one.sha256 for one in archive.read_manifest(made / "run.zip").files}
    packed = members(made / "run.zip")
    assert {name: hashlib.sha256(body).hexdigest() for name, body in packed.items() if name != archive.MANIFEST} == listed
    assert {
        "arm.json",
        "seeds.json",
        "environment.json",
        "manifests/workload.yaml",
        "manifests/pod-spec.json",
        "README.txt",
    } <= set(listed)
    assert {"run/run.json", "run/report.html", "run/summary.json", "run/observations.parquet", "run/requests.parquet"} <= set(
        listed
    )
    assert "run/raw/toggle-x/user-container.0.log" in listed


def test_the_same_run_gives_the_same_bytes(made: Path, tmp_path: Path) -> None:
    """Whenever, and wherever its directory lies."""
    again = shutil.copytree(made / "run", tmp_path / "elsewhere", symlinks=True)
    bundle(again, tmp_path / "again.zip", here=HERE)
    assert (tmp_path / "again.zip").read_bytes() == (made / "run.zip").read_bytes()


def test_the_run_itself_stays_as_it_was(made: Path, tmp_path: Path) -> None:
    """Its own report, too."""
    run = shutil.copytree(RECORDED, tmp_path / "run")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    bundle(run, tmp_path / "x.zip", here=HERE)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_bytes_that_are_no_text_survive(made: Path) -> None:
    """A log may hold anything."""
    body = members(made / "run.zip")["run/raw/toggle-x/user-container.0.log"]
    assert body.endswith(b"\n\xff\xfe bytes\n")


def test_a_run_that_was_never_closed_is_closed_in_the_bundle(tmp_path: Path) -> None:
    """Its lines become tables; the run itself is left open."""
    recorder = Recorder.open(tmp_path / "artifacts", kit.meta())
    recorder.observation(kit.seen(1, "by alice"))
    kit.load(recorder.load_dir(0), kit.record(0))
    done = bundle(recorder.dir, tmp_path / "open.zip", here=HERE)
    names = set(members(done.path))
    assert "run/observations.parquet" in names
    assert not [name for name in names if name.endswith((".jsonl", ".bin"))]
    assert done.manifest.verdict == "inconclusive"
    assert done.manifest.redacted == {"user": 1}
    assert not (recorder.dir / "closed.json").exists()
    recorder.close()


def test_a_run_of_an_older_layout_is_bundled_as_it_is(tmp_path: Path) -> None:
    """What reads it upgrades it."""
    done = bundle(DATA / "s1-knative-1.23", tmp_path / "old.zip", here=HERE)
    assert done.manifest.verdict == "pass"
    assert done.manifest.redacted == {}


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    """An experiment, an empty directory, a run with a damaged table; nothing is written."""
    (tmp_path / "experiment.json").write_text("{}", encoding="utf-8")
    with pytest.raises(BadInput, match="is an experiment"):
        bundle(tmp_path, tmp_path / "x.zip", here=HERE)
    (tmp_path / "empty").mkdir()
    with pytest.raises(HistoryError, match="is not a run directory"):
        bundle(tmp_path / "empty", tmp_path / "x.zip", here=HERE)
    torn = shutil.copytree(RECORDED, tmp_path / "torn")
    (torn / "cycles.parquet").write_bytes(b"PAR1")
    with pytest.raises(HistoryError, match="damaged"):
        bundle(torn, tmp_path / "x.zip", here=HERE)
    with pytest.raises(HistoryError, match="never closed, and its layout is an older one"):
        bundle(DATA / "killed", tmp_path / "x.zip", here=HERE)
    assert not (tmp_path / "x.zip").exists()


def test_a_redaction_that_changes_the_verdict_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A history that shows something else would be worse than none."""

    class Blind(Redactor):
        """Replaces the pods' names differently in each place."""

        def text(self, text: str) -> str:
            return text.replace("toggle-00001-deployment", "x") if text.startswith("{") else text

    monkeypatch.setattr(bundling, "Redactor", Blind)
    with pytest.raises(HarnessError, match="shows something else"):
        bundle(RECORDED, tmp_path / "x.zip", here=HERE)
    assert not (tmp_path / "x.zip").exists()


def test_a_seed_is_read_from_the_record() -> None:
    """One that is none is not made up."""

    def of(host: Mapping[str, str]) -> int | None:
        meta: RunMeta = replace(read(RECORDED).meta, host=host)
        return bundling.seed_of(meta)

    assert of({"phase_seed": "7"}) == 7
    assert of({}) is None
    assert of({"phase_seed": "x"}) is None
