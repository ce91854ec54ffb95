"""Checks across constructs; a new one is a line of `CHECKS`."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import PurePosixPath

from decision_service.domain.decision import Component, Outcome
from decision_service.rules.construct import SEVERITY, StageCondition, Written
from decision_service.rules.draft import USES, NamedPart, RulesetDraft
from decision_service.rules.knockouts import Rule, RulesPart
from decision_service.rules.language import types as tree
from decision_service.rules.language.diagnostics import Place
from decision_service.rules.language.values import exactly, exponential
from decision_service.rules.language.yaml import ListNode, Scalar
from decision_service.rules.literals import bounds_text
from decision_service.rules.offer import OfferPart
from decision_service.rules.ranges import Claim, ValueRange, can_hold, span_of
from decision_service.rules.reach import check_bands, check_bins, check_dead_zone, check_rows
from decision_service.rules.scorecard import ScorecardPart
from decision_service.rules.table import TablePart, check_cost

# Rules are compared with each other: the time of it grows with the square of their number.
_MOST_RULES = 100
_WITHIN = "bring it to where there is one: `ln(max(a, 1))`, `exp(min(a, 100))`"
# `annuity_amount` is none of them: what no payment repays is 0, a value like any.
_DIVISORS = {"round": (1, "step"), "floor": (1, "step"), "annuity": (2, "number of months")}
"""Functions that divide by an argument, with its position and what it is."""


def check_always(draft: RulesetDraft) -> None:
    """R401 for a condition that always holds, R402 for one that never does."""
    for part in draft.parts():
        for written in part.written():
            if written.condition and written.tree.type is tree.FLAG:
                _check_written(written, draft)


def check_divisions(draft: RulesetDraft) -> None:
    """R314 for an expression that never has a value, because it divides by zero."""
    for written in draft.trees():
        for divisor, what in _divisors(written):
            span = span_of(divisor, {}, draft.names.currency)
            if span.low == 0 == span.high:
                message = f"the {what} `{divisor.text}` is always 0, so there is never a value"
                draft.report.error("R314", divisor.place, message, "divide by something else")


def check_left_out(draft: RulesetDraft) -> None:
    """R410 (warning) where several knock-outs or scorecards leave some applicants to none."""
    for component in (Component.KNOCKOUT, Component.SCORECARD):
        parts = [part for part in draft.stages if part.component is component]
        # A stage without a segment takes every applicant, so that nobody is left out where there is
        # one.
        claims = [(p.condition.when, False) for p in parts if p.condition is not None]
        if 1 < len(claims) == len(parts) and can_hold(claims, draft.names.currency):
            names = " and ".join(f"`{part.name}`" for part in parts)
            message = f"there may be applicants that no stage of {component} applies to: {names}"
            hint = "let the conditions cover all applicants, or add a stage without one"
            draft.report.warning("R410", parts[-1].place, message, hint)


def check_undefined(draft: RulesetDraft) -> None:
    """R316 for a function that has no value for any value of its arguments."""
    for written in draft.trees():
        for node in tree.walk(written):
            if isinstance(node, tree.FunctionCall) and node.function in _UNDEFINED:
                spans = [span_of(a, {}, draft.names.currency) for a in node.arguments]
                why = _UNDEFINED[node.function](*spans)
                if why:
                    message = f"`{node.text}` never has a value: {why}"
                    draft.report.error("R316", node.place, message, _WITHIN)


def check_segments(draft: RulesetDraft) -> None:
    """R321 for a figure that an expression chooses by a segment: parameters have one for each."""
    segments = {name.symbol.name for name in draft.segments.values()}
    for written in draft.trees() if segments else ():
        for node in tree.walk(written):
            if isinstance(node, tree.Choice) and _by_segment(node, segments):
                message = f"`{node.text}` is a figure by segment"
                hint = "write a parameter with `values:` by the labels of the segment, dated or not"
                draft.report.error("R321", node.place, message, hint)


def _by_segment(node: tree.Choice, segments: Collection[str]) -> bool:
    asked = {symbol.name for symbol in tree.reads(node.condition)}
    given = (*tree.reads(node.then), *tree.reads(node.otherwise))
    # Two cards are joined into one band like this; only constants could be a parameter instead.
    return bool(asked) and asked <= set(segments) and all(symbol.constant for symbol in given)


def _check_written(written: Written, draft: RulesetDraft) -> None:
    node = written.tree
    for code, word, truth in (("R402", "never", True), ("R401", "always", False)):
        if not can_hold([(node, truth)], draft.names.currency):
            message = f"{written.what} is {word} true: `{node.text}`"
            hint = "; ".join(filter(None, map(_bounds, tree.reads(node))))
            draft.report.error(code, node.place, message, hint)
            return


def _bounds(symbol: tree.Symbol) -> str:
    if symbol.labels:
        return f"`{symbol.name}` is {' or '.join(symbol.labels)}"
    bounds = bounds_text(symbol.lower, symbol.upper)
    return f"`{symbol.name}` is {bounds}" if bounds else ""


def _overflows(of: ValueRange) -> str:
    with exactly():
        try:
            # The smallest exponent: where even that overflows, no other has a value.
            exponential(0 if of.low is None else of.low)
        except ArithmeticError:
            return f"the exponent is {of.low:f} or more, and the result too large"
    return ""


def _no_logarithm(of: ValueRange) -> str:
    never = of.high is not None and of.high <= 0
    return "there is no logarithm of 0 and less" if never else ""


_UNDEFINED: Mapping[str, Callable[..., str]] = {"exp": _overflows, "ln": _no_logarithm}


def _divisors(written: tree.Node) -> Iterator[tuple[tree.Node, str]]:
    for node in tree.walk(written):
        if isinstance(node, tree.Arithmetic) and node.operator == "/":
            yield node.right, "divisor"
        elif isinstance(node, tree.FunctionCall) and node.function in _DIVISORS:
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
        # A worse outcome than the earlier rule's still changes the answer: the worst one counts.
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
    # What is never or always true is reported as that (R401, R402), and not as contained.
    if not (can_hold([(rule.when, True)], currency) and can_hold([(other.when, False)], currency)):
        return False
    return not can_hold([(rule.when, True), (other.when, False)], currency)


def check_approval(draft: RulesetDraft) -> None:
    """R406 where nothing can approve, R409 for a rule whose APPROVE others always worsen."""
    outcomes = {each.outcome for part in draft.parts() for each in part.part.conclusive()}
    if Outcome.APPROVE not in outcomes:
        # That there are no stages is reported already.
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
            if rule.then is Outcome.APPROVE and not _is_reported(rule, index, stage, draft=draft):
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
    # It worsens what others approve for the applicants of its stage alone.
    return replace(rule, when=tree.All((condition.when, when), text=when.text, place=when.place))


def _worsens(rule: Rule, draft: RulesetDraft) -> bool:
    """Whether it refers or declines, also where a value is missing; what always holds is R401."""
    # With SKIP an applicant without the value passes, so that such a rule leaves room to approve.
    if rule.when is None or rule.then in (None, Outcome.APPROVE) or rule.when_missing is None:
        return False
    # A rule that is always true is reported as that.
    return can_hold([(rule.when, False)], draft.names.currency)


def _is_reported(rule: Rule, index: int, stage: Sequence[Rule], draft: RulesetDraft) -> bool:
    # R407 or R408 says it of these already.
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


_MONEY_MATTERS = frozenset({Component.POLICY, Component.SCORECARD, Component.TABLE})
_UNUSED = {
    "reasons": ("R501", "reason"),
    "params": ("R502", "parameter"),
    "derived": ("R503", "derived name"),
    "inputs": ("R504", "input"),
    "tags": ("R511", "tag"),
}
_NOISY = re.compile(r"(income|contributions)\.change_")


def check_fitness(draft: RulesetDraft) -> None:
    """R506 (warning) for a vendor-parity average in a score, affordability, limit or offer.

    R507 (warning) is for a rule that declines on a month-to-month change, R508 (warning) of a
    factor for knock-outs only in a score, table or offer, or in a rule of component POLICY.
    """
    inside = {f"derived.{d.name}": d.tree for d in draft.derived}
    for part in draft.parts():
        for written in part.written():
            _misplaced(written.tree, part, inside, draft=draft)
        if isinstance(part.part, RulesPart):
            _noise(part.part, inside, draft)


def _scores_or_prices(part: NamedPart) -> bool:
    if isinstance(part.part, RulesPart):
        return part.component is Component.POLICY
    return isinstance(part.part, ScorecardPart | TablePart | OfferPart)


def _factors(node: tree.Node, inside: dict[str, tree.Node]) -> Iterable[tuple[str, Place]]:
    """The names an expression rests on, derived ones followed to theirs."""
    waiting = [node]
    # Each derived name is followed once, however many others rest on it.
    left = dict(inside)
    while waiting:
        for each in tree.walk(waiting.pop()):
            if isinstance(each, tree.NameRead):
                if each.symbol.name not in inside:
                    yield each.symbol.name, each.place
                elif (deeper := left.pop(each.symbol.name, None)) is not None:
                    waiting.append(deeper)


def _misplaced(
    node: tree.Node, part: NamedPart, inside: dict[str, tree.Node], draft: RulesetDraft
) -> None:
    for name, place in _factors(node, inside):
        spec = draft.names.catalogue.get(name)
        if spec is not None and spec.parity and part.component in _MONEY_MATTERS:
            message = f"`{name}` leaves out months without income, as the vendor's Insights do"
            hint = "use `income.conservative_6m` for affordability, limits and offers"
            draft.report.warning("R506", place, message, hint)
        if spec is not None and spec.knock_out_only and _scores_or_prices(part):
            message = f"`{name}` is for knock-outs only, and `{part.name}` is no knock-out"
            hint = "let a rule of component KNOCKOUT decline or refer on it"
            draft.report.warning("R508", place, message, hint)


def _noise(rules: RulesPart, inside: dict[str, tree.Node], draft: RulesetDraft) -> None:
    for rule in rules.rules:
        if rule.then is not Outcome.DECLINE or rule.when is None:
            continue
        for name, place in _factors(rule.when, inside):
            if _NOISY.match(name):
                message = f"{rule.what} declines on `{name}`, which jumps from month to month"
                hint = "use `income.trend_6m_pct`, or let it refer"
                draft.report.warning("R507", place, message, hint)


def check_history(draft: RulesetDraft) -> None:
    """R505 (warning) for a threshold of months below a used factor's need, without `because`."""
    # A rule with `because` says what becomes of those who have no value.
    provided = _provided_for(draft)
    names = [name for name in draft.names.factors if name not in provided]
    for part in draft.stages:
        if part.component is Component.KNOCKOUT and isinstance(part.part, RulesPart):
            for rule in part.part.rules:
                for factor, months in _thresholds(rule):
                    _check(rule, factor, months, names=names, draft=draft)


