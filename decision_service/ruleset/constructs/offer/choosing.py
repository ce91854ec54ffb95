"""Reads `term_months` where it is a map: which of the product's terms the offer takes."""

from __future__ import annotations

from decision_service.domain.factor import ValueType
from decision_service.language.expressions.tree import Node as Tree
from decision_service.language.expressions.tree import reads
from decision_service.language.types import FLAG, INTEGER, MONEY
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import YamlNode
from decision_service.language.yaml.readers import as_integer
from decision_service.ruleset.constructs.offer.choice import (
    CHOICES,
    LARGEST,
    TermChoice,
    with_term,
)
from decision_service.ruleset.constructs.offer.model import TERM
from decision_service.ruleset.reading.draft import RulesetDraft

REQUIRED, OPTIONAL = ("choose", "of"), ("fits", "amount")
MOST_TERMS = 24
MOST_MONTHS = 600


def read_choice(node: YamlNode, draft: RulesetDraft) -> TermChoice | None:
    """The choice of a term; None where anything is wrong, all of it reported."""
    fields = Fields.of(node, f"`{TERM}`", draft.report, required=REQUIRED, optional=OPTIONAL)
    if fields is None:
        return None
    choose = fields.choice("choose", CHOICES)
    terms = _terms(fields, draft)
    asked = None if choose is None else _asked(fields, choose, draft)
    if choose is None or asked is None or not terms:
        return None
    symbol = draft.names.symbols[f"offer.{TERM}"]
    places = tuple(item.place for item in fields.items("of"))
    return TermChoice(
        choose, terms, tuple(with_term(asked, symbol, term) for term in terms), places
    )


def _terms(fields: Fields, draft: RulesetDraft) -> tuple[int, ...]:
    """Whole months, rising; none where any is wrong."""
    draft.not_empty(fields, "of")
    items = fields.items("of")
    found: list[int] = []
    for item in items:
        term = as_integer(item, "a term", draft.report, 1, MOST_MONTHS)
        if term is not None and found and term <= found[-1]:
            hint = "write each once, the shortest first"
            draft.report.error("R123", item.place, f"the terms do not rise at {term}", hint)
        elif term is not None:
            found.append(term)
    if len(items) > MOST_TERMS:
        message = f"there are {len(items)} terms; {MOST_TERMS} are allowed"
        draft.report.error("R123", fields.place("of"), message)
    return tuple(found) if len(found) == len(items) <= MOST_TERMS else ()


def _asked(fields: Fields, choose: str, draft: RulesetDraft) -> Tree | None:
    """The condition that a term must fulfil, or the amount that decides between terms."""
    key, other = ("amount", "fits") if choose == LARGEST else ("fits", "amount")
    type_: ValueType = MONEY if choose == LARGEST else FLAG
    if fields.has(other):
        message = f"`choose: {choose}` looks at `{key}`, not at `{other}`"
        draft.report.error("R121", fields.place(other), message, f"write `{key}:`")
    elif not fields.has(key):
        message = f"`choose: {choose}` has no `{key}`"
        draft.report.error("R121", fields.node.place, message, f"add `{key}:`")
    draft.names.define(f"offer.{TERM}", INTEGER)
    asked = draft.expression(fields.scalar(key), type_)
    if asked is not None and f"offer.{TERM}" not in [symbol.name for symbol in reads(asked)]:
        message = f"`{key}` does not name `offer.{TERM}`, so that every term is alike"
        hint = f"write the term that is tried as `offer.{TERM}`"
        draft.report.error("R317", asked.place, message, hint)
    return asked
