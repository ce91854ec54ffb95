"""Recorded decisions as JSON lines and as rows of CSV, without anything that tells whose they are.

A row begins with the decision's tag: the first digits of the SHA-256 of its id.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import values_pb2
from decision_service.cli.decisions.masking import Exported, Texts, amount_text

COLUMNS = (
    "decision", "product", "version", "digest", "as_of_date", "outcome", "refer_kind", "reasons",
    "conditions", "data_requests", "scores", "requested_amount", "requested_term_months",
    "offer_kind", "approved_amount", "max_amount", "currency", "term_months", "monthly_rate",
    "tier", "binding",
)  # fmt: skip
_UNSPECIFIED = 0


def json_line(exported: Exported) -> str:
    """One line: what `COLUMNS` name, with every input, factor, score and offer line."""
    decision, texts = exported.decision, exported.texts
    content = {
        **_head(exported),
        "reasons": [reason.code for reason in decision.reasons],
        "conditions": [condition.id for condition in decision.conditions],
        "data_requests": [asked.factor for asked in decision.data_requests],
        "scores": {
            one.scorecard: {"score": one.score, "band": one.band} for one in decision.scores
        },
        "inputs": {name: _value(decision.inputs[name], texts) for name in sorted(decision.inputs)},
        "factors": {one.name: _factor(one) for one in decision.factor_values},
        "offer": _offer(decision.offer, texts) if decision.HasField("offer") else None,
    }
    return json.dumps(content, ensure_ascii=False) + "\n"


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
        "outcome": pb.Outcome.Name(decision.outcome).removeprefix("OUTCOME_"),
        "refer_kind": _word(pb.ReferKind, decision.refer_kind, "REFER_KIND_"),
    }


def _word(names: Any, number: int, prefix: str) -> str:
    return "" if number == _UNSPECIFIED else str(names.Name(number)).removeprefix(prefix)


def _requested(decision: pb.Decision, name: str) -> str:
    if name not in decision.inputs:
        return ""
    value = decision.inputs[name]
    return amount_text(value.money) if value.HasField("money") else value.number


def _amounts(offer: pb.Offer) -> dict[str, str]:
    found = {name: getattr(offer, name) for name in ("approved_amount", "max_amount")}
    texts = {name: amount_text(found[name]) for name in found if offer.HasField(name)}
    kind = _word(pb.OfferKind, offer.kind, "OFFER_KIND_")
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
    return {"missing": [{"cause": one.cause, "reason": one.reason} for one in factor.missing]}


def _value(value: values_pb2.InputValue, texts: Texts | None) -> Any:
    match value.WhichOneof("value"):
        case "money":
            return _money(value.money)
        case "flag":
            return value.flag
        case "number":
            return value.number
        case "date":
            return value.date
    return value.text if texts is None else texts.shown(value.text)


def _money(money: MoneyMessage) -> dict[str, str]:
    return {"amount": amount_text(money), "currency": money.currency_code}
