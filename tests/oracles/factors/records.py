"""What records say: employers that are one, pay given twice, classes, fees and ceilings."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fnmatch import fnmatchcase
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

from decision_service.domain.accounts import Kind
from decision_service.domain.needs import ClassRule, DataPolicy, TransactionClass
from decision_service.domain.values import Money, Month
from tests.oracles.factors.applicant import Applicant, feeders_of, records_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from decision_service.domain.snapshot import Employment, Income, Transaction

_ANSWER = Context(prec=34, rounding=ROUND_HALF_EVEN)

_WIDE = Context(prec=80, rounding=ROUND_HALF_EVEN)

Exact = Fraction | int


def number(exact: Exact) -> Decimal:
    """A fraction as a Decimal of 34 digits."""
    exact = Fraction(exact)
    return _ANSWER.divide(Decimal(exact.numerator), Decimal(exact.denominator))


def money(exact: Exact, currency: str) -> Money:
    """A fraction of minor units as money; Python's round() is half-even."""
    return Money(currency, round(Fraction(exact)))


def mean(values: Sequence[Exact]) -> Fraction:
    """The sum over the count."""
    return Fraction(sum(values, Fraction(0))) / len(values)


def median(values: Sequence[Exact]) -> Fraction:
    """The middle value, or the mean of the two in the middle."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2 == 1:
        return Fraction(ordered[middle])
    return Fraction(ordered[middle - 1] + ordered[middle]) / 2


def square_root(exact: Fraction) -> Fraction:
    """A root to some eighty digits, good enough to round at thirty-four."""
    wide = _WIDE.divide(Decimal(exact.numerator), Decimal(exact.denominator))
    return Fraction(_WIDE.sqrt(wide))


def deviation(values: Sequence[Exact]) -> Fraction:
    """The standard deviation of a sample, which needs two values."""
    middle = mean(values)
    squares = sum((value - middle) ** 2 for value in values)
    return square_root(Fraction(squares) / (len(values) - 1))


PaidPeriod = tuple[date, date, int]


@cache
def employer_key(name: str | None, legal_forms: tuple[str, ...]) -> str:
    """A name without case, punctuation, legal forms and blanks."""
    folded = (name or "").casefold()
    plain = "".join(letter for letter in folded if unicodedata.category(letter)[0] not in "PS")
    words = plain.split()
    kept = [word for word in words if word not in legal_forms]
    return "".join(kept or words)


def key_of(who: Applicant, name: str | None) -> str:
    """A name as the policy tells employers apart."""
    return employer_key(name, who.policy.legal_forms)


def names_one(who: Applicant, name: str | None) -> bool:
    """Whether a name is an employer's: not empty, not "voluntary" and the like."""
    none = {employer_key(word, ()) for word in who.policy.not_employers}
    return key_of(who, name) not in none | {""}


def contracts(who: Applicant) -> list[Employment]:
    """Every employment of a source that counts, those that begin ahead too."""
    found = []
    for feeder in feeders_of(who, [Kind.EMPLOYMENTS]):
        found.extend(records_of(who, Kind.EMPLOYMENTS, feeder))
    return found


def employments(who: Applicant) -> list[Employment]:
    """Those of them that have begun."""
    return [one for one in contracts(who) if one.start <= who.as_of.date]


def keys_by_account(who: Applicant) -> dict[str, set[str]]:
    """The employers that each account's payroll names."""
    if "named" in who.memory:
        return who.memory["named"]  # type: ignore[no-any-return]
    named: dict[str, set[str]] = {}
    for feeder in feeders_of(who, [Kind.INCOMES]):
        keys = {key_of(who, one.employer) for one in records_of(who, Kind.INCOMES, feeder)}
        named[feeder.id] = keys - {""}
    who.memory["named"] = named
    return named


def employer_of(who: Applicant, income: Income) -> str:
    """A payroll record's employer; one without a name joins the only one that is named."""
    key = key_of(who, income.employer)
    if key:
        return key
    named = keys_by_account(who)
    for keys in (named.get(income.source, set()), set().union(*named.values())):
        if len(keys) == 1:
            return next(iter(keys))
    return ""


