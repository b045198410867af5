"""N1: the same service and load without a fault; the negative control of every other scenario."""

from __future__ import annotations

from harness.catalogue.claims import holds
from harness.catalogue.s1 import S1
from harness.model import FaultSpec, Scenario

N1 = Scenario(
    name="N1",
    title="No fault under the same load",
    service=S1.service,
    fault=FaultSpec(),
    # About as long as S1 takes from the fault to the recovery, so that both offer the same chance to fail.
    after_s=12.0,
    claims=(
        holds("requests-do-not-fail", "negative control: what fails here fails without the fault"),
        holds("no-restart", "negative control"),
    ),
)
