"""What constants and declared bounds settle: conditions, stages for nobody, no value at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from decision_service.domain.verdict import Component
from decision_service.language.evaluation.arithmetic import exactly, exponential
from decision_service.language.expressions.tree import (
    Arithmetic,
    FunctionCall,
    Node,
    reads,
    walk,
)
from decision_service.language.types import FLAG, Symbol
from decision_service.ruleset.analysis.ranges import span_of
from decision_service.ruleset.analysis.regions import ValueRange
from decision_service.ruleset.analysis.satisfiable import can_hold
from decision_service.ruleset.program.part import Written
from decision_service.ruleset.reading.bounds import bounds_text
from decision_service.ruleset.reading.draft import RulesetDraft

_DIVISORS = {"round": (1, "step"), "floor": (1, "step"), "annuity": (2, "number of months")}
"""Functions that divide by an argument, with its position and what it is."""


def check_always(draft: RulesetDraft) -> None:
    """R401 for a condition that always holds, R402 for one that never does."""
    for part in draft.parts():
        for written in part.written():
            if written.condition and written.tree.type is FLAG:
                _check(written, draft)


def check_divisions(draft: RulesetDraft) -> None:
    """R314 for an expression that never has a value, because it divides by zero."""
    for tree in draft.trees():
        for divisor, what in _divisors(tree):
            span = span_of(divisor, {}, draft.names.currency)
            if span.low == 0 == span.high:
                message = f"the {what} `{divisor.text}` is always 0, so there is never a value"
                draft.report.error("R314", divisor.place, message, "divide by something else")


def check_left_out(draft: RulesetDraft) -> None:
    """R410 (warning) where several knock-outs or scorecards leave some applicants to none."""
    for component in (Component.KNOCKOUT, Component.SCORECARD):
        parts = [part for part in draft.stages if part.component is component]
        claims = [(p.condition.when, False) for p in parts if p.condition is not None]
        if 1 < len(claims) == len(parts) and can_hold(claims, draft.names.currency):
            names = " and ".join(f"`{part.name}`" for part in parts)
            message = f"there may be applicants to whom no stage of {component} applies: {names}"
            hint = "let the conditions cover everybody, or add a stage without one for the others"
            draft.report.warning("R410", parts[-1].place, message, hint)


def check_undefined(draft: RulesetDraft) -> None:
    """R316 for a function that has no value for any value of its arguments."""
    for tree in draft.trees():
        for node in walk(tree):
            if isinstance(node, FunctionCall) and node.function in _UNDEFINED:
                spans = [span_of(a, {}, draft.names.currency) for a in node.arguments]
                why = _UNDEFINED[node.function](*spans)
                if why:
                    message = f"`{node.text}` never has a value: {why}"
                    draft.report.error("R316", node.place, message, _WITHIN)


def _check(written: Written, draft: RulesetDraft) -> None:
    tree, currency = written.tree, draft.names.currency
    if not can_hold([(tree, True)], currency):
        _report("R402", "never", written, draft)
    elif not can_hold([(tree, False)], currency):
        _report("R401", "always", written, draft)


def _report(code: str, word: str, written: Written, draft: RulesetDraft) -> None:
    message = f"{written.what} is {word} true: `{written.tree.text}`"
    known = [_bounds(symbol) for symbol in reads(written.tree)]
    draft.report.error(code, written.tree.place, message, "; ".join(k for k in known if k))


def _bounds(symbol: Symbol) -> str:
    if symbol.labels:
        return f"`{symbol.name}` is {' or '.join(symbol.labels)}"
    bounds = bounds_text(symbol.lower, symbol.upper)
    return f"`{symbol.name}` is {bounds}" if bounds else ""


def _overflows(of: ValueRange) -> str:
    with exactly():
        try:
            exponential(0 if of.low is None else of.low)
        except ArithmeticError:
            return f"the exponent is {of.low:f} or more, and the result too large"
    return ""


def _no_logarithm(of: ValueRange) -> str:
    never = of.high is not None and of.high <= 0
    return "there is no logarithm of 0 and less" if never else ""


def _no_power(base: ValueRange, exponent: ValueRange) -> str:
    if exponent.low is None or exponent.low != exponent.high:
        return ""
    times = Decimal(exponent.low)
    if base.high is not None and base.high < 0 and times != times.to_integral_value():
        return "a base below 0 has no power that is no whole number"
    if base.low == 0 == base.high and times <= 0:
        return "0 has no power of 0 or less"
    return ""


_WITHIN = "bring it to where there is one: `ln(max(a, 1))`, `exp(min(a, 100))`"
_UNDEFINED: Mapping[str, Callable[..., str]] = {
    "exp": _overflows,
    "ln": _no_logarithm,
    "power": _no_power,
}


def _divisors(tree: Node) -> Iterator[tuple[Node, str]]:
    for node in walk(tree):
        if isinstance(node, Arithmetic) and node.operator == "/":
            yield node.right, "divisor"
        elif isinstance(node, FunctionCall) and node.function in _DIVISORS:
            position, what = _DIVISORS[node.function]
            yield node.arguments[position], what
