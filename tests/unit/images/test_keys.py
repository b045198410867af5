"""Keys: equal inputs give the equal key, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.images.keys import LENGTH, digest, key

PARTS = st.lists(st.one_of(st.text(max_size=8), st.integers()), max_size=4)


@settings(deadline=None)  # how long a busy machine takes says nothing
@given(PARTS, PARTS)
def test_two_keys_are_equal_exactly_when_their_inputs_are(one: list[str | int], other: list[str | int]) -> None:
    """Inputs cannot run into one another: ("a", "bc") is not ("ab", "c")."""
    assert (key(*one) == key(*other)) == (one == other)


def test_a_key_is_short_hex_and_stays_what_it_was() -> None:
    """It is part of image names on people's machines: another spelling would build everything anew."""
    assert key("trixie", ["a", "b"], {"x": 1}) == key("trixie", ("a", "b"), {"x": 1})
    assert len(key("x")) == LENGTH
    assert int(key("x"), 16) >= 0


def test_what_json_cannot_say_is_refused() -> None:
    """An object's address in a key would make each run build anew."""
    with pytest.raises(TypeError):
        key(object())


def test_a_directory_is_its_names_contents_and_modes(tmp_path: Path) -> None:
    """Each of the three changes the digest; what running the files leaves behind does not."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "run.sh").write_text("one", encoding="utf-8")
    (tmp_path / "sub" / "run.sh").chmod(0o644)
    first = digest(tmp_path)
    (tmp_path / "sub" / "__pycache__").mkdir()
    (tmp_path / "sub" / "__pycache__" / "x.pyc").write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    assert digest(tmp_path) == first

    (tmp_path / "sub" / "run.sh").chmod(0o755)
    runnable = digest(tmp_path)
    (tmp_path / "sub" / "run.sh").write_text("two", encoding="utf-8")
    changed = digest(tmp_path)
    (tmp_path / "sub" / "run.sh").rename(tmp_path / "sub" / "walk.sh")
    assert len({first, runnable, changed, digest(tmp_path)}) == 4


def test_a_checkout_may_lie_below_a_directory_called_like_a_cache(tmp_path: Path) -> None:
    """Only names inside the digested directory decide what is left out."""
    place = tmp_path / "my_cache"
    place.mkdir()
    empty = digest(place)
    (place / "recipe").write_text("x", encoding="utf-8")
    assert digest(place) != empty
