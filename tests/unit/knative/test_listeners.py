"""A line of the sampler, and which connections a listening socket takes."""

from __future__ import annotations

import ipaddress
import json

import pytest

from harness.knative.listeners import LOOPBACK, Listener, sealed_of, stretch_of

ANY = str(ipaddress.IPv4Address(0))
LINE = (
    '{"pod":"p","at_ns":1000000000,"sockets":[["7f000001",8080,17,0],["00000000000000000000000000000001",8080,18,1]],'
    '"looks_us":[[0,120],[20011,340]],"cpu_ms":30}'
)


def test_a_line_of_the_sampler_is_read() -> None:
    """Each look with its beginning and end, each socket with its address."""
    stretch = stretch_of(LINE)
    assert stretch is not None
    assert (stretch.pod, stretch.cpu_ms) == ("p", 30)
    assert stretch.looks == ((1_000_000_000, 1_000_120_000), (1_020_011_000, 1_020_351_000))
    assert [(str(one.address), one.port, one.inode, one.v6only) for one in stretch.listeners] == [
        ("127.0.0.1", 8080, 17, False),
        ("::1", 8080, 18, True),
    ]
    assert stretch.taking(ipaddress.ip_address(LOOPBACK), 8080) == {17}


@pytest.mark.parametrize(
    "line",
    [
        "",
        '{"every_ms":20}',
        '{"sealed":"3"}',
        "[]",
        json.dumps(json.loads(LINE) | {"looks_us": []}),
        json.dumps(json.loads(LINE) | {"sockets": [["7f00", 8080, 17, 0]]}),
        json.dumps(json.loads(LINE) | {"looks_us": [[0]]}),
    ],
)
def test_what_is_no_line_of_looks_is_none(line: str) -> None:
    """Also one that was cut or damaged."""
    assert stretch_of(line) is None


@pytest.mark.parametrize(
    ("address", "v6only", "target", "takes"),
    [
        ("127.0.0.1", False, "127.0.0.1", True),
        ("127.0.0.1", False, "10.244.0.7", False),
        (ANY, False, "127.0.0.1", True),
        (ANY, False, "10.244.0.7", True),
        (ANY, False, "::1", False),
        ("10.244.0.7", False, "127.0.0.1", False),
        ("10.244.0.7", False, "10.244.0.7", True),
        ("::1", False, "127.0.0.1", False),
        ("::1", False, "::1", True),
        ("::", False, "127.0.0.1", True),
        ("::", True, "127.0.0.1", False),
        ("::", True, "::1", True),
        ("::ffff:127.0.0.1", False, "127.0.0.1", True),
        ("::ffff:0.0.0.0", False, "127.0.0.1", True),
        ("::ffff:0.0.0.0", False, "::1", False),
    ],
)
def test_an_address_decides_who_is_refused(address: str, target: str, *, v6only: bool, takes: bool) -> None:
    """Queue-proxy asks at 127.0.0.1; users of a plain Deployment at the pod's address."""
    one = Listener(ipaddress.ip_address(address), 8080, 1, v6only)
    assert one.takes(ipaddress.ip_address(target), 8080) is takes
    assert not one.takes(ipaddress.ip_address(target), 8081)


def test_the_answer_to_a_seal_names_it() -> None:
    """Any other line answers none."""
    assert [sealed_of(line) for line in ('{"sealed":"3"}', '{"sealed":"x"}', "[3]", LINE, "")] == [3, 0, 0, 0, 0]
