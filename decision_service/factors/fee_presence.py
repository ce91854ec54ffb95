"""transactions.fee_presence_91d: whether accounts that must show fees show some."""

from __future__ import annotations

from datetime import date, timedelta

from decision_service.domain.factor import ValueType
from decision_service.domain.missing import Cause
from decision_service.factors.answer import Answer
from decision_service.factors.case import Case
from decision_service.factors.ledger import ledger
from decision_service.factors.stretches import Stretch
from decision_service.factors.tally import EARNED, FEES, Tally
from decision_service.factors.trading import LOOK_BACK_DAYS, TradeBook, on_trade, trade_book
from decision_service.factors.transactions import BY_DAY, QUIET_DAYS, UNCLASSIFIED
from decision_service.factors.usage import counted
from decision_service.factors.window import days

PRESENT, ABSENT, NOT_CHARGED = "PRESENT", "ABSENT", "NOT_CHARGED"


@BY_DAY.factor(
    "fee_presence_{w}",
    ValueType.TEXT,
    "label",
    "Whether the accounts with earnings in the {period} also show the platform's fees.",
    "Of the accounts with a transaction classed EARNING in the {n} trailing days: ABSENT when one"
    " at a provider that the data files mark as charging fees has no transaction classed FEE"
    " there; else PRESENT when one has a FEE; else NOT_CHARGED. NO_EVIDENCE when there is no"
    " EARNING." + QUIET_DAYS,
    windows=days(LOOK_BACK_DAYS),
    labels=(PRESENT, ABSENT, NOT_CHARGED),
    causes=UNCLASSIFIED | {Cause.NO_EVIDENCE},
)
def fee_presence(case: Case, length: int) -> Answer:
    """Trips for which no platform ever took its share are somebody's invention."""
    book = trade_book(case)
    window = book.last_days(length)
    return on_trade(book, window, window, lambda _: _label(case, book, length), (EARNED, FEES))


def _label(case: Case, book: TradeBook, length: int) -> str | Cause:
    begins, before = book.end - timedelta(days=length - 1), book.end + timedelta(days=1)
    earning = {s: t for s, t in _tallies(case, begins, before).items() if t.counts[EARNED]}
    if not earning:
        return Cause.NO_EVIDENCE
    without = [source for source, tally in earning.items() if not tally.counts[FEES]]
    if any(counted(case)[source].provider_id in case.policy.fee_providers for source in without):
        return ABSENT
    return PRESENT if len(without) < len(earning) else NOT_CHARGED


def _tallies(case: Case, begins: date, before: date) -> dict[str, Tally]:
    pages = ledger(case).pages
    return {source: Stretch((page,), begins, before).tally for source, page in pages.items()}
