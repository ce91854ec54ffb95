"""Contributions by month: each scheme's highest account, all schemes together."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, Missing
from decision_service.domain.snapshot import Contribution
from decision_service.factors.case import Case
from decision_service.factors.civil import month_of
from decision_service.factors.evidence import SCHEME_GRADE
from decision_service.factors.quality import Feed, feed, supply
from decision_service.factors.records import contributions
from decision_service.factors.series import Draft, MonthBook
from decision_service.factors.usage import Feeder, counted

Schemes = Mapping[str, Mapping[int, int]]
"""Amounts by scheme, or by account, and month."""


class ContributionBook(MonthBook):
    """All schemes' contributions by month, with each scheme's own months."""

    def __init__(self, feed: Feed, draft: Draft, schemes: Schemes) -> None:
        super().__init__(Kind.CONTRIBUTIONS, feed, draft)
        self.schemes = schemes
        paid = [[m for m, amount in months.items() if amount > 0] for months in schemes.values()]
        self._covered = frozenset().union(*paid)
        self._paid = [sorted(months) for months in paid]

    def paid(self, months: int) -> Sequence[bool]:
        """Of each observed month among the last ones, whether any scheme was paid to."""
        first, last = self.last(months)
        return [month in self._covered for month in range(first, last + 1)]

    def covered(self, months: int) -> Sequence[int]:
        """Of each scheme, how many of the last months up to the horizon were paid."""
        first, last = self.last(months)
        return [bisect_right(paid, last) - bisect_left(paid, first) for paid in self._paid]


def contribution_book(case: Case) -> ContributionBook:
    """The applicant's contributions."""
    return case.once("contributions", _book)


def _book(case: Case) -> ContributionBook:
    clean = contributions(case)
    draft = Draft()
    schemes = _schemes(_by_account(draft, clean.records, case.currency), counted(case))
    for amounts in schemes.values():
        earlier = draft.amounts
        draft.amounts = {**earlier, **amounts}
        for month in earlier.keys() & amounts.keys():
            draft.amounts[month] = earlier[month] + amounts[month]
    supplies = (supply(case, Kind.CONTRIBUTIONS),)
    trust = feed(case, supplies, clean.taints, held=bool(clean.records))
    return ContributionBook(trust, draft, schemes)


def _by_account(draft: Draft, records: Sequence[Contribution], currency: str) -> Schemes:
    """Each account's months; proofs and flaws go to the draft."""
    accounts: defaultdict[str, dict[int, int]] = defaultdict(dict)
    for record in records:
        month = month_of(record.date)
        draft.proof(month).note(record.id, record.amount, (record.source, SCHEME_GRADE))
        if record.currency == currency:
            amounts = accounts[record.source]
            amounts[month] = amounts.get(month, 0) + record.amount
        else:
            cause = Missing(Cause.MIXED_CURRENCY, kind=Kind.CONTRIBUTIONS, source=record.source)
            draft.flaw(month, cause)
    return accounts


def _schemes(accounts: Schemes, feeders: Mapping[str, Feeder]) -> Schemes:
    """Each scheme's months; several accounts at one scheme tell of the same payments."""
    schemes: dict[str, dict[int, int]] = {}
    for source, amounts in accounts.items():
        provider = feeders[source].provider_id
        others = schemes.get(provider, {})
        highest = {month: max(amounts[month], others[month]) for month in amounts.keys() & others}
        schemes[provider] = {**others, **amounts, **highest}
    return schemes
