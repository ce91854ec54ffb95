"""Figures at their spots in values, and their changes one way and the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from decision_service.language.types import Symbol
from decision_service.language.yaml.nodes import ListNode, MapEntry, MapNode, Scalar, YamlNode
from decision_service.ruleset.analysis.ranges import written_labels
from decision_service.ruleset.figures.model import Edit, FigureChange
from decision_service.ruleset.figures.neighbours import (
    FigureToken,
    beside,
    figures,
    next_to,
    operators,
)
from decision_service.ruleset.reading.names import names_in

Spot = tuple[Scalar, FigureToken]


class Vocabulary(msgspec.Struct, frozen=True):
    """The names of a ruleset, and the words that stand under some keys (`then`, `reason`).

    With `operators` those of expressions change too.
    """

    symbols: Mapping[str, Symbol]
    choices: Mapping[str, tuple[str, ...]]
    operators: bool = False

    def of_name(self, name: str) -> tuple[str, ...]:
        """The labels of a name, as they are written."""
        symbol = self.symbols.get(name)
        return () if symbol is None else written_labels(symbol)

    def labels(self, label: str, names: Sequence[str] = ()) -> tuple[str, ...]:
        """The labels that one belongs to: those of a name beside it, else of any name."""
        near = [self.symbols[name] for name in names if name in self.symbols]
        for symbol in (*near, *self.symbols.values()):
            if label in symbol.labels and len(symbol.labels) > 1:
                return symbol.labels
        return ()


def in_expression(scalar: Scalar, at: str, words: Vocabulary) -> Iterator[FigureChange]:
    """The figures and operators of an expression; a repeated one has its number in `at`."""
    seen: dict[str, int] = {}
    names = names_in(scalar.text)
    for token in figures(scalar.text):
        seen[token.text] = seen.get(token.text, 0) + 1
        here = at if seen[token.text] == 1 else f"{at}#{seen[token.text]}"
        known = words.labels(token.text, names) if token.label else ()
        for after in beside(token.text, known) if token.label else next_to(token.text):
            yield change(here, [(scalar, token)], after)
    for token, other in operators(scalar.text) if words.operators else ():
        seen[token.text] = seen.get(token.text, 0) + 1
        here = at if seen[token.text] == 1 else f"{at}#{seen[token.text]}"
        yield change(here, [(scalar, token)], other)


def as_label(scalar: Scalar, at: str, known: Sequence[str]) -> Iterator[FigureChange]:
    """A whole value that is one of some labels."""
    token = FigureToken(0, len(scalar.text), scalar.text, label=True)
    for after in beside(scalar.text, known):
        yield change(at, [(scalar, token)], after)


def as_keys(listed: Sequence[MapEntry], at: str, known: Sequence[str]) -> Iterator[FigureChange]:
    """The labels that are keys of a map; one changes places with its neighbour that is a key."""
    by_key = {entry.key: entry for entry in listed}
    for entry in listed:
        for after in beside(entry.key, known):
            edits = [Edit(entry, 0, len(entry.key), after)]
            if after in by_key:
                edits.append(Edit(by_key[after], 0, len(after), entry.key))
            yield FigureChange(
                f"{at}.{entry.key}.label", entry.key_place, entry.key, after, tuple(edits)
            )


def as_start(entry: MapEntry, at: str) -> Iterator[FigureChange]:
    """The day from which a dated value counts."""
    for after in next_to(entry.key):
        edit = Edit(entry, 0, len(entry.key), after)
        yield FigureChange(f"{at}.from", entry.key_place, entry.key, after, (edit,))


def change(at: str, spots: Sequence[Spot], after: str, back: Sequence[Spot] = ()) -> FigureChange:
    """The figure at its spots changed; what stands at `back` takes its place in turn."""
    scalar, token = spots[0]
    edits = [*_edits(spots, after), *_edits(back, token.text)]
    return FigureChange(at, scalar.at(token.start, token.end), token.text, after, tuple(edits))


def _edits(spots: Sequence[Spot], after: str) -> list[Edit]:
    return [Edit(scalar, token.start, token.end, after) for scalar, token in spots]


def entries(node: YamlNode | None) -> tuple[MapEntry, ...]:
    """The entries of a map; none of another node."""
    return node.entries if isinstance(node, MapNode) else ()


def items(node: YamlNode | None) -> tuple[YamlNode, ...]:
    """The items of a list; none of another node."""
    return node.items if isinstance(node, ListNode) else ()