def _provided_for(draft: RulesetDraft) -> set[str]:
    stages = (part.part for part in draft.stages if isinstance(part.part, RulesPart))
    whens = [rule.when for stage in stages for rule in stage.rules if rule.because and rule.when]
    return {symbol.name for when in whens for symbol in tree.reads(when)}


def _check(
    rule: Rule, factor: str, months: Decimal, names: Iterable[str], draft: RulesetDraft
) -> None:
    family = factor.partition(".")[0]
    for name in names:
        spec = draft.names.catalogue[name]
        needs = spec.needs_months
        if spec.family == family and needs is not None and needs > months and rule.when is not None:
            message = f"{rule.what} lets through {months:f} months, but `{name}` needs {needs}"
            hint = "it will be missing for the others; raise the threshold or use a shorter factor"
            draft.report.warning("R505", rule.when.place, message, hint)


def _thresholds(rule: Rule) -> Iterable[tuple[str, Decimal]]:
    """Names of months-of-history factors that must be at least so many to pass."""
    if rule.then is not Outcome.DECLINE or not isinstance(rule.when, tree.Compare):
        return
    left = rule.when.left
    right = rule.when.right
    is_months = isinstance(left, tree.NameRead) and ".months_" in left.symbol.name
    if rule.when.operator != "<" or not is_months or left.type is not tree.INTEGER:
        return
    if isinstance(right, tree.Constant) and isinstance(right.value, int):
        yield left.text, Decimal(right.value)
    if (
        isinstance(right, tree.NameRead)
        and right.symbol.constant
        and right.symbol.lower is not None
    ):
        # The least of its values, of all dates and labels, lets the shortest history through.
        yield left.text, right.symbol.lower


