"""Which parts of the rules moved an applicant, in the order of their evaluation."""

from __future__ import annotations

from decision_service.domain.verdict import Truth, Verdict
from decision_service.ruleset.explain.trace import traces
from decision_service.ruleset.program.model import CompiledRuleset

_OFFER, _CONDITIONS = "offer", "conditions"

Judged = tuple[CompiledRuleset, Verdict]
"""A ruleset and the verdict that it gave."""


def causes(before: Judged, after: Judged) -> tuple[str, ...]:
    """Rules, characteristics and rows that took effect on one side alone, or otherwise.

    The lines of the offer count where both sides come to one outcome: everywhere else they follow.
    Conditions always follow.
    """
    offers = before[1].outcome is after[1].outcome
    old, new = _effects(before, offers=offers), _effects(after, offers=offers)
    places = {name: place for place, name in enumerate(dict.fromkeys([*new, *old]))}
    moved = (name for name in places if old.get(name, "") != new.get(name, ""))
    return tuple(sorted(moved, key=places.__getitem__))


def _effects(judged: Judged, *, offers: bool) -> dict[str, str]:
    """Each part's effect, empty where it has none, in the order of evaluation."""
    return {
        f"{stage.name}.{rule.id}": rule.effect if rule.truth is Truth.TRUE else ""
        for stage in traces(*judged)
        if stage.name != _CONDITIONS and (offers or stage.name != _OFFER)
        for rule in stage.rules
    }
