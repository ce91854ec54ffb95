"""Made-up payroll: every rhythm of pay, told once, twice, in halves and in summaries."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random

import msgspec

from decision_service.domain.accounts import Kind
from decision_service.domain.snapshot import Account, Income, PayWatch
from decision_service.domain.values import Month
from tests.oracles.draft import Draft, amount, months
from tests.oracles.vocabulary import CURRENCY, EMPLOYERS, FREQUENCIES

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
