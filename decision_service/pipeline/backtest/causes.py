"""Which parts of the rules moved an applicant, in the order of their evaluation."""

from __future__ import annotations

from decision_service.pipeline.rollout.pairs.effects import (
    CONDITIONS,
    OFFER,
    VersionVerdict,
    effects,
)


def causes(before: VersionVerdict, after: VersionVerdict) -> tuple[str, ...]:
    """Rules, characteristics and rows that took effect on one side alone, or otherwise.

    The lines of the offer count where both sides come to one outcome: everywhere else they follow.
    Conditions always follow.
    """
    same = before[1].outcome is after[1].outcome
    aside = {CONDITIONS} if same else {CONDITIONS, OFFER}
    old, new = effects(before, aside), effects(after, aside)
    names = dict.fromkeys([*new, *old])
    return tuple(name for name in names if old.get(name, "") != new.get(name, ""))
