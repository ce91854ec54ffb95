"""What lenders report of the loans that rest on decisions: recorded, compared, read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import Enum, StrEnum, auto
from typing import Protocol

import msgspec
import structlog

from decision_service.decide.replay import Page, ReadDecisions, Recorded
from decision_service.domain.errors import (
    DecisionUnknown,
    FieldInvalid,
    FieldProblem,
    InputInvalid,
    OutcomeContradicted,
    ResultNotFinal,
    StoreError,
)
from decision_service.domain.ports import Clock, DecisionLog, Filter
from decision_service.domain.reviews import Review, ReviewState
from decision_service.domain.values import Money
from decision_service.rulebook.archive import RulesetArchive
from decision_service.runtime.telemetry import Alarm, raised

EVERY_SECONDS = 86_400.0
MOST_NAMED = 10

log = structlog.get_logger("decision_service.outcomes")

# What is kept back as fees may come on top.
MOST_PERCENT = 105
"""Of what was approved; above it a loan is overdrawn."""

ZONES = timedelta(days=1)
"""So far a day's date may be from that of UTC, on either side."""


class LoanStatus(StrEnum):
    """The state of a loan; REPAID and CHARGED_OFF are closed, NOT_TAKEN_UP was never paid out."""

    BOOKED = "BOOKED"
    NOT_TAKEN_UP = "NOT_TAKEN_UP"
    REPAID = "REPAID"
    CHARGED_OFF = "CHARGED_OFF"


class LoanOutcome(msgspec.Struct, frozen=True):
    """Complete in itself; `repaid` is principal. Amounts have one currency, none is negative.

    `replaces` is a loan of the same decision whose reports up to this day count no more.
    """

    decision_id: str
    loan_id: str
    as_of: date
    status: LoanStatus
    disbursed: Money | None = None
    disbursed_on: date | None = None
    instalment: Money | None = None
    repaid: Money | None = None
    overdue_days: int = 0
    replaces: str = ""


class RecordedOutcome(msgspec.Struct, frozen=True):
    """A report, when it came, and whether another loan's report replaces it."""

    report: LoanOutcome
    reported: datetime
    replaced: bool = False


class Lent(msgspec.Struct, frozen=True):
    """What a loan rests on: its decision, or what the history has of one that was erased.

    `approved` is in minor units of `currency`, 0 where nothing was approved, None where that is not
    known or another process decided. `term` is what was asked for in months, 1 where nothing is
    left of that.
    """

    caller: str
    decided: datetime
    currency: str | None
    approved: int | None
    term: object = 1


class OutcomePosition(msgspec.Struct, frozen=True):
    as_of: date
    loan_id: str


class ReportRelation(Enum):
    """A report compared with the earlier ones of its loan; the first three are recorded."""

    NEWEST = auto()
    OLDER = auto()
    CORRECTED = auto()
    REPEATED = auto()
    CONTRADICTS = auto()
    OTHER_DECISION = auto()

    @property
    def is_new(self) -> bool:
        return self in {ReportRelation.NEWEST, ReportRelation.OLDER, ReportRelation.CORRECTED}


class Overdrawn(msgspec.Struct, frozen=True):
    """What was paid out on a decision, where that is more than may be on what was approved."""

    paid_out: Money
    approved: Money


class Compared(msgspec.Struct, frozen=True):
    """A report's comparison, and the newest report of its loan with this one counted.

    `overdrawn` is the decision's state with this report, and `drew_more` whether this report
    brought it about or added to what was paid out.
    """

    comparison: ReportRelation
    newest: LoanOutcome
    overdrawn: Overdrawn | None = None
    drew_more: bool = False


def compare(
    report: LoanOutcome, earlier: Sequence[LoanOutcome], *, correction: bool = False
) -> Compared:
    """Earlier reports in any order; a `correction` takes the place of another one of its day."""
    # The report first: of two of one day `max` takes the first.
    newest = max((report, *earlier), key=lambda one: one.as_of)
    same_day = next((one for one in earlier if one.as_of == report.as_of), None)
    if any(one.decision_id != report.decision_id for one in earlier):
        return Compared(ReportRelation.OTHER_DECISION, newest)
    if same_day is not None:
        if same_day == report:
            return Compared(ReportRelation.REPEATED, newest)
        other = ReportRelation.CORRECTED if correction else ReportRelation.CONTRADICTS
        return Compared(other, newest)
    return Compared(ReportRelation.NEWEST if newest is report else ReportRelation.OLDER, newest)


