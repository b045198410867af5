"""docs/advise.md shows what the command says: its output, the constants and the rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.advise import Load, advice
from harness.advise.data import Constant, Model, model
from harness.advise.rules import RULES
from harness.advise.words import lines
from harness.deploy.reading import read
from harness.knative.manifest.settings import NEWEST, Settings

PAGE = (Path(__file__).parents[3] / "docs" / "advise.md").read_text(encoding="utf-8")
SHOP = """\
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: shop}
spec:
  template:
    spec:
      containers:
        - image: shop:1
          livenessProbe: {httpGet: {path: /healthz}, periodSeconds: 1, initialDelaySeconds: 10}
"""


def test_the_output_on_the_page_is_that_of_the_command() -> None:
    """Each line of the block, up to an ellipsis, in this order."""
    manifest = read(SHOP, where="shop.yaml")
    printed = iter(lines(advice(manifest.obj, Settings(NEWEST), Load(), manifest.line), "shop.yaml"))
    block = re.search(r"^```\n\$ knative-chaos advise shop\.yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert block is not None
    for shown in block[1].splitlines():
        begin = shown.partition("...")[0]
        if begin.strip():
            assert any(line == shown or ("..." in shown and line.startswith(begin)) for line in printed), shown


@pytest.mark.parametrize("name", sorted(set(Model.__dataclass_fields__) - {"name"}))
def test_the_constants_on_the_page_are_those_of_the_model(name: str) -> None:
    """A fit changes both."""
    one: Constant = getattr(model(), name)
    assert re.search(rf"^\| {name.upper()} \| {one.lo:g}(\.0)? to {one.hi:g} \|", PAGE, re.MULTILINE), name


def test_every_rule_is_on_the_page_with_its_scenario() -> None:
    """In the order in which risks are shown."""
    rows = re.findall(r"^\| `([a-z-]+)` \|[^|]*\| (\w+) \|", PAGE, re.MULTILINE)
    assert rows == [(rule.name, rule.scenario) for rule in RULES]
