"""What one factor's computation gives: exact amounts, dates and the evidence it rests on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from heapq import nsmallest
from typing import Protocol

import msgspec

from decision_service.domain.accounts import Kind
from decision_service.domain.factor import NO_EVIDENCE, Evidence
from decision_service.domain.values import EXACT, Cause, Missing, Month

Amount = int | Fraction
"""Minor units; a fraction only where a long pay period was spread over its days."""

Figure = int | Fraction | Decimal | str | bool
"""What a factor computes before it is rounded: money in minor units, numbers exact."""


MOST_SHOWN = 5
EDGE = 64
"""How many records at either end show roughly how heavy the heaviest of a long list are."""
GRADES = ("PAYROLL", "REMITTED", "PLATFORM", "DOCUMENT", "DECLARED")
"""Strongest proof first: payroll, a scheme that an employer pays to, a gig platform, uploads."""
PAYROLL_GRADE, REMITTED_GRADE, PLATFORM_GRADE, DOCUMENT_GRADE, DECLARED_GRADE = range(len(GRADES))

Weight = tuple[Amount, str]
"""(minus the absolute amount in minor units, record id), so that sorting puts heavy first."""

SourceGrade = tuple[str, int | None]
"""A record's source, and its grade as proof of income; None where it proves none."""


def decimal_of(figure: Amount | Decimal) -> Decimal:
    """The figure as a Decimal of 34 digits, rounded half-even."""
    if isinstance(figure, Fraction):
        return EXACT.divide(Decimal(figure.numerator), Decimal(figure.denominator))
    return EXACT.create_decimal(figure)


def mean(values: Sequence[Amount]) -> Amount:
    return Fraction(sum(values), len(values))


def median(values: Sequence[Amount]) -> Amount:
    return Fraction(twice_median(values), 2)


def twice_median(values: Sequence[Amount]) -> Amount:
    """The sum of the two values in the middle; of an odd count the middle one counts twice."""
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]


def deviation(values: Sequence[Amount]) -> Decimal:
    """The sample standard deviation (divisor n - 1) of at least two values, to 34 digits."""
    count = len(values)
    total = sum(values)
    squares = sum(value * value for value in values)
    variance = Fraction(count * squares - total * total, count * (count - 1))
    return EXACT.sqrt(decimal_of(variance))


def variation(values: Sequence[Amount]) -> Decimal | Cause:
    """The coefficient of variation: sample standard deviation over a mean above zero."""
    total = sum(values)
    if total <= 0:
        return Cause.DIVISION_BY_ZERO
    return EXACT.divide(deviation(values), decimal_of(Fraction(total, len(values))))


def ratio(part: Amount, whole: Amount) -> Amount | Cause:
    return Fraction(part, whole) if whole > 0 else Cause.DIVISION_BY_ZERO


def percent_change(new: Amount, old: Amount) -> Amount | Cause:
    return Fraction((new - old) * 100, old) if old > 0 else Cause.DIVISION_BY_ZERO


def longest_run(flags: Sequence[bool]) -> int:
    longest = current = 0
    for flag in flags:
        current = current + 1 if flag else 0
        longest = max(longest, current)
    return longest


class Statistic(msgspec.Struct, frozen=True):
    """A figure over amounts, of which it `needs` some, with the words that say what it is."""

    noun: str
    formula: str
    work: Callable[[Sequence[Amount]], Figure]
    needs: int = 1

    def of(self, amounts: Sequence[Amount]) -> Figure | Cause:
        return self.work(amounts) if len(amounts) >= self.needs else Cause.NO_EVIDENCE


STATISTICS = {
    "sum": Statistic("Sum", "their sum", sum, needs=0),
    "average": Statistic("Average", "their mean", mean),
    "min": Statistic("Smallest", "the smallest", min),
    "max": Statistic("Largest", "the largest", max),
    "median": Statistic(
        "Median", "the middle one, of an even count the mean of the middle two", median
    ),
}


class Answer(msgspec.Struct, frozen=True, gc=False):
    """Either a `figure`, or None with at least one cause; `evidence` in both cases."""

    figure: Figure | date | None
    missing: tuple[Missing, ...] = ()
    evidence: Evidence = NO_EVIDENCE


def answer(figure: Figure | Cause, kind: Kind, evidence: Evidence = NO_EVIDENCE) -> Answer:
    """The figure with its evidence; a cause in its place becomes a missing answer of this kind."""
    if isinstance(figure, Cause):
        return Answer(None, (Missing(figure, kind=kind),), evidence)
    return Answer(figure, (), evidence)


def in_order(causes: set[Missing] | list[Missing] | tuple[Missing, ...]) -> tuple[Missing, ...]:
    return tuple(sorted(set(causes), key=_order))


def _order(cause: Missing) -> tuple[str, ...]:
    return (
        cause.cause.value,
        cause.kind.value if cause.kind else "",
        cause.source or "",
        cause.code.value if cause.code else "",
        cause.account_error or "",
        cause.detail or "",
        str(Month(cause.month)) if cause.month else "",
        cause.due.isoformat() if cause.due else "",
    )


