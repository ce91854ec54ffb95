"""contributions.*: payments to social security schemes, by month and scheme."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from operator import add, methodcaller, sub

import msgspec

from decision_service.domain.accounts import Kind
from decision_service.domain.factor import Better, Evidence, ValueType
from decision_service.domain.snapshot import Contribution
from decision_service.domain.values import Cause, DataReason, Missing, Month
from decision_service.factors.answer import (
    STATISTICS,
    Amount,
    Answer,
    Figure,
    Statistic,
    answer,
    in_order,
    longest_run,
    month_of,
)
from decision_service.factors.horizons import SourceCoverage, lag_month, source_of
from decision_service.factors.quality import contributions, feed, supply
from decision_service.factors.registry import (
    CALENDAR,
    READ_CAUSES,
    WHOLE,
    FactorContext,
    Family,
    months,
    once,
    window_length,
)
from decision_service.factors.series import (
    ONE_FOREIGN,
    ForeignJudgement,
    MonthBook,
    MonthSpan,
    SeriesBuilder,
    SeriesView,
    over,
    over_family,
    two_months,
    within,
)
from decision_service.factors.usage import counted

Amounts = Mapping[int, int]
"""Minor units by month (Month.index)."""


CONTRIBUTIONS = Family(
    "contributions",
    frozenset({Kind.CONTRIBUTIONS}),
    READ_CAUSES | {Cause.SHORT_HISTORY, Cause.MIXED_CURRENCY},
)
MONTHLY = (
    "A month's contribution is the sum over schemes (providers) of the highest account at each. The"
    " contribution horizon is the earliest month that a live scheme has settled (of none live: any"
    " scheme)."
)
OWN_HORIZON = (
    " Each scheme is read up to its own settled month: posted, or with its posting lag passed."
)


class Scheme(msgspec.Struct, frozen=True):
    """One scheme's payments; `paid` are its months with one, in order.

    `lag` is the last month whose posting lag has passed, `settled` the last one that is posted or
    past its lag; `first` is its first month with a record; `accounts` reported it.
    """

    provider: str
    amounts: Amounts
    paid: Sequence[int]
    first: int
    lag: int
    settled: int
    live: bool
    accounts: Collection[str]

    def most_paid(self, months: int) -> int:
        return max(
            bisect_right(self.paid, end) - bisect_left(self.paid, end - months + 1)
            for end in range(self.lag, self.settled + 1)
        )

    def fewest_unpaid(self, months: int, since: int = 0) -> int:
        """The fewest months from `since` on without a payment, of the windows of `most_paid`."""
        found = []
        for end in range(self.lag, self.settled + 1):
            first = max(end - months + 1, since)
            paid = bisect_right(self.paid, end) - bisect_left(self.paid, first)
            found.append(max(end - first + 1, 0) - max(paid, 0))
        return min(found)

    def ends(self, months: int) -> MonthSpan:
        return self.settled - months + 1, self.settled

    def windows(self, months: int) -> MonthSpan:
        return self.lag - months + 1, self.settled

    def since_last(self) -> int:
        """Months from the last paid month to the settled one; there must be a paid month."""
        return self.settled - self.paid[-1]

    def longest_gap(self, months: int, observed_from: int) -> int:
        first = max(self.settled - months + 1, observed_from)
        return longest_run([not paid for paid in self._runs(first)])

    def longest_streak(self) -> int:
        return longest_run(self._runs(self.first))

    def _runs(self, first: int) -> Sequence[bool]:
        held = frozenset(self.paid)
        return [month in held for month in range(first, self.settled + 1)]


SchemeWindow = Callable[[Scheme], MonthSpan]
"""The months of a scheme that a factor looks at."""


class ContributionBook(MonthBook):
    """All schemes' contributions up to the earliest month that the live ones have settled."""

    def __init__(self, view: SeriesView, draft: SeriesBuilder, schemes: Sequence[Scheme]) -> None:
        super().__init__(Kind.CONTRIBUTIONS, view, draft, draft.amounts)
        self.schemes = schemes
        self.paying = [scheme for scheme in schemes if scheme.paid]

    def flawed(self, window: SchemeWindow) -> tuple[Missing, ...]:
        found = {
            flaw
            for scheme in self.schemes
            for _, flaws in within(self._draft.flaws, (window(scheme),))
            for flaw in flaws
            if flaw.source in scheme.accounts
        }
        return in_order(found | self._foreign(window)[0])

    def evidence(self, window: SchemeWindow) -> Evidence:
        found = self.judged((self.reach(window),))[1]
        # a scheme's own months may leave out what the reach of all schemes has, and notes
        notes = (ONE_FOREIGN,) if self._foreign(window)[1] else ()
        return found if found.notes == notes else msgspec.structs.replace(found, notes=notes)

    def _foreign(self, window: SchemeWindow) -> ForeignJudgement:
        """Of all schemes together: one foreign record in any of their windows is one alone."""
        if not self._draft.foreign:
            return set(), False
        touched: list[tuple[int, Mapping[str, Missing]]] = []
        for scheme in self.schemes:
            for month, records in within(self._draft.foreign, (window(scheme),)):
                own = {id_: one for id_, one in records.items() if one.source in scheme.accounts}
                if own:
                    touched.append((month, own))
        return self._draft.alone(touched)

    def reach(self, window: SchemeWindow) -> MonthSpan:
        spans = [window(scheme) for scheme in self.schemes] or [(self.horizon, self.horizon)]
        return min(first for first, _ in spans), max(last for _, last in spans)


