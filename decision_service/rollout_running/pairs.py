"""One decided case as two sets of rules judge it: no vendor, no store, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime

import msgspec
from msgspec.structs import replace

from decision_service.domain.decision import Decision, OfferKind, Outcome, Verdict
from decision_service.domain.factor import Factors, FactorValue, Input
from decision_service.domain.needs import FetchPlan, Needs, WhenTransactions
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.values import AsOf, Cause, Money, noon
from decision_service.factors.compute import compute, fetch_plan, needs_with, own_values
from decision_service.factors.registry import that_went
from decision_service.factors.usage import reading
from decision_service.rollout.impact import JudgedApplicant, LeftOut, NotCompared, Side
from decision_service.rules.construct import Conclusion, Effect, PartView, Trace
from decision_service.rules.evaluate import Facts, LoadedFactors, evaluate, load
from decision_service.rules.inputs import bind_inputs, list_answers
from decision_service.rules.language.types import Node, reads
from decision_service.rules.language.values import exactly
from decision_service.rules.program import CompiledRuleset, Stage

_AMOUNT = ("offer", "approved_amount")


class DecidedCase(msgspec.Struct, frozen=True):
    """A decision with the data that it was made from; `snapshot` is None where that was erased.

    `sent` are the inputs as the client sent them, `known` those that any loaded version declares.
    `loaded` may be given where the factors were loaded for the ruleset.
    """

    decision: Decision
    ruleset: CompiledRuleset
    snapshot: Snapshot | None
    factors: Factors
    sent: Mapping[str, Input]
    known: frozenset[str]
    loaded: LoadedFactors | None = None


def lacks(snapshot: Snapshot, read_by: FetchPlan, wanted: FetchPlan) -> bool:
    """What was asked for and failed is no lack: both versions see the same fault."""
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
    as_of = AsOf.at(case.decision.as_of.instant, other.zone)
    bound = bind_inputs(other, case.sent, as_of.date, also_known=case.known)
    if bound.problems:
        return NotCompared(LeftOut.INPUT_NOT_SENT)
    live = needs_with(case.ruleset.needs, case.decision.inputs)
    needs = needs_with(other.needs, bound.values)
    values = _values(case, live, needs, as_of=as_of)
    if isinstance(values, LeftOut):
        lacking = (name for name in other.needs.factors if name not in case.factors.values)
        return NotCompared(values, tuple(lacking))
    inputs = dict(bound.values)
    answers = list_answers(other, inputs, as_of.date, known=case.decision.answers)
    same = case.loaded if values is case.factors.values else None
    return Facts(
        values, inputs, as_of, loaded=load(other, values, as_of, same=same), answers=answers
    )


def loaded_for(facts: Facts, ruleset: CompiledRuleset, day: date | None = None) -> Facts:
    as_of = facts.as_of
    if day is not None:
        as_of = noon(day, as_of.zone)
    return replace(facts, loaded=load(ruleset, facts.factors, as_of, same=facts.loaded))


def _values(
    case: DecidedCase, live: Needs, needs: Needs, as_of: AsOf
) -> Mapping[str, FactorValue] | LeftOut:
    """The decision's values where computed alike, the others from the same snapshot."""
    alike = live.computes_as(needs) and as_of == case.decision.as_of
    at_hand = case.factors.values if alike else {}
    went = that_went(needs.factors)
    if any(name not in case.factors.values for name in went):
        return LeftOut.FACTOR_NOT_RECORDED
    at_hand = {**at_hand, **{name: case.factors.values[name] for name in went}} if went else at_hand
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


VersionVerdict = tuple[CompiledRuleset, Verdict]
"""A ruleset and the verdict it gave."""


def causes(before: VersionVerdict, after: VersionVerdict) -> tuple[str, ...]:
    """Rules, bands, rows and lines that took effect otherwise and moved outcome or amount.

    They are in the order of evaluation, named by stage and part as `policy.short_history`. What
    reads something that an earlier cause changed follows from that cause, and is none of its own.
    """
    with exactly():
        old = dict(_effects(before))
        new = dict(_effects(after))
    # What one side did not run follows from what its stages conclude
    unrun = {stage.name for side in (before, after) for stage, found in _run(side) if found is None}
    behind: dict[str, set[str]] = {}
    own: dict[str, None] = {}
    moved: set[str] = set()
    for at in dict.fromkeys([*new, *old]):
        (stage, key) = at
        was = old.get(at)
        now = new.get(at)
        one = now or old[at]
        if stage in unrun or (was.effect if was else "") == (now.effect if now else ""):
            continue
        read = _names(one.trees, after[0].derived) if was and now else ()
        roots = set().union(*(behind.get(n, ()) for n in (f"{stage}.", *read)))
        if not roots:
            roots = {f"{stage}.{one.name or key}"}
            own.update(dict.fromkeys(roots))
        for name in (f"{stage}.{key}", *one.gives):
            behind.setdefault(name, set()).update(roots)
        approves = at == _AMOUNT and before[1].outcome is Outcome.APPROVE
        if approves or one.decides or (was and was.decides):
            moved |= roots
    return tuple(name for name in own if name in moved)


