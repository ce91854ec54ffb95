"""A law's ceilings on the price of an offer, as terms and in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from decision_service.author.proofs.encoding import Encoded, literal
from decision_service.author.proofs.ruleset import EncodedVerdict
from decision_service.author.proofs.terms import Builder, Term
from decision_service.domain.decision import WEEKLY, Verdict
from decision_service.domain.values import Money
from decision_service.rules.keys import AMOUNT, MOST_COST, NOMINAL, TERM
from decision_service.rules.law import CEILINGS, INSTALMENTS, TOTAL, PriceLaw, offer_of
from decision_service.rules.offer import PriceLines
from decision_service.rules.program import CompiledRuleset


@dataclass(frozen=True, slots=True)
class Ceiling:
    """One ceiling of a law on the offers of a version; `price` says which lines it is about."""

    law: PriceLaw
    key: str
    price: PriceLines
    weekly: bool

    @property
    def what(self) -> str:
        return CEILINGS[self.key]

    def broken(self, b: Builder, verdict: EncodedVerdict) -> Term:
        """Whether an offer within the law is beyond it, and no legal check refers it.

        What is missing of a price refers the offer as missing, and is no claim about it.
        """
        most = self.law.most(self.key, verdict.day)
        amount = verdict.lines.get(AMOUNT)
        lines = verdict.lines
        if most is None or amount is None:
            return b.false
        found = lines.get(getattr(self.price, self.key))
        limit = literal(b, most)
        if self.key == MOST_COST:
            limit = b.scaled(amount.term, most)
        beyond = _known(b, found, lambda term: b.lt(limit, term))
        if self.key == NOMINAL:
            beyond = b.or_(beyond, self._repaid_beyond(b, verdict, amount.term))
        return b.and_(
            verdict.offered, b.not_(verdict.legal), self._within(b, lines, amount.term), beyond
        )

    def _within(self, b: Builder, lines: Mapping[str, Encoded], amount: Term) -> Term:
        """Of two lengths, in months and in weeks, the shorter counts, so that neither evades."""
        small = b.le(amount, b.number(self.law.principal))
        lengths = [(lines.get(TERM), self.law.months)]
        if self.weekly:
            lengths.append((lines.get(INSTALMENTS), self.law.weeks))
        stated = [(line, most) for line, most in lengths if line is not None]
        short = [b.or_(line.is_missing, b.le(line.term, b.number(m))) for line, m in stated]
        return b.and_(small, b.or_(*short) if short else b.true)

    def _repaid_beyond(self, b: Builder, verdict: EncodedVerdict, amount: Term) -> Term:
        """Whether what is repaid is more than the rate allows, whatever rate the offer states."""
        total = verdict.lines.get(TOTAL)
        term = verdict.lines.get(TERM)
        most = self.law.most(NOMINAL, verdict.day)
        if total is None or term is None or most is None:
            return b.false
        # One term at a time leaves it linear: amount times term would be a product
        ways = [
            b.and_(
                b.eq(term.term, b.number(months)),
                b.lt(b.scaled(amount, 1 + most * months), total.term),
            )
            for months in range(1, self.law.months + 1)
        ]
        return b.and_(b.not_(total.is_missing), b.not_(term.is_missing), b.or_(*ways))

    def words(self, verdict: Verdict, day: date) -> str:
        """What an offer states, and what the law allows: `is 0.08 on 5,000.00 over 2 months`."""
        offer = verdict.offer
        most = self.law.most(self.key, day)
        assert offer is not None  # noqa: S101  only an offer breaks it
        stated = offer.outputs.get(getattr(self.price, self.key), offer.monthly_rate)
        shown = f"{stated.major:f}" if isinstance(stated, Money) else stated
        term = f" over {offer.term_months} months" if offer.term_months else ""
        repaid = offer.outputs.get(TOTAL)
        more = f", repaid by {repaid.major:f}" if isinstance(repaid, Money) else ""
        return (
            f"{self.what} is {shown} on {offer.approved_amount.major:f}{term}{more}; "
            f"`{self.law.name}` allows {most}"
        )


def ceilings_of(ruleset: CompiledRuleset, law: PriceLaw) -> Sequence[Ceiling]:
    terms = offer_of(ruleset)
    if terms is None or terms.price is None or ruleset.currency != law.currency:
        return ()
    weekly = WEEKLY in terms.lines
    return [
        Ceiling(law, key, terms.price, weekly=weekly) for key in CEILINGS if key in law.ceilings
    ]


def _known(b: Builder, value: Encoded | None, of: Callable[[Term], Term]) -> Term:
    return b.false if value is None else b.and_(b.not_(value.is_missing), of(value.term))
