"""Shadow results, each with the decision that was made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select

from decision_service.domain.verdict import Outcome
from decision_service.impact.applicant import JudgedApplicant, LeftOut, NotCompared, Side
from decision_service.impact.sums import ImpactSums
from decision_service.pipeline.rollout.pairs.pairs import DecisionPair
from decision_service.storage.queries.decisions import kept, microseconds
from decision_service.storage.queries.dialect import insert_new
from decision_service.storage.schema.tables import shadow_results

_ROW = shadow_results.c
_ALIKE = (
    _ROW.standing, _ROW.live_outcome, _ROW.live_amount, _ROW.outcome, _ROW.amount, _ROW.moved
)  # fmt: skip
_SUMS = (
    select(*_ALIKE, func.count().label("many"), func.max(_ROW.decision_id).label("example"))
    .where(
        _ROW.product == bindparam("product"),
        _ROW.version == bindparam("version"),
        _ROW.created >= bindparam("since"),
    )
    .group_by(*_ALIKE)
)
_COMPARED = "compared"
_EARLIER = {
    "not_comparable": LeftOut.DATA_NOT_READ,
    "failed": LeftOut.RULE_ERROR,
    "erased": LeftOut.ERASED,
}
"""What earlier programs wrote of decisions that could not be compared."""

_CAUSE, _OLD, _NEW = "rule ", "-reason ", "+reason "


def record(connection: Connection, pairs: Sequence[DecisionPair]) -> None:
    """As `PairLog.put_pairs`."""
    stored = kept(connection, (pair.decision_id for pair in pairs))
    rows = [_row(pair) for pair in pairs if pair.decision_id in stored]
    insert_new(connection, shadow_results, rows)


def sums(connection: Connection, product: str, version: int, since: datetime) -> ImpactSums:
    """A version's results on decisions from `since` on, added up."""
    chosen = {"product": product, "version": version, "since": microseconds(since)}
    found = ImpactSums()
    for row in connection.execute(_SUMS, chosen):
        if row.standing == _COMPARED:
            found.add(_judged(row), row.many)
        else:
            why = _EARLIER.get(row.standing) or LeftOut(row.standing)
            found.leave_out(why, Outcome(row.live_outcome), many=row.many)
    return found


def _judged(row: Row[Any]) -> JudgedApplicant:
    """A result as it was recorded; earlier programs wrote a sign before causes."""
    moved = row.moved.splitlines()
    old, new = (
        tuple(line.removeprefix(sign) for line in moved if line.startswith(sign))
        for sign in (_OLD, _NEW)
    )
    causes = (line.lstrip("+-") for line in moved)
    return JudgedApplicant(
        row.example,
        Side(Outcome(row.live_outcome), amount=row.live_amount, codes=old),
        Side(Outcome(row.outcome), amount=row.amount, codes=new),
        tuple(cause.removeprefix(_CAUSE) for cause in causes if cause.startswith(_CAUSE)),
    )


def _row(pair: DecisionPair) -> dict[str, object]:
    told = pair.told
    sides: dict[str, object]
    if isinstance(told, NotCompared):
        sides = {"standing": told.why.value, "live_outcome": pair.live.value, "moved": ""}
    else:
        sides = {
            "standing": _COMPARED,
            **_side("live_", told.before),
            **_side("", told.after),
            "moved": "\n".join(_moved(told)),
        }
    return {
        "decision_id": pair.decision_id,
        "version": pair.version,
        "product": pair.product,
        "digest": pair.digest,
        "created": microseconds(pair.created),
        **_NO_SIDES,
        **sides,
    }


_NO_SIDES: dict[str, Any] = dict.fromkeys(("live_kind", "live_amount", "outcome", "kind", "amount"))


def _side(whose: str, side: Side) -> dict[str, object]:
    return {
        f"{whose}outcome": side.outcome.value,
        f"{whose}kind": side.kind and side.kind.value,
        f"{whose}amount": side.amount,
    }


def _moved(told: JudgedApplicant) -> Iterator[str]:
    """The causes, and the principal reasons of outcomes that differ."""
    for cause in told.causes:
        yield f"{_CAUSE}{cause}"
    if told.before.outcome is not told.after.outcome:
        for sign, side in ((_OLD, told.before), (_NEW, told.after)):
            for code in side.codes[:1]:
                yield f"{sign}{code}"
