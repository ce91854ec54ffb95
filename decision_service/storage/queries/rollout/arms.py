"""Each enrolled decision's arm: recorded with the decision, read for pins and limits."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, func, literal_column, select

from decision_service.domain.decision import Arm
from decision_service.pipeline.ports import ArmDecision, StoredEntry
from decision_service.rollout.allowances import DayTotals, Grant
from decision_service.rollout.gate import Pin
from decision_service.storage.queries.decisions import from_microseconds, microseconds
from decision_service.storage.schema.tables import arm_decisions, reviews

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


_GRANTED = (
    select(_ROWS.tier, func.count(), func.sum(_ROWS.granted))
    .where(*_SINCE, literal_column("granted IS NOT NULL"))
    .group_by(_ROWS.tier)
)
_CHARGED = reviews.c
_BY_PERSONS = (
    select(_CHARGED.tier, func.sum(_CHARGED.approvals), func.sum(_CHARGED.granted))
    .where(
        _CHARGED.product == bindparam("product"),
        _CHARGED.charged_at >= bindparam("since"),
        literal_column("charged_at IS NOT NULL"),
    )
    .group_by(_CHARGED.tier)
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


def day_totals(connection: Connection, product: str, since: datetime) -> DayTotals:
    """What a product and its reviewers have approved at or after `since`, by tier."""
    chosen = {"product": product, "since": microseconds(since)}
    totals = DayTotals()
    for asked in (_GRANTED, _BY_PERSONS):
        for tier, count, total in connection.execute(asked, chosen):
            totals = totals.plus(Grant(int(total), tier or "", int(count)))
    return totals


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
        judged(entry, arm),
        arm.refer_kind and arm.refer_kind.value,
        arm.rule_error,
        arm.approved,
        microseconds(entry.created),
        *granted(arm),
    )


def judged(entry: StoredEntry, arm: ArmDecision) -> str:
    """The rules' own outcome."""
    return (arm.judged or entry.outcome).value


def granted(arm: ArmDecision) -> tuple[str | None, int | None]:
    """Tier and amount of what was approved."""
    return (None, None) if arm.grant is None else (arm.grant.tier, arm.grant.amount or 0)
