"""Each enrolled decision's arm: recorded with the decision, read for pins and limits."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select

from decision_service.domain.decision import Arm
from decision_service.pipeline.ports import ArmDecision, StoredEntry
from decision_service.rollout.gate import Pin
from decision_service.storage.queries.decisions import from_microseconds, microseconds
from decision_service.storage.schema.tables import arm_decisions

_ROWS = arm_decisions.c
_SINCE = (_ROWS.product == bindparam("product"), _ROWS.created >= bindparam("since"))
_PIN = (
    select(_ROWS.arm, _ROWS.version, _ROWS.created)
    .where(*_SINCE, _ROWS.unit == bindparam("unit"), _ROWS.pins)
    .order_by(_ROWS.created.desc(), _ROWS.decision_id.desc())
    .limit(1)
)
_APPROVED = select(func.coalesce(func.sum(_ROWS.approved), 0)).where(
    *_SINCE, _ROWS.arm == bindparam("arm")
)


def pin(connection: Connection, product: str, unit: str, since: datetime) -> Pin | None:
    """The last pin that a decision created at or after `since` set; None where there is none."""
    chosen = {"product": product, "unit": unit, "since": microseconds(since)}
    row = connection.execute(_PIN, chosen).first()
    return None if row is None else Pin(Arm(row[0]), row[1], from_microseconds(row[2]))


def approved(connection: Connection, product: str, arm: Arm, since: datetime) -> int:
    """What an arm has approved at or after `since`, in minor units."""
    chosen = {"product": product, "arm": arm.value, "since": microseconds(since)}
    return int(connection.execute(_APPROVED, chosen).scalar_one())


def row(entry: StoredEntry, arm: ArmDecision) -> tuple[object, ...]:
    """A decision's row for its rollout, column by column."""
    return (
        entry.decision_id,
        entry.product,
        arm.unit,
        arm.arm.value,
        arm.version,
        arm.hashed,
        arm.pins,
        entry.outcome.value,
        arm.refer_kind and arm.refer_kind.value,
        arm.rule_error,
        arm.approved,
        microseconds(entry.created),
    )
