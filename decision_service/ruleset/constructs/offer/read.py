"""The `offer:`: amount, term, price and further outputs of an APPROVE or REFER."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from decision_service.domain.factor import ValueType
from decision_service.domain.verdict import Component, Outcome
from decision_service.language.diagnostics import Place
from decision_service.language.expressions.tree import Node as Tree
from decision_service.language.types import Symbol
from decision_service.language.yaml.nodes import MapEntry, MapNode, Scalar, YamlNode
from decision_service.language.yaml.readers import as_map, as_scalar, check_identifier
from decision_service.ruleset.constructs.offer.choice import (
    TermChoice,
    chosen,
    nothing_without_term,
)
from decision_service.ruleset.constructs.offer.choosing import read_choice
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
from decision_service.ruleset.constructs.offer.run import OfferRunner
from decision_service.ruleset.program.part import Conclusive, Written
from decision_service.ruleset.reading.draft import RulesetDraft

_TYPES = {
    MAXIMUM: ValueType.MONEY,
    AMOUNT: ValueType.MONEY,
    MINIMUM: ValueType.MONEY,
    TERM: ValueType.INTEGER,
    RATE: ValueType.NUMBER,
    TIER: ValueType.TEXT,
}
_REQUESTED = "inputs.requested_amount"


@dataclass(frozen=True, slots=True)
class OfferPart:
    """The offer as it was read."""

    terms: Terms
    place: Place = field(compare=False)
    component: Component = Component.POLICY

    def written(self) -> Iterable[Written]:
        """The lines."""
        return [
            Written(line.tree, line.place, f"offer line `{name}`")
            for name, line in self.terms.lines.items()
        ]

    def conclusive(self) -> Iterable[Conclusive]:
        """The decline of an amount below the minimum."""
        if MINIMUM not in self.terms.lines or not self.terms.below:
            return []  # one without the other is reported as that
        return [Conclusive(Outcome.DECLINE, self.place, f"`{MINIMUM}`", has_reason=True)]

    def unexcused(self) -> Iterable[tuple[Place, str]]:
        """Nothing: a part that is missing refers."""
        return ()

    def outputs(self) -> Sequence[Symbol]:
        """The lines."""
        return [line.symbol for line in self.terms.lines.values()]

    def runner(self) -> OfferRunner:
        """The lines, ready to compute."""
        return OfferRunner(self.terms)


def announces(node: YamlNode) -> set[str]:
    """`offer.<line>` for each line."""
    if not isinstance(node, MapNode):
        return set()
    return {f"offer.{e.key}" for e in node.entries if e.key != BELOW}


def read_offer(node: YamlNode, _component: Component, draft: RulesetDraft) -> OfferPart | None:
    """The offer; its lines are defined from top to bottom."""
    written = as_map(node, "`offer`", draft.report)
    if written is None:
        return None
    lines: dict[str, OfferLine] = {}
    choice: TermChoice | None = None
    for entry in written.entries:
        if entry.key == TERM and isinstance(entry.value, MapNode):
            choice = read_choice(entry.value, draft)
        if entry.key != BELOW:
            line = _line(entry, choice, draft)
            if line is not None:
                lines[entry.key] = line
    below = _below(written, draft)
    _check_keys(written, draft)
    _check_choice(written, draft)
    requested = draft.names.symbols.get(_REQUESTED)
    terms = Terms(lines, below, requested, draft.names.currency, choice)
    return OfferPart(terms, written.place)


def _line(entry: MapEntry, choice: TermChoice | None, draft: RulesetDraft) -> OfferLine | None:
    named = check_identifier(entry.key, entry.key_place, "the offer line", draft.report)
    tree = _tree(entry, choice, draft)
    if tree is None or not named:
        draft.names.broken.add(f"offer.{entry.key}")
        return None
    symbol: Symbol = draft.names.define(f"offer.{entry.key}", _TYPES.get(entry.key, tree.type))
    return OfferLine(symbol, tree, entry.key_place)


def _tree(entry: MapEntry, choice: TermChoice | None, draft: RulesetDraft) -> Tree | None:
    """A line's expression; of a chosen term the choice, and of the amount 0 where no term fits."""
    if entry.key == TERM and isinstance(entry.value, MapNode):
        return None if choice is None else chosen(choice, f"offer.{TERM}", entry.key_place)
    scalar = as_scalar(entry.value, f"`{entry.key}`", draft.report)
    found: Tree | None = draft.expression(scalar, _TYPES.get(entry.key))
    if entry.key == AMOUNT and found is not None and choice is not None and choice.fits:
        return nothing_without_term(found, draft.names.symbols[f"offer.{TERM}"])
    return found


def _check_choice(written: MapNode, draft: RulesetDraft) -> None:
    """A chosen term stands above the amount, and has a reason to decline where none fits."""
    if not isinstance(written.get(TERM), MapNode):
        return
    keys = [entry.key for entry in written.entries]
    if AMOUNT in keys[: keys.index(TERM)]:
        message = f"`{TERM}` is chosen below `{AMOUNT}`, which depends on it"
        hint = "move it up: lines are defined from top to bottom"
        draft.report.error("R209", written.key_place(TERM), message, hint)
    if written.get(MINIMUM) is None:
        message = f"the offer chooses `{TERM}` but has no `{MINIMUM}`"
        hint = f"where nothing fits, an application is declined for the reason `{BELOW}`"
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
            hint = f"below `{MINIMUM}` an application is declined for the reason `{BELOW}`"
            draft.report.error("R121", written.key_place(key), message, hint)