def replaced_until(reports: Sequence[LoanOutcome]) -> Mapping[str, date]:
    """Of each loan that others' reports on one decision replace, the last day that is replaced."""
    until: dict[str, date] = {}
    for one in reports:
        if one.replaces:
            # Up to that day alone: a later report counts again, so that no debt is hidden.
            until[one.replaces] = max(one.as_of, until.get(one.replaces, date.min))
    return until


def counted(reports: Sequence[LoanOutcome]) -> Sequence[LoanOutcome]:
    """Those reports on one decision that no other loan's report replaces, in their order."""
    until = replaced_until(reports)
    return [one for one in reports if one.as_of > until.get(one.loan_id, date.min)]


def overdrawn(reports: Sequence[LoanOutcome], of: Lent | None) -> Overdrawn | None:
    """What was paid out by all reports on one decision, where it is too much; else None.

    Of each loan its newest report with an amount counts; one that was not taken up never was.
    """
    if of is None or of.approved is None:
        return None
    by_day = sorted(counted(reports), key=lambda one: one.as_of)
    paid: dict[str, Money] = {}
    for one in by_day:
        if one.status is LoanStatus.NOT_TAKEN_UP:
            paid.pop(one.loan_id, None)
        # Also of a closed loan, which was paid out as well.
        elif one.disbursed is not None:
            paid[one.loan_id] = one.disbursed
    total = sum(amount.minor for amount in paid.values())
    if 100 * total <= MOST_PERCENT * of.approved:
        return None
    currency = next(iter(paid.values())).currency
    return Overdrawn(Money(currency, total), Money(currency, of.approved))


def require_replaceable(
    report: LoanOutcome, others: Sequence[LoanOutcome], named: Sequence[LoanOutcome]
) -> None:
    """Raise FieldInvalid where a report names a loan that it cannot replace.

    `others` are the other reports on its decision, `named` those of the caller's loan of that name.
    """
    wanted = report.replaces
    decision_id = report.decision_id
    if not wanted:
        return
    why = ""
    if wanted == report.loan_id:
        why = "the loan itself: leave it out, or name the other loan"
    elif not named:
        why = "not reported: name a loan that was, or leave it out"
    elif any(one.decision_id != decision_id for one in named):
        why = "a loan of another decision: check decision_id and replaces_loan_id"
    # Loans that replace each other in a ring would leave none that counts.
    elif report.loan_id in _replaced_by(wanted, others):
        why = f"which replaces {report.loan_id}: correct the report that says so first"
    elif not any(one.loan_id == wanted for one in counted(others)):
        by = next(one.loan_id for one in others if one.replaces == wanted)
        if by != report.loan_id:
            why = f"replaced by loan {by} already: name {by}, or correct its report first"
    newest = max((one.as_of for one in named), default=date.min)
    # Its reports of later days would still count, and the debt be there twice.
    if not why and newest > report.as_of:
        why = (
            f"reported as of {newest}, after this report's {report.as_of}: report as of that day "
            "or later"
        )
    if why:
        raise FieldInvalid.of("outcome.replaces_loan_id", f"is {wanted}, {why}")


def _replaced_by(loan_id: str, reports: Sequence[LoanOutcome]) -> set[str]:
    """The loans that a loan replaces, and those that they replace in turn."""
    found: set[str] = set()
    waiting = [loan_id]
    while waiting:
        name = waiting.pop()
        for one in reports:
            if one.loan_id == name and one.replaces and one.replaces not in found:
                found.add(one.replaces)
                waiting.append(one.replaces)
    return found


