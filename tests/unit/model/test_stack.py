"""A stack and an arm are known by what they are, not by where they stand or what they are called."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from harness.history.codec import decode, encode
from harness.model import Arm, KnativeVersion, Stack, SystemChange, Workload, WorkloadKind

CHANGE = SystemChange("ConfigMap a/b", "key", None, "now", "why")
STACK = Stack("1.23.0", "module", "v1.34.4", "net-kourier v0.48.0", "go1.25.1", ("dev.local/queue:v0.50.0-abc",), (CHANGE,))
ARM = Arm("stock", STACK, Workload(WorkloadKind.KNATIVE_SERVICE, "a: 1"))

OTHERS: dict[str, Any] = {
    "knative": "1.22.0",
    "source": "release",
    "kubernetes": "v1.34.5",
    "ingress": "net-kourier v0.49.0",
    "toolchain": "go1.25.2",
    "images": ("dev.local/queue:v0.50.0-abd",),
    "changes": (replace(CHANGE, was=""),),
}


def test_the_id_of_a_stack_is_the_same_on_every_machine() -> None:
    """It stands in records that are compared years later: a change of it is a change of the layout."""
    assert STACK.id == "5bc98c70f95a"


@pytest.mark.parametrize("name", OTHERS)
def test_whatever_is_installed_otherwise_is_another_stack(name: str) -> None:
    """Each field; a change that was not there before is no empty text."""
    assert set(OTHERS) == {field.name for field in fields(Stack)}
    assert replace(STACK, **{name: OTHERS[name]}).id != STACK.id


def test_a_label_is_no_part_of_an_arm() -> None:
    """The workload and the stack are; the request log of queue-proxy changes the stack."""
    assert replace(ARM, label="other").id == ARM.id
    others = {
        replace(ARM, workload=replace(ARM.workload, documents="a: 2")).id,
        replace(ARM, workload=replace(ARM.workload, kind=WorkloadKind.DEPLOYMENT)).id,
        replace(ARM, stack=replace(STACK, changes=())).id,
        ARM.id,
        STACK.id,
    }
    assert len(others) == 5


def test_a_stack_reads_back_from_its_record() -> None:
    """With its id and its version."""
    read = decode(Stack, encode(STACK))
    assert read == STACK
    assert read.id == STACK.id
    assert read.version == KnativeVersion.parse("v0.50")
