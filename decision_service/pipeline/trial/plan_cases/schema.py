"""JSON Schema of a file of a plan's cases, for editors."""

from __future__ import annotations

from decision_service.domain.verdict import ReferKind
from decision_service.language import schema_forms as forms
from decision_service.language.schema_forms import Schema, about, choice, closed, listed, named
from decision_service.pipeline.trial.plan_cases.expectation import NONE
from decision_service.pipeline.trial.plan_cases.read_expectation import KINDS, OUTCOMES
from decision_service.ruleset.schema.cases import mark_schema

_AMOUNT: Schema = {"type": "number", "minimum": 0}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_OR_NONE: Schema = {"anyOf": [{"const": NONE}, _AMOUNT]}


def plan_cases_schema() -> Schema:
    """The schema of `tests/*.yaml` about a plan."""
    case = {
        "name": about(forms.TEXT, "What the case shows"),
        **_given(),
        "expect": _expectation(),
    }
    keys = {
        "plan": about(forms.PRODUCT, "The product whose plan is tested"),
        "defaults": closed("the defaults", (), _given()),
        "cases": listed(closed("a case of a plan", ("name", "expect"), case), minItems=1),
        "unnoticed": listed(mark_schema(), minItems=1),
    }
    return closed("tests of a plan", ("plan", "cases"), keys)


def _given() -> dict[str, Schema]:
    draw: Schema = {"type": "number", "minimum": 0, "exclusiveMaximum": 100}
    return {
        "rules": _rules(),
        "day": _day(),
        "draw": about(
            {"anyOf": [{"const": NONE}, draw]}, "explored where it is below `percent` of `explore`"
        ),
        "explored_before": about(
            _OR_NONE, "what exploring granted the unit; 0 where it was turned away"
        ),
    }


def _rules() -> Schema:
    aside = {"amount": _OR_NONE, "tier": forms.TEXT}
    keys = {
        "outcome": choice(OUTCOMES),
        "refer_kind": choice(ReferKind),
        "reasons": listed(forms.REASON),
        "amount": about(_OR_NONE, "what an approval grants"),
        "tier": about(forms.TEXT, "of the offer"),
        "score_aside": about(
            closed("the score aside", ("amount",), aside),
            "what would be granted if each scorecard approved",
        ),
    }
    return about(closed("the rules' conclusion", ("outcome",), keys), "What the rules concluded")


def _day() -> Schema:
    total = {
        "approvals": about(_COUNT, "how many, of all tiers"),
        "amount": about(_AMOUNT, "of all tiers together"),
    }
    tier = closed("a tier's approvals", (), {"approvals": _COUNT, "amount": _AMOUNT})
    keys = {**total, "tiers": named(tier, forms.TEXT), "explored": _AMOUNT}
    return about(closed("the day so far", (), keys), "What the day approved before")


def _expectation() -> Schema:
    keys = {
        "outcome": choice(OUTCOMES),
        "refer_kind": choice(KINDS),
        "reasons": listed(forms.REASON),
        "cap": about(forms.TEXT, "The cap that refers the approval, or none"),
        "explored": about(forms.FLAG, "Whether the decision is marked EXPLORED"),
        "amount": about(_OR_NONE, "what is granted"),
        "charge": about(_OR_NONE, "what exploring adds to the day; 0 where it is turned away"),
    }
    return closed("what is expected of a plan", ("outcome",), keys)
