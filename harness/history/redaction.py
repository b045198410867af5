"""The texts of a run with what must not leave the machine replaced, everywhere by the same: what was equal stays equal. Pure.

Two passes: `learn` sees every text once, so that a secret which one place gives away (a variable of the pod spec) is found in all
others (a line of a log). Then `text` and `value` replace.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from harness.adapters.documents import YAMLError, documents, dumped
from harness.adapters.here import Here
from harness.history.secrets import (
    ASSIGNED,
    BLOCK,
    NOTHING,
    PATTERNS,
    REDACTED,
    Kind,
    address,
    addresses,
    is_one,
    is_secret_name,
    may_hide,
    may_name,
)
from harness.model import PREFIX

SHORTEST = 6
"""Letters of a secret that is looked for in every text, as a word. A shorter one is replaced where its place gives it away, and
nowhere else: it may be a word that means something else in another place."""

STRONG = 8
"""Letters, with a digit among them, of a secret that is looked for in every text, also within a word."""

USERNAME = "username"
"""The key of a login, in registry credentials and kubeconfigs."""

DOCUMENTS = "documents"
"""The key of run.json whose value is YAML."""

_WORD = r"(?<![A-Za-z0-9_.-]){}(?![A-Za-z0-9_-])"


class Redactor:
    """The replacements of one run.

    vocabulary: words that the history itself is made of (names of pods and probes, paths, ids). They are replaced only where their
    place says that they are secret: anywhere else they mean what they mean to the analysis.
    """

    def __init__(self, here: Here, vocabulary: Iterable[str] = ()) -> None:
        self._vocabulary = "\n".join(vocabulary)
        self._given: dict[tuple[Kind, str], str] = {}
        self._everywhere: dict[str, tuple[str, str]] = {}  # what is looked for: its pattern, what replaces it
        self._finder: re.Pattern[str] | None = None
        self._used: set[tuple[Kind, str]] = set()
        for path in here.paths:
            self._look_for(path, _WORD, self._stands_for(Kind.PATH, path))
        for kind, names in ((Kind.HOST, here.names), (Kind.USER, here.users)):
            for name in names:
                self._name(kind, name)

    @property
    def counts(self) -> dict[str, int]:
        """How many different values of each kind were replaced so far."""
        return dict(sorted(Counter(kind.value for kind, _ in self._used).items()))

    def learn(self, text: str) -> None:
        """Look at a text for secrets that its structure gives away, and for the names of nodes."""
        for found in ASSIGNED.finditer(text):
            if not found["it"].startswith(PREFIX):  # a node of ours is called after the cluster, as everywhere
                self._name(Kind.HOST, found["it"])
        if "bearer" in text.lower() or may_name(text):
            self.text(text)

    def text(self, text: str) -> str:
        """The text with everything replaced. A JSON object or list is read, so that its keys count and it stays one."""
        raw = self._raw(text)
        if text[:1] not in {"{", "["} or (raw == text and not may_hide(text)):
            return raw
        try:
            read = json.loads(text)
        except (ValueError, RecursionError):
            return raw
        new = self.value(read)
        if new == read:
            return text
        end = text[len(text.rstrip()) :]
        return json.dumps(new, ensure_ascii=False, separators=(", ", ": ") if '": ' in text else (",", ":")) + end

    def _raw(self, text: str) -> str:
        """The text with everything replaced that shows by its looks alone."""
        text = self._known(text)
        if "-----BEGIN" in text:
            text = BLOCK.found.sub(partial(self._found, BLOCK.kind), text)
        return "\n".join(map(self._line, text.split("\n")))

    def _line(self, text: str) -> str:
        low = text.lower()
        for pattern in PATTERNS:
            if pattern.may_match(low):
                text = pattern.found.sub(partial(self._found, pattern.kind), text)
        return self._without_addresses(text)

    def value(self, value: Any) -> Any:
        """A JSON value with everything replaced in its texts, and in what its keys say is secret."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            if len(value) == 2 and all(isinstance(one, str) for one in value) and is_secret_name(value[0]):
                return [value[0], self._secret(value[1])]  # a header of the load
            return [self.value(one) for one in value]
        return self._object(value) if isinstance(value, Mapping) else value

    def yaml(self, text: str) -> str:
        """Kubernetes' documents: as they were written where nothing, or nothing but words, must be replaced."""
        try:
            read = [one.value for one in documents(text)]
            new = [self.value(one) for one in read]
            raw = text if new == read else self._raw(text)
            return raw if [one.value for one in documents(raw)] == new else dumped(new)
        except YAMLError:
            return self._raw(text)

    def _object(self, given: Mapping[str, Any]) -> dict[str, Any]:
        if isinstance(given.get("name"), str) and isinstance(given.get("value"), str) and is_secret_name(given["name"]):
            given = {**given, "value": self._secret(given["value"])}  # a variable of a container, a header of a probe
        if given.get("kind") == "Secret":
            given = self._of_secret(given)
        return {self.text(str(key)): self._of_key(str(key), inner) for key, inner in given.items()}

    def _of_key(self, key: str, inner: Any) -> Any:
        if isinstance(inner, str):
            if is_secret_name(key):
                return self._secret(inner)
            if key == USERNAME and inner:
                return self._uses(Kind.USER, self._stands_for(Kind.USER, inner)) if not inner.startswith(REDACTED) else inner
            return self.yaml(inner) if key == DOCUMENTS else self.text(inner)
        if isinstance(inner, list) and is_secret_name(key):  # the values of a header
            return [self._secret(one) if isinstance(one, str) else self.value(one) for one in inner]
        return self.value(inner)

    def _of_secret(self, secret: Mapping[str, Any]) -> dict[str, Any]:
        """A Secret of Kubernetes: each value, in `data` in base64, so that it stays one."""
        out = dict(secret)
        if isinstance(given := secret.get("stringData"), Mapping):
            out["stringData"] = {key: self._secret(str(value)) for key, value in given.items()}
        if isinstance(given := secret.get("data"), Mapping):
            out["data"] = {key: self._of_base64(str(value)) for key, value in given.items()}
        return out

    def _of_base64(self, value: str) -> str:
        try:
            inside = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            inside = value
        return value if inside.startswith(REDACTED) else base64.b64encode(self._secret(inside).encode()).decode()

    def _secret(self, value: str) -> str:
        """The replacement of a value whose place says that it is secret; from now on it is looked for in every text."""
        if value.lower() in NOTHING or value.startswith(REDACTED):
            return value
        new = self._stands_for(Kind.SECRET, value)
        if len(value) >= SHORTEST:
            self._look_for_secret(value, new)
        return self._uses(Kind.SECRET, new)

    def _look_for_secret(self, value: str, new: str) -> None:
        strong = len(value) >= STRONG and any(one.isdigit() for one in value)
        for form in (value, json.dumps(value)[1:-1], quote(value, safe=""), base64.b64encode(value.encode()).decode()):
            self._look_for(form, "{}" if strong else _WORD, new)

    def _name(self, kind: Kind, name: str) -> None:
        self._look_for(name, _WORD, self._stands_for(kind, name))

    def _look_for(self, form: str, pattern: str, new: str) -> None:
        looked_for = pattern.format(re.escape(form))
        if form not in self._everywhere and not re.search(looked_for, self._vocabulary):
            self._everywhere[form] = looked_for, new
            self._finder = None

    def _stands_for(self, kind: Kind, value: str) -> str:
        """What replaces this value everywhere."""
        if (known := self._given.get((kind, value))) is not None:
            return known
        number = 1 + sum(other is kind for other, _ in self._given)
        new = f"{'/' if kind is Kind.PATH else ''}{REDACTED}{kind}-{number}"
        self._given[kind, value] = new
        return new

    def _uses(self, kind: Kind, new: str) -> str:
        self._used.add((kind, new))
        return new

    def _known(self, text: str) -> str:
        """With what is looked for replaced, the longest first."""
        if not any(form in text for form in self._everywhere):
            return text
        if self._finder is None:
            forms = sorted(self._everywhere, key=lambda form: (-len(form), form))
            self._finder = re.compile("|".join(self._everywhere[form][0] for form in forms) or r"(?!)")
        return self._finder.sub(self._replaced, text)

    def _replaced(self, found: re.Match[str]) -> str:
        new = self._everywhere[found[0]][1]
        return self._uses(Kind(new.lstrip("/").removeprefix(REDACTED).rpartition("-")[0]), new)

    def _found(self, kind: Kind, found: re.Match[str]) -> str:
        """The match of a pattern with what it points at replaced."""
        if not is_one(found):
            return found[0]
        old = found["it"]
        new = self._stands_for(kind, old)
        if kind is Kind.SECRET and len(old) >= STRONG and any(one.isdigit() for one in old):
            self._look_for_secret(old, new)
        start = found.start("it") - found.start()
        return f"{found[0][:start]}{self._uses(kind, new)}{found[0][start + len(old) :]}"

    def _without_addresses(self, text: str) -> str:
        for old, pattern in addresses(text).items():
            if not pattern.search(text):
                continue
            new = self._given.get((Kind.ADDRESS, old))
            if new is None:
                new = address(
                    ":" in old, 1 + sum(kind is Kind.ADDRESS and (":" in one) is (":" in old) for kind, one in self._given)
                )
                self._given[Kind.ADDRESS, old] = new
            text = pattern.sub(self._uses(Kind.ADDRESS, new), text)
        return text
