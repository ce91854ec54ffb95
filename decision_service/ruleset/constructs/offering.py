"""Runs an offer: computes its lines, rounds amounts down, compares with request and minimum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from decision_service.domain.factor import ValueType
from decision_service.domain.money import LARGEST_AMOUNT, Money, exponent
from decision_service.domain.verdict import (
    Component,
    Offer,
    OfferKind,
    Outcome,
    RuleTrace,
    Truth,
)
from decision_service.language import tree
from decision_service.language.diagnostics import Place
from decision_service.language.generated import compile_definitions
from decision_service.language.threevalued import (
    Gap,
    Unknown,
    compile_tree,
    rule_error,
    union,
)
from decision_service.language.tree import Node, reads
from decision_service.language.types import Symbol
from decision_service.language.values import floor_minor, from_runtime
from decision_service.ruleset.findings import Conclusion, Finding, State, data_finding
from decision_service.ruleset.part import View

MAXIMUM, AMOUNT, MINIMUM = "max_amount", "approved_amount", "minimum_amount"
BELOW, TERM, RATE, TIER = "below_minimum", "term_months", "monthly_rate", "tier"
_KNOWN = frozenset({MAXIMUM, AMOUNT, MINIMUM, TERM, RATE, TIER})


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the offer."""

    symbol: Symbol
    tree: Node
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class Terms:
    """An offer's lines in order; `below` is the reason of an amount under the minimum."""

    lines: Mapping[str, Line]
    below: str
    requested: Symbol | None
    currency: str


