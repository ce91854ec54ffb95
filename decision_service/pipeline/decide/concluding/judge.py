"""A recorded decision as a ruleset decides on factors, what it needs, and how long it holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, tzinfo
from functools import lru_cache

from msgspec import structs
from msgspec.structs import replace

from decision_service.domain.decision import Decision, ListAnswer, RulesetRef
from decision_service.domain.factor import Factors, Value
from decision_service.domain.needs import Needs
from decision_service.domain.time import AsOf
from decision_service.domain.verdict import Verdict
from decision_service.factors.registry import depends_on_term
from decision_service.pipeline.decide.overrides.settle import settle
from decision_service.rollout.allowances import Allowances
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.evaluator import Facts, LoadedFactors
from decision_service.ruleset.run.lists import list_answers


def needs_of(ruleset: CompiledRuleset, inputs: Mapping[str, Value]) -> Needs:
    """What to compute for one application: the ruleset's needs with the requested term."""
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
    """The recorded decision as a ruleset decides on factors, within the recorded allowances.

    `loaded` may be given where the factors were loaded for the ruleset before.
    """
    as_of = decision.as_of
    answers = list_answers(ruleset, decision.inputs, as_of.date, decision.answers)
    facts = Facts(factors.values, decision.inputs, as_of, loaded, answers)
    settled = settle(ruleset, facts, allowances)
    verdict = settled.verdict
    return structs.replace(
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
    end = verdict.valid_until
    if factors.oldest_used_sync is not None:
        end = _earlier(end, factors.oldest_used_sync + ruleset.needs.policy.max_age)
    for change in (verdict.param_change, *(answer.ends for answer in answers)):
        if change is not None:
            end = _earlier(end, midnight(change, as_of.zone))
    return end if end is None or end > as_of.instant else as_of.instant


def _earlier(end: datetime | None, other: datetime) -> datetime:
    return other if end is None or other < end else end


@lru_cache(256)
def midnight(day: date, zone: tzinfo) -> datetime:
    """When a civil day begins; in UTC, so that it is compared with instants quickly."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
