"""An offer's lines, and a term that is chosen: which one fits, and why not the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import msgspec

from decision_service.rules.draft import RulesetDraft
from decision_service.rules.keys import (
    CHOICES,
    CHOSEN_TERM,
    LONGEST,
    MOST_TERM_MONTHS,
    MOST_TERMS,
    TERM,
)
from decision_service.rules.language import types as tree
from decision_service.rules.language.diagnostics import Place
from decision_service.rules.language.evaluation import Evaluate, Values, compile_trees
from decision_service.rules.language.fields import Fields, as_integer
from decision_service.rules.language.types import FLAG, INTEGER, MONEY, Node, Symbol, reads
from decision_service.rules.language.yaml import YamlNode
from decision_service.rules.wording import Wording


@dataclass(frozen=True, slots=True)
class TermChoice:
    """The terms in rising order, each with the condition that is asked of it."""

    choose: str
    terms: tuple[int, ...]
    asked: tuple[Node, ...]
    places: tuple[Place, ...] = field(compare=False)


def with_term(node: Node, symbol: Symbol, term: int) -> Node:
    if isinstance(node, tree.NameRead):
        if node.symbol != symbol:
            return node
        return tree.Constant(INTEGER, term, text=node.text, place=node.place)
    changed = {f.name: _with(getattr(node, f.name), symbol, term) for f in fields(node)}
    return replace(node, **changed)


def _with(value: Any, symbol: Symbol, term: int) -> Any:
    if isinstance(value, Node):
        return with_term(value, symbol, term)
    if isinstance(value, tuple) and all(isinstance(item, Node) for item in value):
        return tuple(with_term(item, symbol, term) for item in value)
    return value


def chosen(choice: TermChoice, text: str, place: Place) -> Node:
    pairs = list(zip(choice.terms, choice.asked, strict=True))
    found: Node = _months(0, text, place)
    for term, asked in pairs if choice.choose == LONGEST else reversed(pairs):
        found = _either(asked, term, found, text, place)
    return found


def nothing_without_term(amount: Node, term: Symbol) -> Node:
    text, place = amount.text, amount.place
    name = tree.NameRead(term, text=term.name, place=place)
    fits = tree.Compare(">=", name, _months(1, text, place), text=text, place=place)
    nothing = tree.Constant(MONEY, 0, text=text, place=place)
    return tree.Choice(MONEY, fits, amount, nothing, text=text, place=place)


def _either(asked: Node, term: int, otherwise: Node, text: str, place: Place) -> Node:
    months = _months(term, text, place)
    return tree.Choice(INTEGER, asked, months, otherwise, text=text, place=place)


def _months(term: int, text: str, place: Place) -> Node:
    return tree.Constant(INTEGER, term, text=text, place=place)


@dataclass(frozen=True, slots=True)
class OfferLine:
    symbol: Symbol
    tree: Node
    place: Place = field(compare=False)


class Terms(msgspec.Struct, frozen=True):
    """An offer's lines in order; `below` is the reason of an amount under the minimum."""

    lines: Mapping[str, OfferLine]
    below: str
    requested: Symbol | None
    currency: str
    choice: TermChoice | None = None


def read_choice(node: YamlNode, draft: RulesetDraft) -> TermChoice | None:
    """The choice of a term; None where anything is wrong, all of it reported."""
    fields = CHOSEN_TERM.open(node, draft.report, what=f"`{TERM}`")
    if fields is None:
        return None
    choose = fields.choice("choose", CHOICES)
    terms = _terms(fields, draft)
    asked = _asked(fields, draft)
    if choose is None or asked is None or not terms:
        return None
    symbol = draft.names.symbols[f"offer.{TERM}"]
    places = tuple(item.place for item in fields.items("of"))
    return TermChoice(
        choose, terms, tuple(with_term(asked, symbol, term) for term in terms), places
    )


def _terms(fields: Fields, draft: RulesetDraft) -> tuple[int, ...]:
    draft.not_empty(fields, "of")
    items = fields.items("of")
    found: list[int] = []
    for item in items:
        term = as_integer(item, "a term", draft.report, 1, MOST_TERM_MONTHS)
        if term is not None and found and term <= found[-1]:
            hint = "write each once, the shortest first"
            draft.report.error("R123", item.place, f"the terms do not rise at {term}", hint)
        elif term is not None:
            found.append(term)
    if len(items) > MOST_TERMS:
        message = f"there are {len(items)} terms; {MOST_TERMS} are allowed"
        draft.report.error("R123", fields.place("of"), message)
    return tuple(found) if len(found) == len(items) <= MOST_TERMS else ()


def _asked(fields: Fields, draft: RulesetDraft) -> Node | None:
    draft.names.define(f"offer.{TERM}", INTEGER)
    asked = draft.expression(fields.scalar("fits"), FLAG)
    if asked is not None and f"offer.{TERM}" not in [symbol.name for symbol in reads(asked)]:
        message = f"`fits` does not name `offer.{TERM}`, so that every term is alike"
        hint = f"write the term that is tried as `offer.{TERM}`"
        draft.report.error("R317", asked.place, message, hint)
    return asked


class TermBinding:
    def __init__(self, choice: TermChoice) -> None:
        self.choice = choice
        self.asked = compile_trees(choice.asked)
        self.parts = [_compiled(node) for node in choice.asked]

    def text(self, term: int, values: Values) -> str:
        """The comparison that the next wanted term fails; empty for the last."""
        step = 1 if self.choice.choose == LONGEST else -1
        index = self.choice.terms.index(term) + step
        if not 0 <= index < len(self.choice.terms):
            return ""
        failing = (text for text, part in self.parts[index] if part(values) is not True)
        return next(failing, self.choice.asked[index].text)

    def note(self, values: Values, wording: Wording) -> str:
        pairs = zip(self.choice.terms, self.choice.asked, self.asked, strict=True)
        shown = (
            f"{term}: {wording.value(evaluate(values), node.type)}"
            for term, node, evaluate in pairs
        )
        return ", ".join(shown)


def _compiled(node: Node) -> Sequence[tuple[str, Evaluate | Any]]:
    parts = node.operands if isinstance(node, tree.All) else (node,)
    return list(zip([part.text for part in parts], compile_trees(parts), strict=True))
