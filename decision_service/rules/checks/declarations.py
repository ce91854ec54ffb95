"""Factors where they do not belong, short histories, and declarations unused or without a value."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from pathlib import PurePosixPath

from decision_service.domain.decision import Component, Outcome
from decision_service.rules.draft import USES, NamedPart, RulesetDraft
from decision_service.rules.knockouts import Rule, RulesPart
from decision_service.rules.language import types as tree
from decision_service.rules.language.diagnostics import Place
from decision_service.rules.language.types import INTEGER, NameRead, Node, walk
from decision_service.rules.language.yaml import ListNode, Scalar
from decision_service.rules.offer import OfferPart
from decision_service.rules.scorecard import ScorecardPart
from decision_service.rules.table import TablePart

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

    R507 (warning) tells of a rule that declines on a month-to-month change, R508 (warning) of a
    factor for knock-outs only in a score, table or offer, or in a rule of component POLICY.
    """
    inside = {f"derived.{d.name}": d.tree for d in draft.derived}
    for part in draft.parts():
        for written in part.written():
            _misplaced(written.tree, part, inside, draft)
        if isinstance(part.part, RulesPart):
            _noise(part.part, inside, draft)


def _scores_or_prices(part: NamedPart) -> bool:
    if isinstance(part.part, RulesPart):
        return part.component is Component.POLICY
    return isinstance(part.part, ScorecardPart | TablePart | OfferPart)


def _factors(node: Node, inside: dict[str, Node]) -> Iterable[tuple[str, Place]]:
    """The names an expression rests on, derived ones followed to theirs."""
    waiting, left = [node], dict(inside)
    while waiting:
        for each in walk(waiting.pop()):
            if isinstance(each, NameRead):
                if each.symbol.name not in inside:
                    yield each.symbol.name, each.place
                elif (deeper := left.pop(each.symbol.name, None)) is not None:
                    waiting.append(deeper)


def _misplaced(node: Node, part: NamedPart, inside: dict[str, Node], draft: RulesetDraft) -> None:
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


def _noise(rules: RulesPart, inside: dict[str, Node], draft: RulesetDraft) -> None:
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
    provided = _provided_for(draft)
    names = [name for name in draft.names.factors if name not in provided]
    for part in draft.stages:
        if part.component is Component.KNOCKOUT and isinstance(part.part, RulesPart):
            for rule in part.part.rules:
                for factor, months in _thresholds(rule):
                    _check(rule, factor, months, names, draft)


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
    left, right = rule.when.left, rule.when.right
    is_months = isinstance(left, tree.NameRead) and ".months_" in left.symbol.name
    if rule.when.operator != "<" or not is_months or left.type is not INTEGER:
        return
    if isinstance(right, tree.Constant) and isinstance(right.value, int):
        yield left.text, Decimal(right.value)
    if (
        isinstance(right, tree.NameRead)
        and right.symbol.constant
        and right.symbol.lower is not None
    ):
        yield left.text, right.symbol.lower


def check_params(draft: RulesetDraft) -> None:
    """R431 for a parameter that begins later than another one, or later than today."""
    firsts = {
        (name, each.label or ("default" if param.by else "")): each.steps[0].start
        for name, param in draft.params.items()
        for each in param.series
    }
    begun = min((first for first in firsts.values() if first is not None), default=None)
    now, zone = draft.now, draft.zone
    today = None if now is None or zone is None else now.astimezone(zone).date()
    for (name, label), first in firsts.items():
        if first is None or begun is None:
            continue
        if first > begun:
            hint = f"other parameters begin on {begun}: give it a value from then on"
            _report(name, label, first, hint, draft)
        elif today is not None and first > today:
            hint = f"today is {today}: give it a value from then on"
            _report(name, label, first, hint, draft)


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
                    "same for everybody"
                )
                hint = "name what is compared with it"
                draft.report.error("R211", rule.place, message, hint)


def check_unused(draft: RulesetDraft) -> None:
    """R501 to R504 and R511 (warnings) for reasons, parameters, derived names, inputs and tags.

    What stands in shared files is for other products, too; R513 tells of a file that is not used.
    """
    _check_files(draft)
    for name, place in draft.places.items() if not draft.unread else ():
        family, _, rest = name.partition(".")
        noted = {"reasons": draft.used_reasons, "tags": draft.used_tags}.get(family)
        used = name in draft.names.used if noted is None else rest in noted
        if place.file != draft.files.path:
            continue
        if used or name in draft.names.broken or _used_by_offer(name, draft):
            continue
        code, word = _UNUSED[family]
        message = f"the {word} `{rest}` is used nowhere"
        draft.report.warning(code, place, message, "remove it, or use it")


def _check_files(draft: RulesetDraft) -> None:
    """R513 (a warning) for each file under `uses` of which nothing is used."""
    used, node = {file for file, _ in draft.shared}, draft.root.get(USES)
    root = PurePosixPath(draft.files.path).parent.parent
    for item in node.items if isinstance(node, ListNode) and not draft.unread else ():
        if isinstance(item, Scalar) and str(root / item.text) not in used:
            message = f"nothing of `{item.text}` is used"
            draft.report.warning("R513", item.place, message, "remove it")


def _used_by_offer(name: str, draft: RulesetDraft) -> bool:
    """The requested amount decides whether an offer is reduced."""
    return name == "inputs.requested_amount" and draft.root.has("offer")
