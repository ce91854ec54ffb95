"""Texts of decisions that tables, trees and one-line summaries share."""

from __future__ import annotations

from decimal import Decimal

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import values_pb2
from decision_service.edge.rpc.mapping.enums import enum_name


def instant_text(instant: Timestamp) -> str:
    """`2026-11-10 09:12 UTC`."""
    return f"{instant.ToDatetime():%Y-%m-%d %H:%M} UTC"


def outcome_text(decision: pb.Decision) -> str:
    """`APPROVE`, `DECLINE`, `REFER data`, `REFER policy capped` …"""
    words = concluded_text(decision.outcome, decision.refer_kind)
    if decision.HasField("override"):
        words += f" {decision.override.kind.lower()}"
    return words


def concluded_text(outcome: int, refer_kind: int) -> str:
    """`APPROVE`, `DECLINE`, `REFER data` …"""
    name = enum_name(pb.Outcome.DESCRIPTOR, outcome)
    if refer_kind:
        kind = enum_name(pb.ReferKind.DESCRIPTOR, refer_kind).lower()
        return f"{name} {kind}"
    return name.replace("_", " ")


def override_text(override: pb.Override) -> str:
    """What the rules concluded, and why something else was decided."""
    rules = f"the rules concluded {concluded_text(override.outcome, override.refer_kind)}"
    return f"{rules}; the cap `{override.cap}` of the day was reached"


_NEEDS = (
    (">= ", "needs "),
    ("> ", "needs more than "),
    ("<= ", "needs at most "),
    ("< ", "needs less than "),
    ("== ", "needs "),
    ("!= ", "needs other than "),
)


def reason_text(reason: pb.Reason) -> str:
    """The reason's sentence with what there is and what would have been needed."""
    if reason.component == pb.COMPONENT_DATA:
        return f"{reason.message} ({reason.factor})" if reason.factor else reason.message
    seen = [f"has {reason.actual}"] if reason.actual else []
    if reason.required:
        seen.append(_needed(reason.required))
    return f"{reason.message} ({', '.join(seen)})" if seen else reason.message


def _needed(required: str) -> str:
    for sign, words in _NEEDS:
        if required.startswith(sign):
            return words + required.removeprefix(sign)
    return f"needs {required}"


def score_text(decision: pb.Decision) -> str:
    """`A 340` for each scorecard, `B ≥ 280` where missing data leaves bounds."""
    words = []
    for score in decision.scores:
        bound = "≥ " if score.best_score != score.score else ""
        words.append(f"{score.band} {bound}{score.score}".strip())
    return ", ".join(words) or "–"


def offer_text(decision: pb.Decision) -> str:
    """`20,000 PHP · T2`, `9,500 PHP reduced · T4`, or a dash."""
    if not decision.HasField("offer") or not decision.offer.HasField("approved_amount"):
        return "–"
    offer = decision.offer
    amount = money_text(offer.approved_amount)
    if offer.kind == pb.OFFER_KIND_REDUCED:
        amount += " reduced"
    return f"{amount} · {offer.tier}" if offer.tier else amount


def money_text(money: Money) -> str:
    """An amount such as `20,000 PHP` or `412.20 PHP`."""
    amount = Decimal(money.units) + Decimal(money.nanos).scaleb(-9)
    whole = amount == amount.to_integral_value()
    return (
        f"{amount:,.0f} {money.currency_code}" if whole else f"{amount:,.2f} {money.currency_code}"
    )


def value_text(value: values_pb2.InputValue) -> str:
    """A factor's value as a person writes it."""
    match value.WhichOneof("value"):
        case "money":
            return money_text(value.money)
        case "flag":
            return "true" if value.flag else "false"
        case None:
            return "missing"
        case name:
            return str(getattr(value, name))


def cause_text(cause: values_pb2.MissingCause) -> str:
    """Why a value is missing, with the account and its error where they are known."""
    words = [cause.cause.lower().replace("_", " ")]
    if cause.reason and cause.reason != cause.cause:
        words.append(cause.reason)
    if cause.account_error_code:
        words.append(f"account error {cause.account_error_code}")
    if cause.source_id:
        words.append(f"account {cause.source_id}")
    if cause.month:
        words.append(f"month {cause.month}")
    if cause.due_date:
        words.append(f"due by {cause.due_date}")
    if cause.detail:
        words.append(cause.detail)
    return ", ".join(words)


def counted(number: int, noun: str) -> str:
    """`1 account`, `2 accounts`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