def check_params(draft: RulesetDraft) -> None:
    """R431 for a parameter that begins later than another one, or later than today."""
    firsts = {
        (name, each.label or ("default" if param.by else "")): each.steps[0].start
        for name, param in draft.params.items()
        for each in param.series
    }
    begun = min((first for first in firsts.values() if first is not None), default=None)
    now = draft.now
    zone = draft.zone
    today = None if now is None or zone is None else now.astimezone(zone).date()
    for (name, label), first in firsts.items():
        if first is None or begun is None:
            continue
        # A figure without a value on a day has every application of that day referred.
        if first > begun:
            hint = f"other parameters begin on {begun}: give it a value from then on"
            _report(name, label, first, hint=hint, draft=draft)
        elif today is not None and first > today:
            hint = f"today is {today}: give it a value from then on"
            _report(name, label, first, hint=hint, draft=draft)


def _report(name: str, label: str, first: date, hint: str, draft: RulesetDraft) -> None:
    what = f"`params.{name}`{f' of {label}' if label else ''}"
    message = f"{what} has no value before {first}"
    draft.report.error("R431", draft.places[f"params.{name}"], message, hint)


def check_because(draft: RulesetDraft) -> None:
    """R404 for SKIP, DECLINE on missing and generous fixed points without `because`."""
    for part in draft.parts():
        for place, message in part.part.unexcused():
            draft.report.error("R404", place, message, 'add `because: "…"`')