class OfferRunner:
    """Makes the offer, or finds that there is none to make."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.lines = list(terms.lines.values())
        self.batch = compile_definitions([(line.symbol.slot, line.tree) for line in self.lines])
        self.slots = {name: line.symbol.slot for name, line in terms.lines.items()}
        self.shortfall = self._shortfall() if MINIMUM in self.slots else None
        self.largest = int(LARGEST_AMOUNT.scaleb(exponent(terms.currency)))
        self.limits = frozenset(self.slots[n] for n in (AMOUNT, MINIMUM) if n in self.slots)

    def run(self, state: State) -> Conclusion:
        """Compute the lines and judge the amount; missing parts turn an APPROVE into REFER."""
        self.batch.run(state.values, state.gone)
        given = self._round(state)
        self._mark(state)
        record = (given,)
        missing = union(given.values())
        amount = given[AMOUNT]
        if isinstance(amount, Unknown) or isinstance(given.get(MINIMUM), Unknown):
            state.offered = False
            return self._refer(missing or amount, record)
        small = self._too_small(amount, given.get(MINIMUM), state)
        if small is not None:
            state.offered = False
            return small._replace(record=record)
        state.offer = self._offer(given, state)
        if missing is not None:
            return self._refer(missing, record)
        return Conclusion(None, (), record)

    def _refer(self, missing: Unknown, record: tuple[Any, ...]) -> Conclusion:
        findings = tuple(data_finding(gap) for gap in missing.gaps)
        return Conclusion(Outcome.REFER, findings, record, missing.gaps)

    def _round(self, state: State) -> dict[str, Any]:
        """Amounts in whole minor units, integers as int, as later parts and the offer see them."""
        given: dict[str, Any] = {}
        for name, line in self.terms.lines.items():
            slot = line.symbol.slot
            given[name] = value = self._rounded(line, state.values[slot])
            state.values[slot] = value
            if value.__class__ is Unknown:
                state.gone.add(slot)
        return given

    def _rounded(self, line: Line, value: Any) -> Any:
        if value.__class__ is Unknown:
            return value
        if line.symbol.type is ValueType.MONEY and -self.largest <= value <= self.largest:
            return floor_minor(value)
        left = from_runtime(line.symbol.name, value, line.symbol.type, self.terms.currency)
        return left.minor if isinstance(left, Money) else left

    def _mark(self, state: State) -> None:
        """Compute the lines in every world, where some rest on a score with bounds."""
        for line in self.lines if state.marks else ():
            behind = state.behind(frozenset(s.slot for s in reads(line.tree)))
            if behind:
                state.mark((line.symbol.slot,), behind)
                evaluate = compile_tree(line.tree)
                for world in state.worlds:
                    world[line.symbol.slot] = self._rounded(line, evaluate(state.in_world(world)))

    def _too_small(self, amount: int, minimum: int | None, state: State) -> Conclusion | None:
        behind = state.behind(self.limits)
        if minimum is not None and (amount < minimum or (behind and self._may_fall(state))):
            return self._below(behind, state)
        if amount > 0:
            return None
        gone = rule_error(f"offer.{AMOUNT}", "the amount is not above zero")
        return self._refer(gone, ())

    def _may_fall(self, state: State) -> bool:
        """Whether the amount is below the minimum in any world."""
        if self.shortfall is None:
            return False
        truths = state.everywhere(compile_tree(self.shortfall))
        return any(truth is not False for truth in truths)

    def _below(self, behind: tuple[Gap, ...], state: State) -> Conclusion:
        """Under the minimum an APPROVE becomes DECLINE; a REFER stays one without an offer."""
        if state.outcome is not Outcome.APPROVE:
            return Conclusion(None, (), ())
        if behind:
            return Conclusion(Outcome.REFER, (data_finding(behind[0]),), (), behind)
        finding = Finding(
            Outcome.DECLINE, self.terms.below, Component.POLICY, because=self.shortfall
        )
        return Conclusion(Outcome.DECLINE, (finding,), ())

    def _shortfall(self) -> Node:
        amount, minimum = self.terms.lines[AMOUNT], self.terms.lines[MINIMUM]
        left = tree.Read(amount.symbol, text=amount.symbol.name, place=amount.place)
        right = tree.Read(minimum.symbol, text=minimum.symbol.name, place=minimum.place)
        text = f"{left.text} < {right.text}"
        return tree.Compare("<", left, right, text=text, place=amount.place)

    def _offer(self, given: Mapping[str, Any], state: State) -> Offer:
        leaving = {name: self._leaving(name, value) for name, value in given.items()}
        requested = self.terms.requested and state.values[self.terms.requested.slot]
        reduced = isinstance(requested, int) and given[AMOUNT] < requested
        return Offer(
            kind=OfferKind.REDUCED if reduced else OfferKind.FULL,
            approved_amount=leaving[AMOUNT],
            max_amount=leaving.get(MAXIMUM),
            term_months=leaving.get(TERM),
            monthly_rate=leaving.get(RATE),
            tier=leaving.get(TIER) or "",
            binding=self._binding(state.values) if reduced else "",
            outputs={k: v for k, v in leaving.items() if k not in _KNOWN and v is not None},
        )

    def _leaving(self, name: str, value: Any) -> Any:
        if value.__class__ is Unknown:
            return None
        if self.terms.lines[name].symbol.type is ValueType.MONEY:
            return Money(self.terms.currency, value)
        return value

    def _binding(self, values: Sequence[Any]) -> str:
        """The innermost term that limits the amount, followed through earlier offer lines."""
        node = self.terms.lines[AMOUNT].tree
        lines = {line.symbol.slot: line.tree for line in self.lines}
        while True:
            if isinstance(node, tree.Read) and node.symbol.slot in lines:
                node = lines[node.symbol.slot]
                continue
            inner = _limiting_part(node, values)
            if inner is None:
                return node.text
            node = inner

    def note(self, _record: tuple[Any, ...]) -> str:
        """Nothing: the rows say it all."""
        return ""

    def describe(self, record: tuple[Any, ...], view: View) -> tuple[RuleTrace, ...]:
        """Each line with its value."""
        (given,) = record
        return tuple(
            RuleTrace(
                stage=view.stage,
                id=name,
                truth=Truth.UNKNOWN if isinstance(value, Unknown) else Truth.TRUE,
                effect=view.wording.value(value, self.terms.lines[name].symbol.type),
            )
            for name, value in given.items()
        )

    def coverage(self, _record: tuple[Any, ...]) -> Iterable[tuple[str, str]]:
        """Nothing: lines have no branches to cover."""
        return ()

    def goals(self) -> Iterable[tuple[str, str]]:
        """Nothing."""
        return ()


def _limiting_part(node: Node, values: Sequence[Any]) -> Node | None:
    """The part of an expression that its value comes from; None where it is its own."""
    match node:
        case tree.Choice():
            return node.then if compile_tree(node.condition)(values) is True else node.otherwise
        case tree.Call(function="min" | "max"):
            chosen = compile_tree(node)(values)
            same = [a for a in node.arguments if compile_tree(a)(values) == chosen]
            return same[0] if same else None
        case tree.Call(function="floor" | "round"):
            return node.arguments[0]
        case tree.Call(function="coalesce"):
            known = [a for a in node.arguments if not isinstance(compile_tree(a)(values), Unknown)]
            return known[0] if known else None
    return None
