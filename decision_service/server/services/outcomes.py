"""The OutcomeService: reports of loans on decisions that a caller may read."""

from __future__ import annotations

import msgspec

from decision_service.api.v1 import outcome_service_pb2 as pb
from decision_service.casework.outcomes import (
    ListOutcomes,
    LoanOutcome,
    LoanStatus,
    OutcomePosition,
    Overdrawn,
    RecordOutcome,
    ReportRelation,
)
from decision_service.server.transport.context import RpcContext
from decision_service.server.transport.page_tokens import make_token, page_size, read_token
from decision_service.server.transport.wire import (
    Mapper,
    Problems,
    check_decision_id,
    check_reference,
)

SERVICE = pb.DESCRIPTOR.services_by_name["OutcomeService"]
_FIELD = "outcome"
_MOST_DAYS = 36_500
_BOOKED = ("disbursed_amount", "disburse_date", "instalment")
_RECEIPTS = {
    ReportRelation.NEWEST: pb.OUTCOME_RECEIPT_RECORDED,
    ReportRelation.OLDER: pb.OUTCOME_RECEIPT_OLDER,
    ReportRelation.CORRECTED: pb.OUTCOME_RECEIPT_CORRECTED,
    ReportRelation.REPEATED: pb.OUTCOME_RECEIPT_REPEATED,
}
OUTCOMES = Mapper(
    {
        pb.LoanOutcome: {
            "as_of_date": "as_of",
            "disbursed_amount": "disbursed",
            "disburse_date": "disbursed_on",
            "repaid_amount": "repaid",
            "correction": None,
            "replaces_loan_id": "replaces",
        },
        pb.Overdrawn: {"paid_out_amount": "paid_out", "approved_amount": "approved"},
        pb.RecordedOutcome: {"outcome": "report", "report_time": "reported"},
    }
)


def outcome_from(message: pb.LoanOutcome) -> LoanOutcome:
    with Problems() as problems:
        check_decision_id(problems, message.decision_id, f"{_FIELD}.decision_id")
        check_reference(problems, f"{_FIELD}.loan_id", message.loan_id, required=True)
        check_reference(problems, f"{_FIELD}.replaces_loan_id", message.replaces_loan_id)
        outcome = OUTCOMES.read(LoanOutcome, message, problems, f"{_FIELD}.")
        if outcome.status is not None:
            _check_presence(message, outcome.status, problems)
        if outcome.as_of is not None:
            _check_values(outcome, problems)
    return outcome


def _check_presence(message: pb.LoanOutcome, status: LoanStatus, problems: Problems) -> None:
    given = {field.name for field, _ in message.ListFields()}
    if status is LoanStatus.BOOKED:
        for name in _BOOKED:
            if name not in given:
                problems.add(f"{_FIELD}.{name}", "is missing: a BOOKED loan has one")
    if status is LoanStatus.NOT_TAKEN_UP:
        for name in (*_BOOKED, "repaid_amount", "overdue_days", "replaces_loan_id"):
            if name in given:
                problems.add(f"{_FIELD}.{name}", "is set: a loan that is NOT_TAKEN_UP has none")
    if status is LoanStatus.REPAID and message.overdue_days:
        problems.add(f"{_FIELD}.overdue_days", "is set: a loan that is REPAID has nothing overdue")


def _check_values(outcome: LoanOutcome, problems: Problems) -> None:
    disbursed = outcome.disbursed
    repaid = outcome.repaid
    paid_on = outcome.disbursed_on
    amounts = {
        "disbursed_amount": disbursed,
        "instalment": outcome.instalment,
        "repaid_amount": repaid,
    }
    for name, amount in amounts.items():
        if amount is not None and amount.minor < 0:
            words = f"is {amount.major} {amount.currency}: it must not be negative"
            problems.add(f"{_FIELD}.{name}", words)
    currencies = {amount.currency for amount in amounts.values() if amount}
    if len(currencies) > 1:
        problems.add(_FIELD, f"has amounts in {', '.join(sorted(currencies))}: use one currency")
    if disbursed is not None and not disbursed.minor:
        problems.add(f"{_FIELD}.disbursed_amount", "is 0: a loan that was not paid out has none")
    if disbursed is not None and repaid is not None and repaid.minor > disbursed.minor >= 0:
        problems.add(
            f"{_FIELD}.repaid_amount",
            f"is {repaid.major}, more than the {disbursed.major} that were disbursed: leave "
            "interest and fees out",
        )
    _check_rest(outcome, problems)
    if paid_on is not None and paid_on > outcome.as_of:
        problems.add(f"{_FIELD}.disburse_date", f"is {paid_on}, after as_of_date {outcome.as_of}")
    if not 0 <= outcome.overdue_days <= _MOST_DAYS:
        problems.add(
            f"{_FIELD}.overdue_days",
            f"is {outcome.overdue_days}: it must lie within 0 and {_MOST_DAYS:,}",
        )


def _check_rest(outcome: LoanOutcome, problems: Problems) -> None:
    disbursed = outcome.disbursed
    repaid = outcome.repaid
    instalment = outcome.instalment
    if disbursed is None or disbursed.minor <= (repaid.minor if repaid else 0):
        return
    if outcome.status is LoanStatus.BOOKED and instalment is not None and not instalment.minor:
        problems.add(
            f"{_FIELD}.instalment", "is 0, and the loan is not repaid: say what is due each month"
        )
    if outcome.status is LoanStatus.REPAID and repaid is not None:
        problems.add(
            f"{_FIELD}.repaid_amount",
            f"is {repaid.major} of {disbursed.major}: say all or nothing of a REPAID loan",
        )


class OutcomeServicer(msgspec.Struct, frozen=True):
    record: RecordOutcome
    list: ListOutcomes

    async def record_outcome(
        self, request: pb.RecordOutcomeRequest, context: RpcContext
    ) -> pb.RecordOutcomeResponse:
        report = outcome_from(request.outcome)
        correction = request.outcome.correction
        compared = await self.record(report, context.info.scope, correction=correction)
        return pb.RecordOutcomeResponse(
            receipt=_RECEIPTS[compared.comparison],
            newest_as_of_date=compared.newest.as_of.isoformat(),
            overdrawn=_overdrawn(compared.overdrawn),
        )

    async def list_outcomes(
        self, request: pb.ListOutcomesRequest, context: RpcContext
    ) -> pb.ListOutcomesResponse:
        decision_id = request.decision_id
        size = page_size(request.page_size)
        with Problems(request) as problems:
            check_decision_id(problems, decision_id)
        after = read_token(decision_id, request.page_token, OutcomePosition)
        page, state = await self.list(decision_id, after, size, context.info.scope)
        return pb.ListOutcomesResponse(
            outcomes=[OUTCOMES.message(pb.RecordedOutcome, one) for one in page.entries],
            next_page_token=make_token(decision_id, page.next),
            overdrawn=_overdrawn(state),
        )


def _overdrawn(state: Overdrawn | None) -> pb.Overdrawn | None:
    return None if state is None else OUTCOMES.message(pb.Overdrawn, state)
