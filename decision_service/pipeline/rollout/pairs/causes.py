"""Which parts of the rules moved an applicant."""

from __future__ import annotations

from collections.abc import Container

from decision_service.domain.verdict import Truth, Verdict
from decision_service.ruleset.explain.trace import traces
from decision_service.ruleset.program.model import CompiledRuleset

_OFFER, _CONDITIONS = "offer", "conditions"
"""Stages that follow from what the others come to."""

VersionVerdict = tuple[CompiledRuleset, Verdict]
"""A ruleset and the verdict it gave."""


def causes(before: VersionVerdict, after: VersionVerdict) -> tuple[str, ...]:
    """Rules, characteristics and rows that took effect on one side alone, or otherwise.

    They are in the order of evaluation. The lines of the offer count where both sides come to one
    outcome: everywhere else they follow. Conditions always follow.
    """
    same = before[1].outcome is after[1].outcome
    aside = {_CONDITIONS} if same else {_CONDITIONS, _OFFER}
    old, new = _effects(before, aside), _effects(after, aside)
    names = dict.fromkeys([*new, *old])
    return tuple(name for name in names if old.get(name, "") != new.get(name, ""))


def _effects(judged: VersionVerdict, aside: Container[str]) -> dict[str, str]:
    """Each part's effect, empty where it has none, in the order of evaluation; but for some stages.

    A part is named by its stage and id, as `policy.short_history`.
    """
    return {
        f"{stage.name}.{rule.id}": rule.effect if rule.truth is Truth.TRUE else ""
        for stage in traces(*judged)
        if stage.name not in aside
        for rule in stage.rules
    }
