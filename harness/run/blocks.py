"""In which order the arms of an experiment are measured. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence

from harness.model import Block

ROUNDS = 2
"""Each arm is measured in so many blocks. Two, in opposite orders (A B B A), cancel a drift of the machine that is linear in time;
each further block would cost a deployment more, some 20 s."""


def plan(arms: Sequence[str], cycles: int, seed: int) -> tuple[Block, ...]:
    """The blocks of these arms in their order: first in a drawn order, then in the opposite one.

    arms: labels. cycles: of each arm in all, split as evenly as can be; an arm alone, or with one cycle, has one block. Blocks of
    one round draw the same injection phases in all arms, so that they meet the same luck. Raises ValueError for no arm or cycle.
    """
    if not arms or cycles < 1:
        raise ValueError("an experiment needs an arm and a cycle")
    order = list(arms)
    random.Random(seed).shuffle(order)  # noqa: S311 - an order, recorded with its seed; not a secret
    rounds = min(ROUNDS, cycles) if len(order) > 1 else 1
    blocks: list[Block] = []
    for number in range(1, rounds + 1):
        share = cycles * number // rounds - cycles * (number - 1) // rounds
        phases = random.Random(f"{seed} {number}").getrandbits(32)  # noqa: S311 - the same
        blocks += [Block(arm, number, share, phases) for arm in (order if number % 2 else reversed(order))]
    return tuple(blocks)
