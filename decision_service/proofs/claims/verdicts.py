"""Two verdicts beside each other: which is better, of more money, or different."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from decision_service.domain.verdict import Outcome, Verdict
from decision_service.proofs.encoding.encoded import Encoded
from decision_service.proofs.encoding.ruleset import EncodedVerdict
from decision_service.proofs.terms.builder import Builder
from decision_service.proofs.terms.term import Term
from decision_service.ruleset.constructs.offer.model import (
    AMOUNT,
    MAXIMUM,
    MINIMUM,
    RATE,
    TERM,
    TIER,
)

_FIXED = (MAXIMUM, AMOUNT, MINIMUM, TERM, RATE, TIER)
_RANK = {Outcome.DECLINE: 0, Outcome.REFER: 1, Outcome.APPROVE: 2}


def better_term(b: Builder, one: EncodedVerdict, other: EncodedVerdict) -> Term:
    """Whether the other outcome is the better one."""
    approved = b.and_(other.approved, b.not_(one.approved))
    return b.or_(approved, b.and_(one.declined, b.not_(other.declined)))


def is_better(one: Verdict, other: Verdict) -> bool:
    """Whether the other outcome is the better one."""
    return _RANK[other.outcome] > _RANK[one.outcome]


def more_term(b: Builder, one: EncodedVerdict, other: EncodedVerdict) -> Term:
    """Whether both make an offer, and the other one is of more money."""
    pair = [v.lines.get(AMOUNT) for v in (one, other)]
    if pair[0] is None or pair[1] is None:
        return b.false
    return b.and_(one.offered, other.offered, b.lt(pair[0].term, pair[1].term))


def is_more(one: Verdict, other: Verdict) -> bool:
    """Whether both make an offer, and the other one is of more money."""
    if one.offer is None or other.offer is None:
        return False
    return other.offer.approved_amount > one.offer.approved_amount


def other_amount_term(b: Builder, one: EncodedVerdict, other: EncodedVerdict) -> Term:
    """Whether the amounts of two offers differ."""
    return b.or_(more_term(b, one, other), more_term(b, other, one))


def is_other_amount(one: Verdict, other: Verdict) -> bool:
    """Whether the amounts of two offers differ."""
    return is_more(one, other) or is_more(other, one)


def other_price_term(b: Builder, one: EncodedVerdict, other: EncodedVerdict) -> Term:
    """Whether the rate differs, or a fee or instalment of the same amount over the same term."""

    def unlike(*names: str) -> Term:
        return b.or_(
            *_other_lines(
                b, *({n: v.lines[n] for n in names if n in v.lines} for v in (one, other))
            )
        )

    fees = {*one.lines, *other.lines} - {*_FIXED}
    same_loan = b.not_(unlike(AMOUNT, TERM))
    differs = b.or_(unlike(RATE), b.and_(same_loan, unlike(*fees)))
    return b.and_(one.offered, other.offered, differs)


def is_other_price(one: Verdict, other: Verdict) -> bool:
    """Whether the rate differs, or a fee or instalment of the same amount over the same term."""
    left, right = one.offer, other.offer
    if left is None or right is None:
        return False
    loans = [(offer.approved_amount, offer.term_months) for offer in (left, right)]
    fees = loans[0] == loans[1] and dict(left.outputs) != dict(right.outputs)
    return left.monthly_rate != right.monthly_rate or fees


def other_term(b: Builder, one: EncodedVerdict, other: EncodedVerdict) -> Term:
    """Whether outcome, offer or conditions differ."""
    outcomes = ((one.approved, other.approved), (one.declined, other.declined))
    unlike = [b.not_(b.eq(*pair)) for pair in (*outcomes, (one.offered, other.offered))]
    both = b.and_(one.offered, other.offered)
    unlike += [b.and_(both, line) for line in _other_lines(b, one.lines, other.lines)]
    for name in sorted({*one.conditions, *other.conditions}):
        pair = [v.conditions.get(name, b.false) for v in (one, other)]
        unlike.append(b.not_(b.eq(*pair)))
    return b.or_(*unlike)


def _other_lines(
    b: Builder, one: Mapping[str, Encoded], other: Mapping[str, Encoded]
) -> list[Term]:
    """Of each line, whether it differs; a line that only one offer has does where it is there."""
    found = []
    for name in sorted({*one, *other} - {MINIMUM}):
        left, right = one.get(name), other.get(name)
        if left is None or right is None:
            there = left or right
            found.append(b.true if there is None else b.not_(there.gone))
            continue
        alike = b.or_(left.gone, b.eq(left.term, right.term))
        found.append(b.not_(b.and_(b.eq(left.gone, right.gone), alike)))
    return found


def is_other(one: Verdict, other: Verdict) -> bool:
    """Whether outcome, offer, conditions or the time for which it holds differ."""
    return _compared_parts(one) != _compared_parts(other)


def _compared_parts(verdict: Verdict) -> tuple[Any, ...]:
    offer = verdict.offer
    conditions = {condition.id for condition in verdict.conditions}
    if offer is None:
        return verdict.outcome, None, conditions, verdict.valid_until
    fixed = (offer.approved_amount, offer.max_amount, offer.term_months, offer.monthly_rate)
    return (
        verdict.outcome,
        (*fixed, offer.tier, dict(offer.outputs)),
        conditions,
        verdict.valid_until,
    )
