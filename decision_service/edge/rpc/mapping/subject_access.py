"""Records of an export on the wire, and what a person is told of a recorded reply."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.api.v1 import decision_pb2
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1.values_pb2 import InputValue
from decision_service.edge.rpc.mapping.enums import enum_name
from decision_service.edge.rpc.mapping.values import money_from_message
from decision_service.pipeline.subject_access.disclosure import Disclosure
from decision_service.pipeline.subject_access.plain import money, plain
from decision_service.pipeline.subject_access.ports import PersonRecord

TOLD = (
    "decision_id", "application_id", "customer_ref", "user_id", "product", "outcome", "refer_kind",
    "reasons", "data_requests", "scores", "offer", "conditions", "tags", "override", "ruleset_ref",
    "assignment", "data_quality", "as_of_date", "create_time", "expire_time", "engine_version",
    "first_decision_id", "connect",
)  # fmt: skip
"""The fields of a recorded reply that a person is told."""

LEFT_OUT = frozenset({"rule_traces", "withheld_tags", "list_answers"})
"""Those that are told to nobody outside of the lender."""

FOUND_ON_READING = frozenset({"recourse", "review"})
"""Those that no recorded reply has: reviews are records of their own, recourse is not stored."""

TOLD_APART = frozenset({"request_id", "inputs", "factor_values"})
"""Those that a record has of the stored facts."""

_RULES_OF: Mapping[str, Sequence[str]] = {
    "Reason": ("required", "required_value", "actual_value", "points_lost"),
    "Score": ("best_score",),
    "Offer": ("term_binding",),
}
"""The fields of a message that show the lender's rules, or say the same as another field."""


def record_message(record: PersonRecord) -> pb.StoredRecord:
    """One record."""
    content = json.dumps(record.content, ensure_ascii=False)
    return pb.StoredRecord(kind=record.kind, id=record.id, content=content)


def disclosed_reply(reply: bytes, disclosed: Disclosure) -> Mapping[str, object]:
    """As `TellReply`."""
    decision = service_pb.CreateDecisionResponse.FromString(reply).decision
    for reason in (*decision.reasons, *decision.override.reasons):
        _hide(reason, disclosed)
    for asked in decision.data_requests:
        if not disclosed.tells(asked.factor):
            asked.ClearField("factor")
    told = _set_fields(decision)
    return {name: told[name] for name in TOLD if name in told}


def _hide(reason: decision_pb2.Reason, disclosed: Disclosure) -> None:
    if not disclosed.tells(reason.factor):
        reason.ClearField("factor")
        reason.ClearField("actual")


def _set_fields(message: Message) -> dict[str, Any]:
    """The fields that are set, by name."""
    left_out = _RULES_OF.get(message.DESCRIPTOR.name, ())
    return {
        field.name: _field(field, value)
        for field, value in message.ListFields()
        if field.name not in left_out
    }


def _field(field: FieldDescriptor, value: Any) -> Any:
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        return {name: _value(field, one) for name, one in sorted(value.items())}
    if field.is_repeated:
        return [_value(field, one) for one in value]
    return _value(field, value)


def _value(field: FieldDescriptor, value: Any) -> Any:
    match value:
        case Timestamp():
            return plain(value.ToDatetime(UTC))
        case MoneyMessage():
            return money(money_from_message(value))
        case InputValue():
            return next(iter(_set_fields(value).values()), None)
        case Message():
            return _set_fields(value)
    if field.enum_type is not None:
        return enum_name(field.enum_type, value)
    return value
