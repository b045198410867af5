"""What must not leave a machine in a bundle, by the look of a text: credentials, addresses, paths, names of hosts. Pure.

A pattern finds what nobody has told us of. What is known by its place in an object (a variable of a pod, a Secret, a header) is
found by `redaction`, whatever it looks like.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address

LAST_WORDS = (
    r"tokens?|secrets?|passw(?:or)?ds?|passwd|passphrase|credentials?|api[-_.]?keys?|access[-_.]?keys?(?:[-_.]?id)?|private[-_.]?keys?|"
    r"client-key-data|client-certificate-data|certificate-authority-data|dockerconfigjson|authorization|cookies?|auth"
)
"""The last word of a name whose value is a secret."""

_NAME = re.compile(rf"(?:{LAST_WORDS})[-_.]?(?:value|data|b64|base64|\d*)$", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
MAY_HOLD = re.compile(rf"{LAST_WORDS}|bearer|\"Secret\"", re.IGNORECASE)
"""A text without any of these names no secret by its place."""

NOTHING = frozenset({"", "true", "false", "null", "none", "~"})
"""Values that are no secret, whatever their name."""

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
    """Where in a text something of this kind is: the group named "it"."""

    kind: Kind
    found: re.Pattern[str]


_QUOTED = r"\\*[\"']?"
"""A quotation mark, in a text that may be a JSON string in a JSON string."""

_HEADERS = "authorization|cookie|x-api-key|x-auth-token"
"""Of HTTP: their value goes on to the end of the line."""

_BY_PREFIX = (
    r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}|(?:AKIA|ASIA)[0-9A-Z]{16}|xox[abprs]-[\w-]{10,}|"
    r"AIza[\w-]{35}|npm_\w{36}|hf_\w{30,}|sk-[\w-]{20,}"
)
"""Tokens that say by their first letters whose they are."""

_VALUE = r"[^\s\"'\\,;&{}\[\]()<>]+"

PATTERNS: tuple[Pattern, ...] = tuple(
    Pattern(kind, re.compile(pattern, re.IGNORECASE if fold else 0))
    for kind, fold, pattern in (
        (Kind.SECRET, False, r"(?P<it>-----BEGIN [A-Z0-9 ]+-----[\s\S]*?(?:-----END [A-Z0-9 ]+-----|\Z))"),
        # Within a log each line of such a block comes by itself. Digests and ids of containers are hexadecimal.
        (Kind.SECRET, False, r"(?m)^(?:\d{4}-\d\d-\d\dT\S+ )?(?P<it>(?![0-9a-f]+$)[A-Za-z0-9+/]{60,}={0,2})$"),
        (
            Kind.SECRET,
            True,
            rf"(?:{_HEADERS}){_QUOTED}[ \t]*[:=][ \t]*\[?{_QUOTED}(?P<it>[^\s\"'\\\]][^\"'\\\r\n\]]*)",
        ),
        (Kind.SECRET, True, r"\bbearer[ \t]+(?P<it>[A-Za-z0-9._~+/=-]{4,})"),
        (Kind.SECRET, False, r"://(?P<it>[^/\s:@\"'\\]+:[^/\s@\"'\\]+)@"),
        (Kind.SECRET, False, r"\b(?P<it>eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*)"),
        (
            Kind.SECRET,
            False,
            rf"\b(?P<it>{_BY_PREFIX})",
        ),
        (
            Kind.SECRET,
            True,
            rf"(?:{LAST_WORDS}){_QUOTED}[ \t]*[:=][ \t]*{_QUOTED}(?P<it>{_VALUE})",
        ),
        (Kind.USER, True, rf"\busername{_QUOTED}[ \t]*[:=][ \t]*{_QUOTED}(?P<it>{_VALUE})"),
        (Kind.SECRET, True, rf"--(?:token|password|secret|api-key)[ \t]+{_QUOTED}(?P<it>{_VALUE})"),
        (Kind.PATH, False, r"(?P<it>/(?:home|Users)/[^/\s\"'\\:,;)\]}]+)"),
        (
            Kind.HOST,
            True,
            r"(?<![\w.-])(?P<it>[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:internal|corp|lan|intranet|localdomain|home\.arpa))(?!\.?[\w-])",
        ),
    )
)
"""In this order: what an earlier one has replaced, a later one leaves."""

ASSIGNED = re.compile(r"Successfully assigned \S+ to (?P<it>[\w.-]+)")
"""The scheduler's event: it names the node."""

_IPV4 = re.compile(r"(?<!\d)(?<!\d\.)(?:\d{1,3}\.){3}\d{1,3}(?!\d|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])")

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
    return _NAME.search(name) is not None


def is_one(found: re.Match[str]) -> bool:
    """Whether what a pattern of PATTERNS points at is more than a switch, a number of a JSON object, or a replacement."""
    it, before = found["it"], found.string[max(found.start("it") - 1, 0) : found.start("it")]
    number = _NUMBER.fullmatch(it) is not None and before not in {'"', "'", "="}
    return not (number or REDACTED in it or it.lower() in NOTHING)


def addresses(text: str) -> Mapping[str, re.Pattern[str]]:
    """Each address in a text that may be a host's, as written: what finds it there, and no longer one that begins or ends so."""
    found = {one: re.compile(rf"(?<!\d)(?<!\d\.){re.escape(one)}(?!\d|\.\d)") for one in _IPV4.findall(text) if _is_of_a_host(one)}
    if "::" in text or text.count(":") >= 7:
        six = [one for one in _IPV6.findall(text) if _is_of_a_host6(one)]
        found |= {one: re.compile(rf"(?<![\w:.]){re.escape(one)}(?![\w:])") for one in six}
    return dict(sorted(found.items(), key=lambda item: (-len(item[0]), item[0])))


def address(six: bool, number: int) -> str:  # noqa: FBT001 - the family
    """The number-th address, from 1, that stands for another: one of those for documents, while there are any."""
    if six:
        return f"2001:db8::{number:x}"
    block, last = divmod(number - 1, 254)
    if block < len(_FOR_DOCUMENTS):
        return f"{_FOR_DOCUMENTS[block]}.{last + 1}"
    return str(IPv4Address((240 << 24) + number))


def _is_of_a_host(text: str) -> bool:
    try:
        given = IPv4Address(text)
    except AddressValueError:
        return False
    return not any(given in network for network in KEPT_NETWORKS) and given < IPv4Address("224.0.0.0")


def _is_of_a_host6(text: str) -> bool:
    try:
        given = IPv6Address(text)
    except AddressValueError:
        return False
    return not (given.is_loopback or given.is_unspecified or text.lower().startswith("2001:db8:") or len(text) < 5)
