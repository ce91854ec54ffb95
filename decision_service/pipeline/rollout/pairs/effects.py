"""What each part of the rules did to an applicant."""

from __future__ import annotations

from collections.abc import Container

from decision_service.domain.verdict import Truth, Verdict
from decision_service.ruleset.explain.trace import traces
from decision_service.ruleset.program.model import CompiledRuleset

OFFER, CONDITIONS = "offer", "conditions"
"""Stages that follow from what the others come to."""

VersionVerdict = tuple[CompiledRuleset, Verdict]
"""A ruleset and the verdict it gave."""


def effects(judged: VersionVerdict, aside: Container[str] = ()) -> dict[str, str]:
    """Each part's effect, empty where it has none, in the order of evaluation; but for some stages.

    A part is named by its stage and id, as `policy.short_history`.
    """
    return {
        f"{stage.name}.{rule.id}": rule.effect if rule.truth is Truth.TRUE else ""
        for stage in traces(*judged)
        if stage.name not in aside
        for rule in stage.rules
    }
