"""The history of one made-up account: records of every kind, with the edges that matter."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from decision_service.domain.accounts import Kind
from decision_service.domain.snapshot import (
    Contribution,
    Employment,
    EstimatedIncome,
    Identity,
    Liability,
    LinkCounts,
    Transaction,
)
from decision_service.domain.values import Month
from tests.oracles.draft import Draft, amount, months
from tests.oracles.vocabulary import CURRENCY, EARNINGS, FREQUENCIES, LOANS, WORDS

POSTED = (1, 0, -1, -1, -2, -3, -3, -3, -3, -4, -5, -6, -8, -12, -15, -18)
"""The newest month that a scheme has posted, from as_of on: early, in time, late, once a year."""


def estimates(draft: Draft, source: str) -> None:
    """Estimated incomes, now and then two in a month, now and then a single old one."""
    rng = draft.rng
    scale = rng.choice((1_500_000, 2_000_000, 3_333_333, 3_500_000, 3_000_000))
    told = months(draft, POSTED)
    for month in told[-1:] if draft.chance(0.1) else told:
        for _ in range(2 if draft.chance(0.02) else 1):
            draft.records[Kind.EINCOMES].append(
                EstimatedIncome(
                    draft.next_id("einc"),
                    source,
                    month.index,
                    draft.currency(),
                    amount(draft, scale),
                )
            )


def contributions(draft: Draft, source: str) -> None:
    """Contributions, at the month's end or at its start."""
    scale = draft.rng.choice((137_500, 280_000))
    for month in months(draft, POSTED):
        for _ in range(2 if draft.chance(0.05) else 1):
            day = month.last_day if draft.chance(0.7) else month.first_day
            draft.records[Kind.CONTRIBUTIONS].append(
                Contribution(
                    draft.next_id("con"), source, day, draft.currency(), amount(draft, scale)
                )
            )


def employments(draft: Draft, source: str) -> None:
    """Jobs, open or ended, now and then in the future or back to front."""
    rng, today = draft.rng, draft.as_of.date
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        ages = (rng.randrange(3000), rng.randrange(800), rng.randrange(120), 731, 730)
        start = today - timedelta(days=rng.choice(ages))
        end = None
        if draft.chance(0.5):
            end = start + timedelta(days=rng.randrange(max((today - start).days, 1) + 1))
        if draft.chance(0.15) and (today - start).days > 200:
            end = today - timedelta(days=rng.randrange(200))
        if draft.chance(0.03):
            end = today + timedelta(days=rng.randrange(3))
        if draft.chance(0.2):
            end = today + timedelta(days=rng.randrange(400))
        if draft.chance(0.03):
            start = today + timedelta(days=rng.choice((1, 2, 20, 60)))
            end = rng.choice((None, start + timedelta(days=rng.randrange(200))))
        if draft.chance(0.003):
            end = start - timedelta(days=1)
        draft.records[Kind.EMPLOYMENTS].append(
            Employment(
                draft.next_id("e"), source, draft.employer(0.7), "Employed", start, end, start
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
                draft.next_id("lia"), source, rng.choice(LOANS), start, loan_end(draft, start),
                draft.currency(), loan,
                rng.choice((loan // 24, loan // 24, loan // 12, None if draft.chance(0.3) else 1)),
                rng.choice(("Monthly", "Monthly", "Monthly", rng.choice(FREQUENCIES))),
                rng.choice((0, loan // 2, loan // 3, loan, None if draft.chance(0.2) else -5)),
                rng.choice((0, None, None, loan // 24)),
                None,
            )
        )  # fmt: skip


def loan_end(draft: Draft, start: date) -> date | None:
    """The end of a loan: after some years, today, yesterday, or not told."""
    rng, today = draft.rng, draft.as_of.date
    after = Month.of(start).plus(rng.choice((6, 12, 24, 24, 60, 62, 240)))
    chosen = rng.choice((after.first_day.replace(day=min(start.day, 28)), today, None))
    if draft.chance(0.7) or chosen is None or chosen < start:
        chosen = after.first_day.replace(day=min(start.day, after.last_day.day))
    return None if draft.chance(0.1) else chosen


def transactions(draft: Draft, source: str) -> None:
    """What a gig wallet shows: trips of some months, fees or none, money that passes through."""
    rng, today = draft.rng, draft.as_of.date
    newest = rng.choice((-1, -1, -1, -1, 5, 20, 35, 60, 95, 130))
    reach = newest + rng.choice((15, 60, 200, 400, 440))
    others = rng.choice((0.0, 0.3, 0.3, 1.0))
    unmapped = rng.choice((0.0, 0.0, 0.0, 0.02, 0.1))
    scale = rng.choice((90_000, 900_000, 2_000_000))
    for _ in range(rng.choice((2, 10, 30, 60))):
        words, sign = rng.choice(EARNINGS), 1
        if draft.chance(others):
            words, sign = rng.choice(WORDS)
        if draft.chance(unmapped):
            words, sign = "Misc", rng.choice((1, -1))
        day = today - timedelta(days=rng.randrange(newest, reach))
        if draft.chance(0.0003):
            day = today + timedelta(days=rng.choice((1, 2)))
        draft.records[Kind.TRANSACTIONS].append(
            Transaction(
                draft.next_id("t"), source, day, None if draft.chance(0.003) else words,
                "USD" if draft.chance(draft.foreign / 10) else CURRENCY,
                sign * rng.randrange(100, scale),
            )
        )  # fmt: skip
    daily_trips(draft, source)


def daily_trips(draft: Draft, source: str) -> None:
    """One wallet in eight earns on every day of the last month.

    It draws numbers of its own, so that the other histories of a seed stay what they were.
    """
    own = Random(f"{source} {draft.as_of.date}")
    if own.random() > 0.125:
        return
    for age in range(1, 31):
        day = draft.as_of.date - timedelta(days=age)
        trip = draft.next_id("t")
        earned = own.randrange(90_000, 110_000)
        draft.records[Kind.TRANSACTIONS].append(
            Transaction(trip, source, day, EARNINGS[0], CURRENCY, earned)
        )


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
