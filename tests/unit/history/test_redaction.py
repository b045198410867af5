"""Secrets, hosts, users, addresses and paths are replaced by the same wherever they stand; what the analysis joins by is not."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.adapters.here import Here
from harness.history.redaction import Redactor
from harness.history.secrets import PATTERNS, Pattern, is_secret_name

HERE = Here(("build-7", "build-7.example.org"), ("alice",), ("/srv/alice/chaos/artifacts", "/srv/alice/chaos"))
KEY = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIKq\n-----END EC PRIVATE KEY-----"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"


def redactor(*vocabulary: str) -> Redactor:
    """On the machine HERE."""
    return Redactor(HERE, vocabulary)


NAMES = [
    "token",
    "tokens",
    "secret",
    "secrets",
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "credential",
    "credentials",
    "api-key",
    "apikey",
    "api_keys",
    "api.key",
    "access-key",
    "access_key_id",
    "accesskey",
    "private-key",
    "privatekey",
    "client-key-data",
    "client-certificate-data",
    "certificate-authority-data",
    "dockerconfigjson",
    "authorization",
    "cookie",
    "cookies",
    "auth",
]

GONE = [
    ("GET / Authorization: Bearer abc.def-123", "abc.def-123"),
    ("Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
    (r'{"msg":"headers map[Authorization:[Bearer s3cr3t-value] Accept:[*/*]]"}', "s3cr3t-value"),
    (r'{"body":"{\"password\": \"hunter2\"}"}', "hunter2"),
    ("db_password=hunter2 host=db", "hunter2"),
    ("url https://bob:hunter2@registry.example.com/v2/", "hunter2"),
    (f"kubeconfig token: {JWT}", JWT),
    (f"seen {JWT} in a log", JWT),
    ("client-key-data: LS0tLS1CRUdJTiBSU0EgUFJJVkFURQ==", "LS0tLS1CRUdJTiBSU0EgUFJJVkFURQ=="),
    (KEY, "MHcCAQEEIKq"),
    (json.dumps({"line": KEY}), "MHcCAQEEIKq"),
    ("2026-11-27T18:21:34.300107264Z " + "MHcCAQEEIKq0" * 5 + "MHcC", "MHcCAQEEIKq0"),
    ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG", "wJalrXUtnFEMI"),
    ("id AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
    ("push with ghp_0123456789abcdefghijABCDEFGHIJ012345", "ghp_0123456789"),
    ("kubeadm join --token abcdef.0123456789abcdef", "abcdef.0123456789abcdef"),
    ('{"auths":{"r.example.com":{"username":"bob","password":"x1","auth":"Ym9iOng="}}}', "Ym9iOng="),
    ('{"auths":{"r.example.com":{"username":"bob","password":"x1","auth":"Ym9iOng="}}}', "bob"),
    ('{"name":"API_TOKEN","value":"short"}', "short"),
    ("Set-Cookie: session=0123; Path=/", "0123"),
    ("pwd: /srv/alice/chaos/artifacts/S1", "alice"),
    ("opened /home/carol/.kube/config", "carol"),
    ("ran by alice on build-7", "alice"),
    ("ran by alice on build-7", "build-7"),
    ("node ip-10-1-2-3.eu-west-1.compute.internal is gone", "ip-10-1-2-3"),
    ("dial tcp 172.18.0.2:6443: i/o timeout", "172.18.0.2"),
    ("http://toggle.ns.192.168.1.20.sslip.io/", "192.168.1.20"),
    ("listening on [fd00:10:244::5]:8080", "fd00:10:244::5"),
]


@pytest.mark.parametrize(("text", "secret"), GONE)
def test_it_is_gone(text: str, secret: str) -> None:
    """Whatever surrounds it; a second time changes nothing."""
    shown = redactor().text(text)
    assert secret not in shown
    assert redactor().text(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "dial tcp 127.0.0.1:8080: connect: connection refused\n",
        'E1127 18:21:45.540427     662 x.go:104] "Probe failed" pod="knative-chaos-1/toggle-00001-deployment-758f9bc795-5g4q2"',
        '{"slice":"toggle-00001-4xppl","endpoints":[{"ip":"10.244.0.72","pod":"toggle","ready":true}]}',
        'time="2026-11-27T18:21:34.060843270Z" level=info msg="CreateContainer within sandbox \\"890e9927204e3ab016e4edbe\\""',
        "automountServiceAccountToken: false",
        '{"env":[{"name":"TOGGLE_TOKEN","value":"redacted"}]}',
        '{"token": 5, "secretName": "tls", "secretKeyRef": {"name": "a", "key": "b"}}',
        "image: docker.io/library/python@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "std::vector and a::b, at 18:21:34:56:78",
        "goroutine 7 knative.dev/serving@v0.50.0/pkg/queue/x.go:12",
    ],
)
def test_it_is_left_as_it_is(text: str) -> None:
    """What the analysis reads and what is nobody's secret."""
    assert redactor().text(text) == text


