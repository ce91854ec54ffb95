"""The time that a guardrail measures: its window, but never past an operator's answer.

Whoever revives an arm after a kill has seen the figures that killed it. Looking at them again would
kill it again a second later.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from decision_service.domain.decision import Arm
from decision_service.pipeline.rollout_ports import JournalAction, JournalEntry
from decision_service.rollout.guardrails import Guardrail, VersusChampion
from decision_service.rollout.state import RolloutState

GUARDRAIL = "guardrail "
"""The prefix of the journal's `who` for a guardrail's step; the guardrail's name follows."""

AUTO_ADVANCE = "automatic advance"
"""The journal's `who` for an automatic advance."""

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_ANSWERS = {
    JournalAction.REVIVE,
    JournalAction.RESUME,
    JournalAction.ADVANCE,
    JournalAction.ROLL_BACK,
}


class GuardrailWindow(msgspec.Struct, frozen=True):
    """The measured time: from `since` on, and for counters from the journal's `position` on.

    `whole` says that a guardrail's own window is looked at to its full length.
    """

    since: datetime
    position: int
    whole: bool = False


def window_of(
    guardrail: Guardrail,
    arm: Arm | None,
    state: RolloutState,
    history: Sequence[JournalEntry],
    now: datetime,
) -> GuardrailWindow:
    """The window of a guardrail on an arm, or on the product for None; `history` newest first."""
    test = guardrail.test
    if isinstance(test, VersusChampion):
        floor = comparing_since(state, history)
        return GuardrailWindow(floor, position_at(history, floor))
    floor = _answered(history)
    if arm is Arm.CHALLENGER or test.window is None:
        floor = max(floor, _entered(state))
    position = position_at(history, floor)
    if test.window is None or now - test.window < floor:
        return GuardrailWindow(floor, position)
    return GuardrailWindow(now - test.window, position, whole=True)


def comparing_since(state: RolloutState, history: Sequence[JournalEntry]) -> datetime:
    """Since when both arms decide: the challenger's stage, or its last revival."""
    revived = (entry.at for entry in history if _revived_challenger(entry))
    return max(_entered(state), next(revived, BEGINNING))


def _entered(state: RolloutState) -> datetime:
    return state.challenger.since if state.challenger else BEGINNING


def _revived_challenger(entry: JournalEntry) -> bool:
    before = entry.before.challenger if entry.before else None
    after = entry.after.challenger
    return bool(before and after and before.killed and not after.killed)


def _answered(history: Sequence[JournalEntry]) -> datetime:
    """When an operator last moved the rollout."""
    steps = (e for e in history if e.action in _ANSWERS and not e.who.startswith(GUARDRAIL))
    return next((e.at for e in steps if e.who != AUTO_ADVANCE), BEGINNING)


def position_at(history: Sequence[JournalEntry], instant: datetime) -> int:
    """The position of the journal's last entry by then; 0 before the first."""
    return next((entry.position for entry in history if entry.at <= instant), 0)


def hours(length: timedelta) -> str:
    """A length as plans write it: `90m`, `24h`, `14d`."""
    minutes = int(length.total_seconds()) // 60
    if minutes > 48 * 60 and minutes % (24 * 60) == 0:
        return f"{minutes // (24 * 60)}d"
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"
