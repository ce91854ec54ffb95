"""The keys of a rule file, section by section.

From this table follow how sections are read, the schema for editors, the page of keys, what a
comparison calls a key, and what a change of figures may put in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any

from decision_service.domain.decision import Component
from decision_service.domain.factor import ValueType
from decision_service.rules.construct import OUTCOME_WORDS, SEGMENT
from decision_service.rules.language import schema_forms as forms
from decision_service.rules.language.fields import Fields
from decision_service.rules.language.keys import (
    DURATION,
    FLAG,
    IDENTIFIER,
    TEXT,
    Change,
    Key,
    Kind,
    Section,
    needed,
    one_of,
    whole,
)
from decision_service.rules.language.schema_forms import Schema, choice, listed, named
from decision_service.rules.language.types import FLAG as TRUTH
from decision_service.rules.literals import BOUNDED
from decision_service.rules.program import WAITING

USES = "uses"
SEGMENTS = "segments"
RECOURSE = "recourse"
MAX_AGE = "max_age"
SOURCE = "source"
MAXIMUM = "max_amount"
AMOUNT = "approved_amount"
MINIMUM = "minimum_amount"
BELOW = "reason"
TERM = "term_months"
RATE = "monthly_rate"
TIER = "tier"
WHEN_MISSING = ("REFER", "DECLINE", "SKIP")
OF_OUTCOMES = ("reason", "reason_factor", "when_missing", "because")
CALLER = "caller"
NOBODY = "nobody"
TOLD = (CALLER, NOBODY)
KINDS = ("never", "always", "monotone", "hiding", "law")
PRICE = "price"
NOMINAL = "nominal_rate"
EFFECTIVE = "effective_rate"
FEES = "fees"
PENALTY = "late_penalty"
MOST_COST = "most_total_cost"
DIRECTIONS = {"up": 1, "down": -1}
WIRE_TYPES = {
    "requested_amount": ValueType.MONEY,
    "requested_term_months": ValueType.INTEGER,
}
"""The types of the inputs that are fields of every request."""

MOST_BINS = 40
MOST_COLUMNS = 12
MOST_ROWS = 2_000
# Each term is tried, which is cheaper than solving as long as they are few.
MOST_TERMS = 24
MOST_TERM_MONTHS = 600
LARGEST_POINTS = 10**9
STAGES = ("rules", "scorecard", "table")
COMPONENTS: Mapping[str, tuple[Component, ...]] = {
    "rules": (Component.KNOCKOUT, Component.POLICY, Component.LEGAL),
    "scorecard": (Component.SCORECARD,),
    "table": (Component.TABLE,),
    "offer": (Component.POLICY,),
    "conditions": (Component.POLICY,),
}
"""What a stage may hold and what follows, with the components that each may have."""


class Hit(StrEnum):
    FIRST = "first"
    UNIQUE = "unique"


def _form(schema: Schema, changes: Change = Change.NOTHING) -> Kind:
    """What a construct reads itself."""
    return Kind(Fields.get, schema, changes)


# The scope of these fields is the draft: what an expression may name depends on what was read.
def _condition(fields: Fields, key: str) -> Any:
    return fields.scope.expression(fields.scalar(key), TRUTH)


def _name(fields: Fields, key: str) -> Any:
    return fields.scope.name(fields.scalar(key))


def _points(fields: Fields, key: str) -> Decimal | None:
    return fields.decimal(key, -LARGEST_POINTS, LARGEST_POINTS)


CONDITION = Kind(_condition, forms.CONDITION, Change.FIGURE)
NAME = Kind(_name, forms.refers("name"))
REASON = Kind(lambda f, key: f.scope.reason(f, key), forms.REASON, Change.REASON)
POINTS = Kind(_points, forms.NUMBER, Change.FIGURE)
NUMBER = _form(forms.NUMBER)
LABEL = Kind(Fields.scalar, forms.LITERAL)
CELL = Kind(Fields.scalar, forms.LITERAL, Change.INSIDE)
EXPRESSION = _form(forms.EXPRESSION, Change.FIGURE)
TYPE = one_of(ValueType)
OUTCOME = one_of(OUTCOME_WORDS, Change.WORD)
_REASON_CODE = _form(forms.REASON, Change.REASON)


def _parts(schema: Schema, **more: Any) -> Kind:
    return Kind(Fields.items, listed(schema, **more), Change.INSIDE)


_RULE_KEYS = (
    needed("id", IDENTIFIER, "The rule's own name, unique in the file"),
    needed("when", CONDITION, "The condition; put it on its own line", label="the condition"),
    Key("then", OUTCOME, "What the rule concludes where the condition holds", label="the outcome"),
    Key("reason", REASON, "A code declared under `reasons`; DECLINE and REFER need one",
        default=""),
    Key("reason_factor", Kind(Fields.scalar, forms.refers("name")),
        "The name in `when` whose comparison it shows"),
    Key("when_missing", one_of(WHEN_MISSING, Change.WORD),
        "What missing data gives; REFER unless written", default="REFER"),
    Key("because", TEXT, "Why missing data may be skipped or declined", default=""),
    Key("tags", Kind(Fields.items, listed(forms.IDENTIFIER, minItems=1), Change.TAG),
        "Labels declared under `tags`, set where it holds"),
)  # fmt: skip
RULE = Section(
    "a rule",
    _RULE_KEYS,
    # Without an outcome a rule sets tags: it notes a signal before that decides anything.
    anyOf=[{"required": ["then"]}, {"required": ["tags"]}],
    dependentRequired={key: ["then"] for key in OF_OUTCOMES},
)
BIN = Section(
    "a bin",
    [
        needed("in", CELL, '"[0, 6)", ">= 6", or labels: A | B'),
        needed("points", POINTS, "What the total gains"),
    ],
)
_BAND_KEYS = (
    needed("name", LABEL, "The band's name"),
    Key("from", POINTS, "The lowest total; the last band has none", label="the lowest total"),
    needed("then", OUTCOME, "What the band concludes", label="the outcome"),
)
BAND = Section("a band", _BAND_KEYS)
_CHARACTERISTIC_KEYS = (
    needed("factor", NAME, "What is scored"),
    needed("bins", _parts(BIN.schema, minItems=1, maxItems=MOST_BINS), "Its values"),
    Key("reason", REASON, "The reason where points are lost", default=""),
    Key("when_missing", _form({"anyOf": [{"const": "bounds"}, forms.NUMBER]}, Change.FIGURE),
        "How missing data scores: between worst and best (bounds), or fixed points"),
    Key("because", TEXT, "Why fixed points may exceed the worst bin", default=""),
)  # fmt: skip
CHARACTERISTIC = Section("a characteristic", _CHARACTERISTIC_KEYS)
_SCORECARD_KEYS = (
    needed("id", IDENTIFIER, "Names `<id>.score` and `<id>.band`"),
    needed("points", POINTS, "Where every total begins"),
    needed("characteristics", _parts(forms.refers("characteristic"), minItems=1),
        "What is scored"),
    needed("bands", _parts(BAND.schema, minItems=1), "The outcomes, best first"),
)  # fmt: skip
SCORECARD = Section("a scorecard", _SCORECARD_KEYS)
_FILE: Schema = {"type": "string", "pattern": r"^tables/.+\.csv$"}
_ROWS = listed(listed(forms.EXPRESSION), minItems=1, maxItems=MOST_ROWS)
_TABLE_KEYS = (
    needed("id", IDENTIFIER, "Names `<id>.<output>`"),
    needed("hit", one_of(Hit), "Which matching row counts"),
    needed("when", _form(listed(forms.refers("name"), minItems=1, maxItems=MOST_COLUMNS)),
        "The names that it looks at"),
    needed("give", _form(named(TYPE.schema)), "The outputs with their types"),
    needed("rows", _form({"anyOf": [_ROWS, _FILE]}, Change.INSIDE),
        "A condition a column, then the outputs; or a CSV: tables/limit.csv"),
)  # fmt: skip
TABLE = Section("a table", _TABLE_KEYS)
# A legal check sees the offer of what the other stages decided, and may only worsen it.
_WORSE = {"items": {"properties": {"then": choice(OUTCOME_WORDS[1:])}}}
_LEGAL_ONLY_WORSENS: dict[str, Schema] = {
    "if": {"properties": {"component": {"const": Component.LEGAL.value}}},
    "then": {"properties": {"rules": _WORSE}},
}
_STAGE_KEYS = (
    needed("name", IDENTIFIER, "The stage's own name"),
    needed("component", one_of([c.value for key in STAGES for c in COMPONENTS[key]]),
        "Which part of the policy its reasons come from"),
    Key(SEGMENT, CELL, "For whom the stage is: A, A | B, != A; all without it"),
    *(Key(key, _form(forms.refers(key), Change.INSIDE), f"The {key}") for key in STAGES),
)  # fmt: skip
STAGE = Section(
    "a stage",
    _STAGE_KEYS,
    oneOf=[
        {"required": [key], "properties": {"component": choice(COMPONENTS[key])}} for key in STAGES
    ],
    **_LEGAL_ONLY_WORSENS,
)

_TERM = {"type": "integer", "minimum": 1, "maximum": MOST_TERM_MONTHS}
_TERMS = _parts(_TERM, minItems=1, maxItems=MOST_TERMS)
CHOSEN_TERM = Section(
    "a chosen term",
    [
        needed("of", _TERMS, "The product's terms, rising or falling; the first that fits counts"),
        needed("when", CONDITION, "Whether offer.term_months fits"),
    ],
)
_PRICED_KEYS = (
    needed(NOMINAL, NAME, "Interest a month as a share of the amount borrowed: offer.nominal_rate"),
    needed(EFFECTIVE, NAME, "All but penalties, a month, by the payments on what is paid out"),
    needed(FEES, NAME, "All charges besides interest"),
    needed(PENALTY, NAME, "A month, as a share of what is due and unpaid"),
    needed(MOST_COST, NAME, "The most of interest, fees and penalties that is ever charged"),
)
PRICED = Section("the price", _PRICED_KEYS)
_OFFER_KEYS = (
    Key(MAXIMUM, EXPRESSION, "The most that could be offered"),
    needed(AMOUNT, EXPRESSION, "What is offered"),
    Key(MINIMUM, EXPRESSION, "Below it an APPROVE or a REFER becomes a DECLINE"),
    Key(BELOW, _REASON_CODE, "The reason of that decline"),
    Key(TERM, _form({"anyOf": [CHOSEN_TERM.schema, forms.EXPRESSION]}, Change.FIGURE),
        "Months, or which of the product's terms"),
    Key(RATE, EXPRESSION, "A month, as a decimal: 0.05"),
    Key(TIER, EXPRESSION, "A label for the price or the limit"),
    Key(PRICE, _form({"anyOf": [PRICED.schema, forms.EXPRESSION]}),
        "Which lines say what the law has ceilings for"),
)  # fmt: skip
OFFER = Section(
    "the offer",
    _OFFER_KEYS,
    **named(forms.EXPRESSION),
    dependentRequired={MINIMUM: [BELOW], BELOW: [MINIMUM]},
)
_DEMAND_KEYS = (
    needed("id", IDENTIFIER, "The condition's own name"),
    needed("when", CONDITION, "Which applicants are asked for it", label="the condition"),
    needed("text", _form(forms.TEXTS), "What is asked, by language"),
)
DEMAND = Section("a condition", _DEMAND_KEYS)

_INPUT_KEYS = (
    Key("required", FLAG, "Whether a request without it is refused", default=False),
    Key("min", NUMBER, "The least, inclusive"),
    Key("max", NUMBER, "The most, inclusive"),
    Key("one_of", Kind(Fields.items, listed(forms.TEXT)), "The texts that it can be"),
    Key("because", TEXT, "Why its bounds are so, for whoever is refused by them", default=""),
    Key(
        MAX_AGE,
        Kind(Fields.duration, {"type": "string", "pattern": "^[1-9][0-9]{0,4}d$"}),
        "Days since it was observed outside, above which it is missing (STALE): 30d",
    ),
    Key(SOURCE, TEXT, "Who observed it, such as a credit bureau: CIC"),
)
_ONLY_BOUNDED: Schema = {"properties": {"type": choice(BOUNDED)}}
_ONLY_TEXT: Schema = {"properties": {"type": choice((ValueType.TEXT,))}}
_BOUNDS = {"one_of": _ONLY_TEXT, "min": _ONLY_BOUNDED, "max": _ONLY_BOUNDED}


def _input(type_: Kind) -> Section:
    key = needed("type", type_, "integer, number, money, text, flag or date")
    together = {SOURCE: [MAX_AGE]}
    more = {"dependentSchemas": _BOUNDS, "dependentRequired": together}
    return Section("an input", [key, *_INPUT_KEYS], **more)


INPUT = _input(TYPE)
_DATED: Schema = {**named(forms.LITERAL, {"pattern": forms.DAY}), "minProperties": 1}
_VALUES = {**named({"anyOf": [forms.LITERAL, _DATED]}, forms.TEXT), "minProperties": 1}
_PARAM_KEYS = (
    needed("type", TYPE, "integer, number, money, text, flag or date"),
    needed("value", _form({"anyOf": [forms.LITERAL, _VALUES]}),
        "The value, always; from each date on; or by segment: {NCR: 9000, default: 8000}"),
    Key("min", NUMBER, "The least that its values may be, inclusive"),
    Key("max", NUMBER, "The most that its values may be, inclusive"),
    Key("unit", TEXT, "What it counts: months, share (then 0 to 1)"),
)  # fmt: skip
PARAM = Section(
    "a parameter",
    _PARAM_KEYS,
    dependentSchemas=dict.fromkeys(("min", "max", "unit"), _ONLY_BOUNDED),
)
_REASONED_KEYS = (
    needed("text", _form(forms.TEXTS), "What the applicant reads, by language; `en` is needed"),
    Key("regulatory", TEXT, "The regulator's words", default=""),
    Key("group", IDENTIFIER, "Of one group only the first reason is given"),
    Key("priority", whole(1, 99), "1 is the most important", default=50),
)
REASONED = Section("a reason", _REASONED_KEYS)
TAG = Section(
    "a tag",
    [needed("text", TEXT, "What it says to colleagues"),
    Key("told", one_of(TOLD), "nobody keeps it out of replies; caller unless written",
        default=CALLER)],
)  # fmt: skip
_TOLD: Schema = {"anyOf": [forms.refers("factor"), choice([WAITING])]}
_WAYS: Schema = {
    "type": "object",
    "additionalProperties": choice(DIRECTIONS),
    "minProperties": 1,
}
_CLAIM = _form(forms.refers("condition"))
_GUARANTEE_KEYS = (
    needed("name", TEXT, "The guarantee in words"),
    Key("never", one_of(OUTCOME_WORDS), "An outcome that no applicant has"),
    Key("always", _CLAIM, "What holds of every applicant and offer"),
    Key("when", _CLAIM, "Of which applicants; all without it"),
    Key("monotone", _form(_WAYS), "Factors and inputs, and the way that never makes it worse"),
    Key("must_prove", FLAG, "Whether it is broken where it is not decided", default=False),
    Key(
        "hiding",
        _form(listed(forms.TEXT, minItems=1)),
        "What never helps an applicant who leaves it out",
    ),
    Key("law", TEXT, "A law of `_law` whose ceilings every price within its scope keeps"),
)
GUARANTEE = Section(
    "a guarantee",
    _GUARANTEE_KEYS,
    oneOf=[{"required": [kind]} for kind in KINDS],
)

# These come with every request as they are, so that an editor knows their types.
_FIXED = {name: _input(one_of((type_,))).schema for name, type_ in WIRE_TYPES.items()}
_INPUTS = {**named(INPUT.schema), "properties": _FIXED}
REASONS = Key(
    "reasons", _form(named(REASONED.schema, forms.REASON)),
    "The words for applicants and regulators",
)  # fmt: skip
PARAMS = Key(
    "params", _form(named(PARAM.schema)), "Constants; of dated ones that in force on as_of counts"
)
_RULESET_KEYS = (
    needed("ruleset", _form(forms.PRODUCT), "The product: the name of the folder"),
    needed("version", _form(forms.VERSION), "The number in the file's name"),
    needed("title", TEXT, "The product's name for people"),
    needed("currency", _form({"type": "string", "pattern": "^[A-Z]{3}$"}), "ISO 4217: PHP"),
    needed("time_zone", _form({"type": "string"}), "IANA: Asia/Manila"),
    needed("inputs", _form(_INPUTS), "What the loan system must or may send"),
    needed("stages", _parts(forms.refers("stage"), minItems=1), "The decision"),
    Key(USES, _form(listed({"type": "string", "pattern": r"^_shared/[^/]+\.ya?ml$"}, minItems=1)),
        "Files of reasons and parameters that several products share"),
    REASONS,
    Key(MAX_AGE, DURATION, "How old the last sync of a used account may be: 35d"),
    Key(SEGMENTS, _form(listed(forms.refers("name"), minItems=1)),
        "Names whose labels stages and values are by"),
    PARAMS,
    Key("derived", _form(named(forms.EXPRESSION), Change.INSIDE),
        "Named expressions, from top to bottom"),
    Key("tags", _form(named(TAG.schema)), "Labels for queues and signals; they decide nothing"),
    Key("offer", _form(OFFER.schema, Change.INSIDE), "What is offered"),
    Key("conditions", _parts(DEMAND.schema), "What is asked before the money is paid out"),
    Key("valid_for", DURATION, "How long a decision counts: 14d"),
    Key("guarantees", _form(listed(GUARANTEE.schema)), "What is to be proved of the rules"),
    Key(RECOURSE, _form(listed(_TOLD, minItems=1)),
        "Factors that letters may say to change, and `waiting` for the day to come back"),
)  # fmt: skip
RULESET = Section(
    "a rule file",
    _RULESET_KEYS,
    # The reasons may all be in shared files.
    anyOf=[{"required": ["reasons"]}, {"required": [USES]}],
)
SHARED = Section("a shared file", [PARAMS, REASONS])
SECTIONS = (
    RULESET, INPUT, PARAM, REASONED, TAG, STAGE, RULE, SCORECARD, CHARACTERISTIC, BIN, BAND,
    TABLE, OFFER, CHOSEN_TERM, PRICED, DEMAND, GUARANTEE,
)  # fmt: skip
"""All maps of a rule file, as they are met in it."""

CHANGED = (STAGE, RULE, SCORECARD, CHARACTERISTIC, BIN, BAND, TABLE, OFFER, CHOSEN_TERM, DEMAND)
"""Those of which small changes are tried."""


def defined() -> Mapping[str, Schema]:
    return {
        "rule": RULE.schema,
        "stage": STAGE.schema,
        "characteristic": CHARACTERISTIC.schema,
        "rules": listed(forms.refers("rule")),
        "scorecard": SCORECARD.schema,
        "table": TABLE.schema,
    }
