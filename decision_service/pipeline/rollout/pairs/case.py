"""A decision's data as another version takes it: no vendor, no store, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import msgspec
from msgspec.structs import replace

from decision_service.domain.decision import Decision
from decision_service.domain.factor import Factors, FactorValue, Value
from decision_service.domain.missing import Cause
from decision_service.domain.needs import FetchPlan, Needs, WhenTransactions
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.time import AsOf, noon
from decision_service.factors.compute import compute, own_values
from decision_service.factors.plan import fetch_plan
from decision_service.factors.reading import reading
from decision_service.impact.applicant import LeftOut, NotCompared
from decision_service.pipeline.decide.concluding.judge import needs_of
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.evaluator import Facts, LoadedFactors, load
from decision_service.ruleset.run.inputs import bind_inputs
from decision_service.ruleset.run.lists import list_answers


class DecidedCase(msgspec.Struct, frozen=True):
    """A decision with the data that it was made from; `snapshot` is None where that was erased.

    `sent` are the inputs as the client sent them, `known` those that any loaded version declares.
    `loaded` may be given where the factors were loaded for the ruleset.
    """

    decision: Decision
    ruleset: CompiledRuleset
    snapshot: Snapshot | None
    factors: Factors
    sent: Mapping[str, Value]
    known: frozenset[str]
    loaded: LoadedFactors | None = None


def lacks(snapshot: Snapshot, read_by: FetchPlan, wanted: FetchPlan) -> bool:
    """Whether a version needs data that was not requested from the vendor.

    What was asked for and failed is no lack: both versions see the same fault.
    """
    if any(reading(snapshot, kind) is None for kind in wanted.kinds):
        return True
    if wanted.people and not read_by.people:
        return True
    if wanted.transactions is WhenTransactions.NEVER:
        return False
    if snapshot.transactions is None:
        same = wanted.transactions is WhenTransactions.IF_STANDING_IN
        return not (same and read_by.transactions is WhenTransactions.IF_STANDING_IN)
    first = snapshot.transactions.first_day
    days = (wanted.transactions_from, wanted.stand_in_from)
    return first is not None and any(day is not None and day < first for day in days)


def facts_for(case: DecidedCase, other: CompiledRuleset) -> Facts | NotCompared:
    """The decision's facts as another version takes them, or why there are none.

    There are none where it needs inputs or data that the decision did not have, or data that was
    erased since: ERASED is said of every case without a snapshot whose values do not suffice.
    """
    bound = bind_inputs(other, case.sent, case.known)
    if bound.problems:
        return NotCompared(LeftOut.INPUT_NOT_SENT)
    as_of = AsOf.at(case.decision.as_of.instant, other.zone)
    live = needs_of(case.ruleset, case.decision.inputs)
    needs = needs_of(other, bound.values)
    values = _values(case, live, needs, as_of)
    if isinstance(values, LeftOut):
        return NotCompared(values, _lacking(case, other))
    inputs = dict(bound.values)
    answers = list_answers(other, inputs, as_of.date, case.decision.answers)
    same = case.loaded if values is case.factors.values else None
    return Facts(values, inputs, as_of, load(other, values, as_of, same), answers)


def _lacking(case: DecidedCase, other: CompiledRuleset) -> tuple[str, ...]:
    return tuple(name for name in other.needs.factors if name not in case.factors.values)


def loaded_for(facts: Facts, ruleset: CompiledRuleset, day: date | None = None) -> Facts:
    """The same facts as a ruleset takes them, perhaps with the dated parameters of another day."""
    as_of = facts.as_of
    if day is not None:
        as_of = noon(day, as_of.zone)
    return replace(facts, loaded=load(ruleset, facts.factors, as_of, facts.loaded))


def _values(
    case: DecidedCase, live: Needs, needs: Needs, as_of: AsOf
) -> Mapping[str, FactorValue] | LeftOut:
    """The decision's values where computed alike, the others from the same snapshot."""
    alike = live.computes_as(needs) and as_of == case.decision.as_of
    at_hand = case.factors.values if alike else {}
    further = tuple(name for name in needs.factors if name not in at_hand)
    if further:
        own = own_values(case.decision.own, replace(needs, factors=further), as_of)
        if any(m.cause is Cause.NOT_FETCHED for value in own.values() for m in value.missing):
            return LeftOut.FACTOR_NOT_RECORDED  # records that this decision did not look up
        at_hand = {**at_hand, **own}
        further = tuple(name for name in further if name not in own)
    if case.snapshot is None:
        return LeftOut.ERASED if further else at_hand
    plans = (fetch_plan(live, case.decision.as_of), fetch_plan(needs, as_of))
    if lacks(case.snapshot, *plans):
        return LeftOut.DATA_NOT_READ
    if not further:
        return at_hand
    computed = compute(case.snapshot, replace(needs, factors=further), as_of).values
    return {**at_hand, **computed}
