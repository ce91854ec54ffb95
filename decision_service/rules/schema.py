"""JSON Schemas of rule files and of rule tests, for editors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from decision_service.domain.decision import Outcome, ReferKind
from decision_service.domain.factor import FactorSpec, ValueType
from decision_service.domain.values import OF_FACTORS
from decision_service.rules import offer_terms as terms
from decision_service.rules.compile import OPTIONAL, REQUIRED
from decision_service.rules.construct import OUTCOME_WORDS, SEGMENT
from decision_service.rules.data import KEYS
from decision_service.rules.draft import SECTIONS, USES
from decision_service.rules.inputs import WIRE_TYPES
from decision_service.rules.knockouts import OF_OUTCOMES, RULE_OPTIONAL, RULE_REQUIRED, WHEN_MISSING
from decision_service.rules.language import schema_forms as forms
from decision_service.rules.language.schema_forms import (
    Schema,
    about,
    choice,
    closed,
    listed,
    named,
)
from decision_service.rules.literals import BOUNDED
from decision_service.rules.program import WAITING
from decision_service.rules.scorecard import MOST_BINS
from decision_service.rules.sections import DIRECTIONS, KINDS, RECOURSE, SEGMENTS, TELL, TOLD
from decision_service.rules.stages import CLOSING, STAGES
from decision_service.rules.table import KEYS as TABLE_KEYS
from decision_service.rules.table import MOST_COLUMNS, MOST_ROWS, Hit

TYPES = choice(ValueType)
_RULE_KEYS: dict[str, Schema] = {
    "id": about(forms.IDENTIFIER, "The rule's own name, unique in the file"),
    "when": about(forms.CONDITION, "The condition; put it on its own line"),
    "then": about(choice(OUTCOME_WORDS), "What the rule concludes where the condition holds"),
    "reason": about(forms.REASON, "A code declared under `reasons`; DECLINE and REFER need one"),
    "reason_factor": about(forms.refers("name"), "The name in `when` whose comparison it shows"),
    "when_missing": about(choice(WHEN_MISSING), "What missing data gives; REFER unless written"),
    "because": about(forms.TEXT, "Why missing data may be skipped or declined"),
    "tags": about(
        listed(forms.IDENTIFIER, minItems=1), "Labels declared under `tags`, set where it holds"
    ),
}

_DAY: Schema = {"type": "string", "pattern": forms.DAY}
_VALUES: Mapping[ValueType, Schema] = {
    ValueType.INTEGER: {"type": "integer"},
    ValueType.NUMBER: forms.NUMBER,
    ValueType.MONEY: forms.NUMBER,
    ValueType.TEXT: forms.TEXT,
    ValueType.FLAG: forms.FLAG,
    ValueType.DATE: _DAY,
}


def rule() -> Schema:
    keys = {key: _RULE_KEYS[key] for key in (*RULE_REQUIRED, *RULE_OPTIONAL)}
    either = [{"required": ["then"]}, {"required": ["tags"]}]
    dependent = {key: ["then"] for key in OF_OUTCOMES}
    return closed("a rule", RULE_REQUIRED, keys, anyOf=either, dependentRequired=dependent)


def post_checks() -> Schema:
    worse: Schema = {"then": choice(OUTCOME_WORDS[1:])}
    return listed({"allOf": [forms.refers("rule")], "properties": worse})


def stage() -> Schema:
    components = dict.fromkeys(c for one in STAGES.values() for c in one.components)
    keys = {
        "name": about(forms.IDENTIFIER, "The stage's own name"),
        "component": about(choice(components), "Which part of the policy its reasons come from"),
        SEGMENT: about(forms.LITERAL, "For whom the stage is: A, A | B, != A; all without it"),
        **{key: forms.refers(key) for key in STAGES},
    }
    fits = [
        {"required": [one.key], "properties": {"component": choice(one.components)}}
        for one in STAGES.values()
    ]
    return closed("a stage", ("name", "component"), keys, oneOf=fits)


def scorecard() -> Schema:
    keys = {
        "id": about(forms.IDENTIFIER, "Names `<id>.score` and `<id>.band`"),
        "base": about(forms.NUMBER, "The points that everybody has"),
        "characteristics": listed(forms.refers("characteristic"), minItems=1),
        "bands": listed(_band(), minItems=1),
    }
    return closed("a scorecard", keys, keys)


def characteristic() -> Schema:
    keys = {
        "factor": about(forms.refers("name"), "What is scored"),
        "bins": listed(_bin(), minItems=1, maxItems=MOST_BINS),
        "reason": about(forms.REASON, "The reason where points are lost"),
        "missing": about(
            {"anyOf": [{"const": "bounds"}, forms.NUMBER]},
            "How missing data scores: between worst and best (bounds), or fixed points",
        ),
        "because": about(forms.TEXT, "Why fixed points may exceed the worst bin"),
    }
    return closed("a characteristic", ("factor", "bins"), keys)


def _bin() -> Schema:
    keys = {
        "in": about(forms.LITERAL, '"[0, 6)", ">= 6", or labels: A | B'),
        "points": forms.NUMBER,
    }
    return closed("a bin", keys, keys)


def _band() -> Schema:
    keys = {
        "band": about(forms.LITERAL, "The band's name"),
        "from": about(forms.NUMBER, "The lowest total; the last band has none"),
        "then": choice(OUTCOME_WORDS),
    }
    return closed("a band", ("band", "then"), keys)


def table() -> Schema:
    rows = listed(listed(forms.EXPRESSION), minItems=1, maxItems=MOST_ROWS)
    path = {"type": "string", "pattern": r"^tables/.+\.csv$"}
    keys = {
        "id": about(forms.IDENTIFIER, "Names `<id>.<output>`"),
        "hit": about(choice(Hit), "Which matching row counts"),
        "when": listed(forms.refers("name"), minItems=1, maxItems=MOST_COLUMNS),
        "give": about(named(TYPES), "The outputs with their types"),
        "rows": {"anyOf": [rows, closed("a table file", ("file",), {"file": path})]},
    }
    return closed("a table", TABLE_KEYS, keys)


def offer() -> Schema:
    known = {
        terms.MAXIMUM: about(forms.EXPRESSION, "The most that could be offered"),
        terms.AMOUNT: about(forms.EXPRESSION, "What is offered"),
        terms.MINIMUM: about(forms.EXPRESSION, "Below it an APPROVE or a REFER becomes a DECLINE"),
        terms.BELOW: about(forms.REASON, "The reason of that decline"),
        terms.TERM: about(
            {"anyOf": [_term(), forms.EXPRESSION]}, "Months, or which of the product's terms"
        ),
        terms.RATE: about(forms.EXPRESSION, "A month, as a decimal: 0.05"),
        terms.TIER: about(forms.EXPRESSION, "A label for the price or the limit"),
    }
    both = {terms.MINIMUM: [terms.BELOW], terms.BELOW: [terms.MINIMUM]}
    return {
        **named(forms.EXPRESSION),
        "title": "the offer",
        "required": [terms.AMOUNT],
        "properties": known,
        "dependentRequired": both,
    }


def _term() -> Schema:
    keys = {
        "choose": about(choice(terms.CHOICES), "The longest or shortest that fits"),
        "of": listed(
            {"type": "integer", "minimum": 1, "maximum": terms.MOST_TERM_MONTHS},
            minItems=1,
            maxItems=terms.MOST_TERMS,
        ),
        "fits": about(forms.CONDITION, "Whether offer.term_months fits"),
    }
    return closed("a chosen term", terms.TERM_KEYS, keys)


def conditions() -> Schema:
    keys = {"id": forms.IDENTIFIER, "when": forms.CONDITION, "text": forms.TEXTS}
    return listed(closed("a condition", keys, keys))


_CONSTRUCTS: Mapping[str, Callable[[], Schema]] = {
    "rules": lambda: listed(forms.refers("rule")),
    "scorecard": scorecard,
    "table": table,
    "offer": offer,
    "conditions": conditions,
    "post_checks": post_checks,
}


def ruleset_schema(catalogue: Mapping[str, FactorSpec]) -> Schema:
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
    sections = _sections()
    keys = {key: sections[key] for key in SECTIONS}
    document = closed("a shared file", (), keys)
    return {"$schema": forms.DIALECT, **document, "$defs": _names(catalogue)}


def _shared(catalogue: Mapping[str, FactorSpec]) -> Schema:
    return {
        **_names(catalogue),
        "condition": forms.written("string", "boolean"),
        "expression": forms.written("string", "number", "boolean"),
        "rule": rule(),
        "stage": stage(),
        "characteristic": characteristic(),
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
            listed({"type": "string", "pattern": r"^_shared/[^/]+\.ya?ml$"}, minItems=1),
            "Files of reasons and parameters that several products share",
        ),
    }


def _sections() -> Schema:
    factor: Schema = {"anyOf": [forms.refers("factor"), choice([WAITING])]}
    what = "Factors that an applicant may be told to change, and `waiting` for the day to come back"
    recourse = closed("recourse", (TELL,), {TELL: about(listed(factor, minItems=1), what)})
    fixed = {name: _input(choice([type_])) for name, type_ in WIRE_TYPES.items()}
    inputs = {**named(_input(TYPES)), "properties": fixed}
    return {
        "data": _data(),
        "inputs": about(inputs, "What the loan system must or may send"),
        SEGMENTS: about(
            listed(forms.refers("name"), minItems=1), "Names whose labels stages and values are by"
        ),
        "params": about(named(_param()), "Constants; of dated ones that in force on as_of counts"),
        "derived": about(named(forms.EXPRESSION), "Named expressions, from top to bottom"),
        "reasons": about(named(_reason(), forms.REASON), "What applicants and regulators are told"),
        "tags": about(named(_tag()), "Labels for queues and signals; they decide nothing"),
        "stages": listed(forms.refers("stage"), minItems=1),
        RECOURSE: about(recourse, "What would have to be different: who may be told what"),
        "guarantees": about(listed(_guarantee()), "What is to be proved of the rules"),
    }


def _data() -> Schema:
    keys = {
        "max_age": about(forms.DURATION, "How old the last sync of a used account may be: 35d"),
    }
    return closed("the data policy", (), {key: keys[key] for key in KEYS})


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
    dated: Schema = {**named(forms.LITERAL, {"pattern": forms.DAY}), "minProperties": 1}
    keys = {
        "type": TYPES,
        "value": about(forms.LITERAL, "The value, always"),
        "values": about(
            {**named({"anyOf": [forms.LITERAL, dated]}, forms.TEXT), "minProperties": 1},
            "The value from each date on, or by segment: {NCR: 9000, default: 8000}",
        ),
        "min": about(forms.NUMBER, "The least that its values may be, inclusive"),
        "max": about(forms.NUMBER, "The most that its values may be, inclusive"),
        "unit": about(forms.TEXT, "What it counts: months, share (then 0 to 1)"),
    }
    either = [{"required": ["value"]}, {"required": ["values"]}]
    only: Schema = {"properties": {"type": choice(BOUNDED)}}
    dependent = dict.fromkeys(("min", "max", "unit"), only)
    return closed("a parameter", ("type",), keys, oneOf=either, dependentSchemas=dependent)


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
        "never": about(choice(OUTCOME_WORDS), "An outcome that nobody has"),
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


def tests_schema(catalogue: Mapping[str, FactorSpec]) -> Schema:
    causes = choice(f"missing {cause}" for cause in OF_FACTORS)
    with_reason = {"type": "string", "pattern": f"^missing ({'|'.join(OF_FACTORS)}) [A-Z_]+$"}
    factors = {name: _factor(spec) for name, spec in catalogue.items()}
    missing: Schema = {"anyOf": [causes, with_reason]}
    keys = {
        "ruleset": about(forms.PRODUCT, "The product"),
        "version": about(forms.VERSION, "The version that is tested"),
        "as_of": about(_DAY, "The day of decision, unless a case names its own"),
        "defaults": closed("the defaults", (), _given()),
        "cases": listed(_case(catalogue), minItems=1),
        "unnoticed": listed(_mark(), minItems=1),
        "unreached": listed(_legal_mark(), minItems=1),
    }
    return {
        "$schema": forms.DIALECT,
        **closed("rule tests", ("ruleset", "version", "cases"), keys),
        "$defs": {
            "missing": about(missing, "Why it is missing, perhaps with the failure's reason"),
            "factors": closed("factors", (), factors),
            "expected": {"anyOf": [_in_words(), _expectation()]},
        },
    }


def _given() -> Schema:
    keys = about(named(listed(forms.TEXT)), "What stands on lists, in place of their files")
    return {"inputs": named(forms.LITERAL), "factors": forms.refers("factors"), "lists": keys}


def _factor(spec: FactorSpec) -> Schema:
    value = choice(spec.labels) if spec.labels else _VALUES[spec.type]
    return about({"anyOf": [value, forms.refers("missing")]}, forms.meaning(spec))


def _case(figures: Iterable[str]) -> Schema:
    expected: Schema = forms.refers("expected")
    values: Schema = {"type": "object", "additionalProperties": expected, "minProperties": 1}
    names: Schema = {"anyOf": [{"enum": ["as_of", *figures]}, {"pattern": r"^inputs\."}]}
    edges = {**values, "additionalProperties": values, "propertyNames": names}
    keys = {
        "name": about(forms.TEXT, "What the case shows"),
        "as_of": _DAY,
        **_given(),
        "expect": expected,
        "edges": about(edges, "In place of `expect`: figures, each with values and what they give"),
    }
    either = [{"required": ["expect"]}, {"required": ["edges"]}]
    return closed("a case", ("name",), keys, oneOf=either)


def _mark() -> Schema:
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


def _in_words() -> Schema:
    outcomes = "|".join(OUTCOME_WORDS)
    pattern = rf"^({outcomes})( ({'|'.join(ReferKind)}))?( [A-Z][A-Z0-9_]*| [a-z_.0-9]+=\S*)*$"
    words: Schema = {"type": "string", "pattern": pattern}
    return about(words, "REFER POLICY MANY_LENDERS scores.risk=190 offer.tier=T2")


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
