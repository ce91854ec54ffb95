"""Stages, the offer and what follows it, as JSON Schema."""

from __future__ import annotations

from decision_service.domain.factor import ValueType
from decision_service.domain.verdict import Outcome
from decision_service.language import schema_forms as forms
from decision_service.language.schema_forms import Schema, about, choice, closed, listed, named
from decision_service.ruleset.constructs.offer import choosing
from decision_service.ruleset.constructs.offer import model as terms
from decision_service.ruleset.constructs.offer.choice import CHOICES
from decision_service.ruleset.constructs.offer.choosing import MOST_MONTHS, MOST_TERMS
from decision_service.ruleset.constructs.registry import STAGES, Construct
from decision_service.ruleset.constructs.rules.read import (
    OF_OUTCOMES,
    ON_MISSING,
    OPTIONAL,
    REQUIRED,
)
from decision_service.ruleset.constructs.scorecard.read import MOST_BINS
from decision_service.ruleset.constructs.table.model import OUTCOME, REASON, Aggregate, Hit
from decision_service.ruleset.constructs.table.read import MOST_COLUMNS, MOST_ROWS
from decision_service.ruleset.program.part import APPLIES_WHEN

TYPES = choice(ValueType)
_OUTCOMES = (Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE)
_RULE_KEYS: dict[str, Schema] = {
    "id": about(forms.IDENTIFIER, "The rule's own name, unique in the file"),
    "when": about(forms.CONDITION, "The condition; put it on its own line"),
    "then": about(choice(_OUTCOMES), "What the rule concludes where the condition holds"),
    "reason": about(forms.REASON, "A code declared under `reasons`; DECLINE and REFER need one"),
    "reason_factor": about(forms.refers("name"), "The name in `when` whose comparison it shows"),
    "on_missing": about(choice(ON_MISSING), "What missing data gives; REFER unless written"),
    "because": about(forms.TEXT, "Why missing data may be skipped or declined"),
    "missing_reason": about(forms.REASON, "The reason instead of DATA_MISSING"),
    "tags": about(
        listed(forms.IDENTIFIER, minItems=1), "Labels declared under `tags`, set where it holds"
    ),
}


def rules() -> Schema:
    """A stage's rules."""
    return listed(forms.refers("rule"))


def rule() -> Schema:
    """One rule, its keys from those that the reader knows."""
    keys = {key: _RULE_KEYS[key] for key in (*REQUIRED, *OPTIONAL)}
    either = [{"required": ["then"]}, {"required": ["tags"]}]
    dependent = {key: ["then"] for key in OF_OUTCOMES}
    return closed("a rule", REQUIRED, keys, anyOf=either, dependentRequired=dependent)


def post_checks() -> Schema:
    """Rules that see the finished offer."""
    return listed({"allOf": [forms.refers("rule")], "properties": {"then": choice(_OUTCOMES[1:])}})


def stage() -> Schema:
    """A stage: one construct with a component that fits it."""
    components = dict.fromkeys(c for one in STAGES.values() for c in one.components)
    keys = {
        "name": about(forms.IDENTIFIER, "The stage's own name"),
        "component": about(choice(components), "Which part of the policy its reasons come from"),
        APPLIES_WHEN: about(forms.CONDITION, "For whom the stage is; everybody without it"),
        **{key: forms.refers(key) for key in STAGES},
    }
    return closed("a stage", ("name", "component"), keys, oneOf=[_fits(c) for c in STAGES.values()])


def _fits(construct: Construct) -> Schema:
    return {
        "required": [construct.key],
        "properties": {"component": choice(construct.components)},
    }


def scorecard() -> Schema:
    """A scorecard."""
    keys = {
        "id": about(forms.IDENTIFIER, "Names `<id>.score` and `<id>.band`"),
        "base": about(forms.NUMBER, "The points that everybody has"),
        "characteristics": listed(forms.refers("characteristic"), minItems=1),
        "bands": listed(_band(), minItems=1),
    }
    return closed("a scorecard", keys, keys)


def characteristic() -> Schema:
    """One factor's share in a scorecard."""
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
        "then": choice(_OUTCOMES),
    }
    return closed("a band", ("band", "then"), keys)


def table() -> Schema:
    """A table; its rows stand here or in a CSV file beside the rules."""
    keys = {
        "id": about(forms.IDENTIFIER, "Names `<id>.<output>`"),
        "hit": about(_hit(), "Which matching rows count"),
        "when": listed(forms.refers("name"), minItems=1, maxItems=MOST_COLUMNS),
        "give": about(_give(), "The outputs with their types"),
        "rows": {"anyOf": [_rows(), _file()]},
        REASON: about(forms.REASON, "The reason of rows with an outcome"),
    }
    return closed("a table", ("id", "hit", "when", "give", "rows"), keys)


def _hit() -> Schema:
    collect = named(choice(Aggregate))
    both = closed("how rows are joined", ("collect",), {"collect": collect})
    return {"anyOf": [choice((Hit.FIRST, Hit.UNIQUE)), both]}


def _give() -> Schema:
    own = {name: choice((name, "text")) for name in (OUTCOME, REASON)}
    return {**named(TYPES), "properties": own}


def _rows() -> Schema:
    return listed(listed(forms.EXPRESSION), minItems=1, maxItems=MOST_ROWS)


def _file() -> Schema:
    path = {"type": "string", "pattern": r"^tables/.+\.csv$"}
    return closed("a table file", ("file",), {"file": path})


def offer() -> Schema:
    """The offer; a further name is an output of its own."""
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
        "choose": about(choice(CHOICES), "longest and shortest ask `fits`, largest `amount`"),
        "of": listed(
            {"type": "integer", "minimum": 1, "maximum": MOST_MONTHS},
            minItems=1,
            maxItems=MOST_TERMS,
        ),
        "fits": about(forms.CONDITION, "Whether offer.term_months fits"),
        "amount": about(forms.EXPRESSION, "What offer.term_months would allow"),
    }
    return closed("a chosen term", choosing.REQUIRED, keys)


def conditions() -> Schema:
    """What an applicant must still do before disbursement."""
    keys = {"id": forms.IDENTIFIER, "when": forms.CONDITION, "text": forms.TEXTS}
    return listed(closed("a condition", keys, keys))
