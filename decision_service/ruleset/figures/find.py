"""Finds the figures of a rule file, and the small changes of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from decision_service.domain.verdict import Outcome
from decision_service.language.types import Symbol
from decision_service.language.yaml.nodes import ListNode, MapNode, Scalar, YamlNode
from decision_service.language.yaml.readers import parse_day
from decision_service.ruleset.constructs.offer.choice import LONGEST, SHORTEST
from decision_service.ruleset.figures.cells import in_bins, in_rows
from decision_service.ruleset.figures.model import FigureChange
from decision_service.ruleset.figures.spots import (
    Vocabulary,
    as_keys,
    as_label,
    as_start,
    entries,
    in_expression,
)

_SECTIONS = ("derived", "stages", "offer", "conditions", "post_checks")
_WITHOUT = frozenset(
    {"id", "name", "component", "reason_factor", "because", "text", "factor", "band", "hit", "give"}
)
_OUTCOMES = (Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE)
_ON_MISSING = ("SKIP", "REFER", "DECLINE")
_REASONS = ("reason", "missing_reason", "below_minimum")
_SILENT = ("rules", "scorecard", "table", "characteristics", "stages")
_NAMED_BY = ("id", "name", "band", "factor")


def find_changes(
    root: MapNode, symbols: Mapping[str, Symbol], *, operators: bool = False
) -> Iterator[FigureChange]:
    """Every figure of a rule file moved each way, section by section.

    Parameters, expressions, bins, points, bands and cells are looked at, and the outcomes, reasons
    and tags that rules name. `symbols` are the names of the ruleset with their labels. With
    `operators` each of an expression becomes the one that it is mistaken for, too.
    """
    reasons = tuple(entry.key for entry in entries(root.get("reasons")))
    tags = tuple(entry.key for entry in entries(root.get("tags")))
    choices = {"then": _OUTCOMES, "on_missing": _ON_MISSING, **dict.fromkeys(_REASONS, reasons)}
    choices |= {"tags": tags, "choose": (LONGEST, SHORTEST)}
    finder = _Finder(Vocabulary(symbols, choices, operators))
    for entry in root.entries:
        if entry.key == "params":
            yield from finder.params(entry.value)
        elif entry.key in _SECTIONS:
            yield from finder.node(entry.value, _joined("", entry.key), entry.key)


class _Finder:
    """Walks a tree with the names of the ruleset at hand."""

    def __init__(self, words: Vocabulary) -> None:
        self.words = words

    def params(self, section: YamlNode) -> Iterator[FigureChange]:
        """Parameters: values, and the days from which dated ones count."""
        for param in entries(section):
            at = f"params.{param.key}"
            for entry in entries(param.value):
                if entry.key == "value":
                    yield from self._value(entry.value, at)
                if entry.key == "values":
                    yield from self._values(entry.value, at, param.value)

    def _values(self, node: YamlNode, at: str, param: YamlNode) -> Iterator[FigureChange]:
        """Values by date or by label, those of a label perhaps by date; labels change places."""
        by = param.get("by") if isinstance(param, MapNode) else None
        if isinstance(by, Scalar):
            yield from as_keys(entries(node), at, self.words.of_name(by.text))
        for each in entries(node):
            here = f"{at}.{each.key}"
            if parse_day(each.key):
                yield from as_start(each, here)
            if isinstance(each.value, MapNode):
                yield from self._values(each.value, here, each.value)
            else:
                yield from self._value(each.value, here)

    def node(self, node: YamlNode, at: str, key: str) -> Iterator[FigureChange]:
        """Whatever stands under a key, by what the key says that it is."""
        if isinstance(node, MapNode):
            yield from self._map(node, at)
        elif isinstance(node, ListNode):
            for number, item in enumerate(node.items, 1):
                word = "tags" if key == "tags" else ""
                yield from self.node(item, _joined(at, _called(item, number)), word)
        elif key in self.words.choices:
            yield from as_label(node, at, self.words.choices[key])
        else:
            yield from in_expression(node, at, self.words)

    def _value(self, node: YamlNode, at: str) -> Iterator[FigureChange]:
        if not isinstance(node, Scalar):
            return
        if node.is_number or node.is_flag or parse_day(node.text):
            yield from in_expression(node, at, self.words)
        else:
            yield from as_label(node, at, self.words.labels(node.text))

    def _map(self, node: MapNode, at: str) -> Iterator[FigureChange]:
        for entry in node.entries:
            if entry.key == "bins":
                yield from in_bins(node.get("factor"), entry.value, f"{at}.bins", self.words)
            elif entry.key == "rows":
                yield from in_rows(node, f"{at}.rows", self.words)
            elif entry.key not in _WITHOUT:
                yield from self.node(entry.value, _joined(at, entry.key), entry.key)


def _called(item: YamlNode, number: int) -> str:
    """What a list's item is called: its id, name, band or factor, else its number."""
    if isinstance(item, MapNode):
        for key in _NAMED_BY:
            value = item.get(key)
            if isinstance(value, Scalar):
                return value.text
    return str(number)


def _joined(at: str, word: str) -> str:
    if word in _SILENT:
        return at
    return f"{at}.{word}" if at else word