class OutcomeLog(Protocol):
    """The durable reports; every method raises StoreUnavailable."""

    async def lent(self, decision_id: str) -> Lent | None:
        """What a loan rests on; None where the history has nothing of it."""

    async def record_outcome(
        self, report: LoanOutcome, caller: str, now: datetime, *, correction: bool = False
    ) -> Compared | None:
        """Compare a report with those of the caller's loan and store a new one, in one transaction.

        Durable on return, and one after another for each loan, over all processes. None where
        neither the decision nor an open loan of it is stored any more; then nothing is. Raises
        FieldInvalid where the report names a loan that it cannot replace.
        """

    async def list_outcomes(
        self, decision_id: str, after: OutcomePosition | None, limit: int
    ) -> Sequence[RecordedOutcome]:
        """At most `limit` reports of a decision's loans, by day and loan, after the position."""

    async def overdrawn(self, decision_id: str) -> Overdrawn | None:
        """What was paid out on a decision, where that is too much."""


class ReportWatch:
    """Raises an alarm each day while approvals of so many `days` ago have no report."""

    def __init__(self, log: DecisionLog, clock: Clock, days: int) -> None:
        self._log = log
        self._clock = clock
        self._days = days

    async def run(self) -> None:
        """Until cancelled; with 0 days it never looks."""
        while True:
            if self._days:
                await self.look()
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self) -> None:
        """Once; the line names some, `decisions list --unreported` all."""
        before = self._clock.now() - timedelta(days=self._days)
        silent = Filter(created_before=before, unreported=True)
        try:
            found = await self._log.list(silent, None, MOST_NAMED)
        except StoreError as error:
            log.warning("reports.not_counted", reason=error.reason)
            return
        if found:
            newest = [one.decision_id for one in found]
            log.error("approvals not reported", alarm=raised(Alarm.NOT_REPORTED), newest=newest)


class ListOutcomes:
    def __init__(self, read: ReadDecisions, log: OutcomeLog) -> None:
        self._read = read
        self._log = log

    async def __call__(
        self, decision_id: str, after: OutcomePosition | None, size: int, scope: str
    ) -> tuple[Page[RecordedOutcome, OutcomePosition], Overdrawn | None]:
        """A page, and whether the decision is overdrawn by all reports.

        Raises DecisionUnknown, also where the decision is not the caller `scope`'s.
        """
        await self._read.get(decision_id, full=False, scope=scope)
        found = await self._log.list_outcomes(decision_id, after, size + 1)
        page = Page.of(
            found, size, lambda one: OutcomePosition(one.report.as_of, one.report.loan_id)
        )
        return page, await self._log.overdrawn(decision_id)


class RecordOutcome:
    def __init__(
        self,
        read: ReadDecisions,
        log: OutcomeLog,
        archive: RulesetArchive,
        clock: Clock,
        reviews_of: Callable[[str], Awaitable[Sequence[Review]]],
        on_overdrawn: Callable[[], None],
    ) -> None:
        self._read = read
        self._log = log
        self._archive = archive
        self._clock = clock
        self._reviews_of = reviews_of
        self._on_overdrawn = on_overdrawn

    async def __call__(
        self, report: LoanOutcome, scope: str, *, correction: bool = False
    ) -> Compared:
        """Record one report, or correct the one of its day; safe to repeat.

        Raises DecisionUnknown, also where the decision is not the caller `scope`'s, FieldInvalid
        for a day in the future or before the decision, for a loan that cannot be true and for one
        that cannot be replaced, InputInvalid for another currency than the rules',
        OutcomeContradicted, ResultNotFinal, StoreUnavailable.
        """
        lent = await self._lent(report.decision_id, scope)
        now = self._clock.now()
        _require_day(report.as_of, lent.decided, now)
        _require_currency(report, lent.currency)
        _require_truth(report, lent)
        await self._require_final(report.decision_id, now)
        compared = await self._log.record_outcome(report, lent.caller, now, correction=correction)
        if compared is None:
            raise DecisionUnknown.of(report.decision_id)
        _require_agreement(report, compared)
        # Recorded all the same: to refuse what was paid out would hide a debt.
        if compared.drew_more:
            self._on_overdrawn()
            log.warning("loan overdrawn", decision_id=report.decision_id)
        return compared

    async def _lent(self, decision_id: str, scope: str) -> Lent:
        """What a loan rests on: while it is open, also where the decision was erased."""
        lent = await self._log.lent(decision_id)
        try:
            decision = await self._read.get(decision_id, full=False, scope=scope)
        except DecisionUnknown:
            # An erasure leaves an open loan, whose reports go on (0103).
            if lent is None or scope not in {"", lent.caller}:
                raise
            return lent
        entry = decision.entry
        inputs = decision.facts.sent
        approved = None if lent is None else lent.approved
        currency = await self._currency(decision)
        term = inputs.get("requested_term_months")
        return Lent(entry.caller, entry.created, currency, approved=approved, term=term)

    async def _require_final(self, decision_id: str, now: datetime) -> None:
        for review in await self._reviews_of(decision_id):
            if review.state is ReviewState.AWAITING_RELEASE and review.final is not None:
                # Looked for every few seconds: a final time that has passed is moments away.
                final = f"{max(review.final, now):%Y-%m-%dT%H:%M:%SZ}"
                raise ResultNotFinal(
                    f"a person's result of {decision_id} may be withdrawn until {final}: pay out, "
                    "and report it, after that",
                    decision_id=decision_id,
                    final_time=final,
                )

    async def _currency(self, decision: Recorded) -> str | None:
        requested = decision.facts.sent.get("requested_amount")
        if isinstance(requested, Money):
            return requested.currency
        digest = decision.entry.ruleset_digest
        return None if digest is None else (await self._archive.by_digest(digest)).currency