def check_reasonless(draft: RulesetDraft) -> None:
    """R403 for a DECLINE or REFER without a reason."""
    for part in draft.parts():
        for each in part.part.conclusive():
            if each.outcome is not Outcome.APPROVE and not each.has_reason:
                message = f"{each.what} concludes {each.outcome} without a reason"
                hint = "add `reason:` with a code from `reasons:`"
                draft.report.error("R403", each.place, message, hint)


def check_reason_factors(draft: RulesetDraft) -> None:
    """R211 for a `reason_factor` that is a parameter: it says nothing of the applicant."""
    for part in draft.parts():
        for rule in part.part.rules if isinstance(part.part, RulesPart) else ():
            if rule.reason_factor.startswith("params."):
                message = (
                    f"the `reason_factor` of {rule.what} is `{rule.reason_factor}`, which is the "
                    "same for all"
                )
                draft.report.error("R211", rule.place, message, "name what is compared with it")


def check_unused(draft: RulesetDraft) -> None:
    """R501 to R504 and R511 (warnings) for reasons, parameters, derived names, inputs and tags.

    What is in shared files is for other products, too; R513 is for a file that is not used.
    """
    _check_files(draft)
    # What rows use that could not be read is not known: then nothing is called unused.
    for name, place in draft.places.items() if not draft.unread else ():
        family, _, rest = name.partition(".")
        noted = {"reasons": draft.used_reasons, "tags": draft.used_tags}.get(family)
        used = name in draft.names.used if noted is None else rest in noted
        # What is in shared files is for other products, too.
        if place.file != draft.files.path:
            continue
        # The offer compares itself with it, to say whether it is reduced, without naming it.
        if name == "inputs.requested_amount" and draft.root.has("offer"):
            continue
        if used or name in draft.names.broken:
            continue
        code, word = _UNUSED[family]
        message = f"the {word} `{rest}` is used nowhere"
        draft.report.warning(code, place, message, "remove it, or use it")


def _check_files(draft: RulesetDraft) -> None:
    """R513 (a warning) for each file under `uses` of which nothing is used."""
    used = {file for file, _ in draft.shared}
    node = draft.root.get(USES)
    root = PurePosixPath(draft.files.path).parent.parent
    for item in node.items if isinstance(node, ListNode) and not draft.unread else ():
        if isinstance(item, Scalar) and str(root / item.text) not in used:
            message = f"nothing of `{item.text}` is used"
            draft.report.warning("R513", item.place, message, "remove it")


Check = Callable[[RulesetDraft], None]

CHECKS: tuple[Check, ...] = (
    check_always, check_approval, check_bands, check_because, check_bins, check_cost,
    check_dead_zone, check_divisions, check_fitness, check_history, check_left_out, check_params,
    check_reason_factors, check_reasonless, check_rows, check_segments, check_shadowed,
    check_undefined, check_unused,
)  # fmt: skip
