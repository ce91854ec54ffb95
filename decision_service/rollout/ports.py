"""What a rollout keeps in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from decision_service.domain.decision import Arm
from decision_service.domain.ports import DayTotals, TextLog
from decision_service.rollout.assign import Pin
from decision_service.rollout.state import RolloutState


class ArmLog(Protocol):
    """Which applicants each arm decided; written by `DecisionLog.commit`, read before deciding.

    Every method raises StoreUnavailable when the store cannot serve.
    """

    async def pin(self, product: str, unit: str, since: datetime) -> Pin | None:
        """The last pin that a decision created at or after `since` set; None where there is none.

        A decision that kept its applicant's pin sets none, so this is when the pin began.
        """

    async def approved(self, product: str, arm: Arm, since: datetime) -> int:
        """What an arm has approved at or after `since` in all processes, in minor units."""

    async def day_totals(self, product: str, since: datetime) -> DayTotals:
        """What a product has approved at or after `since` in all processes, by tier."""


class JournalAction(StrEnum):
    """PLAN is a changed plan in force, PROPOSE a change that waits for a second caller."""

    BEGIN = "begin"
    PLAN = "plan"
    PROPOSE = "propose"
    ADVANCE = "advance"
    ROLL_BACK = "roll-back"
    PAUSE = "pause"
    RESUME = "resume"
    KILL = "kill"
    REVIVE = "revive"


class JournalEntry(msgspec.Struct, frozen=True):
    """One step of a product's rollout: who took it, when, why, from what to what.

    `position` counts a product's entries from 1 without gaps. `before` is None for the first.
    `plan_digest` is the plan in force after the step. `figures` are what a guardrail saw, or
    what an early step did not wait for, in words. `ticket` is the
    lender's reference of the change.
    """

    product: str
    position: int
    at: datetime
    who: str
    why: str
    action: JournalAction
    before: RolloutState | None
    after: RolloutState
    plan_digest: str
    figures: Mapping[str, str] = msgspec.field(default_factory=dict)
    ticket: str = ""


class JournalMovedOn(Exception):
    """The position of an entry is taken: another step came first, and nothing was appended."""


class RolloutJournal(TextLog, Protocol):
    """The append-only journal in which every rollout's state lives, for all processes alike.

    With it are the texts of the plans that were ever in force.

    Every method raises StoreUnavailable when the store cannot serve.
    """

    async def append(self, entry: JournalEntry) -> None:
        """Add an entry, durable on return; raises JournalMovedOn when its position is taken.

        The very same entry again is there already: so a lost answer can be asked for once more.
        """

    async def latest(self) -> Mapping[str, JournalEntry]:
        """The last entry of every product."""

    async def history(self, product: str, before: int | None, limit: int) -> Sequence[JournalEntry]:
        """At most `limit` entries, newest first, of positions under `before` if that is given."""