def _require_truth(report: LoanOutcome, of: Lent) -> None:
    found = {}
    lent = report.disbursed
    due = report.instalment
    paid_on = report.disbursed_on
    if paid_on and paid_on < of.decided.date() - ZONES:
        found["disburse_date"] = (
            f"is {paid_on}, before the decision of {of.decided.date()}: check the day and "
            "decision_id"
        )
    # One payment is the loan with its interest.
    if lent and due and due.minor > lent.minor and of.term != 1:
        found["instalment"] = (
            f"is {due.major}, more than the whole loan of {lent.major}: say what is due each month"
        )
    age = (report.as_of - (paid_on or of.decided.date() - ZONES)).days
    if report.overdue_days > age:
        found["overdue_days"] = (
            f"is {report.overdue_days}, and the loan is {age} days old: say for how many days the "
            "oldest unpaid amount has been due"
        )
    _refuse(FieldInvalid, found)


def _require_currency(report: LoanOutcome, wanted: str | None) -> None:
    amounts = {
        "disbursed_amount": report.disbursed,
        "instalment": report.instalment,
        "repaid_amount": report.repaid,
    }
    _refuse(
        InputInvalid,
        {
            name: f"is in {amount.currency}: the decision is in {wanted}"
            for name, amount in amounts.items()
            if wanted is not None and amount is not None and amount.currency != wanted
        },
    )


def _refuse(error: type[FieldInvalid | InputInvalid], found: Mapping[str, str]) -> None:
    problems = tuple(
        FieldProblem(f"outcome.{name}", f"outcome.{name} {why}") for name, why in found.items()
    )
    if problems:
        raise error("; ".join(one.description for one in problems), problems)


def _require_day(as_of: date, decided: datetime, now: datetime) -> None:
    # The lender's day may be another than that of UTC.
    first = decided.date() - ZONES
    last = now.date() + ZONES
    if first <= as_of <= last:
        return
    why = "lies in the future" if as_of > last else f"lies before the decision of {decided.date()}"
    what = f"is {as_of}, which {why}: give the day that the report is true of"
    raise FieldInvalid.of("outcome.as_of_date", what)


def _require_agreement(report: LoanOutcome, compared: Compared) -> None:
    if compared.comparison is ReportRelation.CONTRADICTS:
        raise OutcomeContradicted(
            f"another report of loan {report.loan_id} as of {report.as_of} is recorded: correct it "
            "by a report of a later day, or say that this one is a correction",
            loan_id=report.loan_id,
            as_of_date=report.as_of.isoformat(),
        )
    if compared.comparison is ReportRelation.OTHER_DECISION:
        raise OutcomeContradicted(
            f"loan {report.loan_id} was reported for another decision: check decision_id and "
            "loan_id",
            loan_id=report.loan_id,
            decision_id=report.decision_id,
        )
