"""The history of one made-up account: records of every kind, with the edges that matter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from decision_service.domain.kinds import Kind
from decision_service.domain.months import Month
from decision_service.domain.snapshot import (
    Contribution,
    Employment,
    EstimatedIncome,
    Identity,
    Income,
    Liability,
    LinkCounts,
    Transaction,
)
from decision_service.domain.time import AsOf
from tests.oracles.vocabulary import CURRENCY, EMPLOYERS, FREQUENCIES, WORDS


@dataclass
class Draft:
    """A snapshot in the making."""

    rng: Random
    as_of: AsOf
    records: dict[Kind, list[Any]]
    made: int = 0

    def chance(self, probability: float) -> bool:
        """A weighted coin."""
        return self.rng.random() < probability

    def next_id(self, prefix: str) -> str:
        """Ids are unique within an applicant."""
        self.made += 1
        return f"{prefix}-{self.made}"

    def currency(self) -> str:
        """Nearly always ours."""
        return "USD" if self.chance(self.foreign) else CURRENCY

    foreign: float = 0.0


def _months(draft: Draft) -> list[Month]:
    """A stretch of months with gaps, which may end after as_of."""
    rng = draft.rng
    last = Month.of(draft.as_of.date).plus(rng.choice((1, 0, 0, -1, -1, -2, -3, -5)))
    length = rng.choice((1, 2, 3, 4, 6, 8, 12, 13, 15, 18, 24, 27, 30))
    gaps = rng.choice((0.0, 0.0, 0.1, 0.4))
    return [last.plus(-back) for back in range(length) if not draft.chance(gaps)]


def _amount(draft: Draft, scale: int) -> int:
    """Minor units; now and then equal, zero, negative or odd."""
    rng = draft.rng
    if draft.chance(0.3):
        return scale
    if draft.chance(0.06):
        return rng.choice((0, 0, -scale // 3))
    return rng.randrange(scale // 2, scale * 2)


def estimates(draft: Draft, source: str) -> None:
    """Estimated incomes, now and then two in a month."""
    scale = draft.rng.choice((1_500_000, 2_000_000, 3_333_333))
    for month in _months(draft):
        for _ in range(2 if draft.chance(0.03) else 1):
            draft.records[Kind.EINCOMES].append(
                EstimatedIncome(
                    draft.next_id("einc"),
                    source,
                    month.index,
                    draft.currency(),
                    _amount(draft, scale),
                )
            )


def contributions(draft: Draft, source: str) -> None:
    """Contributions, at the month's end or at its start."""
    scale = draft.rng.choice((137_500, 280_000))
    for month in _months(draft):
        for _ in range(2 if draft.chance(0.05) else 1):
            day = month.last_day if draft.chance(0.7) else month.first_day
            draft.records[Kind.CONTRIBUTIONS].append(
                Contribution(
                    draft.next_id("con"), source, day, draft.currency(), _amount(draft, scale)
                )
            )


def incomes(draft: Draft, source: str) -> None:
    """Payroll of one or two employers, whose name may be spelt in several ways."""
    rng = draft.rng
    for _ in range(rng.choice((1, 1, 1, 2))):
        employer, frequency = rng.choice(EMPLOYERS), rng.choice(FREQUENCIES)
        scale = rng.choice((900_000, 1_800_000))
        for start, end in _periods(draft, frequency):
            pay = _amount(draft, scale)
            name = rng.choice(EMPLOYERS[:3]) if employer in EMPLOYERS[:3] else employer
            draft.records[Kind.INCOMES].append(
                Income(
                    draft.next_id("inc"), source, name, start, end, frequency, draft.currency(),
                    *_pay(draft, pay),
                )
            )  # fmt: skip


def _pay(draft: Draft, pay: int) -> tuple[int | None, int | None, int | None]:
    """Base, gross and net; now and then none of them."""
    forms = ((None, None, pay), (pay, pay, pay - 7), (pay, pay, None), (pay, None, None))
    form = draft.rng.choice(forms)
    return form if draft.chance(0.998) else (None, None, None)


