"""Transactions by source and day, summed by class in one pass over integers."""

from __future__ import annotations

from collections.abc import Mapping
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
    classifiers: dict[str, Classifier] = {}
    for source in {r.source for r in clean.records}:
        provider = counted(case)[source].provider_id
        classifiers[source] = Classifier(provider, case.policy.transaction_classes)
        days[source] = {}
    for record in clean.records:
        source = record.source
        page = days[source]
        day = page.get(record.date)
        if day is None:
            day = page[record.date] = Day()
        _enter(day, record, classifiers[source], case.currency)
    return Ledger(days, clean.taints + _impossible(case, days))


def _enter(day: Day, record: Transaction, classifier: Classifier, currency: str) -> None:
    if record.currency != currency:
        day.foreign += 1
        day.others.append(record)
        return
    text, amount = record.description, record.amount
    signed = classifier.seen.get(text) or classifier.signed(text)
    given = signed[0] if amount > 0 else signed[2] if amount else signed[1]
    if given is not EARNING:
        day.others.append(record)
        day.enter(amount, given)
        return
    day.earnings.append(record)
    day.earned += amount
    day.turnover += abs(amount)
    if amount > day.largest:
        day.largest = amount


def _impossible(case: Case, days: Mapping[str, Mapping[date, Day]]) -> tuple[Missing, ...]:
    end = last_day(case)
    late = [source for source, page in days.items() if any(day > end for day in page)]
    return tuple(bad_date(Kind.TRANSACTIONS, source) for source in sorted(late))
