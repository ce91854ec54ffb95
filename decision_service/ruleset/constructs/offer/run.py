"""Runs an offer: computes its lines, rounds amounts down, compares with request and minimum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import floor
from typing import Any

from msgspec.structs import replace

from decision_service.domain.money import LARGEST_AMOUNT, Money, exponent
from decision_service.domain.verdict import (
    Component,
    Offer,
    OfferKind,
    Outcome,
    RuleTrace,
    Truth,
)
from decision_service.language.diagnostics import Place
from decision_service.language.evaluation.emitter import compile_tree, compile_trees
from decision_service.language.evaluation.kleene import (
    Gap,
    Unknown,
    rule_error,
    union,
)
from decision_service.language.evaluation.values import from_runtime
from decision_service.language.expressions import tree
from decision_service.language.expressions.tree import Node, reads
from decision_service.language.types import MONEY
from decision_service.ruleset.constructs.offer.binding import binding
from decision_service.ruleset.constructs.offer.model import (
    AMOUNT,
    BELOW,
    MAXIMUM,
    MINIMUM,
    RATE,
    TERM,
    TIER,
    OfferLine,
    Terms,
)
from decision_service.ruleset.constructs.offer.term_binding import TermBinding
from decision_service.ruleset.program.findings import Conclusion, Finding, data_finding
from decision_service.ruleset.program.part import Effect, PartView
from decision_service.ruleset.program.state import State

_KNOWN = frozenset({MAXIMUM, AMOUNT, MINIMUM, TERM, RATE, TIER})


class OfferRunner:
    """Computes the offer, or concludes without one."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.lines = list(terms.lines.values())
        self.closures = compile_trees([line.tree for line in self.lines])
        self.slots = {name: line.symbol.slot for name, line in terms.lines.items()}
        self.computed = list(zip(self.slots.values(), self.closures, strict=True))
        self.amounts = {n for n, line in terms.lines.items() if line.symbol.type is MONEY}
        self.read = [frozenset(s.slot for s in reads(line.tree)) for line in self.lines]
        self.shortfall = self._shortfall() if MINIMUM in self.slots else None
        self.falls = None if self.shortfall is None else compile_tree(self.shortfall)
        self.largest = LARGEST_AMOUNT.scaleb(exponent(terms.currency))
        self.limits = frozenset(self.slots[n] for n in (AMOUNT, MINIMUM) if n in self.slots)
        self.binding = binding(terms)
        self.term = TermBinding(terms.choice) if terms.choice else None

    def run(self, state: State) -> Conclusion:
        """Compute the lines and judge the amount; missing parts turn an APPROVE into REFER."""
        values = state.values
        for slot, evaluate in self.computed:
            values[slot] = evaluate(values)
        given = self._round(values)
        record = (given,)
        missing = union(given.values())
        amount = given[AMOUNT]
        if isinstance(amount, Unknown) or isinstance(given.get(MINIMUM), Unknown):
            state.offered = False
            return self._refer(missing or amount, record)
        self._mark(state)
        small = self._too_small(amount, given.get(MINIMUM), state)
        if small is not None:
            state.offered = False
            return replace(small, record=record)
        state.offer = self._offer(given, state)
        if missing is not None:
            return self._refer(missing, record)
        return Conclusion((), record)

    def priced(self, values: list[Any], amount: int) -> Mapping[str, Any]:
        """The lines where this amount, in minor units, is approved; those that are known.

        `values` are what the stages came to, by slot, and are changed.
        """
        for slot, evaluate in self.computed:
            values[slot] = amount if slot == self.slots[AMOUNT] else evaluate(values)
        return self._leaving(self._round(values))

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
        left = from_runtime(line.symbol.name, value, line.symbol.type, self.terms.currency)
        return left.minor if isinstance(left, Money) else left

    def _mark(self, state: State) -> None:
        """Compute the lines in every world, where some rest on a score with bounds."""
        if not state.marks:
            return
        needed = state.read | self.limits
        for line, evaluate, read in zip(self.lines, self.closures, self.read, strict=True):
            slot, behind = line.symbol.slot, state.behind(read)
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
        gone = rule_error(f"offer.{AMOUNT}", "the amount is not above zero")
        return self._refer(gone, ())

    def _may_fall(self, state: State) -> bool:
        """Whether the amount is below the minimum in any world."""
        if self.falls is None:
            return False
        truths = state.everywhere(self.falls)
        return any(truth is not False for truth in truths)

    def _below(self, behind: tuple[Gap, ...], state: State) -> Conclusion:
        """Under the minimum an APPROVE and a REFER decline; an amount with bounds only refers.

        No REFER is of kind LEGAL here: post-checks see a finished offer, and there is none.
        """
        if not behind:
            below, because = self.terms.below, self.shortfall
            finding = Finding(Outcome.DECLINE, below, Component.POLICY, because=because)
            return Conclusion((finding,), ())
        if state.outcome is Outcome.REFER:
            return Conclusion((), ())
        return Conclusion((data_finding(behind[0]),), (), behind)

    def _shortfall(self) -> Node:
        amount, minimum = self.terms.lines[AMOUNT], self.terms.lines[MINIMUM]
        left = tree.NameRead(amount.symbol, text=amount.symbol.name, place=amount.place)
        right = tree.NameRead(minimum.symbol, text=minimum.symbol.name, place=minimum.place)
        text = f"{left.text} < {right.text}"
        return tree.Compare("<", left, right, text=text, place=amount.place)

    def _offer(self, given: Mapping[str, Any], state: State) -> Offer:
        leaving = self._leaving(given)
        requested = self.terms.requested and state.values[self.terms.requested.slot]
        reduced = isinstance(requested, int) and given[AMOUNT] < requested
        return Offer(
            kind=OfferKind.REDUCED if reduced else OfferKind.FULL,
            approved_amount=leaving[AMOUNT],
            max_amount=leaving.get(MAXIMUM),
            term_months=leaving.get(TERM),
            monthly_rate=leaving.get(RATE),
            tier=leaving.get(TIER, ""),
            binding=self.binding(state.values) if reduced else "",
            term_binding=self._term_binding(leaving.get(TERM), state),
            outputs={name: value for name, value in leaving.items() if name not in _KNOWN},
        )

    def _leaving(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The known lines as they leave the rules, amounts as Money."""
        currency, amounts = self.terms.currency, self.amounts
        return {
            name: Money(currency, value) if name in amounts else value
            for name, value in given.items()
            if value.__class__ is not Unknown
        }

    def _term_binding(self, term: int | None, state: State) -> str:
        return self.term.text(term, state.values) if self.term and term else ""

    def trees(self) -> Iterable[Node]:
        """Every expression that its result follows from, cells as conditions."""
        return [line.tree for line in self.lines]

    def note(self, _record: tuple[Any, ...]) -> str:
        """Empty: the rows show the result."""
        return ""

    def describe(self, record: tuple[Any, ...], view: PartView) -> tuple[RuleTrace, ...]:
        """Each line with its value."""
        (given,) = record
        return tuple(
            RuleTrace(
                stage=view.stage,
                id=name,
                truth=Truth.UNKNOWN if isinstance(value, Unknown) else Truth.TRUE,
                effect=view.wording.value(value, self.terms.lines[name].symbol.type),
                note=self._note(name, view),
            )
            for name, value in given.items()
        )

    def effects(self, found: Conclusion, view: PartView) -> Iterable[Effect]:
        """Each line's value, of which a missing one refers, and what the offer concludes."""
        for name, value in found.record[0].items():
            line = self.terms.lines[name]
            shown = view.wording.value(value, line.symbol.type)
            gone = isinstance(value, Unknown)
            yield Effect(name, shown, (line.tree,), (line.symbol.name,), gone)
        limits = () if self.shortfall is None else (self.shortfall,)
        yield Effect(BELOW, str(found.outcome), limits, decides=True)

    def _note(self, name: str, view: PartView) -> str:
        if self.term is None or name != TERM:
            return ""
        return self.term.note(view.values, view.wording)

    def coverage(self, record: tuple[Any, ...]) -> Iterable[tuple[str, str]]:
        """The chosen term; other lines have no branches to cover."""
        if self.term is not None and isinstance(record[0][TERM], int):
            yield f"offer line `{TERM}`", _named(record[0][TERM])

    def goals(self) -> Iterable[tuple[str, str, Place]]:
        """Each term, and none where perhaps none fits."""
        choice = self.terms.choice
        if choice is None:
            return
        for term, place in zip(choice.terms, choice.places, strict=True):
            yield f"offer line `{TERM}`", _named(term), place
        if choice.fits:
            yield f"offer line `{TERM}`", _named(0), self.terms.lines[TERM].place


def _named(term: int) -> str:
    return f"{term} months" if term else "none fits"
