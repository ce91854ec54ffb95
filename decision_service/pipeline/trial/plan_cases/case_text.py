"""A case of a plan as text, with what the plan decides now as its expectation."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from decision_service.domain.money import to_major
from decision_service.pipeline.trial.plan_cases.expectation import NONE, settled_parts
from decision_service.pipeline.trial.plan_cases.model import PlanCase, PlanUnderTest
from decision_service.pipeline.trial.plan_cases.run import settle_case
from decision_service.rollout.allowances import DayTotal, DayTotals, Grant
from decision_service.ruleset.figures.case_text import written_name

_USUAL = {"refer_kind": NONE, "reasons": (), "cap": NONE, "explored": False, "charge": NONE}
"""What goes without saying in an expectation."""


def plan_case_text(name: str, case: PlanCase, tested: PlanUnderTest) -> str:
    """The case as it stands under `cases`; keys of its file's defaults are written in any case."""
    given = given_parts(case, tested.currency)
    nothing = {"day": {}, "draw": NONE, "explored_before": NONE}
    given |= {key: nothing[key] for key in nothing if key in case.defaults and key not in given}
    lines = [f"  - name: {written_name(name)}"]
    lines += [f"    {key}: {written(value)}" for key, value in given.items()]
    return "\n".join([*lines, f"    expect: {written(_expected(case, tested))}"])


def given_parts(case: PlanCase, currency: str) -> dict[str, Any]:
    """What a case gives, by its keys; amounts are in major units."""
    return dict(_given(case, currency))


def _given(case: PlanCase, currency: str) -> Iterator[tuple[str, Any]]:
    said = case.said
    rules: dict[str, Any] = {"outcome": said.outcome}
    if said.refer_kind is not None:
        rules["refer_kind"] = said.refer_kind
    if said.reasons:
        rules["reasons"] = said.reasons
    if said.grant is not None:
        rules |= _granted(said.grant, currency)
    if said.score_aside is not None:
        rules["score_aside"] = _granted(said.score_aside, currency)
    yield "rules", rules
    day = _day(case.day, currency)
    if day:
        yield "day", day
    if case.slot is not None:
        yield "draw", Decimal(case.slot).scaleb(-3)
    if case.before is not None:
        yield "explored_before", to_major(case.before, currency)


def _granted(grant: Grant, currency: str) -> dict[str, Any]:
    amount = NONE if grant.amount is None else to_major(grant.amount, currency)
    return {"amount": amount, **({"tier": grant.tier} if grant.tier else {})}


def _day(day: DayTotals, currency: str) -> dict[str, Any]:
    tiers = {tier: _total(total, currency) for tier, total in day.tiers.items() if tier}
    found: dict[str, Any] = _total(day.of(""), currency) if "" in day.tiers else {}
    if tiers:
        found["tiers"] = tiers
    if day.explored:
        found["explored"] = to_major(day.explored, currency)
    return found


def _total(total: DayTotal, currency: str) -> dict[str, Any]:
    approvals = {"approvals": total.approvals} if total.approvals else {}
    return approvals | ({"amount": to_major(total.amount, currency)} if total.amount else {})


def _expected(case: PlanCase, tested: PlanUnderTest) -> dict[str, Any]:
    parts = settled_parts(settle_case(tested.plan, case, tested.currency), tested.currency)
    told = {key: value for key, value in parts.items() if _USUAL.get(key) != value}
    if parts["amount"] == NONE:
        del told["amount"]
    return told


def written(value: Any) -> str:
    """A value of a case as a file has it."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {written(each)}' for key, each in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(str, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
