"""Counters of a rollout's arms, and the port that stores and sums them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from decision_service.domain.decision import Arm
from decision_service.rollout.tracks import TrackName


class CounterKind(StrEnum):
    """The kind of a cell's counter.

    `ATTEMPTS` are decisions begun, whatever came of them; `ERROR` by code; `RULE_ERROR` referrals
    that a fault in the rules made; `LATENCY` by bound in ms. Outcomes and amounts are counted from
    the recorded decisions.
    """

    ATTEMPTS = "attempts"
    ERROR = "error"
    RULE_ERROR = "rule_error"
    LATENCY = "latency"


class FigureCell(msgspec.Struct, frozen=True):
    """One counter of one hour.

    `position` is the journal entry that the rollout stood at: what came before an operator's answer
    is told from what came after, within the hour too. `arm` is None and `version` 0 for what failed
    before an arm was chosen. `bucket` is the error code or bound.
    """

    product: str
    position: int
    arm: Arm | None
    version: int
    hour: datetime
    counted: CounterKind
    bucket: str = ""


class CounterTotal(msgspec.Struct, frozen=True):
    """A counter added up over hours and processes."""

    arm: Arm | None
    version: int
    counted: CounterKind
    bucket: str
    count: int


class ArmTally(msgspec.Struct, frozen=True):
    """Totals of a version as an arm: `decisions` and `amount` of all, the rest by applicants.

    An applicant counts once, by the first decision in the window. `missing` are referrals of kind
    DATA, among the referred. `amount` is what was approved, in minor units. `overridden` are those
    of whom a person approved what was not approved, or declined what was.
    """

    arm: Arm
    version: int
    decisions: int
    units: int
    approved: int
    referred: int
    declined: int
    missing: int
    amount: int = 0
    overridden: int = 0


def decided(tallies: Iterable[ArmTally], track: TrackName) -> int:
    """How many decisions count for a track's next stage."""
    arms = (Arm.CHALLENGER,) if track is TrackName.CHALLENGER else tuple(Arm)
    return sum(tally.decisions for tally in tallies if tally.arm in arms)


class ArmFigures(Protocol):
    """The counters of all processes; every method raises StoreUnavailable."""

    async def put_cells(self, process: str, cells: Mapping[FigureCell, int]) -> None:
        """Store one process's totals; a stored cell never falls, so a repetition is safe."""

    async def totals(self, product: str, since: datetime, position: int) -> Sequence[CounterTotal]:
        """The sums over hours that end after `since` and entries from `position` on."""

    async def tallies(
        self, product: str, since: datetime, before: datetime | None = None, *, hashed: bool
    ) -> Sequence[ArmTally]:
        """What was decided from `since` on and before `before`, by arm and version in order.

        With `hashed` only applicants count whom the hash alone dealt.
        """
