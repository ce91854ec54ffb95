"""How the arms of a rollout decided: applicants by outcome, each by the first decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, Function, and_, func, select

from decision_service.domain.decision import Arm
from decision_service.domain.verdict import Outcome, ReferKind
from decision_service.pipeline.rollout.arm_figures import ArmTally
from decision_service.storage.queries.decisions import microseconds
from decision_service.storage.schema.tables import arm_decisions, decisions, reviews

_ROW = arm_decisions.c
_TURN = func.row_number().over(partition_by=_ROW.unit, order_by=(_ROW.created, _ROW.decision_id))


def tallies(
    connection: Connection, product: str, since: datetime, before: datetime | None, *, hashed: bool
) -> Sequence[ArmTally]:
    """One tally for each arm and version that decided in the window, in order."""
    window = [_ROW.product == product, _ROW.created >= microseconds(since)]
    if before is not None:
        window.append(_ROW.created < microseconds(before))
    if hashed:
        window.append(_ROW.hashed)
    ranked = select(
        _ROW.arm, _ROW.version, _ROW.outcome, _ROW.refer_kind, _ROW.approved, _TURN.label("turn")
    ).where(*window)
    row = ranked.subquery().c
    first = row.turn == 1
    found = (
        select(
            row.arm,
            row.version,
            func.count(),
            _count(first),
            *(_count(first, row.outcome == outcome.value) for outcome in _OUTCOMES),
            _count(first, row.refer_kind == ReferKind.DATA.value),
            func.coalesce(func.sum(row.approved), 0),
        )
        .group_by(row.arm, row.version)
        .order_by(row.arm, row.version)
    )
    made = [ArmTally(Arm(arm), *map(int, counts)) for arm, *counts in connection.execute(found)]
    overridden = _overridden(connection, product, window)
    return [replace(one, overridden=overridden.get((one.arm, one.version), 0)) for one in made]


def _overridden(
    connection: Connection, product: str, window: Sequence[ColumnElement[bool]]
) -> Mapping[tuple[Arm, int], int]:
    """Applicants of whom a person decided otherwise than a decision in the window."""
    same = (
        _ROW.product == decisions.c.product,
        _ROW.created == decisions.c.created,
        _ROW.decision_id == decisions.c.decision_id,
    )
    found = (
        select(_ROW.arm, _ROW.version, func.count(_ROW.unit.distinct()))
        .select_from(reviews)
        .join(decisions, decisions.c.decision_id == reviews.c.decision_id)
        .join(arm_decisions, and_(*same))
        .where(reviews.c.product == product, reviews.c.overridden, *window)
        .group_by(_ROW.arm, _ROW.version)
    )
    return {(Arm(arm), version): int(count) for arm, version, count in connection.execute(found)}


_OUTCOMES = (Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE)


def _count(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    counting: Function[int] = func.count()
    return counting.filter(and_(*conditions))
