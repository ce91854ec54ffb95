"""Reads what a case of a plan gives: the rules' conclusion, the day so far, and the draw."""

from __future__ import annotations

import msgspec

from decision_service.domain.verdict import Outcome, ReferKind
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import YamlNode
from decision_service.pipeline.trial.plan_cases.day import read_day
from decision_service.pipeline.trial.plan_cases.model import PlanUnderTest, RulesSaid
from decision_service.pipeline.trial.plan_cases.read_expectation import OUTCOMES
from decision_service.pipeline.trial.plan_cases.words import (
    is_none,
    read_codes,
    read_minor,
    read_tier,
    refuse_without_explore,
)
from decision_service.rollout.allowances import DayTotals, Grant
from decision_service.rollout.buckets import SLOTS
from decision_service.rollout.reading.shares import read_share

GIVEN = ("rules", "day", "draw", "explored_before")
SAID = ("refer_kind", "reasons", "amount", "tier", "score_aside")


class PlanGiven(msgspec.Struct, frozen=True):
    """What a case gives; amounts are in minor units (see `PlanCase`)."""

    said: RulesSaid
    day: DayTotals
    slot: int | None
    before: int | None


def read_given(fields: Fields, tested: PlanUnderTest) -> PlanGiven | None:
    """All that a case gives; None where the rules' conclusion could not be read."""
    refuse_without_explore(fields, ("draw", "explored_before"), tested)
    day = read_day(fields, tested)
    slot, before = _slot(fields), read_minor(fields, "explored_before", tested.currency)
    node = fields.get("rules")
    if node is None:
        if not fields.has("rules"):
            hint = "say what the rules concluded: `rules: {outcome: APPROVE, amount: 10000}`"
            fields.report.error("R121", fields.node.place, "the case has no `rules`", hint)
        return None
    said = _said(node, fields, tested)
    return None if said is None else PlanGiven(said, day, slot, before)


def _slot(fields: Fields) -> int | None:
    """A draw in percent as a slot; None for a unit that takes no part."""
    if is_none(fields, "draw"):
        return None
    slot = read_share(fields, "draw")
    if slot == SLOTS:
        message = "`draw` is 100; it must be 0 to 99.999"
        fields.report.error("R123", fields.place("draw"), message, "it is in while below `percent`")
        return None
    return slot


def _said(node: YamlNode, case: Fields, tested: PlanUnderTest) -> RulesSaid | None:
    fields = Fields.of(node, "`rules`", case.report, required=("outcome",), optional=SAID)
    if fields is None:
        return None
    word = fields.choice("outcome", OUTCOMES)
    kind = fields.choice("refer_kind", ReferKind)
    reasons, aside = read_codes(fields, tested), _score_aside(fields, tested)
    grant = Grant(read_minor(fields, "amount", tested.currency), read_tier(fields, tested))
    if word is None:
        return None
    outcome = Outcome(word)
    _check_fit(fields, outcome)
    approved = grant if outcome is Outcome.APPROVE else None
    return RulesSaid(outcome, ReferKind(kind) if kind else None, reasons, approved, aside)


def _score_aside(fields: Fields, tested: PlanUnderTest) -> Grant | None:
    """What the rules would grant as if each scorecard approved."""
    refuse_without_explore(fields, ("score_aside",), tested)
    node = fields.get("score_aside")
    aside = node and Fields.of(
        node, "`score_aside`", fields.report, required=("amount",), optional=("tier",)
    )
    if not aside:
        return None
    return Grant(read_minor(aside, "amount", tested.currency), read_tier(aside, tested))


_BELONGS = {"refer_kind": Outcome.REFER, "amount": Outcome.APPROVE, "tier": Outcome.APPROVE}
_NEEDS = {
    Outcome.APPROVE: ("amount", "`amount: 10000`, or `none` where nobody knows it"),
    Outcome.REFER: ("refer_kind", "`refer_kind`: LEGAL, DATA, POLICY or SCORE"),
}


def _check_fit(fields: Fields, outcome: Outcome) -> None:
    """R811 for what an outcome does not have, R121 for what it lacks."""
    for key, other in _BELONGS.items():
        if fields.has(key) and outcome is not other:
            _refuse(fields, key, f"`{key}` belongs to {other}, and the rules said {outcome}")
    if fields.has("score_aside") and outcome is Outcome.APPROVE:
        _refuse(fields, "score_aside", "an approval is not evaluated with the score aside")
    if is_none(fields, "amount") and fields.has("tier"):
        message = "an approval of which no amount is known has no offer, and so no tier"
        _refuse(fields, "tier", message)
    needed, hint = _NEEDS.get(outcome, ("outcome", ""))
    if not fields.has(needed):
        message = f"the rules said {outcome}, and there is no `{needed}`"
        fields.report.error("R121", fields.node.place, message, f"write {hint}")


def _refuse(fields: Fields, key: str, message: str) -> None:
    fields.report.error("R811", fields.node.key_place(key), message, f"remove `{key}`")