def same_jobs(slips: dict[tuple[str, str], set[PaidPeriod]]) -> dict[str, str]:
    """Each employer's job, named after the first of its employers in text order.

    `slips` are the pay slips by account and employer; three equal ones at two accounts are one job.
    """
    job = {employer: employer for _, employer in slips}
    for (account, employer), mine in slips.items():
        for (other, another), theirs in slips.items():
            if account != other and len(mine & theirs) >= 3:
                names = (job[employer], job[another])
                for key, name in job.items():
                    if name in names:
                        job[key] = min(names)
    return job


@dataclass(frozen=True)
class Slip:
    """One payroll record with its period and pay; a record without an end is of one day."""

    income: Income
    start: date
    last: date
    pay: int | None

    @property
    def days(self) -> int:
        """How many days the period has."""
        return (self.last - self.start).days + 1


def pay_of(income: Income) -> int | None:
    """Net, else gross, else base."""
    for amount in (income.net, income.gross, income.base):
        if amount is not None:
            return amount
    return None


def last_day_of(income: Income) -> date | None:
    """The end of a pay period; where none is told, that of two, three or twelve months."""
    if income.end is not None:
        return income.end
    lengths = {"Bimonthly": 2, "Quarterly": 3, "Annually": 12}
    if income.frequency not in lengths:
        return None
    return months_later(income.start, lengths[income.frequency])


def months_later(start: date, months: int) -> date:
    """The last day of so many months that begin on a day."""
    after = Month.of(start).plus(months)
    day = min(start.day, after.last_day.day)
    return after.first_day.replace(day=day) - timedelta(days=1)


def is_pay_period(income: Income) -> bool:
    """Whether it is pay of up to 31 days, and no 13th month or bonus of a longer time."""
    usual = ("Hourly", "Daily", "Weekly", "Semimonthly", "Monthly", "Variable", "Unspecified", None)
    return slip_of(income).days <= 31 and income.frequency in usual


def slip_of(income: Income) -> Slip:
    """A payroll record as a slip."""
    return Slip(income, income.start, last_day_of(income) or income.start, pay_of(income))


def is_told_again(slip: Slip, kept: list[Slip]) -> bool:
    """Whether the same period was told with the same or a larger amount (no amount is smallest)."""
    for other in kept:
        if (other.start, other.last) == (slip.start, slip.last) and (
            slip.days > 2 or other.pay == slip.pay
        ):
            return True
    return False


def once_each(slips: list[Slip]) -> list[Slip]:
    """Equal periods once, with the larger amount."""
    kept: list[Slip] = []
    for slip in sorted(slips, key=lambda one: (one.pay is None, -abs(one.pay or 0), one.income.id)):
        if not is_told_again(slip, kept):
            kept.append(slip)
    return kept


def holds(outer: Slip, inner: Slip) -> bool:
    """Whether a period contains another one and is longer."""
    return outer.start <= inner.start and inner.last <= outer.last and outer.days > inner.days


def without_parts(slips: list[Slip]) -> list[Slip]:
    """Summaries in place of the slips they sum up: within 5 % of their sum, shorter ones first."""
    kept = list(slips)
    for outer in sorted(slips, key=lambda one: (one.days, one.start, one.income.id)):
        inner = [one for one in kept if holds(outer, one)]
        whole = sum(one.pay or 0 for one in inner)
        if inner and abs((outer.pay or 0) - whole) <= Fraction(5, 100) * abs(whole):
            kept = [one for one in kept if one not in inner]
    return kept


def paid_once(slips: list[Slip]) -> list[Slip]:
    """Every pay once, and what is taken back beside it."""
    return pays(slips) + once_each([one for one in slips if (one.pay or 0) < 0])


def pays(slips: list[Slip]) -> list[Slip]:
    """Every pay once, without what is taken back."""
    return without_parts(once_each([one for one in slips if (one.pay or 0) >= 0]))


def common_days(one: Slip, other: Slip) -> int:
    """How many days two periods share."""
    return (min(one.last, other.last) - max(one.start, other.start)).days + 1


def cross(one: Slip, other: Slip) -> bool:
    """Whether two periods overlap by more than two days, neither holding the other."""
    apart = one is other or holds(one, other) or holds(other, one)
    return not apart and common_days(one, other) > 2


def clashes(slips: list[Slip]) -> list[Slip]:
    """Slips of up to a month that cross another such one."""
    short = [one for one in slips if one.days <= 31]
    return [one for one in short if any(cross(one, other) for other in short)]


