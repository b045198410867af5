"""In which order the arms of an experiment are measured. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence

from harness.model import BASE, HEAD, Block

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


BLOCK_CYCLES = 2
"""Cycles of a block of a comparison of two builds, if they can be split so: a deployment costs some 20 s, a cycle 30 s."""


def arm_label(scenario: str, arm: str) -> str:
    """The label of an arm (BASE or HEAD) of a comparison of two builds, such as "s1-base"."""
    return f"{scenario.lower()}-{arm}"


def placements(look: int) -> tuple[int, int]:
    """The two placements of a look (from 1) in their order. A look begins with the placement with which the last one ended."""
    return (1, 2) if look % 2 else (2, 1)


def cluster_of(clusters: tuple[str, str], placement: int, arm: str) -> str:
    """In placement 1 base is on the first cluster and head on the second one, in placement 2 the other way round."""
    return clusters[(placement == 1) is (arm == HEAD)]


def plan_look(scenarios: Sequence[str], cycles: int, look: int, seed: int, clusters: tuple[str, str]) -> tuple[Block, ...]:
    """The blocks of one look of a comparison of two builds, in their order.

    Half of each arm's cycles are measured in either placement. Within a placement rounds of the arms alternate, base and head of a
    scenario beside each other (A B, then B A); the second half is the first one backwards. So each arm is measured equally often
    on either cluster, and a drift that is linear in time adds the same to both arms. Base and head of a round draw the same
    injection phases. cycles: of each arm, even. Raises ValueError for others.
    """
    if cycles < 2 or cycles % 2 or not scenarios:
        raise ValueError("a look needs a scenario and an even number of cycles")
    half = cycles // 2
    rounds = max(1, half // BLOCK_CYCLES)
    arms = [(scenario, arm) for scenario in scenarios for arm in _drawn_arms(seed)]
    forward = [(number, *one) for number in range(rounds) for one in (arms if number % 2 == 0 else reversed(arms))]
    before = (look - 1) * 2 * rounds
    blocks: list[Block] = []
    for place, placement in enumerate(placements(look)):
        for number, scenario, arm in forward if place == 0 else reversed(forward):
            nth = number if place == 0 else 2 * rounds - 1 - number
            phases = random.Random(f"{seed} {look} {nth}").getrandbits(32)  # noqa: S311 - recorded with the block; not a secret
            share = half * (number + 1) // rounds - half * number // rounds
            blocks.append(
                Block(
                    arm_label(scenario, arm),
                    before + nth + 1,
                    share,
                    phases,
                    look=look,
                    placement=placement,
                    cluster=cluster_of(clusters, placement, arm),
                )
            )
    return tuple(blocks)


def _drawn_arms(seed: int) -> list[str]:
    arms = [BASE, HEAD]
    random.Random(seed).shuffle(arms)  # noqa: S311 - an order, recorded with its seed; not a secret
    return arms
