"""What must not leave a machine in a bundle, by the look of a text: credentials, addresses, paths, names of hosts. Pure.

A pattern finds what nobody has told us of. What is known by its place in an object (a variable of a pod, a Secret, a header) is
found by `redaction`, whatever it looks like.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address

LAST_WORDS = (
    r"tokens?|secrets?|passw(?:or)?ds?|passwd|passphrase|credentials?|api[-_.]?keys?|access[-_.]?keys?(?:[-_.]?id)?|private[-_.]?keys?|"
    r"client-key-data|client-certificate-data|certificate-authority-data|dockerconfigjson|authorization|cookies?|auth"
)
"""The last word of a name whose value is a secret."""

_NAME = re.compile(rf"(?:{LAST_WORDS})[-_.]?(?:value|data|b64|base64|\d*)$", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_OF_NAMES: tuple[str, ...] = (
    "token",
    "secret",
    "passw",
    "passphrase",
    "credential",
    "auth",
    "cookie",
    "client-",
    "certificate-",
    "dockerconfig",
)
_OF_NAMES += tuple(f"{first}{mark}key" for first in ("api", "access", "private") for mark in ("", "-", "_", "."))
"""In small letters: each name of LAST_WORDS has one of these in it."""

NOTHING = frozenset({"", "true", "false", "null", "none", "~", "redacted"})
"""Values that are no secret, whatever their name; the last one stands in a record for the token of the run itself."""

REDACTED = "redacted-"
"""How each replacement begins, but for addresses."""


class Kind(StrEnum):
    """What was replaced."""

    SECRET = "secret"  # noqa: S105 - the name of a kind
    HOST = "host"
    USER = "user"
    ADDRESS = "address"
    PATH = "path"


@dataclass(frozen=True, slots=True)
class Pattern:
    """Where in a text something of this kind is: the group named "it".

    hints: in small letters; a text without any of them has no match, which is found out many times as fast.
    """

    kind: Kind
    hints: tuple[str, ...]
    found: re.Pattern[str]

    def may_match(self, low: str) -> bool:
        """Whether the pattern need be tried on a text. low: the text in small letters."""
        return any(hint in low for hint in self.hints)


_QUOTED = r"\\*[\"']?"
"""A quotation mark, in a text that may be a JSON string in a JSON string."""

_HEADERS = "authorization|cookie|x-api-key|x-auth-token"
"""Of HTTP: their value goes on to the end of the line."""

_BY_PREFIX = (
    r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}|(?:AKIA|ASIA)[0-9A-Z]{16}|xox[abprs]-[\w-]{10,}|"
    r"AIza[\w-]{35}|npm_\w{36}|hf_\w{30,}|sk-[\w-]{20,}"
)
"""Tokens that say by their first letters whose they are."""

_PREFIXES = ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "akia", "asia", "xox", "aiza", "npm_", "hf_", "sk-")

_LONG = re.compile(r"[A-Za-z0-9+/]{60}")

_VALUE = r"[^\s\"'\\,;&{}\[\]()<>]+"

BLOCK = Pattern(
    Kind.SECRET, ("-----begin",), re.compile(r"(?P<it>-----BEGIN [A-Z0-9 ]+-----[^\"'-]*(?:-----END [A-Z0-9 ]+-----)?)")
)
"""A key or a certificate of several lines. Within a log each of its lines comes by itself: see the first of PATTERNS."""

_SUFFIXES = (".internal", ".corp", ".lan", ".intranet", ".localdomain", ".home.arpa")
"""Of names that are known within somebody's own network alone."""

PATTERNS: tuple[Pattern, ...] = tuple(
    Pattern(kind, hints, re.compile(pattern, re.IGNORECASE if fold else 0))
    for kind, hints, fold, pattern in (
        # Not digests and ids of containers, which are hexadecimal.
        (Kind.SECRET, ("",), False, r"^(?:\d{4}-\d\d-\d\dT\S+ )?(?P<it>(?![0-9a-f]+$)[A-Za-z0-9+/]{60,}={0,2})$"),
        (
            Kind.SECRET,
            ("authorization", "cookie", "x-api-key", "x-auth-token"),
            True,
            rf"(?:{_HEADERS}){_QUOTED}[ \t]*[:=][ \t]*\[?{_QUOTED}(?P<it>[^\s\"'\\\[\]{{}},][^\"'\\\r\n\]]*)",
        ),
        (Kind.SECRET, ("bearer",), True, r"\bbearer[ \t]+(?P<it>[A-Za-z0-9._~+/=-]{4,})"),
        (Kind.SECRET, ("@",), False, r"://(?P<it>[^/\s:@\"'\\]+:[^/\s@\"'\\]+)@"),
        (Kind.SECRET, ("eyj",), False, r"\b(?P<it>eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*)"),
        (Kind.SECRET, _PREFIXES, False, rf"\b(?P<it>{_BY_PREFIX})"),
        (Kind.SECRET, _OF_NAMES, True, rf"(?:{LAST_WORDS}){_QUOTED}[ \t]*[:=][ \t]*{_QUOTED}(?P<it>{_VALUE})"),
        (Kind.USER, ("username",), True, rf"\busername{_QUOTED}[ \t]*[:=][ \t]*{_QUOTED}(?P<it>{_VALUE})"),
        (Kind.SECRET, ("--",), True, rf"--(?:token|password|secret|api-key)[ \t]+{_QUOTED}(?P<it>{_VALUE})"),
        (Kind.PATH, ("/home/", "/users/"), False, r"(?P<it>/(?:home|Users)/[^/\s\"'\\:,;)\]}]+)"),
        (
            Kind.HOST,
            _SUFFIXES,
            True,
            rf"(?<![\w.-])(?P<it>[a-z0-9-]+(?:\.[a-z0-9-]+)*(?:{'|'.join(map(re.escape, _SUFFIXES))}))(?!\.?[\w-])",
        ),
    )
)
"""For one line each, in this order: what an earlier one has replaced, a later one leaves."""

