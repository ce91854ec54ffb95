"""The OutcomeService: reports of loans on decisions that a caller may read."""

from __future__ import annotations

import msgspec

from decision_service.api.v1 import outcome_service_pb2 as pb
from decision_service.edge.rpc.context import RpcContext
from decision_service.edge.rpc.mapping.outcomes import (
    listed_decision_from,
    outcome_from,
    outcome_message,
)
from decision_service.edge.rpc.mapping.page_tokens import (
    make_outcome_token,
    page_size,
    read_outcome_token,
)
from decision_service.edge.rpc.services.methods import Methods, unary
from decision_service.pipeline.outcomes.ports import ReportRelation
from decision_service.pipeline.outcomes.read import ListOutcomes
from decision_service.pipeline.outcomes.record import RecordOutcome

SERVICE = "decision_service.api.v1.OutcomeService"

_RECEIPTS = {
    ReportRelation.NEWEST: pb.OUTCOME_RECEIPT_RECORDED,
    ReportRelation.OLDER: pb.OUTCOME_RECEIPT_OLDER,
    ReportRelation.CORRECTED: pb.OUTCOME_RECEIPT_CORRECTED,
    ReportRelation.REPEATED: pb.OUTCOME_RECEIPT_REPEATED,
}


class OutcomeUseCases(msgspec.Struct, frozen=True):
    """What the servicer translates for."""

    record: RecordOutcome
    list: ListOutcomes


class OutcomeServicer:
    """Translates between the wire and the reports."""

    def __init__(self, use_cases: OutcomeUseCases) -> None:
        self._record, self._list = use_cases.record, use_cases.list

    async def record_outcome(
        self, request: pb.RecordOutcomeRequest, context: RpcContext
    ) -> pb.RecordOutcomeResponse:
        """Record one report of a loan."""
        report, correction = outcome_from(request.outcome), request.outcome.correction
        compared = await self._record(report, context.info.scope, correction=correction)
        return pb.RecordOutcomeResponse(
            receipt=_RECEIPTS[compared.comparison],
            newest_as_of_date=compared.newest.as_of.isoformat(),
        )

    async def list_outcomes(
        self, request: pb.ListOutcomesRequest, context: RpcContext
    ) -> pb.ListOutcomesResponse:
        """One page of the reports on a decision."""
        decision_id = listed_decision_from(request)
        after, size = read_outcome_token(decision_id, request.page_token), request.page_size
        page = await self._list(decision_id, after, page_size(size), context.info.scope)
        return pb.ListOutcomesResponse(
            outcomes=[outcome_message(one) for one in page.outcomes],
            next_page_token="" if page.next is None else make_outcome_token(decision_id, page.next),
        )


def methods(servicer: OutcomeServicer) -> Methods:
    """The service's methods."""
    return {
        "RecordOutcome": unary(servicer.record_outcome, pb.RecordOutcomeRequest),
        "ListOutcomes": unary(servicer.list_outcomes, pb.ListOutcomesRequest),
    }
