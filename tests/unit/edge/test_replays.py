"""What a replay says of a decision that another version of the engine made."""

from __future__ import annotations

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.server.decisions import compared

DECIDED = pb.Decision(outcome=pb.OUTCOME_DECLINE, engine_version="0.1.0")


def test_what_differs_under_one_engine_is_a_difference() -> None:
    """The field is named, and no version."""
    reply = compared(DECIDED, pb.Decision(outcome=pb.OUTCOME_REFER, engine_version="0.1.0"))
    assert list(reply.differing_fields) == ["outcome"]
    assert not reply.decided_by_engine_version
    assert not reply.changed_fields


def test_what_another_engine_changes_is_no_difference() -> None:
    """The version that decided is named with the field, and nothing differs."""
    reply = compared(DECIDED, pb.Decision(outcome=pb.OUTCOME_REFER, engine_version="0.2.0"))
    assert not reply.differing_fields
    assert reply.decided_by_engine_version == "0.1.0"
    assert list(reply.changed_fields) == ["outcome"]