def crossed(slips: list[Slip]) -> list[Slip]:
    """Slips of more than a month that another one crosses, the shortest first."""
    found = [one for one in slips if one.days > 31 and any(cross(one, other) for other in slips)]
    return sorted(found, key=lambda one: (one.days, one.start))


def months_of(slip: Slip) -> list[int]:
    """The months that a period touches."""
    return list(range(Month.of(slip.start).index, Month.of(slip.last).index + 1))


@cache
def plain(text: str) -> str:
    """A text's words without case and punctuation, each after a blank: words fit as they begin."""
    letters = [letter if letter.isalnum() else " " for letter in text.casefold()]
    return "".join(f" {word}" for word in "".join(letters).split())


def fits(rule: ClassRule, provider_id: str, transaction: Transaction) -> bool:
    """Whether one rule speaks of the transaction."""
    if not fnmatchcase(provider_id, rule.provider):
        return False
    if rule.sign == 1 and not transaction.amount > 0:
        return False
    if rule.sign == -1 and not transaction.amount < 0:
        return False
    if not rule.words:
        return True
    description = plain(transaction.description or "")
    return any(plain(word) in description for word in rule.words)


def class_of(
    policy: DataPolicy, provider_id: str, transaction: Transaction
) -> TransactionClass | None:
    """The class that the first fitting rule gives; None is unmapped."""
    for rule in policy.transaction_classes:
        if fits(rule, provider_id, transaction):
            return rule.gives
    return None


def too_much_unmapped(policy: DataPolicy, window: Sequence[tuple[str, Transaction]]) -> bool:
    """Whether over a fifth of the money that moved has no class; pairs of provider, transaction."""
    moved = 0
    unmapped = 0
    for provider_id, transaction in window:
        if transaction.currency != policy.currency:
            continue
        moved = moved + abs(transaction.amount)
        if class_of(policy, provider_id, transaction) is None:
            unmapped = unmapped + abs(transaction.amount)
    return moved > 0 and Fraction(unmapped, moved) > Fraction(20, 100)


TAKEN = (TransactionClass.FEE, TransactionClass.REVERSAL)

Move = tuple[date, Fraction, TransactionClass | None]
"""The day, amount and class of one of an account's transactions since the 13th month before."""


def taken(moves: Iterable[Move], until: date) -> Fraction:
    """The fees and the earnings taken back up to a day, as a positive amount."""
    found = Fraction(0)
    for when, amount, cls in moves:
        if when <= until and amount < 0 and cls in TAKEN:
            found = found - amount
    return found


def unexplained(moves: list[Move]) -> list[tuple[date, Fraction]]:
    """The rest of every reversal that no fee explains which an earlier one has not used."""
    brought = [
        (when, amount)
        for when, amount, cls in moves
        if amount > 0 and cls is TransactionClass.REVERSAL
    ]
    used = Fraction(0)
    found = []
    for when, amount in sorted(brought):
        counts = min(amount, taken(moves, when) - used)
        used = used + counts
        found.append((when, amount - counts))
    return found


def net(moves: list[Move], month: int) -> Fraction:
    """Earnings less fees and earnings taken back, with the reversals that fees explain."""
    kept = (TransactionClass.EARNING, *TAKEN)
    given = sum(
        (amount for when, amount, cls in moves if Month.of(when).index == month and cls in kept),
        Fraction(0),
    )
    rests = [rest for when, rest in unexplained(moves) if Month.of(when).index == month]
    return given - sum(rests, Fraction(0))


def ceiling_of(who: Applicant, provider_id: str, month: int) -> int | None:
    """The most that a scheme tells of a month's income, in minor units."""
    fitting = [
        one
        for one in who.policy.ceilings
        if fnmatchcase(provider_id, one.provider)
        and one.currency == who.policy.currency
        and one.since <= Month(month).first_day
    ]
    return max(fitting, key=lambda one: one.since).amount if fitting else None


def clipped(who: Applicant, provider_id: str, month: int, amount: int) -> int:
    """An estimate, or the scheme's ceiling where it is above that."""
    ceiling = ceiling_of(who, provider_id, month)
    return amount if ceiling is None else min(amount, ceiling)