ASSIGNED = re.compile(r"Successfully assigned \S+ to (?P<it>[\w.-]+)")
"""The scheduler's event: it names the node."""

_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}(?!\d|\.\d)")
_LIKE_IPV4 = re.compile(r"\.\d{1,3}\.\d{1,3}")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:]|\.\d)")
_LIKE_IPV6 = re.compile(r"::|:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:")
"""Quickly found in every text with an address."""

KEPT_NETWORKS = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "255.255.255.255/32",
        "10.244.0.0/16",  # kind's pods
        "10.96.0.0/12",  # kubeadm's Services
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
    )
)
"""Addresses that say nothing of a host: loopback and its like, those inside every kind cluster, those for documents (RFC 5737)."""

_FOR_DOCUMENTS = ("192.0.2", "198.51.100", "203.0.113")


def is_secret_name(name: str) -> bool:
    """Whether the value of a variable, a header or a key of this name is a secret: DB_PASSWORD, apiKey, Authorization."""
    return _NAME.search(name) is not None and REDACTED not in name


def may_name(text: str) -> bool:
    """Whether a text can have a name in it that makes of something a secret; one in which this is False need not be read."""
    low = text.lower()
    return any(hint in low for hint in _OF_NAMES)


def may_hide(text: str) -> bool:
    """Whether a JSON text can hold what only shows when it is read: by its key, behind an escape, as a line of its own."""
    return "\\u" in text or may_name(text) or _LONG.search(text) is not None


def is_one(found: re.Match[str]) -> bool:
    """Whether what a pattern of PATTERNS points at is more than a switch, a number of a JSON object, or a replacement."""
    it, before = found["it"], found.string[max(found.start("it") - 1, 0) : found.start("it")]
    number = _NUMBER.fullmatch(it) is not None and before not in {'"', "'", "="}
    return not (number or REDACTED in it or it.lower() in NOTHING)


def addresses(text: str) -> Mapping[str, re.Pattern[str]]:
    """Each address in a text that may be a host's, as written: what finds it there, and no longer one that begins or ends so."""
    # What comes before one is looked at in its own pattern, for few of them are replaced at all.
    four = {one for one in _IPV4.findall(text) if _is_of_a_host(one)} if _LIKE_IPV4.search(text) else set()
    found = {one: re.compile(rf"(?<!\d)(?<!\d\.){re.escape(one)}(?!\d|\.\d)") for one in four}
    if _LIKE_IPV6.search(text):
        six = [one for one in _IPV6.findall(text) if _is_of_a_host6(one)]
        found |= {one: re.compile(rf"(?<![\w:.]){re.escape(one)}(?![\w:]|\.\d)") for one in six}
    return dict(sorted(found.items(), key=lambda item: (-len(item[0]), item[0])))


def address(six: bool, number: int) -> str:  # noqa: FBT001 - the family
    """The number-th address, from 1, that stands for another: one of those for documents, while there are any."""
    if six:
        return f"2001:db8::{number:x}"
    block, last = divmod(number - 1, 254)
    if block < len(_FOR_DOCUMENTS):
        return f"{_FOR_DOCUMENTS[block]}.{last + 1}"
    return str(IPv4Address((240 << 24) + number))


@lru_cache(4096)
def _is_of_a_host(text: str) -> bool:
    try:
        given = IPv4Address(text)
    except AddressValueError:
        return False
    return not any(given in network for network in KEPT_NETWORKS) and given < IPv4Address("224.0.0.0")


@lru_cache(4096)
def _is_of_a_host6(text: str) -> bool:
    try:
        given = IPv6Address(text)
    except AddressValueError:
        return False
    return not (given.is_loopback or given.is_unspecified or text.lower().startswith("2001:db8:") or len(text) < 5)
