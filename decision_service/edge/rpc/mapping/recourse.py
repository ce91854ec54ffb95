"""Recourse as clients read it."""

from __future__ import annotations

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.edge.rpc.mapping.values import (
    Fields,
    decimal_text,
    money_fields,
    value_fields,
)
from decision_service.recourse.model import Change, Recourse

_PLACES = 2


def recourse_message(recourse: Recourse) -> pb.Recourse:
    """The one answer with its changes in the order of their names."""
    fields: Fields = {
        "kind": recourse.answer,
        "changes": [_change_fields(change) for change in recourse.changes],
        "decide_again_on": "" if recourse.day is None else recourse.day.isoformat(),
        "may_be_told": recourse.told,
    }
    if recourse.approved is not None:
        fields["approved_amount"] = money_fields(recourse.approved)
    return pb.Recourse(**fields)


def _change_fields(change: Change) -> Fields:
    return {
        "factor": change.factor,
        "value": value_fields(change.now),
        "needed": value_fields(change.needed),
        "steps": decimal_text(round(change.steps, _PLACES)),
        "may_be_told": change.told,
    }