def over_schemes(
    book: ContributionBook, window: SchemeWindow, work: Callable[[], Figure | Cause]
) -> Answer:
    if book.missing:
        return Answer(None, book.missing)
    flaws = book.flawed(window)
    if flaws:
        return Answer(None, flaws)
    return answer(work(), book.kind, book.evidence(window))


@once
def contribution_book(context: FactorContext) -> ContributionBook:
    clean = contributions(context)
    draft = SeriesBuilder()
    schemes = _schemes(context, draft, clean.records)
    for scheme in schemes:
        for month, amount in scheme.amounts.items():
            draft.amounts[month] = draft.amounts.get(month, 0) + amount
    trust = feed(
        context, (supply(context, Kind.CONTRIBUTIONS),), clean.taints, held=bool(clean.records)
    )
    judges = [s for s in schemes if s.live] or schemes
    ended = Month.of(context.as_of.date).index - 1
    horizon = min((s.settled for s in judges), default=ended)
    return ContributionBook(SeriesView(horizon, trust.missing), draft, schemes)


def _schemes(
    context: FactorContext, draft: SeriesBuilder, records: Sequence[Contribution]
) -> Sequence[Scheme]:
    """The schemes in text order; proofs and other currencies go to the draft."""
    accounts: dict[str, list[Contribution]] = {}
    for record in records:
        accounts.setdefault(record.source, []).append(record)
    schemes: dict[str, list[tuple[SourceCoverage, Amounts]]] = {}
    for account, own in sorted(accounts.items()):
        source, amounts = _account(context, draft, account, records=own)
        schemes.setdefault(source.feeder.provider_id, []).append((source, amounts))
    found = [_scheme(provider, schemes[provider]) for provider in sorted(schemes)]
    _below_zero(draft, found, [one for reported in schemes.values() for one in reported])
    return found


def _below_zero(
    draft: SeriesBuilder,
    schemes: Sequence[Scheme],
    accounts: Sequence[tuple[SourceCoverage, Amounts]],
) -> None:
    """A month whose contributions sum below zero cannot be right."""
    for source, amounts in accounts:
        for month in [month for month, amount in amounts.items() if amount < 0]:
            if sum(scheme.amounts.get(month, 0) for scheme in schemes) < 0:
                code = DataReason.BAD_AMOUNT
                account = source.feeder.id
                draft.flaw(month, Missing(Cause.BAD_DATA, code, Kind.CONTRIBUTIONS, source=account))


