"""The `offer:`: amount, term, price and further outputs of an APPROVE or REFER, and limits."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from math import floor
from typing import Any

import msgspec
from msgspec.structs import replace

from decision_service.domain.decision import (
    MONTHLY,
    NO_TERMS,
    ApprovalTerms,
    Component,
    Offer,
    OfferKind,
    Outcome,
    Price,
    RuleTrace,
    Truth,
    Verdict,
)
from decision_service.domain.factor import ValueType
from decision_service.domain.values import LARGEST_AMOUNT, DataReason, Money, exponent
from decision_service.rules.construct import (
    Conclusion,
    Conclusive,
    Effect,
    Finding,
    PartView,
    State,
    Trace,
    Written,
    data_finding,
)
from decision_service.rules.draft import RulesetDraft
from decision_service.rules.keys import (
    AMOUNT,
    BELOW,
    CHOSEN_TERM,
    EFFECTIVE,
    FEES,
    MAXIMUM,
    MINIMUM,
    MOST_COST,
    MOST_TERM_MONTHS,
    MOST_TERMS,
    NOMINAL,
    PENALTY,
    PRICE,
    PRICED,
    RATE,
    TERM,
    TIER,
)
from decision_service.rules.language import types as tree
from decision_service.rules.language.diagnostics import Place, plural
from decision_service.rules.language.evaluation import Evaluate, Values, compile_tree, compile_trees
from decision_service.rules.language.fields import (
    Fields,
    as_integer,
    as_map,
    as_scalar,
    check_identifier,
    replaced_by,
)
from decision_service.rules.language.types import (
    FLAG,
    INTEGER,
    MONEY,
    NUMBER,
    Node,
    Symbol,
    phrase,
    reads,
)
from decision_service.rules.language.values import (
    Gap,
    Unknown,
    exactly,
    from_runtime,
    rule_error,
    union,
)
from decision_service.rules.language.yaml import MapEntry, MapNode, Scalar, YamlNode
from decision_service.rules.program import CompiledRuleset
from decision_service.rules.wording import Wording


@dataclass(frozen=True, slots=True)
class TermChoice:
    """The terms in the order in which they are tried, each with what is asked of it."""

    terms: tuple[int, ...]
    asked: tuple[Node, ...]
    places: tuple[Place, ...] = field(compare=False)


def with_term(node: Node, symbol: Symbol, term: int) -> Node:
    if isinstance(node, tree.NameRead):
        if node.symbol != symbol:
            return node
        return tree.Constant(INTEGER, term, text=node.text, place=node.place)
    changed = {f.name: _with(getattr(node, f.name), symbol, term) for f in fields(node)}
    return dataclasses.replace(node, **changed)


def _with(value: Any, symbol: Symbol, term: int) -> Any:
    if isinstance(value, Node):
        return with_term(value, symbol, term)
    if isinstance(value, tuple) and all(isinstance(item, Node) for item in value):
        return tuple(with_term(item, symbol, term) for item in value)
    return value


def chosen(choice: TermChoice, text: str, place: Place) -> Node:
    # A ladder of `if` and `else`, so that missing data and bounds are those of every expression.
    pairs = list(zip(choice.terms, choice.asked, strict=True))
    # No term fits: 0 months, of which the amount is 0, below the minimum, and so a decline.
    found: Node = _months(0, text, place)
    # From the inside out: the first term of the list is asked first.
    for term, asked in reversed(pairs):
        found = _either(asked, term, found, text=text, place=place)
    return found


def nothing_without_term(amount: Node, term: Symbol) -> Node:
    text = amount.text
    place = amount.place
    name = tree.NameRead(term, text=term.name, place=place)
    fits = tree.Compare(">=", name, _months(1, text, place), text=text, place=place)
    nothing = tree.Constant(MONEY, 0, text=text, place=place)
    return tree.Choice(MONEY, fits, amount, otherwise=nothing, text=text, place=place)


def _either(asked: Node, term: int, otherwise: Node, text: str, place: Place) -> Node:
    months = _months(term, text, place)
    return tree.Choice(INTEGER, asked, months, otherwise=otherwise, text=text, place=place)


def _months(term: int, text: str, place: Place) -> Node:
    return tree.Constant(INTEGER, term, text=text, place=place)


@dataclass(frozen=True, slots=True)
class OfferLine:
    symbol: Symbol
    tree: Node
    place: Place = field(compare=False)


class PriceLines(msgspec.Struct, frozen=True):
    """The names of the lines that say what a law has ceilings for.

    Rates and the penalty are shares a month; fees and the most total cost are amounts.
    """

    nominal_rate: str
    effective_rate: str
    fees: str
    late_penalty: str
    most_total_cost: str


_PRICE_TYPES = {
    NOMINAL: NUMBER,
    EFFECTIVE: NUMBER,
    FEES: MONEY,
    PENALTY: NUMBER,
    MOST_COST: MONEY,
}


class Terms(msgspec.Struct, frozen=True):
    """An offer's lines in order; `below` is the reason of an amount under the minimum."""

    lines: Mapping[str, OfferLine]
    below: str
    requested: Symbol | None
    currency: str
    choice: TermChoice | None = None
    price: PriceLines | None = None


