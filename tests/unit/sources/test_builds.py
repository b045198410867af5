"""Which Knative is asked for, from what a user writes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.errors import BadInput
from harness.model import Build, KnativeVersion
from harness.sources import builds

from .checkouts import GO_MOD, OWN_GO_MOD, committed, own, serving, written


def asked(text: str, queue_proxy: str = "") -> Build:
    """With 1.23 pinned."""
    return builds.asked(text, queue_proxy=queue_proxy, pinned="v0.50.0")


@pytest.mark.parametrize(("text", "version"), [("", "1.23.0"), ("1.17", "1.17.0"), (" v0.45.1 ", "1.18.1")])
def test_a_version_is_a_build_without_directories(text: str, version: str) -> None:
    """As `--kn-version` took it before; "" is the pinned one."""
    assert asked(text) == Build(KnativeVersion.parse(version))
    assert asked(text).text == asked(text).label == version


def test_a_checkout_says_which_release_it_is_based_on(tmp_path: Path) -> None:
    """By its tag, or by what its go.mod requires."""
    place = serving(tmp_path / "serving")
    build = asked(f"path:{place}")
    assert build.version.text == "1.23.0"
    assert build.serving is not None
    assert (build.serving.commit, build.serving.name, build.serving.directory) == ("", "serving", str(place))
    tagged = committed(place, tag="knative-v1.22.3")
    assert asked(f"path:{tagged}").version.text == "1.22.3"


def test_the_release_can_be_said(tmp_path: Path) -> None:
    """Where nothing in the checkout says it, that is what is asked for."""
    place = serving(tmp_path / "at@home", **{"go.mod": GO_MOD.replace("c7a7b772cac9", "000000000000")})
    with pytest.raises(BadInput, match=r"Which release the checkout .* is based on cannot be read") as caught:
        asked(f"path:{place}")
    assert f"path:{place}@1.23" in caught.value.fix
    assert asked(f"path:{place}@1.20.1").version.text == "1.20.1"


def test_a_directory_may_be_named_relative_to_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the documentation writes it."""
    place = serving(tmp_path / "serving")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    build = asked("path:../serving")
    assert build.serving is not None
    assert build.serving.directory == str(place)


def test_a_queue_proxy_of_ones_own_beside_a_version(tmp_path: Path) -> None:
    """Behind the version or by an option of its own: the same build; the cluster has the version alone."""
    place = own(tmp_path / "Holding one")
    build = asked(f"1.23,queue-proxy=path:{place}")
    assert build == asked("1.23", f"path:{place}") == asked(f", queue-proxy=path:{place}")
    assert build.queue_proxy is not None
    assert build.installed == Build(build.version)
    assert build.label == "1.23.0-holding-one"
    assert build.text == f"1.23.0, queue-proxy Holding one: files {build.queue_proxy.digest[:12]}"


def test_a_queue_proxy_of_ones_own_beside_a_checkout(tmp_path: Path) -> None:
    """Both at once."""
    build = asked(f"path:{serving(tmp_path / 'serving')},queue-proxy=path:{own(tmp_path / 'holding')}")
    assert build.serving is not None
    assert build.queue_proxy is not None
    assert build.label == "serving-holding"


def test_a_checkout_of_serving_has_a_queue_proxy(tmp_path: Path) -> None:
    """Its cmd/queue; the rest of the checkout is left alone."""
    place = serving(tmp_path / "serving")
    for named in (place, place / "cmd/queue"):
        build = asked("1.23", f"path:{named}")
        assert build.serving is None
        assert build.queue_proxy is not None
        assert build.queue_proxy.directory == str(place / "cmd/queue")


def test_a_module_with_several_queue_proxies(tmp_path: Path) -> None:
    """Each directory is one; their go.mod lies above."""
    written(own(tmp_path / "all"), {"one/main.go": "package main\n", "two/main.go": "package main\n"})
    one, two = (asked("", f"path:{tmp_path}/all/{name}") for name in ("one", "two"))
    assert one.queue_proxy is not None
    assert one.queue_proxy.directory == str(tmp_path / "all/one")
    assert (one.label, two.label) == ("1.23.0-one", "1.23.0-two")
    assert one != two


@pytest.mark.parametrize(
    ("text", "queue_proxy", "said"),
    [
        ("newest", "", "'newest' is not a Knative version"),
        ("../serving", "", "'../serving' is not a Knative version"),
        ("path:", "", "path: names no directory"),
        ("path:{tmp}/none", "", "/none does not exist"),
        ("path:{tmp}/file", "", "/file is not a directory"),
        ("path:{tmp}/empty", "", "not a checkout of Knative Serving: it has no go.mod"),
        ("path:{tmp}/own", "", "its go.mod is that of the module example.org/own"),
        ("path:{tmp}/half", "", "is not whole: it has no config/core"),
        ("path:{tmp}/serving@newest", "", "'newest' is not a Knative version"),
        ("1.23,holding", "", "'holding' is not known behind a version"),
        ("1.23,queue-proxy={tmp}/own", "", "does not name a queue-proxy's directory"),
        ("1.23,queue-proxy=", "", "'' does not name a queue-proxy's directory"),
        ("1.23,queue-proxy=path:", "", "path: names no directory"),
        ("1.23,queue-proxy=path:{tmp}/own", "path:{tmp}/own", "asked for twice"),
        ("1.23", "{tmp}/own", "does not name a queue-proxy's directory"),
        ("1.23", "path:{tmp}/empty", "there is no go.mod in it or above it"),
        ("1.23", "path:{tmp}/other", "example.org/other does not require knative.dev/serving"),
        ("1.23", "path:{tmp}/library", "library has no package main"),
        ("1.17", "path:{tmp}/own", "is built on knative.dev/serving v0.50.0, and Knative 1.17.0 is v0.44.0"),
        ("1.17", "path:{tmp}/serving", "is built on knative.dev/serving v0.50.0, and Knative 1.17.0 is v0.44.0"),
        ("1.23", "path:{tmp}/broken", "names no module"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_line(tmp_path: Path, text: str, queue_proxy: str, said: str) -> None:
    """With what would do; nothing was built."""
    serving(tmp_path / "serving")
    own(tmp_path / "own")
    own(tmp_path / "other", "module example.org/other\n\ngo 1.25\n")
    written(tmp_path, {"file": "", "empty/x": "", "broken/go.mod": "go 1.25\n", "half/go.mod": GO_MOD})
    written(tmp_path, {"library/go.mod": OWN_GO_MOD, "library/x.go": "package library\n", "library/x_test.go": "package main\n"})
    with pytest.raises(BadInput, match=re.escape(said)) as caught:
        asked(text.format(tmp=tmp_path), queue_proxy.format(tmp=tmp_path))
    assert "\n" not in str(caught.value)
    assert caught.value.fix


def test_a_directory_that_stands_for_serving_is_of_no_version(tmp_path: Path) -> None:
    """What it is, only its owner knows; a module in its place is of the version that is required."""
    beside = serving(tmp_path / "serving")
    place = own(tmp_path / "own", f"{OWN_GO_MOD}\nreplace knative.dev/serving => {beside}\n")
    assert asked("1.17", f"path:{place}").queue_proxy is not None
    other = own(tmp_path / "two", f"{OWN_GO_MOD}\nreplace knative.dev/serving => example.org/fork v0.50.1\n")
    with pytest.raises(BadInput, match=r"v0\.50\.0"):
        asked("1.17", f"path:{other}")
