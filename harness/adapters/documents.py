"""Kubernetes' YAML: several documents in one text, read as YAML, each with the text it was written in.

Numbers, booleans and null are read as Kubernetes reads them; what looks like a date stays text, for JSON has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import yaml

try:  # Knative's CRDs are 10,000 lines: libyaml, where the wheel carries it, is ten times faster
    from yaml import CSafeLoader as _Fast
except ImportError:  # pragma: no cover - every wheel of the pinned version carries it
    from yaml import SafeLoader as _Fast  # type: ignore[assignment]

__all__ = [
    "DEEPEST",
    "Document",
    "Obj",
    "Place",
    "Twice",
    "YAMLError",
    "documents",
    "dumped",
    "lines_of",
    "name_of",
    "why_not_yaml",
]

YAMLError = yaml.YAMLError

Obj = dict[str, Any]
"""A Kubernetes object as plain JSON values."""

Place = tuple[str | int, ...]
"""The keys and indexes that lead from a document to one of its values."""

MOST_LINES = 100_000
"""Values of a text whose lines are looked up; aliases of aliases make billions out of one line."""

DEEPEST = 100
"""Levels of nesting. Kubernetes' own schemas need some 20; libyaml overruns its stack at some 100,000, which nothing catches."""


class _Loader(_Fast):
    """The safe loader without dates and without the `=` type, which JSON does not know."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag not in {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value"}]
    for first, known in _Fast.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True)
class Document:
    """One document. text: as written, with the comments before it and without the `---` between documents."""

    text: str
    value: Any

    @property
    def kind(self) -> str:
        """Such as "Deployment"; "" for what is no Kubernetes object."""
        return str(self.value.get("kind") or "") if isinstance(self.value, dict) else ""

    @property
    def api_version(self) -> str:
        """Such as "apps/v1"; "" for what is no Kubernetes object."""
        return str(self.value.get("apiVersion") or "") if isinstance(self.value, dict) else ""

    @property
    def name(self) -> str:
        """metadata.name, or ""."""
        return name_of(self.value)

    def strings(self) -> Iterator[str]:
        """Each string that is a value in the document; keys and comments are none."""
        yield from _strings(self.value)


@dataclass(frozen=True, slots=True)
class Twice:
    """A key that a mapping has twice; one of the two counts. lines: of both, from 1. document: its index, empty ones left out."""

    place: Place
    lines: tuple[int, int]
    document: int = 0


def lines_of(text: str) -> tuple[list[dict[Place, int]], list[Twice]]:
    """Where each value of the text was written, for each document that is not empty: by its place the line, from 1.

    A value that an alias or a merge (`<<`) brings stands where it was written. Of a text with more than MOST_LINES values the first
    ones. The second answer holds the keys that are there twice. Raises YAMLError.
    """
    found: list[dict[Place, int]] = []
    twice: list[Twice] = []
    for node in yaml.compose_all(text, Loader=_Loader):
        if node is None or (isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"):
            continue
        looked = _Lines()
        looked.look_up(node, (), node.start_mark.line + 1, ())
        found.append(looked.lines)
        twice += [replace(one, document=len(found) - 1) for one in looked.twice]
    return found, twice


class _Lines:
    """The lines of one document's values. looked: how many nodes were looked at, each alias anew."""

    def __init__(self) -> None:
        self.lines: dict[Place, int] = {}
        self.twice: list[Twice] = []
        self.looked = 0

    def look_up(self, node: Any, place: Place, line: int, above: tuple[int, ...]) -> None:
        """This node and those in it. above: those around it, by which one that holds itself is noticed."""
        self.looked += 1
        if self.looked > MOST_LINES or len(above) > DEEPEST or id(node) in above:
            return
        self.lines[place] = line
        inside = (*above, id(node))
        if isinstance(node, yaml.MappingNode):
            self._mapping(node, place, line, inside)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self.look_up(value, (*place, index), value.start_mark.line + 1, inside)

    def _mapping(self, node: yaml.MappingNode, place: Place, line: int, inside: tuple[int, ...]) -> None:
        own: dict[str, int] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                for merged in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    self.look_up(merged, place, line, inside)
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            at = key.start_mark.line + 1
            if key.value in own:
                self.twice.append(Twice((*place, key.value), (own[key.value], at)))
            own[key.value] = at
            self.look_up(value, (*place, key.value), at, inside)


_MERGE = "tag:yaml.org,2002:merge"


def dumped(objects: Iterable[Obj]) -> str:
    """The objects as YAML for people: one document each, keys in their order."""
    return "---\n".join(yaml.safe_dump(obj, sort_keys=False, default_flow_style=False, width=100) for obj in objects)


def why_not_yaml(error: YAMLError, name: str) -> str:
    """The error in one line. name: of the file, in place of the library's "<unicode string>"; "" leaves the line alone."""
    return " ".join(str(error).split()).replace('"<unicode string>", ', f"{name}, " if name else "")


def name_of(value: Any) -> str:
    """metadata.name of an object, "" without one."""
    metadata = value.get("metadata") if isinstance(value, dict) else None
    return str(metadata.get("name") or "") if isinstance(metadata, dict) else ""


def documents(text: str) -> list[Document]:
    """The documents of a text in their order; empty ones (comments only) are left out.

    Raises YAMLError, also for a value its tag does not fit (`!!int x`), a half character and nesting beyond DEEPEST.
    """
    found: list[Document] = []
    try:
        for piece in _pieces(text):
            value = yaml.load(piece, Loader=_Loader)  # noqa: S506 - a subclass of the safe loader
            if value is not None:
                found.append(Document(piece.strip("\n") + "\n", value))
    except (ValueError, KeyError, AttributeError) as error:  # what the library's constructors let through
        raise YAMLError(f"a value cannot be read: {error}") from error
    return found


def _pieces(text: str) -> Iterator[str]:
    """Cut where YAML itself sees a document end, so that a `---` inside a literal block is left alone."""
    begin = 0
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise YAMLError(f"nested more than {DEEPEST} deep")
        if isinstance(event, yaml.DocumentEndEvent) and event.end_mark is not None:
            yield _without_marks(text[begin : event.end_mark.index])
            begin = event.end_mark.index
    rest = text[begin:]
    if rest.strip():
        yield _without_marks(rest)


def _without_marks(piece: str) -> str:
    """The piece without the markers that began or ended it."""
    lines = piece.splitlines(keepends=True)
    for index, line in enumerate(lines):
        if line.rstrip() in {"---", "..."}:
            lines[index] = ""
        elif line.strip() and not line.lstrip().startswith("#"):
            break
    return "".join(lines)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
