"""Reads what a report needs of a store, while another process serves from it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import groupby
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.author.backtest.replica import IN_RANGE, KeyRange, StoreReader, range_of
from decision_service.casework.outcomes import LoanStatus
from decision_service.decide.codec import decode_facts, factors_from_wire
from decision_service.domain.decision import Outcome
from decision_service.domain.factor import FactorValue
from decision_service.domain.ports import StoredEntry
from decision_service.domain.reviews import Review, ReviewState
from decision_service.operate.monitor.report import (
    LoanState,
    Mark,
    MarkKind,
    ObservedDecision,
    ObservedLoan,
    months_on_book,
)
from decision_service.server.transport.wire import enum_name
from decision_service.store import rollouts
from decision_service.store.columns import from_microseconds
from decision_service.store.decisions import OF_ENTRY, decisions, entry_of
from decision_service.store.outcomes import loan_outcomes
from decision_service.store.review_rows import review_of, reviews

PAGE = 500

_kept = cache(LoanState)

_ROW = decisions.c
_LOAN = loan_outcomes.c
_PLACE = sa.tuple_(_ROW.created, _ROW.decision_id)
_DECISIONS = (
    sa.select(*OF_ENTRY)
    .where(*IN_RANGE, sa.tuple_(sa.bindparam("created"), sa.bindparam("decision_id")) < _PLACE)
    .order_by(_ROW.created, _ROW.decision_id)
    .limit(PAGE)
)
_REVIEWS = (
    sa.select(reviews.c.body)
    .join(decisions, _ROW.decision_id == reviews.c.decision_id)
    .where(*IN_RANGE, reviews.c.state == ReviewState.COMPLETED.value)
    .order_by(reviews.c.opened, reviews.c.review_id)
)
_OF_LOAN = (_LOAN.decision_id, _LOAN.as_of, _LOAN.status, _LOAN.disbursed_on, _LOAN.overdue_days)
_OTHER = loan_outcomes.alias()
_REPLACED = sa.exists().where(
    _OTHER.c.decision_id == _LOAN.decision_id,
    _OTHER.c.replaces == _LOAN.loan_id,
    _OTHER.c.as_of >= _LOAN.as_of,
    _OTHER.c.as_of <= sa.bindparam("until"),
)
"""Another loan's report says that this one was reported by mistake."""
_LOANS = (
    sa.select(_LOAN.caller, _LOAN.loan_id, *_OF_LOAN, _ROW.created)
    .join(decisions, _ROW.decision_id == _LOAN.decision_id)
    .where(*IN_RANGE, _LOAN.as_of <= sa.bindparam("until"), ~_REPLACED)
    .order_by(_LOAN.caller, _LOAN.loan_id, _LOAN.as_of)
)


async def decided(
    store: StoreReader, product: str, chosen: KeyRange
) -> AsyncGenerator[ObservedDecision, None]:
    """Every decision of a range, oldest first; raises StoreUnavailable."""
    given = range_of(product, chosen)
    given.update(created=given["since"], decision_id="")
    while page := await store.read(lambda c: c.execute(_DECISIONS, given).all()):
        for row in page:
            yield observed(entry_of(row))
        reached = page[-1].created
        given.update(since=reached, created=reached, decision_id=page[-1].decision_id)


def observed(entry: StoredEntry) -> ObservedDecision:
    """What a report reads of a decision; without values where its record cannot be read."""
    decision = service_pb.CreateDecisionResponse.FromString(entry.reply).decision
    concluded = decision.override if decision.HasField("override") else decision
    factors = None
    if entry.outcome is not Outcome.NOT_ENROLLED:
        with suppress(msgspec.DecodeError):
            factors = decode_facts(entry.facts).factors
    values: dict[str, FactorValue] | None = None
    if factors is not None:
        values = {**factors_from_wire(factors).values}
        for one in decision.scores:
            name = f"{one.scorecard}.score"
            values[name] = FactorValue(name, Decimal(one.score))
    return ObservedDecision(
        entry.decision_id,
        entry.user_id,
        entry.customer_ref,
        created=entry.created,
        outcome=entry.outcome,
        judged=Outcome(enum_name(pb.Outcome.DESCRIPTOR, concluded.outcome)),
        reason=decision.reasons[0].code if decision.reasons else "",
        version=decision.ruleset_ref.version,
        digest=entry.ruleset_digest or "",
        arm=decision.assignment.arm,
        program=decision.engine_version,
        values=values,
        providers=frozenset(one.provider_id for one in decision.data_quality.accounts if one.used),
    )


async def reviewed(store: StoreReader, product: str, chosen: KeyRange) -> Mapping[str, Outcome]:
    """What persons decided on decisions of a range, the last of several reviews."""
    given = range_of(product, chosen)

    def reviews(connection: sa.Connection) -> Sequence[Review]:
        return [*map(review_of, connection.execute(_REVIEWS, given).scalars())]

    found = await store.read(reviews)
    return {one.decision_id: one.result.outcome for one in found if one.result is not None}


async def lent(
    store: StoreReader, product: str, chosen: KeyRange, until: date, zone: ZoneInfo
) -> Sequence[ObservedLoan]:
    """The loans on decisions of a range that were taken up, by their reports until a day."""
    given = range_of(product, chosen) | {"until": until.isoformat()}

    def loans(connection: sa.Connection) -> Sequence[ObservedLoan]:
        return [*_loans(connection, given, zone)]

    return await store.read(loans)


def _loans(
    connection: sa.Connection, given: Mapping[str, Any], zone: ZoneInfo
) -> Iterator[ObservedLoan]:
    rows = connection.execute(_LOANS, given, execution_options={"yield_per": PAGE})
    for _, group in groupby(rows, key=attrgetter("caller", "loan_id")):
        every = [*group]
        if every[-1].status != LoanStatus.NOT_TAKEN_UP:
            decided_on = from_microseconds(every[0].created).astimezone(zone).date()
            paid_out = (row.disbursed_on for row in every if row.disbursed_on)
            begun = date.fromisoformat(next(paid_out, decided_on.isoformat()))
            states = tuple(_state(begun, row) for row in every)
            yield ObservedLoan(every[0].decision_id, decided_on, begun, states=states)


def _state(begun: date, row: Any) -> LoanState:
    months = months_on_book(begun, date.fromisoformat(row.as_of))
    lost = row.status == LoanStatus.CHARGED_OFF
    closed = lost or row.status == LoanStatus.REPAID
    return _kept(max(months, 0), lost or row.overdue_days > 0, closed)


async def steps(
    store: StoreReader, product: str, chosen: KeyRange, zone: ZoneInfo
) -> Sequence[Mark]:
    """The steps of the rollout in a range."""
    every = await store.read(lambda c: rollouts.history(c, product, None, limit=100_000))
    return [
        Mark(
            step.at.astimezone(zone).date(),
            MarkKind.PLAN,
            f"{step.action}: {step.why}{f' ({step.ticket})' if step.ticket else ''}",
        )
        for step in every
        if chosen.since <= step.at < chosen.before
    ]