def read_choice(node: YamlNode, draft: RulesetDraft) -> TermChoice | None:
    """The choice of a term; None where anything is wrong, all of it reported."""
    fields = CHOSEN_TERM.open(node, draft.report, what=f"`{TERM}`")
    if fields is None:
        return None
    terms = _terms(fields, draft)
    asked = _asked(fields, draft)
    if asked is None or not terms:
        return None
    symbol = draft.names.symbols[f"offer.{TERM}"]
    places = tuple(item.place for item in fields.items("of"))
    return TermChoice(terms, tuple(with_term(asked, symbol, term) for term in terms), places)


def _terms(fields: Fields, draft: RulesetDraft) -> tuple[int, ...]:
    draft.not_empty(fields, "of")
    items = fields.items("of")
    found: list[int] = []
    for item in items:
        term = as_integer(item, "a term", draft.report, low=1, high=MOST_TERM_MONTHS)
        if term is None:
            continue
        # The order says which term is wanted most, which a list that goes both ways does not.
        if sorted({*found, term}) in ([*found, term], [term, *reversed(found)]):
            found.append(term)
            continue
        hint = "write each once, the shortest or the longest first"
        draft.report.error("R123", item.place, f"the terms neither rise nor fall at {term}", hint)
    if len(items) > MOST_TERMS:
        message = f"there are {len(items)} terms; {MOST_TERMS} are allowed"
        draft.report.error("R123", fields.place("of"), message)
    return tuple(found) if len(found) == len(items) <= MOST_TERMS else ()


def _asked(fields: Fields, draft: RulesetDraft) -> Node | None:
    # Known before its own line is: in `when` it is the term that is tried.
    draft.names.define(f"offer.{TERM}", INTEGER)
    asked = draft.expression(fields.scalar("when"), FLAG)
    if asked is not None and f"offer.{TERM}" not in [symbol.name for symbol in reads(asked)]:
        message = f"`when` does not name `offer.{TERM}`, so that every term is alike"
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
        index = self.choice.terms.index(term) - 1
        if index < 0:
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


Binding = Callable[[Values], str]

UNCHECKED = ApprovalTerms(failed_checks=(DataReason.RULE_ERROR,))
"""The terms where the rules that decided cannot be asked."""

_TYPES = {
    MAXIMUM: ValueType.MONEY,
    AMOUNT: ValueType.MONEY,
    MINIMUM: ValueType.MONEY,
    TERM: ValueType.INTEGER,
    RATE: ValueType.NUMBER,
    TIER: ValueType.TEXT,
}
_REQUESTED = "inputs.requested_amount"


