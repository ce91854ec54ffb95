"""Knock-outs that let people through whom the scorecard can only decline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

import msgspec

from decision_service.domain.verdict import Component, Outcome
from decision_service.language.expressions import tree
from decision_service.language.types import INTEGER
from decision_service.ruleset.analysis.month_counts import implied, in_a_first_job
from decision_service.ruleset.analysis.regions import ValueRange, overlap
from decision_service.ruleset.analysis.satisfiable import can_hold
from decision_service.ruleset.constructs.rules.model import Rule
from decision_service.ruleset.constructs.rules.read import RulesPart
from decision_service.ruleset.constructs.scorecard.model import Card, Characteristic
from decision_service.ruleset.constructs.scorecard.read import ScorecardPart
from decision_service.ruleset.program.wording import Wording
from decision_service.ruleset.reading.draft import NamedPart, RulesetDraft

Tells = Callable[[str, Decimal, str], ValueRange | None]

_SURVIVORS: tuple[tuple[Tells, str], ...] = (
    (implied, "them"),
    (in_a_first_job, "those in a first job"),
)
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_MOST_STEPS = 120


class _Bound(msgspec.Struct, frozen=True):
    """The last value that a knock-out lets through, and which way the others lie."""

    name: tree.NameRead
    value: Decimal
    step: int


def check_dead_zone(draft: RulesetDraft) -> None:
    """R509 (warning) for a knock-out whose survivors at its bound a scorecard can only decline."""
    for part in draft.stages:
        if part.component is Component.KNOCKOUT and isinstance(part.part, RulesPart):
            for rule in part.part.rules:
                for card in _cards(part, draft):
                    _check(rule, card, draft)


def _cards(knockout: NamedPart, draft: RulesetDraft) -> Iterator[Card]:
    """The scorecards of stages that may apply to somebody to whom a knock-out applies."""
    for part in draft.stages:
        conditions = [p.condition for p in (knockout, part) if p.condition is not None]
        claims = [(condition.when, True) for condition in conditions]
        if isinstance(part.part, ScorecardPart) and can_hold(claims, draft.names.currency):
            yield part.part.card


def _check(rule: Rule, card: Card, draft: RulesetDraft) -> None:
    if rule.when is None or rule.then is not Outcome.DECLINE or not _sound(card):
        return
    for bound in _bounds(rule.when, draft):
        for tells, who in _SURVIVORS:
            dead = list(_dead(bound, card, tells))
            if dead:
                _report(rule, bound, dead, f"scorecard `{card.id}` can only decline {who}", draft)
                return


def _report(rule: Rule, bound: _Bound, dead: list[Decimal], what: str, draft: RulesetDraft) -> None:
    if rule.when is not None:
        span = Wording(draft.names.currency).span(ValueRange(min(dead), max(dead)), bound.name.type)
        message = f"{rule.what} lets through `{bound.name.text}` of {span}, but {what}"
        hint = "move the threshold, or give these values points with which a band refers"
        draft.report.warning("R509", rule.when.place, message, hint)


def _sound(card: Card) -> bool:
    """Whether the card was read whole, with its bands from the highest total down."""
    starts = [band.start for band in card.bands if band.start is not None]
    read = bool(card.characteristics) and all(c.complete for c in card.characteristics)
    return read and starts == sorted(set(starts), reverse=True)


def _bounds(when: tree.Node, draft: RulesetDraft) -> Iterator[_Bound]:
    """The bounds of a comparison, or of each of several of which one is enough."""
    if isinstance(when, tree.Any):
        for operand in when.operands:
            yield from _bounds(operand, draft)
    if not isinstance(when, tree.Compare) or when.operator not in _MIRRORED:
        return
    for left, operator, right in (
        (when.left, when.operator, when.right),
        (when.right, _MIRRORED[when.operator], when.left),
    ):
        if isinstance(left, tree.NameRead) and left.symbol.name in draft.names.catalogue:
            yield from _bounds_of(left, operator, _figures(right, draft))


def _bounds_of(name: tree.NameRead, operator: str, figures: Iterable[Decimal]) -> Iterator[_Bound]:
    step = 1 if operator in ("<", "<=") else -1
    strict = operator in ("<=", ">=")  # then the figure itself is knocked out
    if strict and name.type is not INTEGER:
        return
    for figure in figures:
        yield _Bound(name, figure + step if strict else figure, step)


def _figures(node: tree.Node, draft: RulesetDraft) -> list[Decimal]:
    """A literal's value, or every value that a parameter ever has."""
    match node:
        case tree.Constant():
            values = [node.value]
        case tree.NameRead() if node.symbol.constant:
            values = [s.value for s in draft.params[node.symbol.name.partition(".")[2]].every_step]
        case _:
            values = []
    return [Decimal(v) for v in values if isinstance(v, int | Decimal)]


def _dead(bound: _Bound, card: Card, tells: Tells) -> Iterator[Decimal]:
    """The values from the bound on of which even the best total is declined."""
    for index in range(_MOST_STEPS if bound.name.type is INTEGER else 1):
        value = bound.value + index * bound.step
        best = _best(bound.name.symbol.name, value, card, tells)
        if best is None or card.band_of(best).then is not Outcome.DECLINE:
            return
        yield value


def _best(name: str, value: Decimal, card: Card, tells: Tells) -> Decimal | None:
    """The best total with a factor's value; None where the value has no bin."""
    best = [_points(each, name, value, tells) for each in card.characteristics]
    found = [points for points in best if points is not None]
    return card.base + sum(found) if len(found) == len(best) else None


def _points(each: Characteristic, name: str, value: Decimal, tells: Tells) -> Decimal | None:
    own = each.name.symbol.name
    span = ValueRange(value, value) if own == name else tells(name, value, own)
    if span is None:
        return max(each.scores)
    bins = (b for b in each.bins if any(overlap(s, span, each.name.type) for s in b.cell.spans))
    return max((b.points for b in bins), default=None)
