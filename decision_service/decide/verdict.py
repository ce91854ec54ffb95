"""What a ruleset decides on given facts, within the caps of the day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, tzinfo
from functools import lru_cache

import msgspec
from msgspec.structs import replace

from decision_service.domain.calendar import AsOf
from decision_service.domain.decision import (
    Decision,
    ListAnswer,
    Override,
    OverrideKind,
    RulesetRef,
)
from decision_service.domain.factor import Factors, Value
from decision_service.domain.missing import DataReason
from decision_service.domain.money import Money
from decision_service.domain.needs import Needs
from decision_service.domain.ports import Allowances, Grant, cap_reached
from decision_service.domain.verdict import Component, Outcome, Reason, ReferKind, Verdict
from decision_service.factors.registry import depends_on_term
from decision_service.rules.evaluate import Facts, LoadedFactors, evaluate
from decision_service.rules.lists import list_answers
from decision_service.rules.program import CompiledRuleset

_REACHED = Reason(
    code=str(DataReason.DAY_CAP_REACHED),
    texts={
        "en": "The approvals of the day have reached a limit of the lender",
        "fil": "Umabot na sa limitasyon ng nagpapautang ang mga naaprobahan sa araw na ito",
    },
    component=Component.POLICY,
)
_DOUBTFUL = Reason(
    code=str(DataReason.CLOCK_DOUBTFUL),
    texts={
        "en": "The time could not be known for certain when the application was decided",
        "fil": "Hindi matiyak ang oras nang pagpasyahan ang aplikasyon",
    },
    component=Component.POLICY,
)


class Settled(msgspec.Struct, frozen=True):
    """What is decided; `override` where that is not what the rules concluded."""

    verdict: Verdict
    override: Override | None = None
    grant: Grant | None = None


def settle(ruleset: CompiledRuleset, facts: Facts, allowances: Allowances | None) -> Settled:
    """The rules' verdict, referred where the clock is doubtful, or beyond a cap of the day."""
    verdict = evaluate(ruleset, facts)
    if facts.as_of.doubtful:
        referred = replace(_referred(verdict, _DOUBTFUL), offer=None, conditions=())
        referred = replace(referred, data_requests=(), connect=())
        return Settled(referred, Override(OverrideKind.CLOCK_DOUBTFUL, verdict))
    if verdict.outcome is not Outcome.APPROVE:
        return Settled(verdict)
    asked = facts.inputs.get("requested_amount")
    grant = Grant(asked.minor if isinstance(asked, Money) else None)
    if verdict.offer is not None:
        grant = Grant(verdict.offer.approved_amount.minor, verdict.offer.tier)
    cap = None if allowances is None else cap_reached(allowances, grant)
    if cap is None:
        return Settled(verdict, grant=grant)
    return Settled(_referred(verdict, _REACHED), Override(OverrideKind.CAPPED, verdict, cap.name))


def _referred(verdict: Verdict, why: Reason) -> Verdict:
    return replace(verdict, outcome=Outcome.REFER, refer_kind=ReferKind.POLICY, reasons=(why,))


def needs_of(ruleset: CompiledRuleset, inputs: Mapping[str, Value]) -> Needs:
    term = inputs.get("requested_term_months")
    if not isinstance(term, int) or not depends_on_term(ruleset.needs.factors):
        return ruleset.needs
    return replace(ruleset.needs, term_months=term)


def judge(
    decision: Decision,
    ruleset: CompiledRuleset,
    factors: Factors,
    allowances: Allowances | None = None,
    loaded: LoadedFactors | None = None,
) -> Decision:
    """The recorded decision as a ruleset decides on factors, within the recorded allowances."""
    as_of = decision.as_of
    answers = list_answers(ruleset, decision.inputs, as_of.date, decision.answers)
    facts = Facts(factors.values, decision.inputs, as_of, loaded, answers)
    settled = settle(ruleset, facts, allowances)
    verdict = settled.verdict
    return replace(
        decision,
        verdict=verdict,
        factors=factors,
        ruleset_ref=RulesetRef(ruleset.ruleset, ruleset.version, ruleset.digest),
        expires=expiry(verdict, factors, ruleset, as_of, answers),
        answers=answers,
        override=settled.override,
    )


def expiry(
    verdict: Verdict,
    factors: Factors,
    ruleset: CompiledRuleset,
    as_of: AsOf,
    answers: Iterable[ListAnswer] = (),
) -> datetime | None:
    """The earliest of `valid_for`, oldest used sync + `max_age`, and a change that is known.

    A used parameter may change, and an entry of a list end.
    """
    ends = [] if verdict.valid_until is None else [verdict.valid_until]
    if factors.oldest_used_sync is not None:
        ends.append(factors.oldest_used_sync + ruleset.needs.policy.max_age)
    changes = (verdict.param_change, *(answer.ends for answer in answers))
    ends += [midnight(change, as_of.zone) for change in changes if change is not None]
    return max(as_of.instant, min(ends)) if ends else None


@lru_cache(256)
def midnight(day: date, zone: tzinfo) -> datetime:
    """When a civil day begins; in UTC, so that it is compared with instants quickly."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