def _account(
    context: FactorContext, draft: SeriesBuilder, account: str, records: Sequence[Contribution]
) -> tuple[SourceCoverage, Amounts]:
    months = [month_of(record.date) for record in records]
    dated = list(zip(months, records, strict=True))
    paid = max([month for month, record in dated if record.amount > 0], default=None)
    feeder = counted(context)[account]
    newest = max(months)
    source = source_of(
        context, feeder, Kind.CONTRIBUTIONS, posted=months, newest=newest, newest_income=paid
    )
    settled = [(month, record) for month, record in dated if month <= source.settled]
    return source, _amounts(context, draft, account, dated=settled)


def _amounts(
    context: FactorContext,
    draft: SeriesBuilder,
    account: str,
    dated: Sequence[tuple[int, Contribution]],
) -> Amounts:
    amounts: dict[int, int] = {}
    reported = (account, None)
    for month, record in dated:
        ours = record.currency == context.currency
        draft.proof(month).note(record.id, record.amount, reported, counted=ours)
        if ours:
            amounts[month] = amounts.get(month, 0) + record.amount
        else:
            cause = Missing(Cause.MIXED_CURRENCY, kind=Kind.CONTRIBUTIONS, source=account)
            draft.abroad(month, record.id, cause)
    return amounts


def _scheme(provider: str, accounts: Sequence[tuple[SourceCoverage, Amounts]]) -> Scheme:
    """A scheme's months; several accounts at one scheme report the same payments."""
    sources = [source for source, _ in accounts]
    judges = [source for source in sources if source.live] or sources
    settled = max(source.settled for source in judges)
    highest: dict[int, int] = {}
    for _, own in accounts:
        for month, amount in own.items():
            highest[month] = max(amount, highest.get(month, amount))
    amounts = {month: amount for month, amount in highest.items() if month <= settled}
    return Scheme(
        provider,
        amounts,
        sorted([month for month, amount in amounts.items() if amount > 0]),
        first=min(amounts, default=settled + 1),
        lag=max(lag_month(s.synced, s.lag_months, s.lag_days) for s in judges),
        settled=settled,
        live=any(source.live for source in sources),
        accounts=frozenset(source.feeder.id for source in sources),
    )


@CONTRIBUTIONS.factor(
    "months_total",
    ValueType.INTEGER,
    "Months with a contribution over the whole history.",
    "Count of the distinct months with a contribution above zero in any scheme." + OWN_HORIZON,
    unit="months",
    better=Better.UP,
)
def months_total(context: FactorContext) -> Answer:
    book = contribution_book(context)
    paid = {month for scheme in book.paying for month in scheme.paid}
    return over_schemes(book, _whole, lambda: len(paid))


@CONTRIBUTIONS.factor(
    "count_{w}",
    ValueType.INTEGER,
    "Contribution records in the {period}.",
    "Count of the contribution records of all schemes and accounts in the {n} calendar months up to"
    " the contribution horizon.",
    unit="records",
    windows=months(*(3, 6, 9, 12)),
    better=Better.UP,
)
def count(context: FactorContext, length: int) -> Answer:
    book = contribution_book(context)

    def records(_: Sequence[Amount]) -> int:
        return book.records(book.last(length))

    return over(book, length, records)


@CONTRIBUTIONS.factor(
    "change_{w}",
    ValueType.MONEY,
    "Contribution of the horizon month minus that of {n} months before.",
    "Contribution of the horizon month minus that of the month {n} months earlier, over all"
    f" schemes; SHORT_HISTORY when the earlier one lies before the first record. {MONTHLY}",
    windows=months(6, 12, 24),
    months=partial(add, 1),
    needs_months=partial(add, 1),
    better=Better.UP,
)
def change(context: FactorContext, length: int) -> Answer:
    return two_months(contribution_book(context), length, sub)


@CONTRIBUTIONS.factor(
    "months_{w}",
    ValueType.INTEGER,
    "Months with a contribution in the best-covered scheme among the {period}.",
    "For each scheme the most months with a contribution above zero among {n} calendar months that"
    " end with a month from the one whose posting lag has just passed to the newest posted one; the"
    " largest of these counts. What a scheme has posted early never counts less.",
    unit="months",
    windows=CALENDAR,
    upper=window_length,
    better=Better.UP,
)
def months_in_best_scheme(context: FactorContext, length: int) -> Answer:
    book = contribution_book(context)
    windows = methodcaller("windows", length)
    most = methodcaller("most_paid", length)
    return over_schemes(book, windows, partial(_best, book, most))