def test_a_secret_that_one_place_gives_away_is_found_in_all() -> None:
    """In another text, in a JSON string, in base64, as part of a URL; always replaced by the same."""
    redact = redactor()
    redact.learn(json.dumps({"env": [{"name": "DB_PASSWORD", "value": 'hun"ter2&co'}]}))
    forms = ['hun"ter2&co', json.dumps('hun"ter2&co'), base64.b64encode(b'hun"ter2&co').decode(), "hun%22ter2%26co"]
    assert {redact.text(f"x={form}!") for form in forms} == {"x=redacted-secret-1!", 'x="redacted-secret-1"!'}
    assert redact.counts == {"secret": 1}


def test_different_secrets_stay_different() -> None:
    """Two pods of two hosts must not become one."""
    redact = redactor()

    shown = redact.text("10.0.0.1 10.0.0.2 10.0.0.1 10.0.0.12").split()
    assert shown[0] == shown[2]
    assert len(set(shown)) == 3


def test_numbers_that_look_like_an_address() -> None:
    """Five of them are none, and nothing was replaced."""
    redact = redactor()
    assert redact.text("oid 1.3.6.1.4, 1.2.3.4.5, 300.1.1.1, 1234.5.6.7") == "oid 1.3.6.1.4, 1.2.3.4.5, 300.1.1.1, 1234.5.6.7"
    assert redact.counts == {}


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.found.pattern[:30])
def test_a_hint_is_in_all_that_a_pattern_matches(pattern: Pattern) -> None:
    """Or what is left out for speed would be left in."""
    texts = [text for text, _ in GONE] + [text.upper() for text, _ in GONE] + [f"x{word}: y1" for word in NAMES]
    matched = [text for text in texts if pattern.found.search(text)]
    assert matched
    assert [text for text in matched if not pattern.may_match(text.lower())] == []


def test_a_word_of_the_history_is_replaced_only_where_it_is_a_secret() -> None:
    """The path of a probe, used as a password, is still the path of a probe."""
    redact = redactor("/healthz", "toggle")
    text = json.dumps({"env": [{"name": "PASSWORD", "value": "/healthz"}]})
    redact.learn(text)
    assert "/healthz" not in redact.text(text)
    assert redact.text("GET /healthz 200") == "GET /healthz 200"


def test_a_short_secret_is_replaced_where_its_name_says_so_alone() -> None:
    """It may be any word."""
    redact = redactor()
    text = json.dumps({"env": [{"name": "PASSWORD", "value": "pod"}]})
    assert '"pod"' not in redact.text(text)
    assert redact.text("the pod is gone") == "the pod is gone"


def test_a_secret_of_kubernetes_stays_one() -> None:
    """Its data is base64 before and after, comments aside; the other documents are as they were written."""
    inside = base64.b64encode(b"swordfish").decode()
    text = (
        f"# mine\napiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\ndata: {{key: {inside}}}\nstringData: {{more: plain-text}}\n"
    )
    redact = redactor()
    shown = redact.yaml(text)
    assert "swordfish" not in shown
    assert inside not in shown
    assert "plain-text" not in shown
    assert base64.b64encode(b"redacted-secret-2").decode() in shown
    assert redact.text("log: swordfish") == "log: redacted-secret-2"
    plain = "# a comment\nkind: Service\nmetadata:\n  name: x   # here\n"
    assert redact.yaml(plain) == plain