def binding(terms: Terms) -> Binding:
    """A function from the values to the limiting term, followed through earlier offer lines."""
    lines: dict[int, Binding] = {}
    for line in terms.lines.values():
        lines[line.symbol.slot] = _limiting(line.tree, lines)
    return lines[terms.lines[AMOUNT].symbol.slot]


def limits(terms: Terms) -> tuple[str, ...]:
    """Every term that may limit the amount, in the order of the text, each once."""
    lines: dict[int, tuple[str, ...]] = {}
    for line in terms.lines.values():
        lines[line.symbol.slot] = _possible(line.tree, lines)
    return lines[terms.lines[AMOUNT].symbol.slot]


def _possible(node: Node, lines: Mapping[int, tuple[str, ...]]) -> tuple[str, ...]:
    """The terms that `_limiting` may name; one that no argument equals is never met."""
    match node:
        case tree.NameRead() if node.symbol.slot in lines:
            return lines[node.symbol.slot]
        case tree.Choice():
            parts = [node.then, node.otherwise]
        case tree.FunctionCall(function="min" | "max" | "coalesce"):
            parts = [*node.arguments]
        case tree.FunctionCall(function="floor" | "round"):
            parts = [node.arguments[0]]
        case _:
            return (node.text,)
    return tuple(dict.fromkeys(text for part in parts for text in _possible(part, lines)))


def _limiting(node: Node, lines: Mapping[int, Binding]) -> Binding:
    """The part of an expression that gives its value; the whole text where there is none."""
    match node:
        case tree.NameRead() if node.symbol.slot in lines:
            return lines[node.symbol.slot]
        case tree.Choice():
            return _chosen(node, lines)
        case tree.FunctionCall(function="min" | "max" | "coalesce"):
            return _equal_to(node, lines)
        case tree.FunctionCall(function="floor" | "round"):
            return _limiting(node.arguments[0], lines)
    text = node.text
    return lambda _values: text


def _chosen(node: tree.Choice, lines: Mapping[int, Binding]) -> Binding:
    condition = compile_tree(node.condition)
    then = _limiting(node.then, lines)
    otherwise = _limiting(node.otherwise, lines)

    def limiting(values: Values) -> str:
        return then(values) if condition(values) is True else otherwise(values)

    return limiting


def _equal_to(node: tree.FunctionCall, lines: Mapping[int, Binding]) -> Binding:
    whole = compile_tree(node)
    arguments = [(compile_tree(a), _limiting(a, lines)) for a in node.arguments]

    def limiting(values: Values) -> str:
        chosen = whole(values)
        equal = (inner for evaluate, inner in arguments if evaluate(values) == chosen)
        inner = next(equal, None)
        return node.text if inner is None else inner(values)

    return limiting


def _slots_read(node: Node) -> frozenset[int]:
    return frozenset(symbol.slot for symbol in reads(node))


