"""The documents speak of what there is: files, targets, verbs and options they name exist; nothing is left to be filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from harness import report
from harness.analyse import analyse
from harness.cli import app
from harness.history import read
from harness.judge import judge

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCUMENTS = [README, *sorted(ROOT.glob("docs/**/*.*"))]
MARKDOWN = [path for path in DOCUMENTS if path.suffix == ".md"]

LONGEST_README = 165
FIRST_SCREEN = 20

PLACEHOLDER = re.compile(r"@@[^\s@]*@@|@@|\bTODO\b|\bFIXME\b|\bXXX\b")
MACHINE_PATH = re.compile(r"(?<![\w.~$})/])/(?:work|root|home|tmp|Users|mnt)(?![\w-])(?:/[\w.+-]+)*")
LINK = re.compile(r"\]\(([^()\s]+)\)")
FENCED = re.compile(r"^```.*?$(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
COMMAND = r"(?:^|[;&|]\s*|\$\s)\s*"
MAKE = re.compile(COMMAND + r"make((?:[ \t]+[\w.=/-]+)+)", re.MULTILINE)
VERB = re.compile(COMMAND + r"(?:\S*/)?knative-chaos((?:[ \t]+[a-z]+)+)", re.MULTILINE)
OPTION = re.compile(r"--kn-[a-z][a-z-]*")
PATH = re.compile(r"(?:harness|fixtures|tests|testapps|docs|requirements)/[\w./-]*")


def code(text: str) -> Iterator[str]:
    """Each fenced block and each piece between backticks; comments within them are left out."""
    pieces = [*FENCED.findall(text), *INLINE.findall(FENCED.sub("", text))]
    yield from (re.sub(r"(^|\s)#.*$", "", piece, flags=re.MULTILINE) for piece in pieces)


def targets(text: str) -> set[str]:
    """What `make` is told to make in a text's code; variables are none."""
    return {word for piece in code(text) for words in MAKE.findall(piece) for word in words.split() if "=" not in word}


def verbs(text: str) -> set[tuple[str, ...]]:
    """The words after `knative-chaos` in a text's code, up to the first that is no small word."""
    return {tuple(words.split()) for piece in code(text) for words in VERB.findall(piece)}


def links(text: str) -> set[str]:
    """The files that links lead to, without those of the web and those within the page."""
    found = (link.partition("#")[0] for link in LINK.findall(text) if not re.match(r"[a-z]+:", link))
    return {link for link in found if link}


def paths(text: str) -> set[str]:
    """Places of the checkout, where a text's code names one in full."""
    return {piece for piece in INLINE.findall(FENCED.sub("", text)) if PATH.fullmatch(piece)}


def is_verb(words: tuple[str, ...]) -> bool:
    """Whether the command knows them: each word is a verb of the one before, until a verb takes arguments instead."""
    command: object = typer.main.get_command(app)
    for word in words:
        below = getattr(command, "commands", None)
        if below is None:
            return True
        if word not in below:
            return False
        command = below[word]
    return True


