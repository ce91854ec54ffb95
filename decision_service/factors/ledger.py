"""Transactions by source and day, summed by class in one pass over integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Missing
from decision_service.domain.needs import TransactionClass
from decision_service.domain.snapshot import Transaction
from decision_service.factors.case import Case
from decision_service.factors.classes import Classifier
from decision_service.factors.records import bad_date, last_day, transactions
from decision_service.factors.usage import counted

EARNING = TransactionClass.EARNING
UNMAPPED_LIMIT = 5
"""More than one part in five (20 %) of the amounts unmapped makes a window UNCLASSIFIED."""


class Day:
    """One source's transactions of one civil date, in minor units of the ruleset's currency.

    `earned`, `fees`, `reversed` and `withdrawn` are signed sums; `turnover` and `unmapped` sums of
    absolute amounts; `largest` the largest single earning; `foreign` counts other currencies;
    `earnings` holds the records classed EARNING and `others` the rest.
    """

    __slots__ = (
        "earned",
        "earnings",
        "fees",
        "foreign",
        "largest",
        "others",
        "reversed",
        "turnover",
        "unmapped",
        "withdrawn",
    )

    def __init__(self) -> None:
        self.earnings: list[Transaction] = []
        self.others: list[Transaction] = []
        self.earned = self.fees = self.reversed = self.withdrawn = 0
        self.turnover = self.unmapped = self.largest = self.foreign = 0

    @property
    def net(self) -> int:
        """What is left of the earnings: earned plus fees plus reversals, all signed."""
        return self.earned + self.fees + self.reversed

    def add(self, other: Day) -> None:
        """Take another day's sums and records into this one."""
        self.earnings += other.earnings
        self.others += other.others
        self.earned += other.earned
        self.fees += other.fees
        self.reversed += other.reversed
        self.withdrawn += other.withdrawn
        self.turnover += other.turnover
        self.unmapped += other.unmapped
        self.foreign += other.foreign
        self.largest = max(self.largest, other.largest)

    def close(self) -> None:
        """Add the earnings up, once they are all there."""
        amounts = [record.amount for record in self.earnings]
        self.earned = sum(amounts)
        self.turnover += sum(map(abs, amounts))
        self.largest = max(amounts, default=0)

    def enter(self, amount: int, given: TransactionClass | None) -> None:
        """Book one amount, which is not an earning, under its class."""
        size = abs(amount)
        self.turnover += size
        if given is None:
            self.unmapped += size
        elif given is TransactionClass.FEE:
            self.fees += amount
        elif given is TransactionClass.REVERSAL:
            self.reversed += amount
        elif given is TransactionClass.WITHDRAWAL:
            self.withdrawn += amount


@dataclass(frozen=True, slots=True)
class Ledger:
    """`days` by source and date; `taints` are contradictions and impossible dates."""

    days: Mapping[str, Mapping[date, Day]]
    taints: tuple[Missing, ...]


def ledger(case: Case) -> Ledger:
    """The transactions of all counted sources."""
    return case.once("ledger", _ledger)


def unclassified(unmapped: int, turnover: int) -> bool:
    """Whether more than 20 % of the amounts in a window have no class."""
    return unmapped * UNMAPPED_LIMIT > turnover


def _ledger(case: Case) -> Ledger:
    clean = transactions(case)
    days: dict[str, dict[date, Day]] = {}
    for source, records in _by_source(clean.records).items():
        provider = counted(case)[source].provider_id
        classifier = Classifier(provider, case.policy.transaction_classes)
        days[source] = _page(records, classifier, case.currency)
    return Ledger(days, clean.taints + _impossible(case, days))


def _by_source(records: Sequence[Transaction]) -> Mapping[str, Sequence[Transaction]]:
    sources = {r.source for r in records}
    if len(sources) == 1:
        return {sources.pop(): records}
    return {source: [r for r in records if r.source == source] for source in sources}


def _page(records: Sequence[Transaction], classifier: Classifier, currency: str) -> dict[date, Day]:
    """One source's days: the one loop over every transaction, kept free of calls."""
    page: dict[date, Day] = {}
    seen, debit, zero, credit = classifier.seen, 2, 1, 0
    for record in records:
        day = page.get(record.date)
        if day is None:
            day = page[record.date] = Day()
        amount = record.amount
        signed = seen.get(record.description) or classifier.signed(record.description)
        given = signed[credit if amount > 0 else debit if amount else zero]
        if record.currency != currency:
            day.foreign += 1
            day.others.append(record)
        elif given is EARNING:
            day.earnings.append(record)
        else:
            day.others.append(record)
            day.enter(amount, given)
    for day in page.values():
        day.close()
    return page


def _impossible(case: Case, days: Mapping[str, Mapping[date, Day]]) -> tuple[Missing, ...]:
    end = last_day(case)
    late = [source for source, page in days.items() if any(day > end for day in page)]
    return tuple(bad_date(Kind.TRANSACTIONS, source) for source in sorted(late))
