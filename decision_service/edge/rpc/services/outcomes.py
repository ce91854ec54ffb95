"""The OutcomeService: one method, a translation around one use case."""

from __future__ import annotations

from decision_service.api.v1 import outcome_service_pb2 as pb
from decision_service.edge.rpc.context import RpcContext
from decision_service.edge.rpc.mapping.outcomes import outcome_from
from decision_service.edge.rpc.services.methods import Methods, unary
from decision_service.pipeline.outcomes.ports import Comparison
from decision_service.pipeline.outcomes.record import RecordOutcome

SERVICE = "decision_service.api.v1.OutcomeService"

_RECEIPTS = {
    Comparison.NEWEST: pb.OUTCOME_RECEIPT_RECORDED,
    Comparison.OLDER: pb.OUTCOME_RECEIPT_OLDER,
    Comparison.REPEATED: pb.OUTCOME_RECEIPT_REPEATED,
}


class OutcomeServicer:
    """Translates between the wire and recording; callers report on decisions that they may read."""

    def __init__(self, record: RecordOutcome) -> None:
        self._record = record

    async def record_outcome(
        self, request: pb.RecordOutcomeRequest, context: RpcContext
    ) -> pb.RecordOutcomeResponse:
        """Record one report of a loan."""
        compared = await self._record(outcome_from(request.outcome), context.info.scope)
        return pb.RecordOutcomeResponse(
            receipt=_RECEIPTS[compared.comparison],
            newest_as_of_date=compared.newest.as_of.isoformat(),
        )


def methods(servicer: OutcomeServicer) -> Methods:
    """The service's methods."""
    return {"RecordOutcome": unary(servicer.record_outcome, pb.RecordOutcomeRequest)}
