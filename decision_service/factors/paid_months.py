"""Contributions by month: each scheme's highest account, all schemes together."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, Missing
from decision_service.domain.months import Month
from decision_service.domain.snapshot import Contribution
from decision_service.factors.case import Case
from decision_service.factors.civil import month_of
from decision_service.factors.figures import longest_run
from decision_service.factors.horizons import Source, lag_month, source_of
from decision_service.factors.quality import feed, supply
from decision_service.factors.records import contributions
from decision_service.factors.series import Draft, MonthBook, View
from decision_service.factors.usage import counted

Amounts = Mapping[int, int]
"""Minor units by month (Month.index)."""


class Scheme(msgspec.Struct, frozen=True):
    """One scheme's payments; `paid` are its months with one, in order.

    `lag` is the last month whose posting lag has passed, `settled` the last one that is posted or
    past its lag; `first` is its first month with a record.
    """

    provider: str
    amounts: Amounts
    paid: Sequence[int]
    first: int
    lag: int
    settled: int
    live: bool

    def most_paid(self, months: int) -> int:
        """The most paid months in a window that ends from the lag month to the settled one."""
        return max(self._paid(end, months) for end in range(self.lag, self.settled + 1))

    def _paid(self, end: int, months: int) -> int:
        return bisect_right(self.paid, end) - bisect_left(self.paid, end - months + 1)

    def since_last(self) -> int:
        """Months from the last paid month to the settled one; there must be a paid month."""
        return self.settled - self.paid[-1]

    def longest_gap(self, months: int, observed_from: int) -> int:
        """The longest run of unpaid observed months among the last ones."""
        first = max(self.settled - months + 1, observed_from)
        return longest_run([not paid for paid in self._runs(first)])

    def longest_streak(self) -> int:
        """The longest run of paid months."""
        return longest_run(self._runs(self.first))

    def _runs(self, first: int) -> Sequence[bool]:
        """Of each month from one on whether it was paid."""
        held = frozenset(self.paid)
        return [month in held for month in range(first, self.settled + 1)]


class ContributionBook(MonthBook):
    """All schemes' contributions up to the earliest month that the live ones have settled."""

    def __init__(self, view: View, draft: Draft, schemes: Sequence[Scheme]) -> None:
        super().__init__(Kind.CONTRIBUTIONS, view, draft, draft.amounts)
        self.schemes = schemes
        self.paying = [scheme for scheme in schemes if scheme.paid]

    def reach(self, months: int) -> tuple[int, int]:
        """The months that some scheme's last months lie in."""
        lag = min((s.lag for s in self.schemes), default=self.horizon)
        settled = max((s.settled for s in self.schemes), default=self.horizon)
        return lag - months + 1, settled

    def ends(self, months: int) -> tuple[int, int]:
        """The months that the last ones up to some scheme's settled month lie in."""
        settled = [s.settled for s in self.schemes] or [self.horizon]
        return min(settled) - months + 1, max(settled)


def contribution_book(case: Case) -> ContributionBook:
    """The applicant's contributions."""
    return case.once("contributions", _book)


def _book(case: Case) -> ContributionBook:
    clean = contributions(case)
    draft = Draft()
    schemes = _schemes(case, draft, clean.records)
    for scheme in schemes:
        for month, amount in scheme.amounts.items():
            draft.amounts[month] = draft.amounts.get(month, 0) + amount
    trust = feed(case, (supply(case, Kind.CONTRIBUTIONS),), clean.taints, held=bool(clean.records))
    return ContributionBook(View(_horizon(case, schemes), trust.missing), draft, schemes)


def _horizon(case: Case, schemes: Sequence[Scheme]) -> int:
    judges = [s for s in schemes if s.live] or schemes
    return min((s.settled for s in judges), default=Month.of(case.as_of.date).index - 1)


def _schemes(case: Case, draft: Draft, records: Sequence[Contribution]) -> Sequence[Scheme]:
    """The schemes in text order; proofs and other currencies go to the draft."""
    accounts: dict[str, list[Contribution]] = {}
    for record in records:
        accounts.setdefault(record.source, []).append(record)
    schemes: dict[str, list[tuple[Source, Amounts]]] = {}
    for account, own in sorted(accounts.items()):
        source, amounts = _account(case, draft, account, own)
        schemes.setdefault(source.feeder.provider_id, []).append((source, amounts))
    return [_scheme(provider, schemes[provider]) for provider in sorted(schemes)]


def _account(
    case: Case, draft: Draft, account: str, records: Sequence[Contribution]
) -> tuple[Source, Amounts]:
    """An account's payments up to its settled month."""
    months = [month_of(record.date) for record in records]
    paid = max((month_of(r.date) for r in records if r.amount > 0), default=None)
    feeder, newest = counted(case)[account], max(months)
    source = source_of(case, feeder, Kind.CONTRIBUTIONS, months, newest=newest, newest_income=paid)
    amounts: dict[int, int] = {}
    for month, record in zip(months, records, strict=True):
        if month <= source.settled:
            _take(case, draft, amounts, month, record)
    return source, amounts


def _take(
    case: Case, draft: Draft, amounts: dict[int, int], month: int, record: Contribution
) -> None:
    ours = record.currency == case.currency
    draft.proof(month).note(record.id, record.amount, (record.source, None), counted=ours)
    if ours:
        amounts[month] = amounts.get(month, 0) + record.amount
    else:
        cause = Missing(Cause.MIXED_CURRENCY, kind=Kind.CONTRIBUTIONS, source=record.source)
        draft.flaw(month, cause)


def _scheme(provider: str, accounts: Sequence[tuple[Source, Amounts]]) -> Scheme:
    """A scheme's months; several accounts at one scheme tell of the same payments."""
    sources = [source for source, _ in accounts]
    judges = [source for source in sources if source.live] or sources
    amounts = _highest(own for _, own in accounts)
    settled = max(source.settled for source in judges)
    return Scheme(
        provider,
        amounts,
        sorted(m for m, amount in amounts.items() if amount > 0),
        min(amounts, default=settled + 1),
        max(lag_month(s.seen, s.lag_months, s.lag_days) for s in judges),
        settled,
        any(source.live for source in sources),
    )


def _highest(accounts: Iterable[Amounts]) -> Amounts:
    found: dict[int, int] = {}
    for own in accounts:
        for month, amount in own.items():
            found[month] = max(amount, found.get(month, amount))
    return found