def _periods(draft: Draft, frequency: str | None) -> list[tuple[date, date | None]]:
    months = _months(draft)
    if frequency in ("Quarterly", "Annually", "Bimonthly"):
        length = {"Bimonthly": 2, "Quarterly": 3, "Annually": 12}[frequency]
        ends = months[::length]
        found = [(end.plus(1 - length).first_day, end.last_day) for end in ends]
    elif frequency == "Weekly":
        found = [
            (
                month.first_day + timedelta(days=7 * week),
                month.first_day + timedelta(days=7 * week + 6),
            )
            for month in months[:6]
            for week in range(4)
        ]
    elif frequency == "Semimonthly":
        found = []
        for month in months:
            middle = month.first_day + timedelta(days=14)
            found += [(month.first_day, middle), (middle + timedelta(days=1), month.last_day)]
    else:
        offset = timedelta(days=draft.rng.choice((0, 0, 0, 15)))
        found = [(month.first_day + offset, month.last_day + offset) for month in months]
    tomorrow = draft.as_of.date + timedelta(days=1)
    legal = [pair for pair in found if pair[1] <= tomorrow or draft.chance(0.02)]
    return [(start, None) if draft.chance(0.03) else (start, end) for start, end in legal]


def employments(draft: Draft, source: str) -> None:
    """Jobs, open or ended, now and then in the future or back to front."""
    rng, today = draft.rng, draft.as_of.date
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        start = today - timedelta(
            days=rng.choice((rng.randrange(3000), rng.randrange(800), 731, 730))
        )
        end = None
        if draft.chance(0.5):
            end = start + timedelta(days=rng.randrange(max((today - start).days, 1) + 1))
        if draft.chance(0.03):
            end = today + timedelta(days=rng.randrange(3))
        if draft.chance(0.004):
            start, end = today + timedelta(days=rng.choice((1, 2))), None
        if draft.chance(0.003):
            end = start - timedelta(days=1)
        draft.records[Kind.EMPLOYMENTS].append(
            Employment(
                draft.next_id("e"), source, rng.choice(EMPLOYERS), "Employed", start, end, start
            )
        )


def liabilities(draft: Draft, source: str) -> None:
    """Loans in every state."""
    rng, today = draft.rng, draft.as_of.date
    for _ in range(rng.choice((0, 0, 1, 2, 3))):
        start = today - timedelta(days=rng.randrange(1000))
        loan = rng.randrange(500_000, 5_000_000)
        draft.records[Kind.LIABILITIES].append(
            Liability(
                draft.next_id("lia"), source, "Salary Loan", start, start + timedelta(days=730),
                draft.currency(), loan,
                rng.choice((loan // 24, loan // 24, loan // 12, None if draft.chance(0.3) else 1)),
                rng.choice(("Monthly", "Monthly", "Monthly", rng.choice(FREQUENCIES))),
                rng.choice((0, loan // 2, loan // 3, loan, None if draft.chance(0.2) else -5)),
                rng.choice((0, None, None, loan // 24)),
                None,
            )
        )  # fmt: skip


def transactions(draft: Draft, source: str) -> None:
    """What a gig wallet shows."""
    rng, today = draft.rng, draft.as_of.date
    reach = rng.choice((20, 100, 200, 400, 440))
    unmapped = rng.choice((0.0, 0.0, 0.02, 0.1, 0.25))
    only_out = draft.chance(0.03)
    for _ in range(rng.choice((3, 10, 30, 60))):
        words, sign = ("Misc", rng.choice((1, -1))) if draft.chance(unmapped) else rng.choice(WORDS)
        if only_out:
            words, sign = "Cash out to bank", -1
        day = today - timedelta(days=rng.randrange(reach) - 1)
        if draft.chance(0.0003):
            day = today + timedelta(days=rng.choice((1, 2)))
        amount = sign * rng.randrange(100, 90_000)
        draft.records[Kind.TRANSACTIONS].append(
            Transaction(
                draft.next_id("t"), source, day, None if draft.chance(0.01) else words,
                "USD" if draft.chance(draft.foreign / 10) else CURRENCY, amount,
            )
        )  # fmt: skip


def identity(draft: Draft, source: str) -> None:
    """A date of birth; most sources agree on it."""
    birth = draft.rng.choice((date(1990, 3, 1), date(1992, 2, 29), date(1985, 12, 31)))
    if draft.chance(0.9):
        birth = date(1988, draft.as_of.date.month, min(draft.as_of.date.day, 28))
    if draft.chance(0.02):
        birth = draft.rng.choice(
            (date(1899, 1, 1), draft.as_of.date + timedelta(days=draft.rng.choice((1, 2))))
        )
    known = None if draft.chance(0.05) else birth
    draft.records[Kind.IDENTITIES].append(Identity(draft.next_id("i"), source, known))


def links(draft: Draft, source: str) -> None:
    """How often other lenders linked the account."""
    windows = (3, 7, 30, 90, 180, 365, 730)
    counts = tuple((days, draft.rng.randrange(9)) for days in windows if draft.chance(0.95))
    edges = [draft.rng.randrange(900) if draft.chance(0.9) else None for _ in range(2)]
    draft.records[Kind.LINKS].append(LinkCounts(draft.next_id("link"), source, counts, *edges))
