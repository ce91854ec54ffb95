"""What another version makes of a decision's data: no vendor, no store, no clock.

Silent versions beside live decisions and comparisons of recorded ones ask it alike.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from decision_service.domain.decision import Decision
from decision_service.domain.factor import Factors, FactorValue, Value
from decision_service.domain.needs import FetchPlan, Needs, WhenTransactions
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.time import AsOf
from decision_service.domain.verdict import Verdict
from decision_service.factors.compute import compute
from decision_service.factors.plan import fetch_plan
from decision_service.factors.reading import reading
from decision_service.pipeline.decide.conclude import needs_of
from decision_service.pipeline.rollout.pairs.pairs import (
    Comparability,
    DecisionPair,
    VersionOutcome,
    moved,
)
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.evaluator import Facts, evaluate
from decision_service.ruleset.run.inputs import bind_inputs


class DecidedCase(msgspec.Struct, frozen=True):
    """A decision with the data that it was made from.

    `sent` are the inputs as the client sent them, `known` those that any loaded version declares.
    """

    decision: Decision
    ruleset: CompiledRuleset
    snapshot: Snapshot
    factors: Factors
    sent: Mapping[str, Value]
    known: frozenset[str]


def second_opinion(case: DecidedCase, other: CompiledRuleset) -> DecisionPair:
    """The decision paired with the other version's conclusion; raises nothing."""
    pair = DecisionPair(
        decision_id=case.decision.decision_id,
        product=case.decision.product,
        created=case.decision.created,
        version=other.version,
        digest=other.digest,
        standing=Comparability.FAILED,
        live=VersionOutcome.of(case.decision.verdict),
    )
    try:
        verdict = _verdict(case, other)
        if verdict is None:
            return replace(pair, standing=Comparability.NOT_COMPARABLE)
        if verdict.ended_in_rule_error:
            return pair
        changes = moved((case.ruleset, case.decision.verdict), (other, verdict))
    except Exception:  # noqa: BLE001 - whatever is wrong with the version is its failure alone
        return pair
    return replace(
        pair, standing=Comparability.COMPARED, other=VersionOutcome.of(verdict), moved=changes
    )


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


def _verdict(case: DecidedCase, other: CompiledRuleset) -> Verdict | None:
    """None where it needs inputs or data that this decision did not have."""
    bound = bind_inputs(other, case.sent, case.known)
    if bound.problems:
        return None
    as_of = AsOf.at(case.decision.as_of.instant, other.zone)
    live = needs_of(case.ruleset, case.decision.inputs)
    needs = needs_of(other, bound.values)
    plans = (fetch_plan(live, case.decision.as_of), fetch_plan(needs, as_of))
    if lacks(case.snapshot, *plans):
        return None
    values = _values(case, live, needs, as_of)
    return evaluate(other, Facts(values, dict(bound.values), as_of))


def _values(case: DecidedCase, live: Needs, needs: Needs, as_of: AsOf) -> Mapping[str, FactorValue]:
    """The decision's values where computed alike, the others from the same snapshot."""
    alike = replace(live, factors=()) == replace(needs, factors=()) and as_of == case.decision.as_of
    at_hand = case.factors.values if alike else {}
    further = tuple(name for name in needs.factors if name not in at_hand)
    if not further:
        return at_hand
    asked = replace(needs, factors=further)
    computed = compute(case.snapshot, asked, as_of, case.decision.own).values
    return {**at_hand, **computed}
