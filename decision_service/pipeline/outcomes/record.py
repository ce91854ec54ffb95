"""Recording what became of a decision: each report kept, the newest by its day in force."""

from __future__ import annotations

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
    LoanOutcome,
    OutcomeLog,
    ReportRelation,
)
from decision_service.pipeline.ports import Clock
from decision_service.pipeline.records.read import ReadDecisions, Recorded
from decision_service.pipeline.rules.archive import RulesetArchive

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

    async def __call__(self, report: LoanOutcome, scope: str) -> Compared:
        """Record one report; safe to repeat.

        Raises DecisionUnknown, also where the decision is not the caller `scope`'s, FieldInvalid
        for a day in the future or before the decision, InputInvalid for another currency than the
        rules', OutcomeContradicted, and StoreUnavailable.
        """
        decision = await self._read.get(report.decision_id, full=False, scope=scope)
        now = self._clock.now()
        _require_day(report.as_of, decision.entry.created, now)
        _require_currency(report, await self._currency(decision))
        compared = await self._log.record_outcome(report, decision.entry.caller, now)
        if compared is None:
            raise DecisionUnknown.of(report.decision_id)
        _require_agreement(report, compared)
        return compared

    async def _currency(self, decision: Recorded) -> str | None:
        """The currency that was applied in, else that of the rules; None where there is neither."""
        requested = inputs_from_wire(decision.facts.inputs).get("requested_amount")
        if isinstance(requested, Money):
            return requested.currency
        digest = decision.entry.ruleset_digest
        return None if digest is None else (await self._archive.by_digest(digest)).currency


def _require_currency(report: LoanOutcome, wanted: str | None) -> None:
    amounts = {
        "disbursed_amount": report.disbursed,
        "instalment": report.instalment,
        "repaid_amount": report.repaid,
    }
    problems = tuple(
        FieldProblem(
            f"outcome.{name}",
            f"outcome.{name} is in {amount.currency}: the decision is in {wanted}",
        )
        for name, amount in amounts.items()
        if wanted is not None and amount is not None and amount.currency != wanted
    )
    if problems:
        message = "; ".join(one.description for one in problems)
        raise InputInvalid(message, problems)


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
            "by a report of a later day",
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
