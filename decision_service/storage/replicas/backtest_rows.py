"""Backtests that the service was asked for: at most one is unfinished, and one process has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, or_, select, text, update

from decision_service.pipeline.backtest.runs.model import (
    MOST_RUNS,
    BacktestRun,
    ClaimedRun,
    RunEnd,
    RunState,
)
from decision_service.storage.queries.decisions import from_microseconds, microseconds
from decision_service.storage.queries.dialect import insert_new
from decision_service.storage.schema.tables import backtest_runs, backtest_sums

_RUN = backtest_runs.c
_SUMS = backtest_sums.c
_UNFINISHED = _RUN.slot == 1
_DONE = (
    select(func.count()).where(_SUMS.run_id == _RUN.run_id).correlate(backtest_runs)
).scalar_subquery()
_SHOWN = (
    _RUN.run_id,
    _RUN.product,
    _RUN.title,
    _RUN.who,
    _RUN.state,
    _RUN.created,
    _RUN.ranges,
    _DONE.label("done"),
    _RUN.ended,
    _RUN.problem,
)
_NEWEST = (_RUN.created.desc(), _RUN.run_id.desc())
_SERVER_NOW = text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)")


def add(connection: Connection, run: BacktestRun, plan: bytes) -> str | None:
    """Insert a run and delete the oldest ones; the id of the unfinished run, this or another.

    None where that other one has ended meanwhile.
    """
    row = {name: getattr(run, name) for name in ("run_id", "product", "title", "who", "ranges")}
    row |= {"state": run.state.value, "created": microseconds(run.created)}
    row |= {"plan": plan, "problem": "", "slot": 1}
    if insert_new(connection, backtest_runs, [row]) == 1:
        _remove_oldest(connection)
    return connection.execute(select(_RUN.run_id).where(_UNFINISHED)).scalar()


def by_id(connection: Connection, run_id: str) -> BacktestRun | None:
    """A run."""
    row = connection.execute(select(*_SHOWN).where(_RUN.run_id == run_id)).first()
    return None if row is None else _run(row)


def every(connection: Connection) -> Sequence[BacktestRun]:
    """All runs, newest first."""
    return [_run(row) for row in connection.execute(select(*_SHOWN).order_by(*_NEWEST))]


def report(connection: Connection, run_id: str) -> bytes | None:
    """The report of a run that is done."""
    return connection.execute(select(_RUN.report).where(_RUN.run_id == run_id)).scalar()


def end(connection: Connection, run_id: str, told: RunEnd) -> bool:
    """End an unfinished run, with its sums; False where it has ended or another one holds it."""
    ending = update(backtest_runs).where(_RUN.run_id == run_id, _UNFINISHED)
    if told.holder is not None:
        ending = ending.where(_RUN.holder == told.holder)
    values: dict[str, object] = {"state": told.state.value, "problem": told.problem}
    values |= {"ended": microseconds(told.at)}
    values |= {"report": told.report, "plan": None, "slot": None, "holder": None}
    if connection.execute(ending.values(**values)).rowcount != 1:
        return False
    connection.execute(delete(backtest_sums).where(_SUMS.run_id == run_id))
    return True


def is_unfinished(connection: Connection) -> bool:
    """Whether there is an unfinished run."""
    return connection.execute(select(_RUN.run_id).where(_UNFINISHED)).first() is not None


def claim(connection: Connection, holder: str, span: int) -> ClaimedRun | None:
    """Hold the unfinished run for so many microseconds, unless another process holds it.

    Beside SQLite no other process can: whoever held it is gone.
    """
    now = _server_now(connection)
    free = [_RUN.holder.is_(None), _RUN.holder == holder]
    others = [] if now is None else [_RUN.held_until < now]
    query = select(_RUN.run_id, _RUN.plan).where(_UNFINISHED)
    if now is not None:
        query = query.where(or_(*free, *others))
    row = connection.execute(query.with_for_update()).first()
    if row is None:
        return None
    taking = update(backtest_runs).where(_RUN.run_id == row.run_id)
    held = {"holder": holder, "held_until": (now or 0) + span, "state": RunState.RUNNING.value}
    connection.execute(taking.values(**held))
    return ClaimedRun(row.run_id, row.plan)


def hold(connection: Connection, run_id: str, holder: str, span: int) -> bool:
    """Hold on to a run; False where it has ended or another process holds it."""
    until = (_server_now(connection) or 0) + span
    holding = update(backtest_runs).where(_RUN.run_id == run_id, _RUN.holder == holder)
    return connection.execute(holding.values(held_until=until)).rowcount == 1


def release(connection: Connection, holder: str) -> None:
    """Let others hold what this process holds."""
    connection.execute(update(backtest_runs).where(_RUN.holder == holder).values(holder=None))


def put_sums(connection: Connection, run_id: str, holder: str, number: int, sums: bytes) -> bool:
    """Store a range's sums, once; False where the run is not this process's any more."""
    mine = select(_RUN.run_id).where(_RUN.run_id == run_id, _RUN.holder == holder)
    if connection.execute(mine.with_for_update()).first() is None:
        return False
    insert_new(connection, backtest_sums, [{"run_id": run_id, "number": number, "sums": sums}])
    return True


def sums(connection: Connection, run_id: str) -> Mapping[int, bytes]:
    """The sums of each range, by its number."""
    query = select(_SUMS.number, _SUMS.sums).where(_SUMS.run_id == run_id)
    return {row.number: row.sums for row in connection.execute(query)}


def _remove_oldest(connection: Connection) -> None:
    kept = select(_RUN.run_id).order_by(_RUN.slot.is_(None), *_NEWEST).limit(MOST_RUNS)
    ids = [row[0] for row in connection.execute(kept)]
    connection.execute(delete(backtest_runs).where(_RUN.run_id.not_in(ids)))


def _server_now(connection: Connection) -> int | None:
    """The server's instant, since processes' clocks differ; None where there is no server."""
    if connection.dialect.name != "postgresql":
        return None
    return int(connection.execute(_SERVER_NOW).scalar_one())


def _run(row: Any) -> BacktestRun:
    state, ended = RunState(row.state), row.ended
    return BacktestRun(
        row.run_id,
        row.product,
        row.title,
        row.who,
        state,
        from_microseconds(row.created),
        row.ranges,
        row.ranges if state is RunState.DONE else row.done,
        None if ended is None else from_microseconds(ended),
        row.problem,
    )
