"""Stored decisions as rows of the analyst's tables, whose columns the data contract names."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow
from msgspec.structs import asdict
from pyarrow import compute, parquet

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1.decision_service_pb2 import CreateDecisionResponse
from decision_service.author.export_folder import SCHEMAS
from decision_service.casework.outcomes import LoanOutcome, RecordedOutcome
from decision_service.cli.cases import tag_of
from decision_service.decide.codec import StoredFacts, decode_facts, value_from_wire
from decision_service.domain.factor import Value
from decision_service.domain.ports import StoredEntry
from decision_service.domain.reviews import Review, ReviewState
from decision_service.domain.values import Money, shown_first
from decision_service.server.transport.wire import (
    decimal_text,
    enum_name,
    money_from_message,
    value_from_message,
)

LIVE = ("reviews", "loans")
"""The tables whose rows change after their decision was made."""

_VALUES = {bool: "flag", date: "date", str: "text"}
_WORD = 16
_MOST_DIGITS = 26
_PLACES = Decimal("1e-12")
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)

Row: TypeAlias = dict[str, Any]
"""Cells by column, null where it has none; what is no column of the table is left out."""

Rows: TypeAlias = Mapping[str, list[Row]]
Labels: TypeAlias = Mapping[str, Sequence[str]]
"""The labels that rules declare, by the names of their inputs."""


def versions_of(decisions: Path) -> pyarrow.Table:
    """The rules that made the decisions of a file."""
    keys = ["product", "version", "digest", "arm"]
    ruled = compute.field("version").is_valid()
    made = parquet.read_table(decisions, columns=[*keys, "created"], filters=ruled)
    counted = [([], "count_all"), ("created", "min"), ("created", "max")]
    found = made.group_by(keys, use_threads=False).aggregate(counted)
    return found.rename_columns(SCHEMAS["versions"].names).cast(SCHEMAS["versions"])


def add(rows: Rows, entry: StoredEntry, key: bytes, labels: Labels) -> None:
    """Add the rows of a decision that stay; ValueError or DecodeError where it cannot be read."""
    decision = CreateDecisionResponse.FromString(entry.reply).decision
    facts = decode_facts(entry.facts)
    tag = {"decision": tag_of(entry.decision_id)}
    rows["decisions"].append(_decision(entry, decision, facts, applicant=_word(key, entry.user_id)))
    for overridden, reasons in ((False, decision.reasons), (True, decision.override.reasons)):
        for place, reason in enumerate(reasons, 1):
            what = {"code": reason.code, "component": _name(pb.Component, reason.component)}
            lost = {"factor": reason.factor or None, "points_lost": _number(reason.points_lost)}
            rows["reasons"].append(tag | {"place": place, "overridden": overridden} | what | lost)
    factors = _factors(decision, facts, labels)
    rows["factors"] += [{**tag, "factor": name, **cells} for name, cells in factors]


def _word(key: bytes, *parts: str) -> str:
    """A word for what names a person, the same for one key."""
    return hmac.new(key, "\0".join(parts).encode(), hashlib.sha256).hexdigest()[:_WORD]


def _row(of: StoredEntry | Review | LoanOutcome, **given: Any) -> Row:
    """The fields of what is of a decision and what is given, with amounts in major units."""
    cells = {"decision": tag_of(of.decision_id), **asdict(of), **given}
    return {name: one.major if isinstance(one, Money) else one for name, one in cells.items()}


def _decision(entry: StoredEntry, decision: pb.Decision, facts: StoredFacts, applicant: str) -> Row:
    ref = decision.ruleset_ref
    offer = decision.offer
    override = decision.override
    concluded = override if override.kind else decision
    ends = decision.expire_time.ToDatetime(UTC) if decision.HasField("expire_time") else None
    first = tag_of(facts.first_decision) if facts.first_decision else None
    made = {"applicant": applicant, "as_of": facts.as_of.date, "engine": decision.engine_version}
    rules = {"version": ref.version or None, "digest": ref.digest or None}
    live = {"stage": facts.assignment.stage, "arm": facts.assignment.arm}
    amounts = [one for one in ("approved_amount", "max_amount") if offer.HasField(one)]
    paid = {name: money_from_message(getattr(offer, name)) for name in amounts}
    return _row(
        entry,
        **{**made, **rules, **live, **paid, "expires": ends, "first_decision": first},
        refer_kind=_name(pb.ReferKind, decision.refer_kind),
        override=override.kind or None,
        rules_outcome=_name(pb.Outcome, concluded.outcome),
        rules_refer_kind=_name(pb.ReferKind, concluded.refer_kind),
        offer=_name(pb.OfferKind, offer.kind),
        currency=offer.approved_amount.currency_code or None,
        term_months=offer.term_months or None,
        monthly_rate=_number(offer.monthly_rate),
        tier=offer.tier or None,
    )


def _name(enum: Any, number: int) -> str | None:
    return enum_name(enum.DESCRIPTOR, number) if number else None


def _number(text: Any) -> Decimal | None:
    """The number as its column has it; None of no text, and of more digits than the column has."""
    if text == "" or (value := Decimal(text)).adjusted() >= _MOST_DIGITS:
        return None
    return value.quantize(_PLACES, context=_EXACT)


def _factors(
    decision: pb.Decision, facts: StoredFacts, labels: Labels
) -> Iterator[tuple[str, Row]]:
    for name, wire in facts.inputs.items():
        personal = wire[0] == "t" and wire[1] not in labels.get(name, ())
        cells = {} if personal else _cells(value_from_wire(wire))
        if name in facts.observations:
            day, _ = facts.observations[name]
            cells = {**cells, "observed": date.fromisoformat(day)}
        yield f"inputs.{name}", cells
    for answer in facts.answers:
        yield f"lists.{answer.list}.{answer.input}", {"flag": answer.listed}
    for one in decision.scores:
        yield f"scores.{one.scorecard}", {"value": _number(one.score), "text": one.band}
    for name, value in sorted(decision.offer.outputs.items()):
        if value.WhichOneof("value") != "text":
            yield f"offer.{name}", _cells(value_from_message(value))
    for factor in facts.factors.values if facts.factors is not None else ():
        if factor.value is not None:
            yield factor.name, _cells(value_from_wire(factor.value))
        else:
            first = shown_first(factor.missing)
            yield factor.name, {"cause": first.cause, "cause_reason": first.reason}


def _cells(value: Value) -> Row:
    if isinstance(value, Money):
        return {"value": value.major, "currency": value.currency}
    if type(value) in _VALUES:
        return {_VALUES[type(value)]: value}
    number = _number(value)
    same = number is not None and decimal_text(number) == str(value)
    return {"value": number, "exact": None if same else str(value)}


def loan(recorded: RecordedOutcome, caller: str, key: bytes) -> Row:
    of = recorded.report
    word = _word(key, caller, recorded.report.loan_id)
    currency = next((one.currency for one in (of.disbursed, of.instalment, of.repaid) if one), None)
    replaces = _word(key, caller, of.replaces) if of.replaces else None
    given = {"currency": currency, "reported": recorded.reported, "replaces": replaces}
    return _row(of, loan=word, **given)


def review(of: Review) -> Row:
    result = of.result if of.state is ReviewState.COMPLETED else None
    amount = result and result.amount
    said = {"outcome": result and result.outcome, "reason": result and result.reason}
    paid = {"currency": amount and amount.currency, "amount": amount}
    again = tag_of(of.decided_again_as) if of.decided_again_as else None
    seen = {"second_person": bool(of.confirmed_by), "decided_again": again, "ended_because": of.end}
    return _row(of, review=tag_of(of.review_id), overrides=of.overrides, **said, **paid, **seen)