class OfferRunner:
    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.lines = list(terms.lines.values())
        self.closures = compile_trees([line.tree for line in self.lines])
        self.slots = {name: line.symbol.slot for name, line in terms.lines.items()}
        self.computed = list(zip(self.slots.values(), self.closures, strict=True))
        self.amounts = {n for n, line in terms.lines.items() if line.symbol.type is MONEY}
        self.read = [_slots_read(line.tree) for line in self.lines]
        self.shortfall = self._shortfall() if MINIMUM in self.slots else None
        self.falls = None if self.shortfall is None else compile_tree(self.shortfall)
        self.largest = LARGEST_AMOUNT.scaleb(exponent(terms.currency))
        self.limits = frozenset(self.slots[n] for n in (AMOUNT, MINIMUM) if n in self.slots)
        self.binding = binding(terms)
        self.term = TermBinding(terms.choice) if terms.choice else None

    def run(self, state: State) -> Conclusion:
        values = state.values
        # Each line is computed of unrounded ones: amounts are rounded where they leave alone.
        for slot, evaluate in self.computed:
            values[slot] = evaluate(values)
        given = self._round(values)
        record = (given,)
        missing = union(given.values())
        amount = given[AMOUNT]
        # Without an amount and its minimum there is no offer; any other gap refers with the offer
        # made.
        if isinstance(amount, Unknown) or isinstance(given.get(MINIMUM), Unknown):
            state.offered = False
            return self._refer(missing or amount, record)
        # Marked first: whether an amount is too small is asked in every world.
        self._mark(state)
        small = self._too_small(amount, given.get(MINIMUM), state)
        if small is not None:
            # Legal checks look at a finished offer, and here there is none.
            state.offered = False
            return replace(small, record=record)
        state.offer = self._offer(given, state)
        if missing is not None:
            return self._refer(missing, record)
        return Conclusion((), record)

    def priced(self, values: list[Any], amount: int) -> tuple[Mapping[str, Any], Price | None]:
        """The known lines and the price at this amount in minor units; changes `values`."""
        for slot, evaluate in self.computed:
            # A person's amount takes the line's place, and everything below follows from it.
            values[slot] = amount if slot == self.slots[AMOUNT] else evaluate(values)
        leaving = self._leaving(self._round(values))
        return leaving, Price.of(leaving, **self._most(leaving))

    def _refer(self, missing: Unknown, record: tuple[Any, ...]) -> Conclusion:
        findings = tuple(data_finding(gap) for gap in missing.gaps)
        return Conclusion(findings, record, missing.gaps)

    def _round(self, values: list[Any]) -> dict[str, Any]:
        """Amounts in whole minor units, integers as int, as later parts and the offer see them."""
        given: dict[str, Any] = {}
        for name, line in self.terms.lines.items():
            slot = line.symbol.slot
            given[name] = values[slot] = self._rounded(line, values[slot])
        return given

    def _rounded(self, line: OfferLine, value: Any) -> Any:
        if value.__class__ is Unknown:
            return value
        if line.symbol.type is MONEY and -self.largest <= value <= self.largest:
            return floor(value)
        left = from_runtime(line.symbol.name, value, line.symbol.type, currency=self.terms.currency)
        return left.minor if isinstance(left, Money) else left

    def _mark(self, state: State) -> None:
        """Compute the lines in every world, where some rest on a score with bounds."""
        if not state.marks:
            return
        needed = state.read | self.limits
        for line, evaluate, read in zip(self.lines, self.closures, self.read, strict=True):
            slot = line.symbol.slot
            behind = state.behind(read)
            if behind:
                state.marks[slot] = behind
            for world in state.worlds if slot in needed else ():
                world[slot] = self._rounded(line, evaluate(world)) if behind else state.values[slot]

    def _too_small(self, amount: int, minimum: int | None, state: State) -> Conclusion | None:
        behind = state.behind(self.limits)
        if minimum is not None and (amount < minimum or (behind and self._may_fall(state))):
            return self._below(behind, state)
        if amount > 0:
            return None
        return self._refer(rule_error(f"offer.{AMOUNT}", "the amount is not above zero"), ())

    def _may_fall(self, state: State) -> bool:
        return self.falls is not None and any(t is not False for t in state.everywhere(self.falls))

    def _below(self, behind: tuple[Gap, ...], state: State) -> Conclusion:
        """APPROVE and REFER decline, an amount with bounds refers; no REFER is LEGAL here."""
        # On clean facts an amount below the minimum declines, whatever else refers.
        if not behind:
            below = self.terms.below
            because = self.shortfall
            finding = Finding(Outcome.DECLINE, below, Component.POLICY, because=because)
            return Conclusion((finding,), ())
        # With bounds a REFER stays what it is, without an offer.
        if state.outcome is Outcome.REFER:
            return Conclusion((), ())
        return Conclusion((data_finding(behind[0]),), (), behind)

    def _shortfall(self) -> Node:
        amount = self.terms.lines[AMOUNT]
        minimum = self.terms.lines[MINIMUM]
        left = tree.NameRead(amount.symbol, text=amount.symbol.name, place=amount.place)
        right = tree.NameRead(minimum.symbol, text=minimum.symbol.name, place=minimum.place)
        text = f"{left.text} < {right.text}"
        return tree.Compare("<", left, right, text=text, place=amount.place)

    def _offer(self, given: Mapping[str, Any], state: State) -> Offer:
        leaving = self._leaving(given)
        term = leaving.get(TERM)
        requested = self.terms.requested and state.values[self.terms.requested.slot]
        # Where no amount was sent, nothing is reduced.
        reduced = isinstance(requested, int) and given[AMOUNT] < requested
        return Offer(
            kind=OfferKind.REDUCED if reduced else OfferKind.FULL,
            approved_amount=leaving[AMOUNT],
            max_amount=leaving.get(MAXIMUM),
            term_months=term,
            monthly_rate=leaving.get(RATE),
            tier=leaving.get(TIER, ""),
            binding=self.binding(state.values) if reduced else "",
            term_binding=self.term.text(term, state.values) if self.term and term else "",
            outputs={name: value for name, value in leaving.items() if name not in _TYPES},
            **self._most(leaving),
        )

    def _most(self, leaving: Mapping[str, Any]) -> dict[str, Any]:
        """The penalty and the most total cost, where the rules name them."""
        price = self.terms.price
        if price is None:
            return {}
        penalty = leaving.get(price.late_penalty)
        cost = leaving.get(price.most_total_cost)
        # A penalty written as a whole number is a share all the same
        share = None if penalty is None else Decimal(penalty)
        return {PENALTY: share, MOST_COST: cost}

    def _leaving(self, given: Mapping[str, Any]) -> dict[str, Any]:
        currency = self.terms.currency
        amounts = self.amounts
        return {
            name: Money(currency, value) if name in amounts else value
            for name, value in given.items()
            if value.__class__ is not Unknown
        }

    def trees(self) -> Iterable[Node]:
        return [line.tree for line in self.lines]

    def note(self, _record: tuple[Any, ...]) -> str:
        return ""

    def describe(self, record: tuple[Any, ...], view: PartView) -> tuple[RuleTrace, ...]:
        (given,) = record
        terms = self.term.note(view.values, view.wording) if self.term else ""
        return tuple(
            RuleTrace(
                stage=view.stage,
                id=name,
                truth=Truth.UNKNOWN if isinstance(value, Unknown) else Truth.TRUE,
                effect=view.wording.value(value, self.terms.lines[name].symbol.type),
                note=terms if name == TERM else "",
            )
            for name, value in given.items()
        )

    def effects(self, found: Conclusion, view: PartView) -> Iterable[Effect]:
        for name, value in found.record[0].items():
            line = self.terms.lines[name]
            shown = view.wording.value(value, line.symbol.type)
            gone = isinstance(value, Unknown)
            yield Effect(name, shown, (line.tree,), gives=(line.symbol.name,), decides=gone)
        limits = () if self.shortfall is None else (self.shortfall,)
        yield Effect(BELOW, str(found.outcome), limits, decides=True)

    def coverage(self, record: tuple[Any, ...]) -> Iterable[tuple[str, str]]:
        if self.term is not None and isinstance(record[0][TERM], int):
            yield f"offer line `{TERM}`", _named(record[0][TERM])

    def goals(self) -> Iterable[tuple[str, str, Place]]:
        choice = self.terms.choice
        if choice is None:
            return
        for term, place in zip(choice.terms, choice.places, strict=True):
            yield f"offer line `{TERM}`", _named(term), place
        yield f"offer line `{TERM}`", _named(0), self.terms.lines[TERM].place


