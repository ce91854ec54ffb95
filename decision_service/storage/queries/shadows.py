"""Shadow results, each with the decision that was made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select

from decision_service.domain.verdict import Outcome, ReferKind
from decision_service.pipeline.rollout.pairs.pairs import Comparability, DecisionPair, Group
from decision_service.storage.queries.decisions import microseconds
from decision_service.storage.queries.dialect import insert_new
from decision_service.storage.schema.tables import shadow_results

_ROW = shadow_results.c
_ALIKE = (_ROW.standing, _ROW.live_outcome, _ROW.live_kind, _ROW.outcome, _ROW.kind, _ROW.moved)
_COUNT = func.count()
_GROUPS = (
    select(
        *_ALIKE,
        _COUNT,
        func.coalesce(func.sum(_ROW.live_amount), 0),
        func.coalesce(func.sum(_ROW.amount), 0),
        func.max(_ROW.decision_id),
    )
    .where(
        _ROW.product == bindparam("product"),
        _ROW.version == bindparam("version"),
        _ROW.created >= bindparam("since"),
    )
    .group_by(*_ALIKE)
    .order_by(_COUNT.desc(), *_ALIKE)
)


def record(connection: Connection, pairs: Sequence[DecisionPair]) -> None:
    """Store results; a stored one stays as it is."""
    insert_new(connection, shadow_results, [_row(pair) for pair in pairs])


def groups(connection: Connection, product: str, version: int, since: datetime) -> Sequence[Group]:
    """A version's results on decisions from `since` on, alike ones together, most first."""
    chosen = {"product": product, "version": version, "since": microseconds(since)}
    return [
        Group(
            Comparability(standing),
            Outcome(live),
            ReferKind(live_kind) if live_kind else None,
            Outcome(other) if other else None,
            ReferKind(kind) if kind else None,
            tuple(moved.splitlines()),
            count,
            int(live_amount),
            int(amount),
            example,
        )
        for (
            standing, live, live_kind, other, kind, moved, count, live_amount, amount, example
        ) in connection.execute(_GROUPS, chosen)
    ]  # fmt: skip


def _row(pair: DecisionPair) -> dict[str, object]:
    live, other = pair.live, pair.other
    return {
        "decision_id": pair.decision_id,
        "version": pair.version,
        "product": pair.product,
        "digest": pair.digest,
        "created": microseconds(pair.created),
        "standing": pair.standing.value,
        "live_outcome": live.outcome.value,
        "live_kind": live.kind and live.kind.value,
        "live_amount": live.amount,
        "outcome": other and other.outcome.value,
        "kind": other and other.kind and other.kind.value,
        "amount": other and other.amount,
        "moved": "\n".join(pair.moved),
    }
