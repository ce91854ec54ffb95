"""What a ruleset concluded, as the fields of a Decision: outcome, reasons, scores, offer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from decision_service.domain.decision import Override
from decision_service.domain.factor import Value
from decision_service.domain.verdict import (
    Condition,
    DataRequest,
    Offer,
    Reason,
    Score,
    Verdict,
)
from decision_service.edge.rpc.mapping.enums import COMPONENTS, OFFER_KINDS, OUTCOMES, REFER_KINDS
from decision_service.edge.rpc.mapping.values import (
    Fields,
    decimal_text,
    missing_fields,
    money_fields,
    value_fields,
)


def verdict_fields(verdict: Verdict, languages: Sequence[str]) -> Fields:
    """The fields of a Decision that hold what a ruleset concluded."""
    return {
        "outcome": OUTCOMES[verdict.outcome],
        "refer_kind": REFER_KINDS[verdict.refer_kind],
        "reasons": [_reason(reason, languages) for reason in verdict.reasons],
        "data_requests": [_data_request(request) for request in verdict.data_requests],
        "scores": [_score(score) for score in verdict.scores],
        "offer": None if verdict.offer is None else _offer(verdict.offer),
        "conditions": [_condition(one, languages) for one in verdict.conditions],
        "tags": verdict.told_tags,
    }


def override_fields(override: Override, languages: Sequence[str]) -> Fields:
    """The fields of an Override: what the rules concluded, and why something else was decided."""
    verdict = override.verdict
    return {
        "kind": override.kind,
        "outcome": OUTCOMES[verdict.outcome],
        "refer_kind": REFER_KINDS[verdict.refer_kind],
        "reasons": [_reason(reason, languages) for reason in verdict.reasons],
        "cap": override.cap,
    }


def _in_language(texts: Mapping[str, str], languages: Sequence[str]) -> str:
    """The text in the first language there is (`fil-PH` finds `fil`), else in English."""
    for language in languages:
        text = texts.get(language) or texts.get(language.partition("-")[0])
        if text:
            return text
    return texts["en"]


def _reason(reason: Reason, languages: Sequence[str]) -> Fields:
    lost = reason.points_lost
    return {
        "code": reason.code,
        "message": _in_language(reason.texts, languages),
        "component": COMPONENTS[reason.component],
        "factor": reason.factor,
        "actual": reason.actual,
        "required": reason.required,
        "points_lost": "" if lost is None else decimal_text(lost),
        "regulatory_text": reason.regulatory_text,
        "actual_value": _value(reason.actual_value),
        "required_value": _value(reason.required_value),
    }


def _value(value: Value | None) -> Fields | None:
    return None if value is None else value_fields(value)


def _data_request(request: DataRequest) -> Fields:
    cause = missing_fields(request.missing)
    return {"factor": request.factor, "cause": cause, "help": request.help}


def _score(score: Score) -> Fields:
    return {
        "scorecard": score.scorecard,
        "score": decimal_text(score.score),
        "best_score": decimal_text(score.best_score),
        "band": score.band,
    }


def _condition(condition: Condition, languages: Sequence[str]) -> Fields:
    return {"id": condition.id, "text": _in_language(condition.texts, languages)}


def _offer(offer: Offer) -> Fields:
    rate = offer.monthly_rate
    return {
        "kind": OFFER_KINDS[offer.kind],
        "approved_amount": money_fields(offer.approved_amount),
        "max_amount": None if offer.max_amount is None else money_fields(offer.max_amount),
        "term_months": offer.term_months or 0,
        "monthly_rate": "" if rate is None else decimal_text(rate),
        "tier": offer.tier,
        "binding": offer.binding,
        "term_binding": offer.term_binding,
        "outputs": {name: value_fields(value) for name, value in offer.outputs.items()},
    }