def _run(judged: VersionVerdict) -> Iterator[tuple[Stage, Conclusion | None]]:
    program = judged[0].program
    trace = judged[1].raw_trace
    if isinstance(trace, Trace):
        yield from zip(program.stages, trace.stages, strict=True)
        yield from zip(program.closing, trace.closing, strict=True)


def _effects(judged: VersionVerdict) -> Iterator[tuple[tuple[str, str], Effect]]:
    values = getattr(judged[1].raw_trace, "values", ())
    for stage, found in _run(judged):
        view = PartView(stage.name, values, judged[0].program.wording)
        for one in stage.runner.effects(found, view) if found else ():
            yield (stage.name, one.key), one


def _names(trees: Iterable[Node], derived: Mapping[str, Node]) -> Iterator[str]:
    for symbol in (symbol for tree in trees for symbol in reads(tree)):
        yield symbol.name
        if symbol.name in derived:
            yield from _names((derived[symbol.name],), derived)


class DecisionPair(msgspec.Struct, frozen=True):
    """`live` is what its own rules concluded. It holds nothing of the applicant."""

    decision_id: str
    product: str
    created: datetime
    version: int
    digest: str
    live: Outcome
    told: JudgedApplicant | NotCompared

    @property
    def result(self) -> str:
        """`compared`, `failed` or `not_comparable`."""
        if isinstance(self.told, JudgedApplicant):
            return "compared"
        return "failed" if self.told.why is LeftOut.RULE_ERROR else "not_comparable"


class RulesOnDay(msgspec.Struct, frozen=True):
    """Rules with the day whose dated parameters they take; None: the decision's own."""

    ruleset: CompiledRuleset
    day: date | None = None


class TwoVerdicts(msgspec.Struct, frozen=True):
    before: Verdict
    after: Verdict
    facts: Facts


def second_opinion(
    case: DecidedCase, base: RulesOnDay, other: RulesOnDay
) -> JudgedApplicant | NotCompared:
    """Raises nothing: whatever a version raises counts as its RULE_ERROR."""
    try:
        found = verdicts(case, base, other)
        if isinstance(found, NotCompared):
            return found
        return judged_applicant(case, base, other, found=found)
    except Exception:  # noqa: BLE001 - whatever is wrong with a version is its failure alone
        return NotCompared(LeftOut.RULE_ERROR)


def verdicts(case: DecidedCase, base: RulesOnDay, other: RulesOnDay) -> TwoVerdicts | NotCompared:
    before = case.decision.rules_verdict
    if base.day is not None or base.ruleset.digest != case.ruleset.digest:
        judged = _judged(case, base)
        if isinstance(judged, NotCompared):
            return judged
        before = judged[0]
    judged = _judged(case, other)
    if isinstance(judged, NotCompared):
        return judged
    after, facts = judged
    if before.ended_in_rule_error or after.ended_in_rule_error:
        return NotCompared(LeftOut.RULE_ERROR)
    return TwoVerdicts(before, after, facts)


def judged_applicant(
    case: DecidedCase, base: RulesOnDay, other: RulesOnDay, found: TwoVerdicts
) -> JudgedApplicant:
    before = side_of(found.before)
    after = side_of(found.after)
    one = JudgedApplicant(case.decision.decision_id, before, after)
    if not one.changed:
        return one
    moved = causes((base.ruleset, found.before), (other.ruleset, found.after))
    return JudgedApplicant(one.decision_id, before, after, causes=moved)


def side_of(verdict: Verdict) -> Side:
    offer = verdict.offer
    instalment = None
    if offer is not None and verdict.outcome is Outcome.APPROVE:
        due = offer.outputs.get("instalment")
        instalment = due.minor if isinstance(due, Money) else None
    amount = verdict.approved_amount
    return Side(
        verdict.outcome,
        verdict.refer_kind,
        amount,
        instalment=instalment,
        reduced=amount is not None and offer is not None and offer.kind is OfferKind.REDUCED,
        codes=tuple([reason.code for reason in verdict.reasons]),
    )


def _judged(case: DecidedCase, rules: RulesOnDay) -> tuple[Verdict, Facts] | NotCompared:
    """Where the decision's own rules gave one for its own day, that is taken."""
    facts = facts_for(case, rules.ruleset)
    if isinstance(facts, NotCompared):
        return facts
    if rules.day is not None:
        return evaluate(rules.ruleset, loaded_for(facts, rules.ruleset, rules.day)), facts
    if rules.ruleset.digest == case.ruleset.digest:
        return case.decision.rules_verdict, facts
    return evaluate(rules.ruleset, facts), facts
