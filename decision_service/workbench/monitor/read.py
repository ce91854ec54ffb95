"""Reads what a report needs of a store, while another process serves from it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.casework.outcomes import LoanStatus
from decision_service.decide.codec import decode_facts, factors_from_wire
from decision_service.domain.decision import Outcome
from decision_service.domain.factor import FactorValue
from decision_service.domain.ports import StoredEntry
from decision_service.domain.reviews import ReviewState
from decision_service.server.wire import enum_name
from decision_service.store import rollouts
from decision_service.store.columns import from_microseconds, microseconds
from decision_service.store.decisions import decisions, entry_of
from decision_service.store.outcomes import loan_outcomes
from decision_service.store.review_rows import review_of, reviews
from decision_service.workbench.backtest.replica import KeyRange, StoreReader
from decision_service.workbench.monitor.report import (
    LoanState,
    Mark,
    MarkKind,
    ObservedDecision,
    ObservedLoan,
)

PAGE = 500

_ROW, _LOAN = decisions.c, loan_outcomes.c
_IN_RANGE = (
    _ROW.product == sa.bindparam("product"),
    _ROW.created >= sa.bindparam("since"),
    _ROW.created < sa.bindparam("before"),
)
_PLACE = sa.tuple_(_ROW.created, _ROW.decision_id)
_DECISIONS = sa.select(decisions).where(*_IN_RANGE).order_by(_ROW.created, _ROW.decision_id)
_AFTER = _DECISIONS.where(sa.tuple_(sa.bindparam("created"), sa.bindparam("decision_id")) < _PLACE)
_REVIEWS = (
    sa.select(reviews.c.body)
    .join(decisions, _ROW.decision_id == reviews.c.decision_id)
    .where(*_IN_RANGE, reviews.c.state == ReviewState.COMPLETED.value)
    .order_by(reviews.c.opened, reviews.c.review_id)
)
_LOANS = (
    sa.select(
        _LOAN.caller,
        _LOAN.loan_id,
        _LOAN.decision_id,
        _ROW.created,
        _LOAN.as_of,
        _LOAN.status,
        _LOAN.disbursed_on,
        _LOAN.overdue_days,
    )
    .join(decisions, _ROW.decision_id == _LOAN.decision_id)
    .where(*_IN_RANGE, _LOAN.as_of <= sa.bindparam("until"))
    .order_by(_LOAN.caller, _LOAN.loan_id, _LOAN.as_of)
)


def _range(product: str, chosen: KeyRange) -> dict[str, Any]:
    since, before = microseconds(chosen.since), microseconds(chosen.before)
    return {"product": product, "since": since, "before": before}


def _rows(
    connection: sa.Connection, query: sa.Select[Any], given: Mapping[str, Any]
) -> Sequence[Any]:
    return connection.execute(query, given).all()


async def decided(
    store: StoreReader, product: str, chosen: KeyRange
) -> AsyncGenerator[ObservedDecision, None]:
    """Every decision of a range, oldest first; raises StoreUnavailable."""
    query, given = _DECISIONS.limit(PAGE), _range(product, chosen)
    while True:
        page = await store.read(partial(_rows, query=query, given=given))
        for row in page:
            yield observed(entry_of(row))
        if len(page) < PAGE:
            return
        query, last = _AFTER.limit(PAGE), page[-1]
        given |= {"since": last.created, "created": last.created, "decision_id": last.decision_id}


def observed(entry: StoredEntry) -> ObservedDecision:
    """What a report reads of a decision; without values where its record cannot be read."""
    decision = service_pb.CreateDecisionResponse.FromString(entry.reply).decision
    overridden = decision.HasField("override")
    judged = decision.override.outcome if overridden else decision.outcome
    values, providers = None, frozenset[str]()
    if entry.outcome is not Outcome.NOT_ENROLLED and (found := _factors(entry)) is not None:
        providers = frozenset(a.provider_id for a in decision.data_quality.accounts if a.used)
        scores = {f"{one.scorecard}.score": Decimal(one.score) for one in decision.scores}
        values = {**found, **{name: FactorValue(name, score) for name, score in scores.items()}}
    return ObservedDecision(
        entry.decision_id,
        entry.user_id,
        entry.customer_ref,
        entry.created,
        entry.outcome,
        Outcome(enum_name(pb.Outcome.DESCRIPTOR, judged)),
        decision.reasons[0].code if decision.reasons else "",
        decision.ruleset_ref.version,
        entry.ruleset_digest or "",
        decision.assignment.arm,
        decision.engine_version,
        values,
        providers,
    )


def _factors(entry: StoredEntry) -> Mapping[str, FactorValue] | None:
    try:
        facts = decode_facts(entry.facts)
    except msgspec.DecodeError:
        return None
    return None if facts.factors is None else factors_from_wire(facts.factors).values


async def reviewed(store: StoreReader, product: str, chosen: KeyRange) -> Mapping[str, Outcome]:
    """What persons decided on decisions of a range, the last of several reviews."""
    given = _range(product, chosen)
    found = await store.read(lambda c: [*map(review_of, c.execute(_REVIEWS, given).scalars())])
    return {one.decision_id: one.result.outcome for one in found if one.result is not None}


async def lent(
    store: StoreReader, product: str, chosen: KeyRange, until: date, zone: ZoneInfo
) -> Sequence[ObservedLoan]:
    """The loans on decisions of a range that were taken up, by their reports until a day."""
    given = _range(product, chosen) | {"until": until.isoformat()}
    return await store.read(lambda c: [*_lent(c.execute(_LOANS, given), zone)])


def _lent(rows: Iterable[Any], zone: ZoneInfo) -> Iterator[ObservedLoan]:
    for _, reports in groupby(rows, key=lambda row: (row.caller, row.loan_id)):
        every = [*reports]
        if every[-1].status == LoanStatus.NOT_TAKEN_UP:
            continue
        decided_on = from_microseconds(every[0].created).astimezone(zone).date()
        paid_out = next((row.disbursed_on for row in every if row.disbursed_on), None)
        begun = decided_on if paid_out is None else date.fromisoformat(paid_out)
        states = (_state(begun, row) for row in every)
        yield ObservedLoan(every[0].decision_id, decided_on, tuple(states))


def _state(begun: date, row: Any) -> LoanState:
    day = date.fromisoformat(row.as_of)
    months = (day.year - begun.year) * 12 + day.month - begun.month - (day.day < begun.day)
    lost = row.status == LoanStatus.CHARGED_OFF
    closed = lost or row.status == LoanStatus.REPAID
    return LoanState(max(months, 0), lost or row.overdue_days > 0, closed)


async def steps(
    store: StoreReader, product: str, chosen: KeyRange, zone: ZoneInfo
) -> Sequence[Mark]:
    """The steps of the rollout in a range."""
    found: list[Mark] = []
    before: int | None = None
    while page := await store.read(
        partial(rollouts.history, product=product, before=before, limit=PAGE)
    ):
        for step in page:
            if chosen.since <= step.at < chosen.before:
                ticket = f" ({step.ticket})" if step.ticket else ""
                text = f"{step.action}: {step.why}{ticket}"
                found.append(Mark(step.at.astimezone(zone).date(), MarkKind.PLAN, text))
        if page[-1].at < chosen.since:
            break
        before = page[-1].position
    return found
