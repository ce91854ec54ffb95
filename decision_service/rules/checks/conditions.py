"""Conditions that always or never hold, that an earlier rule has decided, or that never approve."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from decision_service.domain.decision import Component, Outcome
from decision_service.rules.construct import SEVERITY, StageCondition, Written
from decision_service.rules.draft import RulesetDraft
from decision_service.rules.knockouts import Rule, RulesPart
from decision_service.rules.language.types import (
    FLAG,
    All,
    Arithmetic,
    Choice,
    FunctionCall,
    Node,
    Symbol,
    reads,
    walk,
)
from decision_service.rules.language.values import exactly, exponential
from decision_service.rules.literals import bounds_text
from decision_service.rules.ranges import ValueRange, span_of
from decision_service.rules.satisfiable import Claim, can_hold

_MOST_RULES = 100
_WITHIN = "bring it to where there is one: `ln(max(a, 1))`, `exp(min(a, 100))`"
_DIVISORS = {"round": (1, "step"), "floor": (1, "step"), "annuity": (2, "number of months")}
"""Functions that divide by an argument, with its position and what it is."""


def check_always(draft: RulesetDraft) -> None:
    """R401 for a condition that always holds, R402 for one that never does."""
    for part in draft.parts():
        for written in part.written():
            if written.condition and written.tree.type is FLAG:
                _check_written(written, draft)


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


def check_segments(draft: RulesetDraft) -> None:
    """R321 for a figure that an expression chooses by a segment: parameters have one for each."""
    segments = {name.symbol.name for name in draft.segments.values()}
    for tree in draft.trees() if segments else ():
        for node in walk(tree):
            if isinstance(node, Choice) and _by_segment(node, segments):
                message = f"`{node.text}` is a figure by segment"
                hint = "write a parameter with `values:` by the labels of the segment, dated or not"
                draft.report.error("R321", node.place, message, hint)


def _by_segment(node: Choice, segments: Collection[str]) -> bool:
    asked = {symbol.name for symbol in reads(node.condition)}
    given = (*reads(node.then), *reads(node.otherwise))
    return bool(asked) and asked <= set(segments) and all(symbol.constant for symbol in given)


def _check_written(written: Written, draft: RulesetDraft) -> None:
    tree = written.tree
    for code, word, truth in (("R402", "never", True), ("R401", "always", False)):
        if not can_hold([(tree, truth)], draft.names.currency):
            message = f"{written.what} is {word} true: `{tree.text}`"
            hint = "; ".join(filter(None, map(_bounds, reads(tree))))
            draft.report.error(code, tree.place, message, hint)
            return


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


_UNDEFINED: Mapping[str, Callable[..., str]] = {
    "exp": _overflows,
    "ln": _no_logarithm,
}


def _divisors(tree: Node) -> Iterator[tuple[Node, str]]:
    for node in walk(tree):
        if isinstance(node, Arithmetic) and node.operator == "/":
            yield node.right, "divisor"
        elif isinstance(node, FunctionCall) and node.function in _DIVISORS:
            position, what = _DIVISORS[node.function]
            yield node.arguments[position], what


def check_shadowed(draft: RulesetDraft) -> None:
    """R407 for a rule identical to an earlier one, R408 for one contained in it."""
    for part in draft.parts():
        if isinstance(part.part, RulesPart):
            rules = part.part.rules[:_MOST_RULES]
            for index, rule in enumerate(rules):
                _check_shadowed_rule(rule, rules[:index], draft)


def _check_shadowed_rule(rule: Rule, earlier: tuple[Rule, ...], draft: RulesetDraft) -> None:
    for other in earlier:
        if rule.when is None or other.when is None or rule.then is None or other.then is None:
            continue
        if rule.when == other.when:
            message = f"{rule.what} has the condition of {other.what} on line {other.place.line}"
            draft.report.error("R407", rule.when.place, message, "make them one rule")
            return
        if SEVERITY[rule.then] <= SEVERITY[other.then] and contained(rule, other, draft):
            message = f"whenever {rule.what} holds, {other.what} on line {other.place.line} does"
            hint = f"it changes nothing after {other.then}; remove it or narrow the earlier one"
            draft.report.error("R408", rule.when.place, message, hint)
            return


def contained(rule: Rule, other: Rule, draft: RulesetDraft) -> bool:
    """Whether another rule holds whenever a rule does, each being true of some values."""
    if rule.when is None or other.when is None:
        return False
    currency = draft.names.currency
    if not (can_hold([(rule.when, True)], currency) and can_hold([(other.when, False)], currency)):
        return False  # never or always true: reported as that
    return not can_hold([(rule.when, True), (other.when, False)], currency)


def check_approval(draft: RulesetDraft) -> None:
    """R406 where nothing can approve, R409 for a rule whose APPROVE others always worsen."""
    outcomes = {each.outcome for part in draft.parts() for each in part.part.conclusive()}
    if Outcome.APPROVE not in outcomes:
        if draft.stages:
            hint = "approval is never a default: add a rule with `then: APPROVE`"
            _nothing_approves("no rule, band or row approves", hint, draft)
        return
    worse = [rule for stage in _stages(draft) for rule in stage if _worsens(rule, draft)]
    worse = worse[:_MOST_RULES]
    if worse and _impossible([], worse, draft):
        hint = "leave values for which no REFER or DECLINE holds"
        _nothing_approves("some rule refers or declines whatever the values are", hint, draft)
        return
    for stage in _stages(draft):
        for index, rule in enumerate(stage):
            if rule.then is Outcome.APPROVE and not _is_reported(rule, index, stage, draft):
                _check_approving_rule(rule, worse, draft)


def _nothing_approves(what: str, hint: str, draft: RulesetDraft) -> None:
    message = f"{what}, so that every application is referred or declined"
    draft.report.error("R406", draft.root.node.key_place("stages"), message, hint)


def _stages(draft: RulesetDraft) -> Iterator[Sequence[Rule]]:
    for part in draft.parts():
        if isinstance(part.part, RulesPart):
            rules = part.part.rules[:_MOST_RULES]
            yield [_within_stage(rule, part.condition) for rule in rules]


def _within_stage(rule: Rule, condition: StageCondition | None) -> Rule:
    when = rule.when
    if condition is None or when is None:
        return rule
    return replace(rule, when=All((condition.when, when), text=when.text, place=when.place))


def _worsens(rule: Rule, draft: RulesetDraft) -> bool:
    """Whether it refers or declines, also where a value is missing; what always holds is R401."""
    if rule.when is None or rule.then in (None, Outcome.APPROVE) or rule.when_missing is None:
        return False
    return can_hold([(rule.when, False)], draft.names.currency)


def _is_reported(rule: Rule, index: int, stage: Sequence[Rule], draft: RulesetDraft) -> bool:
    same = any(o is not rule and o.then and o.when == rule.when for o in stage)
    worse = [o for o in stage[:index] if o.then not in (None, Outcome.APPROVE)]
    return same or any(contained(rule, o, draft) for o in worse)


def _check_approving_rule(rule: Rule, worse: Sequence[Rule], draft: RulesetDraft) -> None:
    if rule.when is None or _impossible([(rule.when, True)], [], draft):
        return
    if not _impossible([(rule.when, True)], worse, draft):
        return
    by = next((o for o in worse if contained(rule, o, draft)), None)
    others = "some other rule" if by is None else f"{by.what} on line {by.place.line}"
    message = f"{rule.what} can never approve: whenever it holds, {others} refers or declines"
    draft.report.error("R409", rule.when.place, message, "remove it, or narrow the others")


def _impossible(claims: Sequence[Claim], worse: Sequence[Rule], draft: RulesetDraft) -> bool:
    """Whether no values fulfil the claims and leave every one of these rules false."""
    false = [(rule.when, False) for rule in worse if rule.when is not None]
    return not can_hold([*claims, *false], draft.names.currency)