def _named(term: int) -> str:
    return plural(term, "month") if term else "none fits"


@dataclass(frozen=True, slots=True)
class OfferPart:
    terms: Terms
    place: Place = field(compare=False)
    component: Component = Component.POLICY

    def written(self) -> Iterable[Written]:
        return [
            Written(line.tree, line.place, f"offer line `{name}`")
            for name, line in self.terms.lines.items()
        ]

    def conclusive(self) -> Iterable[Conclusive]:
        # One without the other is reported as that.
        if MINIMUM not in self.terms.lines or not self.terms.below:
            return []
        return [Conclusive(Outcome.DECLINE, self.place, f"`{MINIMUM}`", has_reason=True)]

    def unexcused(self) -> Iterable[tuple[Place, str]]:
        return ()

    def outputs(self) -> Sequence[Symbol]:
        return [line.symbol for line in self.terms.lines.values()]

    def runner(self) -> OfferRunner:
        return OfferRunner(self.terms)


def announces(node: YamlNode) -> set[str]:
    if not isinstance(node, MapNode):
        return set()
    return {f"offer.{e.key}" for e in node.entries if not _names_no_line(e)}


def _names_no_line(entry: MapEntry) -> bool:
    """A line may be called `price`: only a map of that name says which lines are the price."""
    return entry.key == BELOW or (entry.key == PRICE and isinstance(entry.value, MapNode))


