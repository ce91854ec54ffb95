"""Summary of groups of pairs: pairs of outcomes, and the rules and reasons that differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from decision_service.domain.verdict import Outcome
from decision_service.pipeline.rollout.pairs.pairs import Group

EXAMPLES = 3
MOST_MOVES = 50
_WORST_LAST = (Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE)


class OutcomePair(msgspec.Struct, frozen=True):
    """Decisions of one pair of outcomes, with the amounts that each side approves in them.

    `examples` are decision ids, newest first, at most three.
    """

    live: Outcome
    other: Outcome
    count: int
    live_amount: int
    other_amount: int
    examples: tuple[str, ...]


class ChangeCount(msgspec.Struct, frozen=True):
    """One rule or reason that differs, the number of such decisions, and an example."""

    change: str
    count: int
    example: str


def outcome_pairs(groups: Sequence[Group]) -> list[OutcomePair]:
    """Each pair of outcomes that occurs, APPROVE before REFER before DECLINE."""
    pairs = ((live, other) for live in _WORST_LAST for other in _WORST_LAST)
    found = ((pair, [g for g in groups if (g.live, g.other) == pair]) for pair in pairs)
    return [_pair(*pair, alike) for pair, alike in found if alike]


def moves(groups: Iterable[Group], most: int = MOST_MOVES) -> list[ChangeCount]:
    """The differing rules and reasons, most frequent first, then by name."""
    by_change: dict[str, list[Group]] = {}
    for group in groups:
        for change in group.moved:
            by_change.setdefault(change, []).append(group)
    found = [
        ChangeCount(change, sum(g.count for g in alike), max(g.example for g in alike))
        for change, alike in by_change.items()
    ]
    return sorted(found, key=lambda move: (-move.count, move.change))[:most]


def _pair(live: Outcome, other: Outcome, alike: Sequence[Group]) -> OutcomePair:
    newest = sorted((group.example for group in alike), reverse=True)
    return OutcomePair(
        live,
        other,
        sum(group.count for group in alike),
        sum(group.live_amount for group in alike),
        sum(group.other_amount for group in alike),
        tuple(newest[:EXAMPLES]),
    )
