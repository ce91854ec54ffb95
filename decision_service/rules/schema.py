"""JSON Schemas of rule files and of rule tests, for editors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from decision_service.domain.decision import Outcome, ReferKind
from decision_service.domain.factor import FactorSpec, ValueType
from decision_service.domain.values import OF_FACTORS
from decision_service.rules import keys
from decision_service.rules.construct import OUTCOME_WORDS
from decision_service.rules.language import schema_forms as forms
from decision_service.rules.language.schema_forms import (
    Schema,
    about,
    choice,
    closed,
    listed,
    named,
)

_DAY: Schema = {"type": "string", "pattern": forms.DAY}
_VALUES: Mapping[ValueType, Schema] = {
    ValueType.INTEGER: {"type": "integer"},
    ValueType.NUMBER: forms.NUMBER,
    ValueType.MONEY: forms.NUMBER,
    ValueType.TEXT: forms.TEXT,
    ValueType.FLAG: forms.FLAG,
    ValueType.DATE: _DAY,
}


def ruleset_schema(catalogue: Mapping[str, FactorSpec]) -> Schema:
    named_ = {
        **_names(catalogue),
        "condition": forms.written("string", "boolean"),
        "expression": forms.written("string", "number", "boolean"),
        **keys.defined(),
    }
    return {"$schema": forms.DIALECT, **keys.RULESET.schema, "$defs": named_}


def shared_schema(catalogue: Mapping[str, FactorSpec]) -> Schema:
    return {"$schema": forms.DIALECT, **keys.SHARED.schema, "$defs": _names(catalogue)}


def _names(catalogue: Mapping[str, FactorSpec]) -> Schema:
    return {
        "factor": forms.factor_names(catalogue),
        "name": {"anyOf": [forms.refers("factor"), forms.other_names(catalogue)]},
    }


def tests_schema(catalogue: Mapping[str, FactorSpec]) -> Schema:
    causes = choice(f"missing {cause}" for cause in OF_FACTORS)
    with_reason = {"type": "string", "pattern": f"^missing ({'|'.join(OF_FACTORS)}) [A-Z_]+$"}
    # Closed, unlike inputs: which factors there are is known, and an editor marks a misspelt one.
    factors = {name: _factor(spec) for name, spec in catalogue.items()}
    missing: Schema = {"anyOf": [causes, with_reason]}
    known = {
        "ruleset": about(forms.PRODUCT, "The product"),
        "version": about(forms.VERSION, "The version that is tested"),
        "as_of": about(_DAY, "The day of decision, unless a case names its own"),
        "defaults": closed("the defaults", (), _given()),
        "cases": listed(_case(catalogue), minItems=1),
        "unnoticed": listed(_mark(), minItems=1),
    }
    return {
        "$schema": forms.DIALECT,
        **closed("rule tests", ("ruleset", "version", "cases"), known),
        "$defs": {
            "missing": about(missing, "Why it is missing, perhaps with the failure's reason"),
            "factors": closed("factors", (), factors),
            "expected": {"anyOf": [_in_words(), _expectation()]},
        },
    }


def _given() -> Schema:
    known = about(named(listed(forms.TEXT)), "What is on lists, in place of their files")
    return {"inputs": named(forms.LITERAL), "factors": forms.refers("factors"), "lists": known}


def _factor(spec: FactorSpec) -> Schema:
    value = choice(spec.labels) if spec.labels else _VALUES[spec.type]
    return about({"anyOf": [value, forms.refers("missing")]}, forms.meaning(spec))


def _case(figures: Iterable[str]) -> Schema:
    expected: Schema = forms.refers("expected")
    values: Schema = {"type": "object", "additionalProperties": expected, "minProperties": 1}
    names: Schema = {"anyOf": [{"enum": ["as_of", *figures]}, {"pattern": r"^inputs\."}]}
    edges = {**values, "additionalProperties": values, "propertyNames": names}
    known = {
        "name": about(forms.TEXT, "What the case shows"),
        "as_of": _DAY,
        **_given(),
        "expect": expected,
        "edges": about(edges, "In place of `expect`: figures, each with values and what they give"),
    }
    either = [{"required": ["expect"]}, {"required": ["edges"]}]
    return closed("a case", ("name",), known, oneOf=either)


def _mark() -> Schema:
    known = {
        "at": about(forms.TEXT, "The figure as `rules test --figures` names it, or a legal check"),
        "from": forms.LITERAL,
        "to": about(listed(forms.LITERAL, minItems=1), "What it may be instead, unnoticed"),
        "because": about(forms.TEXT, "Why nothing comes of it, or nothing can break the check"),
    }
    both = {"from": ["to"], "to": ["from"]}
    needed = ("at", "because")
    return closed("what no case has to notice", needed, known, dependentRequired=both)


def _in_words() -> Schema:
    outcomes = "|".join(OUTCOME_WORDS)
    pattern = rf"^({outcomes})( ({'|'.join(ReferKind)}))?( [A-Z][A-Z0-9_]*| [a-z_.0-9]+=\S*)*$"
    words: Schema = {"type": "string", "pattern": pattern}
    return about(words, "REFER POLICY MANY_LENDERS scores.risk=190 offer.tier=T2")


def _expectation() -> Schema:
    none: Schema = {"const": "none"}

    def names(form: Schema) -> Schema:
        return {"anyOf": [none, listed(form)]}

    known = {
        "outcome": choice(o for o in Outcome if o is not Outcome.NOT_ENROLLED),
        "refer_kind": choice(ReferKind),
        "reasons": about(names(forms.REASON), "Exactly these, in order"),
        "conditions": names(forms.TEXT),
        "data_requests": names(forms.TEXT),
        "tags": about(names(forms.IDENTIFIER), "Exactly these, in any order"),
        "scores": named(forms.NUMBER),
        "bands": named(forms.LITERAL),
        "offer": {"anyOf": [none, named(forms.LITERAL)]},
    }
    return closed("what is expected", ("outcome",), known)
