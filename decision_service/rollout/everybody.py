"""A rollout that takes everybody by one version, which most are most of the time.

Then only the lists and an applicant's slot tell one assignment from another, and neither the store
nor what the applicant sent need be looked at.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from decision_service.domain.decision import Assignment
from decision_service.rollout.buckets import slot
from decision_service.rollout.gate import Subject, choose, enters_comparison, pin_matters
from decision_service.rollout.model import Plan
from decision_service.rollout.state import RolloutState

_ANYBODY = Subject(unit="", at=datetime(2000, 1, 1, tzinfo=UTC))


class Everybody(msgspec.Struct, frozen=True):
    """What `choose` gives to all but the `listed`, with another slot for each.

    `compared` is whether such decisions enter comparisons between arms.
    """

    likeness: Assignment
    salt: str
    listed: frozenset[str]
    compared: bool

    def assignment(self, unit: str) -> Assignment | None:
        """Where an applicant is put; None for one on a list."""
        if unit in self.listed:
            return None
        like = self.likeness
        return Assignment(
            like.rollout,
            like.enrolled,
            like.enrolment_reason,
            like.plan_digest,
            like.stage,
            like.percent,
            slot(self.salt, unit),
            like.arm,
            like.arm_reason,
            like.arm_slot,
            like.version,
        )


def everybody(plan: Plan, state: RolloutState) -> Everybody | None:
    """A rollout as one that takes everybody; None where something else could make a difference.

    That is a challenger, a segment, a share below the whole, a kill, or a pin of another version.
    """
    go_live = plan.go_live
    listed = go_live.allow | go_live.deny
    if plan.versions.challenger or go_live.segments or _ANYBODY.unit in listed:
        return None
    likeness = choose(plan, state, _ANYBODY)
    if not likeness.enrolled or pin_matters(plan, state, _ANYBODY.unit):
        return None
    compared = enters_comparison(plan, _ANYBODY, likeness)
    return Everybody(likeness, go_live.salt, listed, compared)
