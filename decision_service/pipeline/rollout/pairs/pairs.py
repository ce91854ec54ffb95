"""One applicant evaluated by two versions: both conclusions and their differences."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec
from msgspec.structs import replace

from decision_service.domain.verdict import (
    Outcome,
    ReferKind,
    Verdict,
)
from decision_service.pipeline.rollout.pairs.effects import OFFER, VersionVerdict, effects


class Comparability(StrEnum):
    """Whether the other version could be evaluated.

    `NOT_COMPARABLE`: it needs data that this decision did not read. `FAILED`: it ended in a
    RULE_ERROR or an exception. `ERASED`: it needs data of which only the live version's factor
    values are left.
    """

    COMPARED = "compared"
    NOT_COMPARABLE = "not_comparable"
    FAILED = "failed"
    ERASED = "erased"


class VersionOutcome(msgspec.Struct, frozen=True):
    """What one version concluded; `amount` is the approved one in minor units."""

    outcome: Outcome
    kind: ReferKind | None = None
    amount: int | None = None

    @classmethod
    def of(cls, verdict: Verdict) -> VersionOutcome:
        """The side of a verdict."""
        return cls(verdict.outcome, verdict.refer_kind, verdict.approved_amount)


class DecisionPair(msgspec.Struct, frozen=True):
    """A recorded decision paired with another version's conclusion on the same data.

    `other` is None unless the standing is COMPARED. `moved` names the rules and reasons that differ
    where the two sides do; it holds nothing of the applicant.
    """

    decision_id: str
    product: str
    created: datetime
    version: int
    digest: str
    standing: Comparability
    live: VersionOutcome
    other: VersionOutcome | None = None
    moved: tuple[str, ...] = ()


class Group(msgspec.Struct, frozen=True):
    """Pairs that came out alike: how many, with what amounts, and the newest as an example."""

    standing: Comparability
    live: Outcome
    live_kind: ReferKind | None
    other: Outcome | None
    other_kind: ReferKind | None
    moved: tuple[str, ...]
    count: int
    live_amount: int
    other_amount: int
    example: str


def grouped(pairs: Iterable[DecisionPair]) -> Sequence[Group]:
    """Alike pairs together, most first."""
    alike: dict[_Likeness, list[DecisionPair]] = {}
    for pair in pairs:
        alike.setdefault(_likeness(pair), []).append(pair)
    return sorted((_group(*found) for found in alike.items()), key=lambda group: -group.count)


def swapped(pair: DecisionPair) -> DecisionPair:
    """The pair seen from the other version; one without another side stays as it is."""
    if pair.other is None:
        return pair
    signs = str.maketrans("+-", "-+")
    changes = tuple(move[0].translate(signs) + move[1:] for move in pair.moved)
    return replace(pair, live=pair.other, other=pair.live, moved=changes)


class PairLog(Protocol):
    """Shadow results. Every method raises StoreUnavailable when the store cannot serve."""

    async def put_pairs(self, pairs: Sequence[DecisionPair]) -> None:
        """Keep results; a version's result on a decision that is there already stays."""

    async def groups(self, product: str, version: int, since: datetime) -> Sequence[Group]:
        """A version's results on decisions from `since` on, alike ones together, most first."""


def moved(live: VersionVerdict, other: VersionVerdict) -> tuple[str, ...]:
    """What differs between two verdicts on the same applicant, in order; empty where they agree.

    `+rule policy.short_history` stands for a rule, characteristic or row that took effect only in
    the other version, `-rule …` only in the live one, `rule …` differently in both; reasons are
    written likewise. The offer's lines are named where only the amount differs: everywhere else
    they merely follow.
    """
    sides = VersionOutcome.of(live[1]), VersionOutcome.of(other[1])
    if sides[0] == sides[1]:
        return ()
    aside: Container[str] = () if sides[0].outcome is sides[1].outcome else {OFFER}
    rules = (_fired(live, aside), _fired(other, aside))
    return (
        *_changes("rule", *rules),
        *_changes("reason", _reasons(live[1]), _reasons(other[1])),
    )


def _changes(what: str, live: dict[str, str], other: dict[str, str]) -> Iterator[str]:
    for name in sorted(live.keys() | other.keys()):
        if name not in live:
            yield f"+{what} {name}"
        elif name not in other:
            yield f"-{what} {name}"
        elif live[name] != other[name]:
            yield f"{what} {name}"


def _fired(judged: VersionVerdict, aside: Container[str]) -> dict[str, str]:
    return {name: effect for name, effect in effects(judged, aside).items() if effect}


def _reasons(verdict: Verdict) -> dict[str, str]:
    codes = [r.code for r in verdict.reasons]
    return dict.fromkeys(codes, "")


_Likeness = tuple[
    Comparability, Outcome, ReferKind | None, Outcome | None, ReferKind | None, tuple[str, ...]
]


def _likeness(pair: DecisionPair) -> _Likeness:
    live, other = pair.live, pair.other
    outcome = other.outcome if other else None
    kind = other.kind if other else None
    return pair.standing, live.outcome, live.kind, outcome, kind, pair.moved


def _group(likeness: _Likeness, pairs: Sequence[DecisionPair]) -> Group:
    return Group(
        *likeness,
        count=len(pairs),
        live_amount=sum(pair.live.amount or 0 for pair in pairs),
        other_amount=sum(pair.other.amount or 0 for pair in pairs if pair.other),
        example=max(pair.decision_id for pair in pairs),
    )