def known_targets() -> set[str]:
    """Of the Makefile."""
    return set(re.findall(r"^([a-z][\w-]*):(?!=)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def known_options() -> set[str]:
    """Of pytest and of the command."""
    places = [ROOT / "fixtures/options.py", ROOT / "fixtures/again.py", *sorted((ROOT / "harness/cli").glob("*.py"))]
    sources = [place.read_text(encoding="utf-8") for place in places]
    return {option for source in sources for option in re.findall(r'"(--kn-[a-z-]+)"', source)}


def by_name(path: Path) -> str:
    """For the tests' names."""
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("document", DOCUMENTS, ids=by_name)
def test_nothing_is_left_to_be_filled_in(document: Path) -> None:
    """A reader sees numbers and output, not the marks of where they go."""
    assert PLACEHOLDER.findall(document.read_text(encoding="utf-8")) == []


def test_the_readme_is_short_and_begins_with_what_one_wants_to_know() -> None:
    """At most LONGEST_README lines; on its first screen what it is, the picture, the two commands."""
    lines = README.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= LONGEST_README
    first = "\n".join(lines[:FIRST_SCREEN])
    assert "](docs/timeline.svg)" in first
    assert targets(first) == {"demo", "e2e"}
    assert "## What you see" in first


def test_the_output_in_the_readme_is_that_of_the_recording(tmp_path: Path) -> None:
    """Each line of the block is printed by `make demo`, in this order; the README says what it leaves out."""
    shown = next(block for block in FENCED.findall(README.read_text(encoding="utf-8")) if "Report: " in block)
    history = read(ROOT / "tests" / "data" / "s1-knative-1.23")
    findings = analyse(history)
    found = report.write(tmp_path, history, findings, judge(history.meta.spec, findings))
    printed = iter(report.lines(found, where="artifacts/demo/S1"))
    missing = [line for line in shown.strip().splitlines() if line not in printed]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=by_name)
def test_no_document_names_a_path_of_one_machine(document: Path) -> None:
    """What was copied from a terminal says where that terminal stood."""
    assert MACHINE_PATH.findall(document.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("document", MARKDOWN, ids=by_name)
def test_every_link_leads_somewhere(document: Path) -> None:
    """Relative to the document that has it."""
    found = links(document.read_text(encoding="utf-8"))
    assert {link for link in found if not (document.parent / link).exists()} == set()


@pytest.mark.parametrize("document", MARKDOWN, ids=by_name)
def test_every_place_of_the_checkout_is_there(document: Path) -> None:
    """Rooms and tests are moved more easily than the sentences about them."""
    assert {path for path in paths(document.read_text(encoding="utf-8")) if not (ROOT / path).exists()} == set()


@pytest.mark.parametrize("document", MARKDOWN, ids=by_name)
def test_every_command_is_there(document: Path) -> None:
    """Targets of the Makefile, verbs of the command, options of both."""
    text = document.read_text(encoding="utf-8")
    assert targets(text) - known_targets() == set()
    assert {words for words in verbs(text) if not is_verb(words)} == set()
    assert set(OPTION.findall(text)) - known_options() == set()


def test_the_documents_are_read() -> None:
    """What was found in them all, so that the tests above do not look at nothing."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in MARKDOWN)
    assert {"e2e", "test", "down"} <= targets(text) & known_targets()
    assert ("doctor",) in verbs(text)
    assert "--kn-source" in set(OPTION.findall(text)) & known_options()
    assert links(text)
    assert "harness/run/" in paths(text)


@pytest.mark.parametrize("text", ["see @@OUTPUT@@", "a @@ b", "TODO: write"])
def test_a_placeholder_is_seen(text: str) -> None:
    """The check can fail."""
    assert PLACEHOLDER.search(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("in /root/x/y.txt.", ["/root/x/y.txt."]),
        ("`/home`", ["/home"]),
        ("(/mnt/disk)", ["/mnt/disk"]),
        ("~/.local/state, $HOME/own/x, ./tmp/x, docs/work, https://host.example/home/a, /app/toggle.py, /workers", []),
    ],
)
def test_a_path_of_one_machine_is_seen(text: str, found: list[str]) -> None:
    """And a path anybody has is none."""
    assert MACHINE_PATH.findall(text) == found


def test_commands_are_seen_in_code_alone() -> None:
    """In a block, between backticks, after others, with variables; not in prose, comments and drawings."""
    text = """
To make sense of knative-chaos nothing helps, `make up CYCLES=1` and `a && make down` do;
`knative-chaos cache list`, `knative-chaos analyze DIR`.

```
make e2e    # make coffee
.venv/bin/knative-chaos nothing
(make what is missing)
```
"""
    assert targets(text) == {"up", "down", "e2e"}
    assert verbs(text) == {("cache", "list"), ("analyze",), ("nothing",)}


@pytest.mark.parametrize(
    ("words", "known"),
    [(("doctor",), True), (("cache", "list"), True), (("run", "mine"), True), (("nothing",), False), (("cache", "nothing"), False)],
)
def test_a_verb_is_told_from_none(words: tuple[str, ...], known: bool) -> None:
    """Below a verb that takes arguments every word is one."""
    assert is_verb(words) is known


def test_links_and_paths_are_told_from_other_things() -> None:
    """The web, anchors and patterns are not looked for."""
    assert links("[a](b.md#c) [d](#e) [f](https://example.com/) ![g](h/i.png)") == {"b.md", "h/i.png"}
    assert paths("`harness/gone.py` and `tests/unit/*` and `harness.model` and harness/prose.py") == {"harness/gone.py"}
