"""Transactions in order of their dates, so that a window is two look-ups and a difference."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from itertools import accumulate
from operator import attrgetter

from decision_service.domain.months import Month
from decision_service.domain.snapshot import Transaction
from decision_service.factors.classes import Classifier
from decision_service.factors.evidence import MOST_SHOWN, Weight, top_weights
from decision_service.factors.tally import EARNED, FOREIGN, UNMAPPED, Tally, total

Period = tuple[date, date]
"""First and last civil date, both inclusive."""

Span = tuple[int, int]
"""Some neighbours in a run: from which index on, and before which one."""


@lru_cache(maxsize=1200)
def month_period(index: int) -> Period:
    """The first and last date of a month (Month.index); asked for again with each applicant."""
    month = Month(index)
    return month.first_day, month.last_day


class Run:
    """One source's transactions of one bucket, by date; `peak` is the largest absolute amount."""

    __slots__ = ("_one_sign", "_records", "_sizes", "_sums", "_tops", "amounts", "dates", "peak")

    def __init__(self, records: Sequence[Transaction]) -> None:
        self._records = records
        self.dates = [record.date for record in records]
        self.amounts = [record.amount for record in records]
        self._sums = list(accumulate(self.amounts, initial=0))
        lowest, highest = min(self.amounts, default=0), max(self.amounts, default=0)
        self._tops: dict[Span, Sequence[Weight]] = {}
        self._one_sign = lowest >= 0 or highest <= 0
        self._sizes = self.amounts if lowest >= 0 else list(map(abs, self.amounts))
        self.peak = max(-lowest, highest)

    def total(self, span: Span) -> int:
        """The signed sum of some transactions."""
        return self._sums[span[1]] - self._sums[span[0]]

    def turnover(self, span: Span) -> int:
        """The sum of their absolute amounts."""
        return abs(self.total(span)) if self._one_sign else sum(self._sizes[slice(*span)])

    def top(self, span: Span) -> Sequence[Weight]:
        """The five of them with the largest absolute amounts."""
        found = self._tops.get(span)
        if found is None:
            found = self._tops[span] = top_weights(self._records, self._sizes, *span)
        return found

    def part(self, span: Span) -> Sequence[int]:
        """Their amounts."""
        return self.amounts[span[0] : span[1]]


class Page:
    """One source's transactions: all `dates` in order, and a run for each bucket."""

    __slots__ = ("dates", "runs")

    def __init__(
        self, records: Sequence[Transaction], classifier: Classifier, currency: str
    ) -> None:
        ordered, self.dates = _by_date(records)
        self.runs = tuple(map(Run, _by_bucket(ordered, classifier, currency)))

    def spans(self, period: Period) -> Sequence[Span]:
        """Where the transactions of a period stand in each run."""
        return [span_of(run.dates, period) if run.dates else (0, 0) for run in self.runs]