AMOUNT_WINDOWS = months(*(3, 6, 12, 24))
_AMOUNTS = {
    "sum": "Contributions in the {period}.",
    "average": "Average contribution over the months with one of the {period}.",
    "min": "Smallest monthly contribution of the {period}.",
    "max": "Largest monthly contribution of the {period}.",
}


def _register(name: str, sentence: str, statistic: Statistic) -> None:
    def figure(values: Sequence[Amount]) -> Figure | Cause:
        return statistic.of([amount for amount in values if amount > 0])

    causes = frozenset({Cause.NO_EVIDENCE}) if statistic.needs else frozenset()
    of_none = "NO_EVIDENCE" if statistic.needs else "0"
    CONTRIBUTIONS.factor(
        f"{name}_{{w}}",
        ValueType.MONEY,
        sentence,
        "Of the monthly contributions above zero in the {n} calendar months up to the contribution"
        f" horizon: {statistic.formula}; {of_none} when there is none. {MONTHLY}",
        windows=AMOUNT_WINDOWS,
        lower=0,
        causes=causes,
        better=Better.UP,
    )(partial(over_family, contribution_book, figure))


for _name, _sentence in _AMOUNTS.items():
    _register(_name, _sentence, STATISTICS[_name])


@CONTRIBUTIONS.factor(
    "months_since_last",
    ValueType.INTEGER,
    "Months from the last contribution to the horizon.",
    "For each scheme its settled month minus the last month up to it with a contribution above"
    " zero; the smallest of these; NO_EVIDENCE when no scheme has one." + OWN_HORIZON,
    unit="months",
    causes=frozenset({Cause.NO_EVIDENCE}),
    better=Better.DOWN,
)
def months_since_last(context: FactorContext) -> Answer:
    book = contribution_book(context)
    ages = [scheme.since_last() for scheme in book.paying]
    return over_schemes(book, _whole, lambda: min(ages, default=Cause.NO_EVIDENCE))


@CONTRIBUTIONS.factor(
    "longest_gap_{w}",
    ValueType.INTEGER,
    "The longest run of months without a contribution in the {period}, in the best scheme.",
    "For each scheme the longest run of observed months without a contribution above zero among the"
    " {n} calendar months up to its settled one; months before the first record are not observed;"
    " the smallest of these." + OWN_HORIZON,
    unit="months",
    windows=months(12),
    upper=window_length,
    better=Better.DOWN,
)
def longest_gap(context: FactorContext, length: int) -> Answer:
    book = contribution_book(context)
    gaps = [scheme.longest_gap(length, book.first) for scheme in book.schemes]
    return over_schemes(book, lambda s: s.ends(length), lambda: min(gaps, default=0))


@CONTRIBUTIONS.factor(
    "longest_streak_months",
    ValueType.INTEGER,
    "The longest run of months with a contribution.",
    "For each scheme the longest run of months with a contribution above zero up to its settled"
    " month; the longest of these." + OWN_HORIZON,
    unit="months",
    better=Better.UP,
)
def longest_streak(context: FactorContext) -> Answer:
    book = contribution_book(context)
    return over_schemes(book, _whole, lambda: _best(book, Scheme.longest_streak))


@CONTRIBUTIONS.factor(
    "schemes_count",
    ValueType.INTEGER,
    "Schemes with a contribution.",
    "Count of the providers with a contribution above zero over the whole history." + OWN_HORIZON,
    unit="schemes",
)
def schemes_count(context: FactorContext) -> Answer:
    book = contribution_book(context)
    return over_schemes(book, _whole, lambda: len(book.paying))


def _whole(scheme: Scheme) -> MonthSpan:
    return scheme.ends(WHOLE)


def _best(book: ContributionBook, figure: Callable[[Scheme], int]) -> int:
    return max((figure(scheme) for scheme in book.schemes), default=0)
