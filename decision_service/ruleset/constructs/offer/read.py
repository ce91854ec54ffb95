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
    for entry in written.entries:
        if entry.key != BELOW:
            line = _line(entry, draft)
            if line is not None:
                lines[entry.key] = line
    below = _below(written, draft)
    _check_keys(written, draft)
    requested = draft.names.symbols.get(_REQUESTED)
    return OfferPart(Terms(lines, below, requested, draft.names.currency), written.place)


def _line(entry: MapEntry, draft: RulesetDraft) -> OfferLine | None:
    named = check_identifier(entry.key, entry.key_place, "the offer line", draft.report)
    scalar = as_scalar(entry.value, f"`{entry.key}`", draft.report)
    tree: Tree | None = draft.expression(scalar, _TYPES.get(entry.key))
    if tree is None or not named:
        draft.names.broken.add(f"offer.{entry.key}")
        return None
    symbol: Symbol = draft.names.define(f"offer.{entry.key}", _TYPES.get(entry.key, tree.type))
    return OfferLine(symbol, tree, entry.key_place)


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
