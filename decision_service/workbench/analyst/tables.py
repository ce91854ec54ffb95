"""Stored decisions as rows of the analyst's tables, whose columns the data contract names."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import pyarrow
import yaml

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1.decision_service_pb2 import CreateDecisionResponse
from decision_service.casework.outcomes import RecordedOutcome
from decision_service.cli.cases import tag_of
from decision_service.decide.codec import FactorWire, StoredFacts, decode_facts, value_from_wire
from decision_service.domain.factor import Value
from decision_service.domain.ports import StoredEntry
from decision_service.domain.reviews import Review, ReviewState
from decision_service.domain.values import Money, shown_first
from decision_service.server.wire import enum_name, money_from_message, value_from_message

CONTRACT = Path(__file__).with_name("contract.yaml").read_bytes()
LIVE = ("reviews", "loans")
"""The tables whose rows change after their decision was made."""

_TYPES = {
    "VARCHAR": pyarrow.string(),
    "INTEGER": pyarrow.int32(),
    "BOOLEAN": pyarrow.bool_(),
    "DATE": pyarrow.date32(),
    "TIMESTAMP_TZ": pyarrow.timestamp("us", tz="UTC"),
    "DECIMAL(18,4)": pyarrow.decimal128(18, 4),
    "DECIMAL(38,12)": pyarrow.decimal128(38, 12),
}
_WORD, _MOST_DIGITS, _PLACES = 16, 26, Decimal("1e-12")
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)
_CACHED = 4096


def _field(column: Mapping[str, Any]) -> pyarrow.Field:
    kind = _TYPES[column["physicalType"]]
    if "tags" in column:
        kind = pyarrow.dictionary(pyarrow.int32(), kind)
    return pyarrow.field(column["name"], kind, nullable=not column.get("required"))


_READ = yaml.safe_load(CONTRACT)
VERSION: str = _READ["version"]
SCHEMAS = {one["name"]: pyarrow.schema(map(_field, one["properties"])) for one in _READ["schema"]}
"""The columns of each table by its name."""

Row: TypeAlias = tuple[Any, ...]
Rows: TypeAlias = dict[str, list[Row]]
"""Rows by the name of their table."""

Labels: TypeAlias = Mapping[str, Sequence[str]]
"""The labels that rules declare, by the names of their inputs."""


class Recorded(msgspec.Struct, frozen=True):
    """A decision with its reviews and the reports of its loans."""

    entry: StoredEntry
    reviews: Sequence[Review]
    loans: Sequence[RecordedOutcome]

    @property
    def tag(self) -> str:
        return tag_of(self.entry.decision_id)


def table_of(name: str, rows: Sequence[Row]) -> pyarrow.Table:
    schema = SCHEMAS[name]
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = [pyarrow.array(one, of.type) for one, of in zip(columns, schema, strict=True)]
    return pyarrow.Table.from_arrays(arrays, schema=schema)


def _word(key: bytes, *parts: str) -> str:
    """A word for what names a person, the same for one key."""
    return hmac.new(key, "\0".join(parts).encode(), hashlib.sha256).hexdigest()[:_WORD]


def add_live(rows: Rows, one: Recorded, key: bytes) -> None:
    """Add the rows of `LIVE`."""
    rows["reviews"] += [_review(one.tag, review) for review in one.reviews]
    rows["loans"] += [_loan(one, loan, key) for loan in one.loans]


def add_all(rows: Rows, one: Recorded, key: bytes, labels: Labels) -> None:
    """Add every row of a decision; raises ValueError or DecodeError where it cannot be read."""
    decision = CreateDecisionResponse.FromString(one.entry.reply).decision
    facts, tag = decode_facts(one.entry.facts), one.tag
    rows["decisions"].append(_decision(one, decision, facts, _word(key, one.entry.user_id)))
    for overridden, reasons in ((False, decision.reasons), (True, decision.override.reasons)):
        for place, reason in enumerate(reasons, 1):
            what = reason.code, _name(pb.Component, reason.component), reason.factor or None
            rows["reasons"].append((tag, place, overridden, *what, _number(reason.points_lost)))
    rows["factors"] += _factors(tag, decision, facts, labels)
    add_live(rows, one, key)


def _row(table: str, of: Any, **given: Any) -> Row:
    """Of each column what is given, else the attribute of its name."""
    cells = [given[n] if n in given else getattr(of, n) for n in SCHEMAS[table].names]
    return (*[one.major if isinstance(one, Money) else one for one in cells],)


def _decision(one: Recorded, decision: pb.Decision, facts: StoredFacts, applicant: str) -> Row:
    offer, override = decision.offer, decision.override
    concluded = override if override.kind else decision
    amounts = {
        name: money_from_message(getattr(offer, name)) if offer.HasField(name) else None
        for name in ("approved_amount", "max_amount")
    }
    ends = decision.expire_time.ToDatetime(UTC) if decision.HasField("expire_time") else None
    return _row(
        "decisions",
        one.entry,
        **amounts,
        decision=one.tag,
        applicant=applicant,
        version=decision.ruleset_ref.version or None,
        digest=decision.ruleset_ref.digest or None,
        stage=facts.assignment.stage,
        arm=facts.assignment.arm,
        as_of=facts.as_of.date,
        expires=ends,
        refer_kind=_name(pb.ReferKind, decision.refer_kind),
        override=override.kind or None,
        rules_outcome=_name(pb.Outcome, concluded.outcome),
        offer=_name(pb.OfferKind, offer.kind),
        currency=offer.approved_amount.currency_code or None,
        term_months=offer.term_months or None,
        monthly_rate=_number(offer.monthly_rate),
        tier=offer.tier or None,
        first_decision=tag_of(facts.first_decision) if facts.first_decision else None,
        engine=decision.engine_version,
    )


@lru_cache(_CACHED)
def _name(enum: Any, number: int) -> str | None:
    return enum_name(enum.DESCRIPTOR, number) if number else None


def _number(text: str | int | Decimal) -> Decimal | None:
    """The number as its column has it; None of no text, and of more digits than the column has."""
    value = Decimal(text) if text != "" else None
    if value is None or value.adjusted() >= _MOST_DIGITS:
        return None
    return value.quantize(_PLACES, context=_EXACT)


def _factors(tag: str, decision: pb.Decision, facts: StoredFacts, labels: Labels) -> Iterator[Row]:
    for name, wire in facts.inputs.items():
        personal = wire[0] == "t" and wire[1] not in labels.get(name, ())
        columns = (None,) * 5 if personal else _stored(tuple(wire))
        yield tag, f"inputs.{name}", *columns, None, None
    for one in decision.scores:
        score = _number(one.score)
        yield tag, f"scores.{one.scorecard}", score, None, None, None, one.band, None, None
    for name, value in sorted(decision.offer.outputs.items()):
        if value.WhichOneof("value") != "text":
            yield tag, f"offer.{name}", *_columns(value_from_message(value)), None, None
    for factor in facts.factors.values if facts.factors is not None else ():
        yield _factor(tag, factor)


def _factor(tag: str, factor: FactorWire) -> Row:
    if factor.value is not None:
        return tag, factor.name, *_stored(tuple(factor.value)), None, None
    causes = factor.missing
    first = causes[0] if len(causes) == 1 else shown_first(causes)
    return tag, factor.name, None, None, None, None, None, first.cause, first.reason


@lru_cache(_CACHED)
def _stored(wire: tuple[str, ...]) -> Row:
    return _columns(value_from_wire([*wire]))


def _columns(value: Value) -> Row:
    """A value as value, currency, flag, date and text."""
    if isinstance(value, Money):
        return value.major, value.currency, None, None, None
    if isinstance(value, bool):
        return None, None, value, None, None
    if isinstance(value, date):
        return None, None, None, value, None
    if isinstance(value, str):
        return None, None, None, None, value
    return _number(value), None, None, None, None


def _loan(one: Recorded, loan: RecordedOutcome, key: bytes) -> Row:
    amounts = loan.report.disbursed, loan.report.instalment, loan.report.repaid
    return _row(
        "loans",
        loan.report,
        decision=one.tag,
        loan=_word(key, one.entry.caller, loan.report.loan_id),
        currency=next((each.currency for each in amounts if each is not None), None),
        reported=loan.reported,
    )


def _review(tag: str, review: Review) -> Row:
    result = review.result if review.state is ReviewState.COMPLETED else None
    amount = None if result is None else result.amount
    return _row(
        "reviews",
        review,
        decision=tag,
        review=tag_of(review.review_id),
        ended_because=review.end,
        outcome=result and result.outcome,
        reason=result and result.reason,
        currency=amount and amount.currency,
        amount=amount,
        second_person=bool(review.confirmed_by),
        decided_again=tag_of(review.decided_again_as) if review.decided_again_as else None,
    )
