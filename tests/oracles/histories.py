"""The history of one made-up account, payroll in every rhythm of pay among it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random

import msgspec

from decision_service.domain.accounts import Kind
from decision_service.domain.snapshot import (
    Account,
    Contribution,
    Employment,
    EstimatedIncome,
    Identity,
    Income,
    Liability,
    LinkCounts,
    PayWatch,
    Transaction,
)
from decision_service.domain.values import Month
from tests.oracles.draft import (
    CURRENCY,
    EARNINGS,
    EMPLOYERS,
    FREQUENCIES,
    LOANS,
    WORDS,
    Draft,
    amount,
    months,
)

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


LASTS = (0, 0, -1, -1, -1, -1, -1, -2, -2, -3, -4, -6, -8)

LENGTHS = {"Bimonthly": 2, "Quarterly": 3, "Annually": 12}

USUAL = ("Monthly", "Monthly", "Monthly", "Semimonthly", "Semimonthly", "Weekly")

DAY = timedelta(days=1)

Period = tuple[date, date]


def incomes(draft: Draft, source: str) -> None:
    """Payroll of one or two employers, whose names may be spelt in several ways or left out."""
    rng = draft.rng
    for _ in range(rng.choice((1, 1, 1, 1, 2))):
        spellings = rng.choice(EMPLOYERS)
        nameless = rng.choice((0.0, 0.0, 0.1, 1.0))
        frequency = rng.choice(USUAL if draft.chance(0.85) else FREQUENCIES)
        scale = rng.choice((900_000, 1_800_000, 6_000_000))
        told = []
        delay = rng.choice((None, None, None, 0, 5, 15, 20, 60))
        for start, end in periods(draft, frequency):
            name = None if draft.chance(nameless) else rng.choice(spellings)
            one = payslip(draft, source, name, (start, end), frequency, amount(draft, scale))
            if delay is not None and draft.chance(0.8):
                paid = end + (delay + rng.choice((0, 0, 0, 1))) * DAY
                one = msgspec.structs.replace(one, paid=paid)
            told.append(one)
        told += told_again(draft, told) + summaries(draft, told) + yearly(draft, told, scale)
        draft.records[Kind.INCOMES].extend(told)


def payslip(
    draft: Draft, source: str, name: str | None, period: Period, frequency: str | None, pay: int
) -> Income:
    """One payroll record, now and then without an end; one in dollars has a usual rhythm."""
    currency = draft.currency()
    start, end = period
    return Income(
        draft.next_id("inc"), source, name, start, None if draft.chance(0.02) else end,
        frequency if currency == CURRENCY else "Monthly", currency, *forms(draft, pay),
    )  # fmt: skip


def forms(draft: Draft, pay: int) -> tuple[int | None, int | None, int | None]:
    """Base, gross and net; now and then none of them."""
    shapes = ((None, None, pay), (pay, pay, pay - 7), (pay, pay, None), (pay, None, None))
    return draft.rng.choice(shapes) if draft.chance(0.998) else (None, None, None)


def periods(draft: Draft, frequency: str | None) -> list[Period]:
    """Pay periods that end before tomorrow; of the newest month there may be a part."""
    worked = months(draft, LASTS)
    if frequency in LENGTHS:
        ends = worked[:: LENGTHS[frequency]]
        found = [(end.plus(1 - LENGTHS[frequency]).first_day, end.last_day) for end in ends]
    elif frequency == "Weekly":
        found = weeks(worked[:8])
    elif frequency == "Semimonthly":
        found = [half for month in worked for half in halves(month)]
    else:
        shift = DAY * draft.rng.choice((0, 0, 0, 0, 15, -6, -7))
        found = [(month.first_day + shift, month.last_day + shift) for month in worked]
    tomorrow = draft.as_of.date + DAY
    return [pair for pair in found if pair[1] <= tomorrow or draft.chance(0.01)]


def halves(month: Month) -> list[Period]:
    """The two halves of a month."""
    middle = month.first_day + 14 * DAY
    return [(month.first_day, middle), (middle + DAY, month.last_day)]


def weeks(worked: list[Month]) -> list[Period]:
    """Whole weeks from the first of the month on."""
    return [
        (month.first_day + 7 * week * DAY, month.first_day + (7 * week + 6) * DAY)
        for month in worked
        for week in range(4)
    ]


def watches(rng: Random, draft: Draft, accounts: tuple[Account, ...]) -> tuple[PayWatch, ...]:
    """What earlier readings showed of some accounts: when some periods were there first."""
    found, now = [], draft.as_of.instant
    for account in sorted(accounts, key=lambda one: one.id):
        ends = {one.end for one in draft.records[Kind.INCOMES] if one.source == account.id}
        newest = sorted(end for end in ends if end is not None)[-5:]
        if not newest or rng.random() > 0.3:
            continue
        delay = rng.choice((0, 1, 4, 10, 18, 60))
        sights = []
        for end in newest:
            noon = datetime(end.year, end.month, end.day, 12, tzinfo=UTC)
            sights.append((end, noon + (delay + rng.choice((0, 0, 2))) * DAY))
        kept = sights[-rng.choice((1, 2, 5)) :]
        found.append(PayWatch(account.id, newest[0], now, tuple(kept)))
    return tuple(found)


def told_again(draft: Draft, told: list[Income]) -> list[Income]:
    """Some payslips once more under new ids, with the same amounts or others, or days earlier."""
    if not draft.chance(0.2):
        return []
    found = []
    for one in told:
        if draft.chance(0.5):
            again = msgspec.structs.replace(one, id=draft.next_id("inc"))
            if draft.chance(0.2) and one.net is not None:
                again = msgspec.structs.replace(again, net=one.net + draft.rng.choice((-9, 9)))
            if draft.chance(0.02) and one.end is not None:
                shift = DAY * draft.rng.choice((1, 2, 3, 12))
                again = msgspec.structs.replace(again, start=one.start - shift, end=one.end - shift)
            found.append(again)
    return found


def pay_of(one: Income) -> int:
    """What a record pays."""
    return next((pay for pay in (one.net, one.gross, one.base) if pay is not None), 0)


def summaries(draft: Draft, told: list[Income]) -> list[Income]:
    """A month's summary beside its halves: equal to their sum, just within 5 %, or beyond."""
    if not told or told[0].frequency not in ("Semimonthly", "Weekly") or not draft.chance(0.3):
        return []
    found = []
    for month in sorted({Month.of(one.start) for one in told}):
        inside = [one for one in told if Month.of(one.start) == month and one.currency == CURRENCY]
        whole = sum(pay_of(one) for one in inside)
        pay = whole + draft.rng.choice((0, 0, whole // 20, whole // 20 + 1, whole // 5))
        if month.last_day <= draft.as_of.date and draft.chance(0.8):
            found.append(
                msgspec.structs.replace(
                    told[0], id=draft.next_id("inc"), start=month.first_day, end=month.last_day,
                    frequency="Monthly", currency=CURRENCY, base=None, gross=None, net=pay,
                )
            )  # fmt: skip
    return found


def yearly(draft: Draft, told: list[Income], scale: int) -> list[Income]:
    """A 13th month's pay, or a year's summary, from January to December."""
    year = draft.as_of.date.year - 1
    months_paid = [one for one in told if one.start.year == year]
    if not months_paid or not draft.chance(0.2):
        return []
    whole = sum(pay_of(one) for one in months_paid)
    period = (date(year, 1, 1), date(year, 12, 31))
    pay = draft.rng.choice((scale, scale, whole))
    one = payslip(draft, told[0].source, told[0].employer, period, "Annually", pay)
    return [msgspec.structs.replace(one, end=period[1])]


def copy_of_job(draft: Draft, source: str, target: str) -> None:
    """Another account's payroll once more: under another name, and not to the last payslip."""
    name = draft.employer(0.8)
    for one in [one for one in draft.records[Kind.INCOMES] if one.source == source]:
        pay = one.net if one.net is None or draft.chance(0.7) else one.net + 50_000
        if draft.chance(0.8):
            draft.records[Kind.INCOMES].append(
                msgspec.structs.replace(
                    one, id=draft.next_id("inc"), source=target, employer=name, net=pay
                )
            )
