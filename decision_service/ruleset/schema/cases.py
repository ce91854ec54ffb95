"""JSON Schema of a file of rule tests, for editors."""

from __future__ import annotations

from collections.abc import Mapping

from decision_service.domain.factor import FactorSpec, ValueType
from decision_service.domain.missing import OF_FACTORS
from decision_service.domain.verdict import Outcome, ReferKind
from decision_service.language import schema_forms as forms
from decision_service.language.schema_forms import Schema, about, choice, closed, listed, named

_VALUES: Mapping[ValueType, Schema] = {
    ValueType.INTEGER: {"type": "integer"},
    ValueType.NUMBER: forms.NUMBER,
    ValueType.MONEY: forms.NUMBER,
    ValueType.TEXT: forms.TEXT,
    ValueType.FLAG: forms.FLAG,
    ValueType.DATE: {"type": "string", "pattern": forms.DAY},
}
_DAY: Schema = {"type": "string", "pattern": forms.DAY}


def tests_schema(catalogue: Mapping[str, FactorSpec]) -> Schema:
    """The schema of `tests/*.yaml` against a catalogue of factors."""
    keys = {
        "ruleset": about(forms.PRODUCT, "The product"),
        "version": about(forms.VERSION, "The version that is tested"),
        "as_of": about(_DAY, "The day of decision, unless a case names its own"),
        "defaults": closed("the defaults", (), _given()),
        "cases": listed(_case(), minItems=1),
        "unnoticed": listed(_mark(), minItems=1),
        "unreached": listed(_legal_mark(), minItems=1),
    }
    return {
        "$schema": forms.DIALECT,
        **closed("rule tests", ("ruleset", "version", "cases"), keys),
        "$defs": {
            "missing": about(_missing(), "Why it is missing, perhaps with the failure's reason"),
            "factors": closed(
                "factors", (), {name: _factor(spec) for name, spec in catalogue.items()}
            ),
        },
    }


def _missing() -> Schema:
    causes = "|".join(OF_FACTORS)
    with_reason: Schema = {"type": "string", "pattern": f"^missing ({causes}) [A-Z_]+$"}
    return {"anyOf": [choice(f"missing {cause}" for cause in OF_FACTORS), with_reason]}


def _given() -> Schema:
    keys = about(named(listed(forms.TEXT)), "What stands on lists, in place of their files")
    return {"inputs": named(forms.LITERAL), "factors": forms.refers("factors"), "lists": keys}


def _factor(spec: FactorSpec) -> Schema:
    value = choice(spec.labels) if spec.labels else _VALUES[spec.type]
    return about({"anyOf": [value, forms.refers("missing")]}, forms.meaning(spec))


def _case() -> Schema:
    keys = {
        "name": about(forms.TEXT, "What the case shows"),
        "as_of": _DAY,
        **_given(),
        "expect": _expectation(),
    }
    return closed("a case", ("name", "expect"), keys)


def _mark() -> Schema:
    """The schema of a change of a figure that no case has to notice."""
    keys = {
        "at": about(forms.TEXT, "The figure, as `rules test --figures` names it"),
        "from": forms.LITERAL,
        "to": about(listed(forms.LITERAL, minItems=1), "What it may be instead, unnoticed"),
        "because": about(forms.TEXT, "Why nothing comes of it"),
    }
    return closed("a change that no case has to notice", tuple(keys), keys)


def _legal_mark() -> Schema:
    keys = {
        "check": about(forms.IDENTIFIER, "The id of a rule under `post_checks`"),
        "because": about(forms.TEXT, "Why no figure of today can break it"),
    }
    return closed("a legal check that nothing can break today", tuple(keys), keys)


def _expectation() -> Schema:
    codes, names = listed(forms.REASON), listed(forms.TEXT)
    keys = {
        "outcome": choice(o for o in Outcome if o is not Outcome.NOT_ENROLLED),
        "refer_kind": choice(ReferKind),
        "reasons": about(codes, "Exactly these, in order"),
        "reasons_include": codes,
        "reasons_exclude": codes,
        "conditions": names,
        "data_requests": names,
        "tags": about(listed(forms.IDENTIFIER), "Exactly these, in any order"),
        "scores": named(forms.NUMBER),
        "bands": named(forms.LITERAL),
        "offer": {"anyOf": [{"const": "none"}, named(forms.LITERAL)]},
    }
    return closed("what is expected", ("outcome",), keys)