def read_offer(node: YamlNode, _component: Component, draft: RulesetDraft) -> OfferPart | None:
    written = as_map(node, "`offer`", draft.report)
    if written is None:
        return None
    lines: dict[str, OfferLine] = {}
    choice: TermChoice | None = None
    for entry in written.entries:
        if entry.key == TERM and isinstance(entry.value, MapNode):
            choice = read_choice(entry.value, draft)
        if not _names_no_line(entry):
            line = _line(entry, choice, draft)
            if line is not None:
                lines[entry.key] = line
    below = _below(written, draft)
    _check_keys(written, draft)
    _check_choice(written, draft)
    requested = draft.names.symbols.get(_REQUESTED)
    price = _read_price(written, draft)
    terms = Terms(
        lines, below, requested, currency=draft.names.currency, choice=choice, price=price
    )
    return OfferPart(terms, written.place)


def _read_price(written: MapNode, draft: RulesetDraft) -> PriceLines | None:
    """Which lines are the price; None where none are named, or one is wrong, which is reported."""
    node = written.get(PRICE)
    if not isinstance(node, MapNode):
        return None
    read = PRICED.read(node, draft.report, draft)
    if read is None:
        return None
    found = {key: _price_line(read[key], key, draft) for key in _PRICE_TYPES}
    names = {key: name for key, name in found.items() if name}
    return PriceLines(**names) if len(names) == len(found) else None


def _price_line(name: tree.NameRead | None, key: str, draft: RulesetDraft) -> str:
    if name is None:
        return ""
    family, _, line = name.symbol.name.partition(".")
    wanted = _PRICE_TYPES[key]
    number = name.symbol.type in (INTEGER, NUMBER)
    if family != "offer":
        message = f"`{name.text}` is no line of the offer"
        hint = f"give it one, `{key}: {name.text}`, and name that: `offer.{key}`"
        draft.report.error("R218", name.place, message, hint)
        return ""
    # A rate of 0 may be written as a whole number.
    if name.symbol.type is not wanted and not (wanted is NUMBER and number):
        message = f"`{name.text}` is {phrase(name.symbol.type)}; `{key}` is {phrase(wanted)}"
        draft.report.error("R304", name.place, message)
        return ""
    return line


def _line(entry: MapEntry, choice: TermChoice | None, draft: RulesetDraft) -> OfferLine | None:
    gone = replaced_by("the offer", entry.key)
    if gone:
        draft.report.error("R120", entry.key_place, f"the offer has no `{entry.key}`", gone)
        return None
    named = check_identifier(entry.key, entry.key_place, "the offer line", report=draft.report)
    tree = _tree(entry, choice, draft)
    if tree is None or not named:
        draft.names.broken.add(f"offer.{entry.key}")
        return None
    symbol: Symbol = draft.names.define(f"offer.{entry.key}", _TYPES.get(entry.key, tree.type))
    return OfferLine(symbol, tree, entry.key_place)