class Stretch:
    """A period of one account or several; `first` and `last` are its dates with a transaction.

    `months` are those that make up the period, where it is of months: the heaviest earnings of each
    are looked for once, whatever window it is in, since they may also stand in as income.
    """

    __slots__ = ("_months", "_pages", "_parts", "_period", "_tops", "first", "last", "tally")

    def __init__(
        self, pages: Sequence[Page], period: Period, months: Sequence[Period] = ()
    ) -> None:
        self._pages = pages
        self._period = period
        self._months = months or (period,)
        self._parts = [list(zip(p.runs, p.spans(period), strict=True)) for p in pages]
        self._tops: dict[int, Sequence[Weight]] = {}
        self.tally = total([_added_up(parts) for parts in self._parts])
        edges = [day for page in pages for day in _edges(page.dates, period)]
        self.first, self.last = min(edges, default=None), max(edges, default=None)

    def heaviest(self, of: Sequence[int]) -> Sequence[Weight]:
        """The five records of the largest absolute amounts in some buckets together."""
        if len(of) == 1:
            return self._top(of[0])
        best: Sequence[Weight] = ()
        for peak, bucket in sorted([(self._peak(b), b) for b in of], reverse=True):
            if len(best) == MOST_SHOWN and peak < -best[-1][0]:
                break
            best = _five([best, self._top(bucket)])
        return best

    def earning_days(self) -> set[date]:
        """The dates that have an earning."""
        earned = [parts[EARNED] for parts in self._parts]
        return {day for run, span in earned for day in run.dates[span[0] : span[1]]}

    def last_earning(self) -> date | None:
        """The latest date that has an earning."""
        earned = [parts[EARNED] for parts in self._parts]
        return max(
            [run.dates[end - 1] for run, (first, end) in earned if first < end], default=None
        )

    def largest_earning(self) -> int:
        """The largest single earning; 0 without one."""
        earned = [parts[EARNED] for parts in self._parts]
        return max([max(run.part(span), default=0) for run, span in earned], default=0)

    def _top(self, bucket: int) -> Sequence[Weight]:
        found = self._tops.get(bucket)
        if found is None:
            runs = [page.runs[bucket] for page in self._pages]
            parts = self._months if bucket == EARNED else (self._period,)
            found = _five([r.top(span_of(r.dates, p)) for r in runs if r.dates for p in parts])
            self._tops[bucket] = found
        return found

    def _peak(self, bucket: int) -> int:
        """No transaction of the bucket is larger, in this period or any other."""
        return max([parts[bucket][0].peak for parts in self._parts], default=0)


def span_of(dates: Sequence[date], period: Period) -> Span:
    """Where the dates of a period stand."""
    return bisect_left(dates, period[0]), bisect_right(dates, period[1])


def _added_up(parts: Sequence[tuple[Run, Span]]) -> Tally:
    turnovers = [run.turnover(span) if run.dates else 0 for run, span in parts[:FOREIGN]]
    return Tally(
        counts=[end - first for _, (first, end) in parts],
        sums=[run.total(span) if run.dates else 0 for run, span in parts[:FOREIGN]],
        turnover=sum(turnovers),
        unmapped=turnovers[UNMAPPED],
    )


def _edges(dates: Sequence[date], period: Period) -> Sequence[date]:
    first, end = span_of(dates, period)
    return (dates[first], dates[end - 1]) if first < end else ()


def _five(tops: Sequence[Sequence[Weight]]) -> Sequence[Weight]:
    held = [top for top in tops if top]
    if len(held) == 1:
        return held[0]
    return sorted([weight for top in held for weight in top])[:MOST_SHOWN]


def _by_date(records: Sequence[Transaction]) -> tuple[Sequence[Transaction], Sequence[date]]:
    """Oldest first; a list that came in order, or newest first, is not sorted again."""
    dates = [record.date for record in records]
    ordered = sorted(dates)
    if dates == ordered:
        return records, ordered
    if dates[::-1] == ordered:
        return records[::-1], ordered
    return sorted(records, key=attrgetter("date")), ordered


def _by_bucket(
    records: Sequence[Transaction], classifier: Classifier, currency: str
) -> Sequence[list[Transaction]]:
    """The one loop over every transaction, with all look-ups in C."""
    buckets: tuple[list[Transaction], ...] = ([], [], [], [], [], [], [])
    classes = map(classifier.__getitem__, [r.description for r in records])
    amounts = [r.amount for r in records]
    for signed, amount, record in zip(classes, amounts, records, strict=True):
        buckets[signed[1 if amount > 0 else -1 if amount else 0]].append(record)
    if {r.currency for r in records} != {currency}:
        for bucket in buckets[:FOREIGN]:
            buckets[FOREIGN].extend(r for r in bucket if r.currency != currency)
            bucket[:] = [r for r in bucket if r.currency == currency]
        buckets[FOREIGN].sort(key=attrgetter("date"))
    return buckets
