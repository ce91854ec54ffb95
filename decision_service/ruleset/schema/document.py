"""JSON Schema of a rule file, for editors: keys, words and the factors' names complete.

It is made from the readers' own lists and from the catalogue of factors. What a schema cannot tell
(types of expressions, gaps between bins, names out of reach) `rules check` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from decision_service.domain.factor import FactorSpec, ValueType
from decision_service.domain.needs import CombineIncome, PartialPolicy
from decision_service.language import schema_forms as forms
from decision_service.language.schema_forms import Schema, about, choice, closed, listed, named
from decision_service.ruleset.compile.compiler import OPTIONAL, REQUIRED
from decision_service.ruleset.compile.sections.data.section import KEYS, MOST_DAYS, MOST_MONTHS
from decision_service.ruleset.compile.sections.guarantees import DIRECTIONS, KINDS, OUTCOMES
from decision_service.ruleset.compile.sections.inputs import WIRE_TYPES
from decision_service.ruleset.compile.sections.recourse import RECOURSE, TELL
from decision_service.ruleset.compile.sections.tags import TOLD
from decision_service.ruleset.constructs.registry import CLOSING, STAGES
from decision_service.ruleset.program.model import WAITING
from decision_service.ruleset.reading.bounds import BOUNDED
from decision_service.ruleset.reading.shared import SECTIONS, USES
from decision_service.ruleset.schema import parts

_SHARED_FILE = r"^_shared/[^/]+\.ya?ml$"
_CONSTRUCTS: Mapping[str, Callable[[], Schema]] = {
    "rules": parts.rules,
    "scorecard": parts.scorecard,
    "table": parts.table,
    "offer": parts.offer,
    "conditions": parts.conditions,
    "post_checks": parts.post_checks,
}


def ruleset_schema(catalogue: Mapping[str, FactorSpec]) -> Schema:
    """The schema of `v<N>.yaml` against a catalogue of factors."""
    sections = {key: _CONSTRUCTS[key]() for key in CLOSING}
    keys = {**_header(), **_sections(), **sections}
    ordered = {key: keys[key] for key in (*REQUIRED, *OPTIONAL)}
    return {
        "$schema": forms.DIALECT,
        **closed("a rule file", REQUIRED, ordered),
        "anyOf": [{"required": ["reasons"]}, {"required": [USES]}],
        "$defs": _shared(catalogue),
    }


def shared_schema(catalogue: Mapping[str, FactorSpec]) -> Schema:
    """The schema of `_shared/*.yaml`: reasons and parameters that several products use."""
    sections = _sections()
    keys = {key: sections[key] for key in SECTIONS}
    document = closed("a shared file", (), keys)
    return {"$schema": forms.DIALECT, **document, "$defs": _names(catalogue)}


def _shared(catalogue: Mapping[str, FactorSpec]) -> Schema:
    return {
        **_names(catalogue),
        "condition": forms.written("string", "boolean"),
        "expression": forms.written("string", "number", "boolean"),
        "rule": parts.rule(),
        "stage": parts.stage(),
        "characteristic": parts.characteristic(),
        **{key: _CONSTRUCTS[key]() for key in STAGES},
    }


def _names(catalogue: Mapping[str, FactorSpec]) -> Schema:
    return {
        "factor": forms.factor_names(catalogue),
        "name": {"anyOf": [forms.refers("factor"), forms.other_names(catalogue)]},
    }


def _header() -> Schema:
    currency: Schema = {"type": "string", "pattern": "^[A-Z]{3}$"}
    return {
        "ruleset": about(forms.PRODUCT, "The product: the name of the folder"),
        "version": about(forms.VERSION, "The number in the file's name"),
        "title": about(forms.TEXT, "The product's name for people"),
        "currency": about(currency, "ISO 4217: PHP"),
        "time_zone": about({"type": "string"}, "IANA: Asia/Manila"),
        "valid_for": about(forms.DURATION, "How long a decision stands: 14d"),
        USES: about(
            listed({"type": "string", "pattern": _SHARED_FILE}, minItems=1),
            "Files of reasons and parameters that several products share",
        ),
    }


def _sections() -> Schema:
    return {
        "data": _data(),
        "inputs": about(_inputs(), "What the loan system must or may send"),
        "params": about(named(_param()), "Constants; of dated ones that in force on as_of counts"),
        "derived": about(named(forms.EXPRESSION), "Named expressions, from top to bottom"),
        "reasons": about(named(_reason(), forms.REASON), "What applicants and regulators are told"),
        "tags": about(named(_tag()), "Labels for queues and signals; they decide nothing"),
        "stages": listed(forms.refers("stage"), minItems=1),
        RECOURSE: about(_recourse(), "What would have to be different: who may be told what"),
        "guarantees": about(listed(_guarantee()), "What is to be proved of the rules"),
    }


def _recourse() -> Schema:
    told: Schema = {"anyOf": [forms.refers("factor"), choice([WAITING])]}
    what = "Factors that an applicant may be told to change, and `waiting` for the day to come back"
    return closed("recourse", (TELL,), {TELL: about(listed(told, minItems=1), what)})


def _data() -> Schema:
    keys = {
        "max_age": about(forms.DURATION, "How old the last sync of a used account may be: 35d"),
        "partial": about(choice(PartialPolicy), "An account that delivered data and now fails"),
        "combine_income": about(choice(CombineIncome), "How several incomes become one"),
        "posting_lag_months": about(
            _lags(MOST_MONTHS),
            "Months until a provider posts, by provider id with `*`; `default` for the others",
        ),
        "posting_lag_days": about(
            _lags(MOST_DAYS),
            "The same in days where the months are 0; `payroll` for payslips, `default` else",
        ),
    }
    return closed("the data policy", (), {key: keys[key] for key in KEYS})


def _lags(most: int) -> Schema:
    lag = {"type": "integer", "minimum": 0, "maximum": most}
    return named(lag, {"pattern": "^[A-Za-z0-9_*?-]{1,60}$"})


def _inputs() -> Schema:
    fixed = {name: _input(choice([type_])) for name, type_ in WIRE_TYPES.items()}
    return {**named(_input(parts.TYPES)), "properties": fixed}


def _input(type_: Schema) -> Schema:
    keys = {
        "type": type_,
        "required": about(forms.FLAG, "Whether a request without it is refused"),
        "min": about(forms.NUMBER, "The least, inclusive"),
        "max": about(forms.NUMBER, "The most, inclusive"),
        "one_of": about(listed(forms.TEXT), "The texts that it can be"),
        "because": about(forms.TEXT, "Why its bounds are so, for whoever is refused by them"),
    }
    bounded = choice(BOUNDED)
    only_text: Schema = {"properties": {"type": choice((ValueType.TEXT,))}}
    only_bounded: Schema = {"properties": {"type": bounded}}
    dependent = {"one_of": only_text, "min": only_bounded, "max": only_bounded}
    return closed("an input", ("type",), keys, dependentSchemas=dependent)


def _param() -> Schema:
    keys = {
        "type": parts.TYPES,
        "value": about(forms.LITERAL, "The value, always"),
        "values": about(
            {"type": "object", "minProperties": 1},
            "The value from each date on, or by label: {NCR: 9000, default: 8000}",
        ),
        "by": about(forms.refers("name"), "The input or factor whose labels have the values"),
        "min": about(forms.NUMBER, "The least that its values may be, inclusive"),
        "max": about(forms.NUMBER, "The most that its values may be, inclusive"),
        "unit": about(forms.TEXT, "What it counts: months, share (then 0 to 1)"),
    }
    either = [{"required": ["value"]}, {"required": ["values"]}]
    only: Schema = {"properties": {"type": choice(BOUNDED)}}
    dependent = dict.fromkeys(("min", "max", "unit"), only)
    more = {"oneOf": either, "dependentSchemas": dependent, **_labelled()}
    return closed("a parameter", ("type",), keys, **more)


def _labelled() -> Schema:
    """With `by` the keys of `values` are labels, whose values may be dated; else they are days."""
    dated: Schema = {**named(forms.LITERAL, {"pattern": forms.DAY}), "minProperties": 1}
    by_label = named({"anyOf": [forms.LITERAL, dated]}, forms.TEXT)
    return {
        "if": {"required": ["by"]},
        "then": {"required": ["values"], "properties": {"values": by_label}},
        "else": {"properties": {"values": dated}},
    }


def _reason() -> Schema:
    keys = {
        "text": about(forms.TEXTS, "What the applicant reads, by language; `en` is needed"),
        "regulatory": about(forms.TEXT, "The regulator's words"),
        "group": about(forms.IDENTIFIER, "Of one group only the first reason is given"),
        "priority": {"type": "integer", "minimum": 1, "maximum": 99},
    }
    return closed("a reason", ("text",), keys)


def _guarantee() -> Schema:
    ways: Schema = {
        "type": "object",
        "additionalProperties": choice(DIRECTIONS),
        "minProperties": 1,
    }
    keys = {
        "name": about(forms.TEXT, "The guarantee in words"),
        "never": about(choice(OUTCOMES), "An outcome that nobody has"),
        "always": about(forms.refers("condition"), "What holds of everybody, and of every offer"),
        "when": about(forms.refers("condition"), "Of whom; without it, of everybody"),
        "monotone": about(ways, "Factors and inputs, and the way that never makes it worse"),
        "must_prove": about({"type": "boolean"}, "Whether it is broken where it is not decided"),
        "hiding": about(listed(forms.TEXT, minItems=1), "What nobody gains by leaving out"),
    }
    either = [{"required": [kind]} for kind in KINDS]
    return closed("a guarantee", ("name",), keys, oneOf=either)


def _tag() -> Schema:
    keys = {
        "means": about(forms.TEXT, "What it says to colleagues"),
        "told": about(choice(TOLD), "nobody keeps it out of replies; caller unless written"),
    }
    return closed("a tag", ("means",), keys)