def _tree(entry: MapEntry, choice: TermChoice | None, draft: RulesetDraft) -> Node | None:
    """A line's expression; of a chosen term the choice, and of the amount 0 where no term fits."""
    if entry.key == TERM and isinstance(entry.value, MapNode):
        return None if choice is None else chosen(choice, f"offer.{TERM}", entry.key_place)
    scalar = as_scalar(entry.value, f"`{entry.key}`", draft.report)
    found: Node | None = draft.expression(scalar, _TYPES.get(entry.key))
    if entry.key == AMOUNT and found is not None and choice is not None:
        return nothing_without_term(found, draft.names.symbols[f"offer.{TERM}"])
    return found


def _check_choice(written: MapNode, draft: RulesetDraft) -> None:
    if not isinstance(written.get(TERM), MapNode):
        return
    keys = [entry.key for entry in written.entries]
    if AMOUNT in keys[: keys.index(TERM)]:
        message = f"`{TERM}` is chosen below `{AMOUNT}`, which depends on it"
        hint = "move it up: lines are defined from top to bottom"
        draft.report.error("R209", written.key_place(TERM), message, hint)
    # Where no term fits the amount is 0, which without a minimum would be an error of the rule.
    if written.get(MINIMUM) is None:
        message = f"the offer chooses `{TERM}` but has no `{MINIMUM}`"
        hint = f"where nothing fits, an application is declined for its `{BELOW}`"
        draft.report.error("R121", written.key_place(TERM), message, hint)


def _below(written: MapNode, draft: RulesetDraft) -> str:
    node = written.get(BELOW)
    if not isinstance(node, Scalar) or node.torn:
        return ""
    draft.use_reason(node)
    return node.text


def _check_keys(written: MapNode, draft: RulesetDraft) -> None:
    if written.get(AMOUNT) is None:
        hint = f"add `{AMOUNT}: inputs.requested_amount`"
        draft.report.error("R121", written.place, f"the offer has no `{AMOUNT}`", hint)
    keys: Mapping[str, str] = {MINIMUM: BELOW, BELOW: MINIMUM}
    for key, other in keys.items():
        if written.get(key) is not None and written.get(other) is None:
            message = f"the offer has `{key}` but no `{other}`"
            hint = f"below `{MINIMUM}` an application is declined for the `{BELOW}` of the offer"
            draft.report.error("R121", written.key_place(key), message, hint)


def price(ruleset: CompiledRuleset, verdict: Verdict, amount: Money) -> ApprovalTerms:
    """What the offer comes to at an amount, on the values behind a verdict of this ruleset."""
    runners = (stage.runner for stage in ruleset.program.closing)
    runner = next((one for one in runners if isinstance(one, OfferRunner)), None)
    trace = verdict.raw_trace
    if runner is None or not isinstance(trace, Trace) or runner.terms.currency != amount.currency:
        return NO_TERMS
    values = [*trace.values]
    with exactly():
        given, found = runner.priced(values, amount.minor)
        failed = _failed_checks(ruleset, State(values, ruleset.program.read))
    instalment = given.get(MONTHLY)
    minimum = given.get(MINIMUM)
    return ApprovalTerms(
        # Where no term fits the amount, its term is 0 months.
        given.get(TERM) or None,
        instalment if isinstance(instalment, Money) else None,
        failed,
        price=found,
        minimum=minimum if isinstance(minimum, Money) else None,
        offered=None if verdict.offer is None else verdict.offer.most,
    )


def _failed_checks(ruleset: CompiledRuleset, state: State) -> tuple[str, ...]:
    closing = ruleset.program.closing
    # A person may approve another amount than the rules, and no unlawful one.
    checks = (stage.runner for stage in closing if stage.component is Component.LEGAL)
    found = (finding.code for check in checks for finding in check.run(state).findings)
    return tuple(dict.fromkeys(found))
