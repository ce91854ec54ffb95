"""history.*: what the service's own records hold of a person, and what is owed on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from decision_service.domain.factor import Better, Evidence, ValueType
from decision_service.domain.missing import Cause, Missing
from decision_service.domain.own_facts import DAYS, History
from decision_service.factors.answer import Answer
from decision_service.factors.context import FactorContext
from decision_service.factors.figures import Figure
from decision_service.factors.registry import Family
from decision_service.factors.window import days

HISTORY = Family("history", frozenset(), frozenset({Cause.NOT_FETCHED}), of_own_facts=True)
OF_WHOM = (
    " On record under the user, the caller's customer_ref or one of the accounts, never under a"
    " name; each decision counts once, this one not, of NOT_ENROLLED ones the reported loans alone."
)
OF_OWN = (
    " On record under the user or the caller's customer_ref; each decision counts once, this one"
    " not, of NOT_ENROLLED ones the reported loans alone."
)
IN_DAYS = (
    " A day is a civil day in the ruleset's zone; today's count, those {n} days ago do not. What a"
    " person decided is of the day on which the person did."
)
UNCLEAR = frozenset({Cause.MIXED_CURRENCY, Cause.PARTIAL})
WHEN_UNCLEAR = (
    " MIXED_CURRENCY where an amount is in another currency than the ruleset's, PARTIAL where more"
    " than 1,000 decisions are on record under one key."
)


@HISTORY.factor(
    "applications_{w}",
    ValueType.INTEGER,
    "applications",
    "Applications that were decided here in the {period}, of every product.",
    "Decisions with any outcome." + OF_WHOM + IN_DAYS,
    windows=days(*DAYS),
    lower=0,
    better=Better.DOWN,
)
def applications(context: FactorContext, length: int) -> Answer:
    """How often the person applied."""
    return _figure(context, lambda history: history.applications[DAYS.index(length)])


@HISTORY.factor(
    "approvals_{w}",
    ValueType.INTEGER,
    "approvals",
    "Applications that were approved here in the {period}, of every product.",
    "Decisions with the outcome APPROVE." + OF_WHOM + IN_DAYS,
    windows=days(*DAYS),
    lower=0,
)
def approvals(context: FactorContext, length: int) -> Answer:
    """How often the person was approved."""
    return _figure(context, lambda history: history.approvals[DAYS.index(length)])


@HISTORY.factor(
    "declines_{w}",
    ValueType.INTEGER,
    "declines",
    "Applications that were declined here in the {period}, of every product.",
    "Decisions with the outcome DECLINE." + OF_WHOM + IN_DAYS,
    windows=days(*DAYS),
    lower=0,
    better=Better.DOWN,
)
def declines(context: FactorContext, length: int) -> Answer:
    """How often the person was declined."""
    return _figure(context, lambda history: history.declines[DAYS.index(length)])


@HISTORY.factor(
    "days_since_last_decline",
    ValueType.INTEGER,
    "days",
    "Days since this product was last declined to the person.",
    "Civil days from the last DECLINE of the same product, by rules or a person, to as_of; NO_DATA"
    " when there is none." + OF_WHOM,
    lower=0,
    causes=frozenset({Cause.NO_DATA}),
    better=Better.UP,
)
def days_since_last_decline(context: FactorContext) -> Answer:
    """How long ago the last decline was."""
    day = context.as_of.date
    return _figure(context, lambda h: h.last_decline and (day - h.last_decline).days)


@HISTORY.factor(
    "today",
    ValueType.DATE,
    "",
    "The day of the decision, for comparison with days on record.",
    "as_of's civil date in the ruleset's zone.",
)
def today(context: FactorContext) -> Answer:
    """The day of the decision."""
    return _figure(context, lambda _: context.as_of.date)


@HISTORY.factor(
    "last_decline_date",
    ValueType.DATE,
    "",
    "The day on which this product was last declined to the person.",
    "The civil date of the last DECLINE of the same product, by rules or a person; NO_DATA when"
    " there is none." + OF_WHOM,
    causes=frozenset({Cause.NO_DATA}),
)
def last_decline_date(context: FactorContext) -> Answer:
    """When the last decline was."""
    return _figure(context, lambda history: history.last_decline)


@HISTORY.factor(
    "exposure",
    ValueType.MONEY,
    "currency",
    "What this lender has granted the person and may still pay out, or is owed.",
    "Approved amounts of unexpired offers without a report, for the plan's unreported_days longer"
    " (30) when none comes; plus, of booked loans that are not closed, what was paid out less what"
    " was repaid. Reported loans take the place of their approval; what they leave of it counts"
    " until the offer ends, unless a part was not taken up." + OF_OWN + WHEN_UNCLEAR,
    lower=0,
    causes=UNCLEAR,
    better=Better.DOWN,
)
def exposure(context: FactorContext) -> Answer:
    """How much is out."""
    return _figure(context, lambda history: history.exposure, owed=True)


@HISTORY.factor(
    "exposure_instalments",
    ValueType.MONEY,
    "currency",
    "What falls due each month on the exposure.",
    "The instalments of the same offers and loans, of a part of an offer its share; an offer that"
    " names none counts whole." + OF_OWN + WHEN_UNCLEAR,
    lower=0,
    causes=UNCLEAR,
    better=Better.DOWN,
)
def exposure_instalments(context: FactorContext) -> Answer:
    """What is due each month."""
    return _figure(context, lambda history: history.instalments, owed=True)


@HISTORY.factor(
    "linked_exposure",
    ValueType.MONEY,
    "currency",
    "What this lender has granted other users of the accounts, or is owed by them.",
    "As history.exposure, of decisions under other users on one of the accounts that are not under"
    " the user or the customer: perhaps of the same person, perhaps of a spouse." + WHEN_UNCLEAR,
    lower=0,
    causes=UNCLEAR,
    better=Better.DOWN,
)
def linked_exposure(context: FactorContext) -> Answer:
    """How much others on the accounts owe."""
    return _figure(context, lambda history: history.linked, owed=True)


@HISTORY.factor(
    "overdue_loans",
    ValueType.INTEGER,
    "loans",
    "The person's loans at this lender that are overdue or were given up.",
    "Loans whose newest report has overdue days and is not closed, or is CHARGED_OFF." + OF_WHOM,
    lower=0,
    better=Better.DOWN,
)
def overdue_loans(context: FactorContext) -> Answer:
    """How many loans are overdue."""
    return _figure(context, lambda history: history.overdue_loans)


@HISTORY.factor(
    "repaid_loans",
    ValueType.INTEGER,
    "loans",
    "The person's loans at this lender that were repaid in full.",
    "Loans whose newest report is REPAID." + OF_WHOM,
    lower=0,
    better=Better.UP,
)
def repaid_loans(context: FactorContext) -> Answer:
    """How many loans were repaid."""
    return _figure(context, lambda history: history.repaid_loans)


def _figure(
    context: FactorContext, tell: Callable[[History], Figure | date | None], *, owed: bool = False
) -> Answer:
    """A figure of the history; missing where none was read, or it cannot be told what is `owed`."""
    history = context.own.history
    if history is None:
        return Answer(None, (Missing(Cause.NOT_FETCHED),))
    figure, proof = tell(history), context.once("history", _proof)
    otherwise = history.unclear if owed else None
    if figure is None:
        return Answer(None, (Missing(otherwise or Cause.NO_DATA),), proof)
    return Answer(figure, (), proof)


def _proof(context: FactorContext) -> Evidence:
    """The evidence of every figure, the same for all."""
    history = context.own.history or History(context.currency)
    return Evidence(
        records=history.open_approvals + history.open_loans,
        horizon=context.as_of.date.isoformat(),
        notes=(f"{history.open_approvals} open offers, {history.open_loans} open loans",),
    )
