"""Recorded decisions as JSON lines and as rows of CSV, without anything that tells whose they are.

A row begins with the decision's tag: the first digits of the SHA-256 of its id. A JSON line, or a
row of Parquet, holds what a judgement by other rules needs: `backtest --cases` reads it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec
from google.protobuf.descriptor import EnumDescriptor
from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import values_pb2
from decision_service.cli.decisions.export.masking import Exported, Texts, amount_text
from decision_service.edge.rpc.mapping.enums import enum_name

COLUMNS = (
    "decision", "product", "version", "digest", "as_of_date", "outcome", "refer_kind", "reasons",
    "conditions", "data_requests", "scores", "requested_amount", "requested_term_months",
    "offer_kind", "approved_amount", "max_amount", "currency", "term_months", "monthly_rate",
    "tier", "binding",
)  # fmt: skip
NESTED = ("scores", "inputs", "factors", "list_answers", "offer", "override")
"""Columns whose text is JSON in Parquet, as their values are of several types."""
_UNSPECIFIED = 0
_JSON = msgspec.json.Encoder(decimal_format="number")


def json_line(exported: Exported) -> str:
    """One line of `case_row`; numbers are exact decimals."""
    return _JSON.encode(case_row(exported)).decode() + "\n"


def case_row(exported: Exported) -> dict[str, Any]:
    """What `COLUMNS` name, with every input, factor, score and offer line.

    Money is `{amount, currency}`, a date `{date}`.
    """
    decision, texts = exported.decision, exported.texts
    return {
        **_head(exported),
        "unit": exported.unit,
        "decided": decision.create_time.ToJsonString(),
        "arm": decision.assignment.arm,
        "reasons": [reason.code for reason in decision.reasons],
        "conditions": [condition.id for condition in decision.conditions],
        "data_requests": [asked.factor for asked in decision.data_requests],
        "scores": {
            one.scorecard: {"score": one.score, "band": one.band} for one in decision.scores
        },
        "inputs": {name: _value(decision.inputs[name], texts) for name in sorted(decision.inputs)},
        "factors": {one.name: _factor(one) for one in decision.factor_values},
        "providers": sorted({a.provider_id for a in decision.data_quality.accounts if a.used}),
        "list_answers": [
            {"list": one.list, "input": one.input, "listed": one.listed, "digest": one.list_digest}
            for one in decision.list_answers
        ],
        "offer": _offer(decision.offer, texts) if decision.HasField("offer") else None,
        "override": _override(decision.override) if decision.HasField("override") else None,
        "loan_bad": exported.loan_bad,
    }


def csv_line(exported: Exported) -> str:
    """One row of `COLUMNS`; lists are separated by spaces."""
    decision, offer = exported.decision, exported.decision.offer
    cells = {
        **_head(exported),
        "reasons": " ".join(reason.code for reason in decision.reasons),
        "conditions": " ".join(condition.id for condition in decision.conditions),
        "data_requests": " ".join(asked.factor for asked in decision.data_requests),
        "scores": " ".join(f"{one.scorecard}={one.score}" for one in decision.scores),
        "requested_amount": _requested(decision, "requested_amount"),
        "requested_term_months": _requested(decision, "requested_term_months"),
        "tier": offer.tier,
        "binding": offer.binding,
        "monthly_rate": offer.monthly_rate,
        "term_months": offer.term_months or "",
        **_amounts(offer),
    }
    return row(cells)


def row(cells: Mapping[str, object]) -> str:
    """A row of CSV."""
    text = io.StringIO()
    csv.DictWriter(text, COLUMNS, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _head(exported: Exported) -> dict[str, Any]:
    decision, ref = exported.decision, exported.decision.ruleset_ref
    return {
        "decision": exported.tag,
        "product": decision.product,
        "version": ref.version or None,
        "digest": ref.digest,
        "as_of_date": decision.as_of_date,
        "outcome": enum_name(pb.Outcome.DESCRIPTOR, decision.outcome),
        "refer_kind": _set_name(pb.ReferKind.DESCRIPTOR, decision.refer_kind),
    }


def _override(override: pb.Override) -> dict[str, Any]:
    """What the rules concluded, where something else was decided."""
    return {
        "kind": override.kind,
        "outcome": _set_name(pb.Outcome.DESCRIPTOR, override.outcome),
        "refer_kind": _set_name(pb.ReferKind.DESCRIPTOR, override.refer_kind),
        "reasons": [reason.code for reason in override.reasons],
    }


def _set_name(enum: EnumDescriptor, number: int) -> str:
    return "" if number == _UNSPECIFIED else enum_name(enum, number)


def _requested(decision: pb.Decision, name: str) -> str:
    if name not in decision.inputs:
        return ""
    value = decision.inputs[name]
    return amount_text(value.money) if value.HasField("money") else value.number


def _amounts(offer: pb.Offer) -> dict[str, str]:
    found = {name: getattr(offer, name) for name in ("approved_amount", "max_amount")}
    texts = {name: amount_text(found[name]) for name in found if offer.HasField(name)}
    kind = _set_name(pb.OfferKind.DESCRIPTOR, offer.kind)
    return texts | {"currency": offer.approved_amount.currency_code, "offer_kind": kind}


def _offer(offer: pb.Offer, texts: Texts) -> dict[str, Any]:
    return {
        **_amounts(offer),
        "term_months": offer.term_months or None,
        "monthly_rate": offer.monthly_rate,
        "tier": offer.tier,
        "binding": offer.binding,
        "outputs": {name: _value(offer.outputs[name], texts) for name in sorted(offer.outputs)},
    }


def _factor(factor: pb.FactorValue) -> Any:
    """A factor's value, or the causes for which it is missing."""
    if factor.HasField("value"):
        return _value(factor.value, None)
    return {"missing": list(_causes(factor))}


def _causes(factor: pb.FactorValue) -> Iterator[dict[str, str]]:
    """In the order of the sources, which stay out: of two like causes the first is shown."""
    for one in sorted(factor.missing, key=lambda missing: missing.source_id):
        yield {"cause": one.cause, "reason": one.reason}


def _value(value: values_pb2.InputValue, texts: Texts | None) -> Any:
    match value.WhichOneof("value"):
        case "money":
            return _money(value.money)
        case "flag":
            return value.flag
        case "number":
            return Decimal(value.number)
        case "date":
            return {"date": value.date}
    return value.text if texts is None else texts.shown(value.text)


def _money(money: MoneyMessage) -> dict[str, str]:
    return {"amount": amount_text(money), "currency": money.currency_code}
