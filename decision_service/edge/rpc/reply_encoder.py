"""The reply as the bytes that are recorded and sent: one protobuf message, written out."""

from __future__ import annotations

from collections.abc import Sequence

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.domain.decision import Decision
from decision_service.domain.verdict import StageTrace
from decision_service.edge.rpc.replies import decision_fields
from decision_service.pipeline.ports import ReplyStyle


class ProtoReplyEncoder:
    """The `ReplyEncoder` of the pipeline: a serialized CreateDecisionResponse."""

    def encode(self, decision: Decision, style: ReplyStyle, traces: Sequence[StageTrace]) -> bytes:
        """The response's bytes, the same for equal arguments: serialization is deterministic."""
        fields = decision_fields(decision, style, traces)
        response = service_pb.CreateDecisionResponse(decision=fields)
        return response.SerializeToString(deterministic=True)
