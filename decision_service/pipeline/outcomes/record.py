"""Recording what became of a decision: each report kept, the newest by its day in force."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from decision_service.domain.errors import (
    DecisionUnknown,
    FieldInvalid,
    FieldProblem,
    InputInvalid,
    OutcomeContradicted,
)
from decision_service.domain.money import Money
from decision_service.pipeline.decide.record_codec import inputs_from_wire
from decision_service.pipeline.outcomes.ports import (
    Compared,
    Lent,
    LoanOutcome,
    OutcomeLog,
    ReportRelation,
)
from decision_service.pipeline.ports import Clock
from decision_service.pipeline.records.read import ReadDecisions, Recorded
from decision_service.pipeline.rules.archive import RulesetArchive

MOST_PERCENT = 105
"""Of what was approved: what is kept back as fees may come on top."""

ZONES = timedelta(days=1)
"""So far a day's date may be from that of UTC, on either side."""


class RecordOutcome:
    """Records reports of loans on decisions that the caller may read."""

    def __init__(
        self, read: ReadDecisions, log: OutcomeLog, archive: RulesetArchive, clock: Clock
    ) -> None:
        self._read = read
        self._log = log
        self._archive = archive
        self._clock = clock

    async def __call__(
        self, report: LoanOutcome, scope: str, *, correction: bool = False
    ) -> Compared:
        """Record one report, or correct the one of its day; safe to repeat.

        Raises DecisionUnknown, also where the decision is not the caller `scope`'s, FieldInvalid
        for a day in the future or before the decision and for a loan that cannot be true,
        InputInvalid for another currency than the rules', OutcomeContradicted, StoreUnavailable.
        """
        lent, now = await self._lent(report.decision_id, scope), self._clock.now()
        _require_day(report.as_of, lent.decided, now)
        _require_currency(report, lent.currency)
        _require_truth(report, lent)
        compared = await self._log.record_outcome(report, lent.caller, now, correction=correction)
        if compared is None:
            raise DecisionUnknown.of(report.decision_id)
        _require_agreement(report, compared)
        return compared

    async def _lent(self, decision_id: str, scope: str) -> Lent:
        """What a loan rests on: while it is open, also where the decision was erased."""
        lent = await self._log.lent(decision_id)
        try:
            decision = await self._read.get(decision_id, full=False, scope=scope)
        except DecisionUnknown:
            if lent is None or scope not in {"", lent.caller}:
                raise
            return lent
        entry, inputs = decision.entry, inputs_from_wire(decision.facts.inputs)
        approved = None if lent is None else lent.approved
        currency = await self._currency(decision)
        term = inputs.get("requested_term_months")
        return Lent(entry.caller, entry.created, currency, approved, term)

    async def _currency(self, decision: Recorded) -> str | None:
        """The currency that was applied in, else that of the rules; None where there is neither."""
        requested = inputs_from_wire(decision.facts.inputs).get("requested_amount")
        if isinstance(requested, Money):
            return requested.currency
        digest = decision.entry.ruleset_digest
        return None if digest is None else (await self._archive.by_digest(digest)).currency


def _require_truth(report: LoanOutcome, of: Lent) -> None:
    """Refuse what no loan on the decision can be; raises FieldInvalid with each such field."""
    found, lent, due, paid_on = {}, report.disbursed, report.instalment, report.disbursed_on
    if lent and of.approved is not None and 100 * lent.minor > MOST_PERCENT * of.approved:
        approved = Money(lent.currency, of.approved).major
        found["disbursed_amount"] = (
            f"is {lent.major}, more than {MOST_PERCENT / 100} times the {approved} that were "
            "approved: report what was lent on this decision"
        )
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
    """Raise the error of the fields that something is wrong with, if there are any."""
    problems = tuple(
        FieldProblem(f"outcome.{name}", f"outcome.{name} {why}") for name, why in found.items()
    )
    if problems:
        raise error("; ".join(one.description for one in problems), problems)


def _require_day(as_of: date, decided: datetime, now: datetime) -> None:
    first, last = decided.date() - ZONES, now.date() + ZONES
    if first <= as_of <= last:
        return
    why = "lies in the future" if as_of > last else f"lies before the decision of {decided.date()}"
    field = "outcome.as_of_date"
    message = f"{field} is {as_of}, which {why}: give the day that the report is true of"
    raise FieldInvalid(message, (FieldProblem(field, message),))


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