def month_of(day: date) -> int:
    """The Month.index of a civil date; for loops that would make a Month of each record."""
    return day.year * 12 + day.month - 1


def plus_months(day: date, months: int) -> date:
    """The same day this many months later, or that month's last day where it is shorter."""
    month = Month.of(day).plus(months)
    return min(month.last_day, month.first_day + timedelta(days=day.day - 1))


def whole_months(start: date, end: date) -> int:
    """Completed months from `start` to `end`, at least 0.

    A month is completed on the same day of a later month; where that month has no such day, on the
    first day of the next one.
    """
    months = Month.of(end).index - Month.of(start).index
    return max(months - (end.day < start.day), 0)


class Identified(Protocol):
    @property
    def id(self) -> str: ...


class RecordGroup(Protocol):
    """Records among which the heaviest has not been looked for yet."""

    @property
    def peak(self) -> int:
        """The largest absolute amount among them."""

    def top(self) -> Sequence[Weight]: ...


class Proof(msgspec.Struct, gc=False):
    """The records of one month: how many, of which sources, and which may weigh most."""

    month: int
    records: int = 0
    reported: set[SourceGrade] = msgspec.field(default_factory=set)
    weights: list[Weight] = msgspec.field(default_factory=list)
    heaps: tuple[RecordGroup, ...] = ()

    def note(
        self, record_id: str, amount: Amount, reported: SourceGrade, *, counted: bool = True
    ) -> None:
        """Take one record in; `counted` is False for further months of a spread one."""
        self.records += counted
        self.reported.add(reported)
        self.weights.append((-amount if amount > 0 else amount, record_id))


def five(weights: Sequence[Weight]) -> Sequence[Weight]:
    """The five heaviest records, each once, heavy first; a spread one may be given twice."""
    ordered = sorted(weights)
    shown = ordered[:MOST_SHOWN]
    if len({name for _, name in shown}) == len(shown):
        return shown
    first = {name: weight for weight, name in reversed(ordered)}
    return sorted([(weight, name) for name, weight in first.items()])[:MOST_SHOWN]


def heaviest(weights: Sequence[Weight]) -> tuple[str, ...]:
    return tuple([name for _, name in five(weights)])


def five_of(weights: Sequence[Weight], heaps: Sequence[RecordGroup]) -> Sequence[Weight]:
    """The five records of largest amount, expanding only heaps that may hold one."""
    best = five(weights)
    peaks = sorted([(-heap.peak, place) for place, heap in enumerate(heaps)])
    for peak, place in peaks:
        if len(best) == MOST_SHOWN and peak > best[-1][0]:
            break
        best = five([*best, *heaps[place].top()])
    return best


def top_weights(records: Sequence[Identified], sizes: Sequence[int]) -> Sequence[Weight]:
    """The five heaviest of distinct records, heavy first, given with their absolute amounts.

    Only records that may be shown are sorted. Many may weigh as much as the fifth, as trips at one
    fare do: of those only ids are compared.
    """
    # at either end of the sizes: their fifth bounds that of all from one side
    some = sizes if len(sizes) <= 2 * EDGE else [*sizes[:EDGE], *sizes[-EDGE:]]
    sample = sorted(some)[-MOST_SHOWN:]
    if not sample:
        return []
    floor = sample[0]
    largest = sample[-1]
    if floor == largest and sizes.count(floor) == len(sizes):
        names = [record.id for record in records]
        return [(-floor, name) for name in nsmallest(MOST_SHOWN, names)]
    shown = [(-size, r.id) for size, r in zip(sizes, records, strict=True) if size > floor]
    shown.sort()
    if len(shown) < MOST_SHOWN:
        tied = [r.id for size, r in zip(sizes, records, strict=True) if size == floor]
        shown += [(-floor, name) for name in nsmallest(MOST_SHOWN, tied)]
    return shown[:MOST_SHOWN]


def proofs_evidence(proofs: Sequence[Proof], horizon: int, notes: tuple[str, ...] = ()) -> Evidence:
    reported = set[SourceGrade]().union(*[proof.reported for proof in proofs])
    grades = [grade for _, grade in reported if grade is not None]
    weights = [weight for proof in proofs for weight in proof.weights]
    heaps = [heap for proof in proofs for heap in proof.heaps]
    return Evidence(
        records=sum([proof.records for proof in proofs]),
        first=month_name(proofs[0].month) if proofs else None,
        last=month_name(proofs[-1].month) if proofs else None,
        horizon=month_name(horizon),
        grade=GRADES[min(grades)] if grades else None,
        top=tuple([name for _, name in five_of(weights, heaps)]),
        sources=tuple(sorted({source for source, _ in reported})),
        notes=notes,
    )


@lru_cache(maxsize=1200)
def month_name(index: int) -> str:
    """A month (Month.index) as `yyyy-MM`; asked for again with each applicant."""
    return str(Month(index))
