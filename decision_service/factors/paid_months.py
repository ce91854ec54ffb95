"""Contributions by month: each scheme's highest account, all schemes together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, DataReason, Missing
from decision_service.domain.months import Month
from decision_service.domain.snapshot import Contribution
from decision_service.factors.answer import Answer, answer, in_order
from decision_service.factors.civil import month_of
from decision_service.factors.context import FactorContext
from decision_service.factors.figures import Figure
from decision_service.factors.horizons import SourceCoverage, lag_month, source_of
from decision_service.factors.quality import feed, supply
from decision_service.factors.records import contributions
from decision_service.factors.scheme import Amounts, Scheme
from decision_service.factors.series import MonthBook, MonthSpan, SeriesBuilder, SeriesView, within
from decision_service.factors.usage import counted

SchemeWindow = Callable[[Scheme], MonthSpan]
"""The months of a scheme that a factor looks at."""


class ContributionBook(MonthBook):
    """All schemes' contributions up to the earliest month that the live ones have settled."""

    def __init__(self, view: SeriesView, draft: SeriesBuilder, schemes: Sequence[Scheme]) -> None:
        super().__init__(Kind.CONTRIBUTIONS, view, draft, draft.amounts)
        self.schemes = schemes
        self.paying = [scheme for scheme in schemes if scheme.paid]

    def flawed(self, window: SchemeWindow) -> tuple[Missing, ...]:
        """What is wrong with each scheme's own records in its window."""
        return in_order(
            [
                flaw
                for scheme in self.schemes
                for _, flaws in within(self._draft.flaws, (window(scheme),))
                for flaw in flaws
                if flaw.source in scheme.accounts
            ]
        )

    def reach(self, window: SchemeWindow) -> MonthSpan:
        """The months that the schemes' windows lie in."""
        spans = [window(scheme) for scheme in self.schemes] or [(self.horizon, self.horizon)]
        return min(first for first, _ in spans), max(last for _, last in spans)


def over_schemes(
    book: ContributionBook, window: SchemeWindow, work: Callable[[], Figure | Cause]
) -> Answer:
    """Work on the schemes, each with a window of its own."""
    if book.missing:
        return Answer(None, book.missing)
    flaws = book.flawed(window)
    if flaws:
        return Answer(None, flaws)
    return answer(work(), book.kind, book.judged((book.reach(window),))[1])


def contribution_book(context: FactorContext) -> ContributionBook:
    """The applicant's contributions."""
    return context.once("contributions", _book)


def _book(context: FactorContext) -> ContributionBook:
    clean = contributions(context)
    draft = SeriesBuilder()
    schemes = _schemes(context, draft, clean.records)
    for scheme in schemes:
        for month, amount in scheme.amounts.items():
            draft.amounts[month] = draft.amounts.get(month, 0) + amount
    trust = feed(
        context, (supply(context, Kind.CONTRIBUTIONS),), clean.taints, held=bool(clean.records)
    )
    return ContributionBook(SeriesView(_horizon(context, schemes), trust.missing), draft, schemes)


def _horizon(context: FactorContext, schemes: Sequence[Scheme]) -> int:
    judges = [s for s in schemes if s.live] or schemes
    return min((s.settled for s in judges), default=Month.of(context.as_of.date).index - 1)


def _schemes(
    context: FactorContext, draft: SeriesBuilder, records: Sequence[Contribution]
) -> Sequence[Scheme]:
    """The schemes in text order; proofs and other currencies go to the draft."""
    accounts: dict[str, list[Contribution]] = {}
    for record in records:
        accounts.setdefault(record.source, []).append(record)
    schemes: dict[str, list[tuple[SourceCoverage, Amounts]]] = {}
    for account, own in sorted(accounts.items()):
        source, amounts = _account(context, draft, account, own)
        schemes.setdefault(source.feeder.provider_id, []).append((source, amounts))
    found = [_scheme(provider, schemes[provider]) for provider in sorted(schemes)]
    _below_zero(draft, found, [one for told in schemes.values() for one in told])
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
                code, account = DataReason.BAD_AMOUNT, source.feeder.id
                draft.flaw(month, Missing(Cause.BAD_DATA, code, Kind.CONTRIBUTIONS, account))


def _account(
    context: FactorContext, draft: SeriesBuilder, account: str, records: Sequence[Contribution]
) -> tuple[SourceCoverage, Amounts]:
    """An account's payments up to its settled month."""
    months = [month_of(record.date) for record in records]
    dated = list(zip(months, records, strict=True))
    paid = max([month for month, record in dated if record.amount > 0], default=None)
    feeder, newest = counted(context)[account], max(months)
    source = source_of(
        context, feeder, Kind.CONTRIBUTIONS, months, newest=newest, newest_income=paid
    )
    settled = [(month, record) for month, record in dated if month <= source.settled]
    return source, _amounts(context, draft, account, settled)


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
            draft.flaw(month, cause)
    return amounts


def _scheme(provider: str, accounts: Sequence[tuple[SourceCoverage, Amounts]]) -> Scheme:
    """A scheme's months; several accounts at one scheme tell of the same payments."""
    sources = [source for source, _ in accounts]
    judges = [source for source in sources if source.live] or sources
    settled = max(source.settled for source in judges)
    highest = _highest(own for _, own in accounts)
    amounts = {month: amount for month, amount in highest.items() if month <= settled}
    return Scheme(
        provider,
        amounts,
        sorted([month for month, amount in amounts.items() if amount > 0]),
        min(amounts, default=settled + 1),
        max(lag_month(s.synced, s.lag_months, s.lag_days) for s in judges),
        settled,
        any(source.live for source in sources),
        frozenset(source.feeder.id for source in sources),
    )


def _highest(accounts: Iterable[Amounts]) -> Amounts:
    found: dict[int, int] = {}
    for own in accounts:
        for month, amount in own.items():
            found[month] = max(amount, found.get(month, amount))
    return found