def test_the_node_of_another_cluster_is_a_host() -> None:
    """Ours is called after the cluster and stays."""
    redact = redactor()
    redact.learn("Successfully assigned ns/p to worker-a.example.org")
    redact.learn("Successfully assigned ns/p to knative-chaos-e2e-control-plane")
    assert redact.text("on worker-a.example.org, knative-chaos-e2e-control-plane") == (
        "on redacted-host-3, knative-chaos-e2e-control-plane"
    )


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ('{"headers":{"Authorization":["Bearer s3cr3t"],"Accept":[]},"n":[]}', "s3cr3t"),
        (r'{"user":"\u0061lice is here"}', "alice"),
        (json.dumps({"msg": "MHcCAQEEIKq0" * 6}), "MHcCAQEEIKq0"),
        ('{"msg":"-----BEGIN KEY-----\\nMHcC","next":{"a":1}}', "MHcC"),
        ('{"a":{"username":"bob"},"b":[1,2]}', "bob"),
        ('{"apiKey": "12345", "n": 3}', "12345"),
    ],
)
def test_a_json_line_is_read(text: str, secret: str) -> None:
    """What a pattern could not see, or would tear apart."""
    shown = redactor().text(text)
    assert secret not in shown
    before, after = json.loads(text), json.loads(shown)
    assert list(after) == list(before)
    assert after != before


def test_headers_of_the_load_are_pairs() -> None:
    """As a LoadPlan holds them."""
    plan = {"headers": [["Authorization", "Bearer x"], ["Accept", "text/plain"]]}
    assert redactor().value(plan) == {"headers": [["Authorization", "redacted-secret-1"], ["Accept", "text/plain"]]}


@pytest.mark.parametrize(
    "name", ["TOKEN", "DB_PASSWORD", "apiKey", "Authorization", "client-key-data", "PASSWORD2", "password_b64"]
)
def test_a_secret_name(name: str) -> None:
    """As people write them."""
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["name", "secretName", "secretKeyRef", "key", "path", "boot", "phase_seed", "tokenExpirationSeconds"]
)
def test_no_secret_name(name: str) -> None:
    """What comes near."""
    assert not is_secret_name(name)


def test_this_machine_is_looked_at() -> None:
    """Names that everybody has are left out: a user called root would be replaced in every path."""
    seen = Here.look()
    assert "root" not in seen.users
    assert all(path.startswith("/") and path.count("/") >= 1 for path in seen.paths)
    assert list(seen.paths) == sorted(seen.paths, key=lambda path: (-len(path), path))


KEYS = st.sampled_from(
    ["token", "password", "Authorization", "env", "name", "value", "msg", "auth", "kind", "data", "stringData", "url"]
)
TEXTS = st.text(max_size=20) | st.sampled_from(
    [
        "Secret",
        "API_TOKEN",
        "-----BEGIN KEY-----\nabc",
        "Bearer abc.def",
        "token=x",
        "10.1.2.3",
        "alice",
        "http://a:b@c",
        'password: "x',
        "::1 fd00::2",
    ]
)
JSON = st.recursive(
    TEXTS | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | TEXTS, inner, max_size=4),
    max_leaves=12,
)


QUIETLY = settings(deadline=None, derandomize=True)
"""How long a busy machine takes says nothing; what is drawn is the same each time."""


@QUIETLY
@given(value=st.dictionaries(KEYS, JSON, max_size=5), compact=st.booleans())
def test_a_json_object_stays_one(value: dict[str, object], compact: bool) -> None:
    """Whatever is in it, once everything was looked at; a second time changes nothing."""
    redact = redactor()
    text = json.dumps(value, separators=(",", ":") if compact else None)
    redact.learn(text)
    shown = redact.text(text)
    assert isinstance(json.loads(shown), dict)
    assert redact.text(shown) == shown


@QUIETLY
@given(text=st.lists(TEXTS, max_size=6).map("".join))
def test_a_second_time_changes_nothing(text: str) -> None:
    """Or a bundle of a bundle would show other words."""
    shown = redactor().text(text)
    assert redactor().text(shown) == shown
