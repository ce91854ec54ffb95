"""A payroll record: which employer a name means, and in which month or days its amount belongs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache

import msgspec

from decision_service.domain.needs import DataPolicy
from decision_service.domain.snapshot import Income
from decision_service.domain.values import Month
from decision_service.factors.answer import Amount, plus_months

LONGEST_MONTH = 31
LONGEST_PERIOD = 12
SHORT_DAYS = 2
"""Periods may share so many days and still be different pay: a pay day belongs to two periods."""

PERIOD_MONTHS = {
    "Hourly": 0, "Daily": 0, "Weekly": 0, "Semimonthly": 0, "Monthly": 0, "Bimonthly": 2,
    "Quarterly": 3, "Annually": 12, "Variable": 0, "Unspecified": 0, None: 0,
}  # fmt: skip
"""Months that a record without an end date covers; 0 is up to a month, so the start's month.

Semimonthly is twice a month and Bimonthly every two months. Where a record has both dates, they
count and not the frequency.
"""

MONTHLY_SHARE = {
    "Daily": Fraction(365, 12),
    "Weekly": Fraction(52, 12),
    "Semimonthly": Fraction(2),
    "Monthly": Fraction(1),
    "Bimonthly": Fraction(1, 2),
    "Quarterly": Fraction(1, 3),
    "Annually": Fraction(1, 12),
}
"""Payments a month by frequency, for amortizations; Hourly, Variable, Unspecified say nothing."""


_WORD = re.compile(r"[^\W_]+")

COMMON_PERIODS = 3
"""So many equal payments for equal periods at two accounts are one job, whatever the names."""

PayrollJob = tuple[str, str]
"""An account and the key of an employer that it names."""

Payment = tuple[str, str, int]
"""A payslip's period (ISO dates) and amount."""


class PlacedAmount(msgspec.Struct, frozen=True):
    """An amount by month (Month.index), with the one that counts as its pay month."""

    pay_month: int
    shares: tuple[tuple[int, Amount], ...]


def known_frequency(word: str | None) -> bool:
    return word in PERIOD_MONTHS


def amount_of(record: Income) -> tuple[int, str] | None:
    """The net amount, else the gross, else the base, with its name; None where all are null."""
    for amount, name in ((record.net, "net"), (record.gross, "gross"), (record.base, "base")):
        if amount is not None:
            return amount, name
    return None


def place(record: Income, amount: int) -> PlacedAmount:
    """Put an amount where it belongs.

    Up to 31 days: the month of the end date, else of the start date. Longer: spread over the
    period's days exactly, as fractions of a minor unit.
    """
    pay_month = Month.of(record.end or record.start).index
    end = last_day_of(record)
    days = (end - record.start).days + 1
    if days <= LONGEST_MONTH:
        return PlacedAmount(pay_month, ((pay_month, amount),))
    shares = [(m, Fraction(amount * part, days)) for m, part in _days_by_month(record.start, end)]
    return PlacedAmount(pay_month, tuple(shares))


def months_touched(record: Income) -> range:
    """Every month of the record's days; of an unknown frequency and without an end, of a year."""
    last = last_day_of(record)
    if record.end is None and not known_frequency(record.frequency):
        last = _last_day_after(record.start, LONGEST_PERIOD)
    return range(Month.of(record.start).index, Month.of(last).index + 1)


def last_day_of(record: Income) -> date:
    """The end date, or where there is none what the frequency makes of the start date."""
    months = PERIOD_MONTHS.get(record.frequency, 0)
    if record.end is not None or not months:
        return record.end or record.start
    return _last_day_after(record.start, months)


def is_short(record: Income) -> bool:
    """Whether a record is the pay of a period of up to a month, and no 13th month or bonus."""
    days = (last_day_of(record) - record.start).days + 1
    return days <= LONGEST_MONTH and PERIOD_MONTHS.get(record.frequency) == 0


def is_pay(record: Income) -> bool:
    """Whether a record pays something for a period of up to a month, so that its end counts."""
    paid = amount_of(record)
    return paid is not None and paid[0] > 0 and is_short(record)


def _last_day_after(start: date, months: int) -> date:
    return plus_months(start, months) - timedelta(days=1)


def _days_by_month(start: date, end: date) -> Iterator[tuple[int, int]]:
    month = Month.of(start)
    while month.first_day <= end:
        days = min(end, month.last_day) - max(start, month.first_day)
        yield month.index, days.days + 1
        month = month.plus(1)


def employer_key(name: str | None, policy: DataPolicy) -> str:
    """An employer's name as it is compared; "" where a record names none."""
    return _key(name or "", policy.legal_forms)


def named_employer(name: str | None, policy: DataPolicy) -> bool:
    """Whether a record names an employer; "voluntary" and the like do not."""
    key = employer_key(name, policy)
    return bool(key) and key not in policy.not_employers


@lru_cache(maxsize=4096)
def _key(name: str, legal_forms: tuple[str, ...]) -> str:
    words = _WORD.findall(name.casefold().replace("'", "").replace(".", ""))
    telling = [word for word in words if word not in legal_forms]
    return "".join(telling or words)


def payroll_jobs(records: Sequence[Income], policy: DataPolicy) -> Mapping[str, PayrollJob]:
    """By record id; without a name the only named employer of the account, else of all."""
    keys = {r.id: employer_key(r.employer, policy) for r in records}
    of_account: dict[str, set[str]] = {}
    for record in records:
        of_account.setdefault(record.source, set()).update({keys[record.id]} - {""})
    every = set[str]().union(*of_account.values())
    return {
        r.id: (r.source, keys[r.id] or _only(of_account[r.source]) or _only(every)) for r in records
    }


def _only(names: set[str]) -> str:
    return next(iter(names)) if len(names) == 1 else ""


def one_job(payments: Mapping[PayrollJob, Iterable[Payment]]) -> Mapping[PayrollJob, str]:
    """The employer of each account's job, equal where jobs are one.

    Jobs of one employer are one; so are two at different accounts with three equal payments.
    """
    paid = {job: frozenset(found) for job, found in payments.items()}
    employer_of = {job: job[1] for job in sorted(paid)}
    for job in employer_of:
        for other in employer_of:
            if job[0] < other[0] and len(paid[job] & paid[other]) >= COMMON_PERIODS:
                first, last = sorted((employer_of[job], employer_of[other]))
                employer_of = {
                    j: first if name == last else name for j, name in employer_of.items()
                }
    return employer_of
