"""Several YAML documents in one text."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.adapters.documents import DEEPEST, Twice, YAMLError, documents, lines_of, why_not_yaml


def test_documents_keep_their_text_and_comments() -> None:
    """Markers go, comments stay with what follows them, a `---` inside a literal is content."""
    first, second = documents("# head\n---\na: 1 # é\nb: |\n  ---\n  x\n---\n# only a comment\n---\n# two\nc: ü\n---\n")
    assert first.text == "# head\na: 1 # é\nb: |\n  ---\n  x\n"
    assert first.value == {"a": 1, "b": "---\nx\n"}
    assert second.text == "# two\nc: ü\n"


def test_dates_and_equal_signs_stay_text() -> None:
    """JSON knows neither; some CRDs have both."""
    (only,) = documents("a: 2020-01-01\nb: =\nc: 0o17\nd: yes\n")
    assert only.value["a"] == "2020-01-01"
    assert only.value["b"] == "="


def test_kind_name_and_strings_of_an_object() -> None:
    """What is no object has none of them; keys are no strings."""
    (deployment, plain) = documents("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: [a, {b: c}]\n---\n- 1\n")
    assert (deployment.api_version, deployment.kind, deployment.name) == ("apps/v1", "Deployment", "x")
    assert list(deployment.strings()) == ["apps/v1", "Deployment", "x", "a", "c"]
    assert (plain.kind, plain.api_version, plain.name) == ("", "", "")


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n---\n"])
def test_nothing_is_no_document(text: str) -> None:
    """Empty documents are left out."""
    assert documents(text) == []


def test_what_is_no_yaml_raises() -> None:
    """For the caller to say in its own words."""
    with pytest.raises(YAMLError):
        documents("a: [\n")


@pytest.mark.parametrize(("name", "said"), [("shop.yaml", "in shop.yaml, line 2, column 4"), ("", "in line 2, column 4")])
def test_the_error_of_a_text_names_its_file(name: str, said: str) -> None:
    """The library knows a text only as a unicode string."""
    with pytest.raises(YAMLError) as caught:
        documents("a: 1\nb: : 2\n")
    assert said in why_not_yaml(caught.value, name)
    assert "unicode" not in why_not_yaml(caught.value, name)


@settings(deadline=None)  # how long a busy machine takes says nothing
@given(st.lists(st.dictionaries(st.text("abc", min_size=1), st.text("xyz é-#\n"), min_size=1), max_size=4))
def test_a_text_taken_apart_can_be_put_together(values: list[dict[str, str]]) -> None:
    """Texts joined by a marker are the same documents again."""
    text = "---\n".join(yaml.safe_dump(value, allow_unicode=True) for value in values)
    once = documents(text)
    assert [one.value for one in once] == values
    assert [one.value for one in documents("---\n".join(one.text for one in once))] == values


@pytest.mark.parametrize(
    "text",
    [
        "a: !!int abc",
        "a: !!float x",
        "a: !!bool x",
        "a: !!timestamp x",
        "a: 0b_",
        f"a: {'9' * 5000}",
        "a: \ud800",
        "- " * 300_000 + "a",
    ],
    ids=["int", "float", "bool", "timestamp", "binary", "digits", "half-character", "deep"],
)
def test_what_cannot_be_read_is_one_kind_of_error(text: str) -> None:
    """The library lets several kinds through, and ends the whole process where nesting overruns its stack."""
    with pytest.raises(YAMLError):
        documents(text)


def test_nesting_as_deep_as_is_taken() -> None:
    """The bound is the one stated, and side by side is not deep."""
    assert len(documents("[" * DEEPEST + "]" * DEEPEST)) == 1
    assert len(documents("[" + "[], " * DEEPEST + "]")) == 1
    with pytest.raises(YAMLError, match="nested more than 100 deep"):
        documents("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1))


def test_each_value_has_the_line_of_its_key() -> None:
    """From 1, in each document; of an entry of a list the line of its dash's value; what an alias brings stands at its anchor."""
    (first, second), twice = lines_of("# head\na: 1\nb:\n  - c: x\n    d: &d {e: 2}\n  - *d\n---\n---\nz: {<<: {y: 1}, w: 2}\n")
    assert (first[()], first["a",], first["b", 0, "d", "e"], first["b", 1], first["b", 1, "e"]) == (2, 2, 5, 5, 5)
    assert (second["z", "y"], second["z", "w"]) == (9, 9)
    assert twice == []


def test_a_key_that_is_there_twice_is_found_wherever_it_is() -> None:
    """With both lines; a merged key that is written again is none."""
    assert lines_of("a: 1\nb: [{c: 1,\n  c: 2}]\na: 2\n")[1] == [Twice(("b", 0, "c"), (2, 3)), Twice(("a",), (1, 4))]
    assert lines_of("a: &a {b: 1}\nc:\n  <<: *a\n  b: 2\n")[1] == []


def test_lines_of_a_document_without_end_are_not_looked_for_without_end() -> None:
    """One that holds itself, and merges of merges."""
    (lines,), _twice = lines_of("a: &a {b: [*a]}")
    assert lines["a", "b"] == 1
    merges = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 12))
    assert lines_of(merges)[0]
