"""Factors that are used where they do not belong: reserved ones, noisy changes."""

from __future__ import annotations

import re
from collections.abc import Iterable

from decision_service.domain.verdict import Component, Outcome
from decision_service.language.diagnostics import Place
from decision_service.language.expressions.tree import NameRead, Node, walk
from decision_service.ruleset.constructs.offer.read import OfferPart
from decision_service.ruleset.constructs.rules.read import RulesPart
from decision_service.ruleset.constructs.scorecard.read import ScorecardPart
from decision_service.ruleset.constructs.table.read import TablePart
from decision_service.ruleset.reading.draft import NamedPart, RulesetDraft

_MONEY_MATTERS = frozenset({Component.POLICY, Component.SCORECARD, Component.TABLE})
_NOISY = re.compile(r"(income|contributions)\.change_")


def check_fitness(draft: RulesetDraft) -> None:
    """R506 (warning) for a vendor-parity average in a score, affordability, limit or offer.

    R507 (warning) tells of a rule that declines on a month-to-month change, R508 (warning) of a
    factor for knock-outs only in a score, table or offer, or in a rule of component POLICY.
    """
    inside = {f"derived.{d.name}": d.tree for d in draft.derived}
    for part in draft.parts():
        if part.component in _MONEY_MATTERS:
            for node in _trees(part):
                _parity(node, inside, draft)
        if _scores_or_prices(part):
            for node in _trees(part):
                _reserved(node, part, inside, draft)
        if isinstance(part.part, RulesPart):
            _noise(part.part, inside, draft)


def _scores_or_prices(part: NamedPart) -> bool:
    if isinstance(part.part, RulesPart):
        return part.component is Component.POLICY
    return isinstance(part.part, ScorecardPart | TablePart | OfferPart)


def _trees(part: NamedPart) -> Iterable[Node]:
    return [written.tree for written in part.written()]


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


def _parity(node: Node, inside: dict[str, Node], draft: RulesetDraft) -> None:
    for name, place in _factors(node, inside):
        spec = draft.names.catalogue.get(name)
        if spec is not None and spec.parity:
            message = f"`{name}` leaves out months without income, as the vendor's Insights do"
            hint = "use `income.conservative_6m` for affordability, limits and offers"
            draft.report.warning("R506", place, message, hint)


def _reserved(node: Node, part: NamedPart, inside: dict[str, Node], draft: RulesetDraft) -> None:
    for name, place in _factors(node, inside):
        spec = draft.names.catalogue.get(name)
        if spec is not None and spec.knock_out_only:
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
