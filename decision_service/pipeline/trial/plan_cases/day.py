"""Reads what a day approved before a case: in all, by tier, and explored."""

from __future__ import annotations

from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import MapEntry
from decision_service.pipeline.trial.plan_cases.model import PlanUnderTest
from decision_service.pipeline.trial.plan_cases.words import (
    check_tier,
    read_minor,
    refuse_without_explore,
)
from decision_service.rollout.allowances import DayTotal, DayTotals

TOTAL = ("approvals", "amount")
DAY = (*TOTAL, "tiers", "explored")


def read_day(case: Fields, tested: PlanUnderTest) -> DayTotals:
    """The totals by tier; what all tiers have beyond those that are named is of no tier.

    Where a total is left out it is that of the named tiers.
    """
    node = case.get("day")
    fields = node and Fields.of(node, "`day`", case.report, optional=DAY)
    if not fields:
        return DayTotals()
    refuse_without_explore(fields, ("explored",), tested)
    tiers = _tiers(fields, tested)
    explored = read_minor(fields, "explored", tested.currency) or 0
    named = DayTotals(tiers).of("")
    whole = _total(fields, tested, named)
    rest = DayTotal(whole.approvals - named.approvals, whole.amount - named.amount)
    if rest.approvals < 0 or rest.amount < 0:
        message = "the tiers have more than the whole day"
        hint = "`approvals` and `amount` of the day are those of all tiers"
        case.report.error("R811", fields.place("tiers"), message, hint)
    return DayTotals({**tiers, "": rest} if rest != DayTotal() else tiers, explored)


def _tiers(fields: Fields, tested: PlanUnderTest) -> dict[str, DayTotal]:
    node = fields.map("tiers")
    found = {e.key: _tier(e, fields, tested) for e in (node.entries if node else ())}
    return {tier: total for tier, total in found.items() if total is not None}


def _tier(entry: MapEntry, day: Fields, tested: PlanUnderTest) -> DayTotal | None:
    check_tier(day, entry.key, entry.key_place, tested)
    fields = Fields.of(entry.value, f"`{entry.key}`", day.report, optional=TOTAL)
    return None if fields is None else _total(fields, tested, DayTotal())


def _total(fields: Fields, tested: PlanUnderTest, otherwise: DayTotal) -> DayTotal:
    approvals = fields.integer("approvals", 0)
    amount = read_minor(fields, "amount", tested.currency)
    return DayTotal(
        otherwise.approvals if approvals is None else approvals,
        otherwise.amount if amount is None else amount,
    )
