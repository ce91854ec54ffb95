"""Condition cells of bins and tables.

`-`, `missing`, an interval, `op literal`, a bare literal, labels `A | B`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import msgspec

from decision_service.domain.factor import ValueType
from decision_service.language.diagnostics import Place, Report, did_you_mean
from decision_service.language.expressions.tree import Literal
from decision_service.language.types import ORDERED, Symbol
from decision_service.language.yaml.nodes import Scalar
from decision_service.language.yaml.readers import parse_day
from decision_service.ruleset.analysis.ranges import labels_of
from decision_service.ruleset.analysis.regions import ValueRange
from decision_service.ruleset.reading.literals import as_literal

_INTERVAL = re.compile(r"([\[(])\s*([^,\s]+)\s*,\s*([^,\s]+)\s*([\])])")
_OPERATION = re.compile(r"(<=|>=|==|!=|<|>)\s*(\S.*)")
_MOST_LABELS = 50


class CellKind(Enum):
    """What a cell asks for."""

    ANYTHING = "-"
    MISSING = "missing"
    SPANS = "spans"
    LABELS = "labels"


@dataclass(frozen=True, slots=True)
class Cell:
    """One condition on one name; `spans` or `labels` hold what the cell covers."""

    sort: CellKind
    spans: tuple[ValueRange, ...] = ()
    labels: tuple[Literal, ...] = ()
    text: str = field(default="-", compare=False)
    place: Place = field(default=Place("", 1, 1, 2), compare=False)

    def has(self, value: Any) -> bool:
        """Whether a present value satisfies the cell."""
        if self.sort is CellKind.SPANS:
            return any(span.has(value) for span in self.spans)
        return self.sort is CellKind.ANYTHING or value in self.labels


class CellReader(msgspec.Struct, frozen=True):
    """Reads cells on one name."""

    symbol: Symbol
    currency: str
    report: Report

    def read(self, scalar: Scalar) -> Cell | None:
        """The cell, or None with its fault reported."""
        if scalar.torn:
            return None
        text = scalar.text.strip()
        if text in ("-", "missing"):
            return Cell(CellKind(text), text=text, place=scalar.place)
        if self.symbol.type in ORDERED:
            return self._spans(scalar, text)
        return self._labels(scalar, text)

    def _spans(self, scalar: Scalar, text: str) -> Cell | None:
        interval, operation = _INTERVAL.fullmatch(text), _OPERATION.fullmatch(text)
        if interval is not None:
            spans = self._interval(scalar, *interval.groups())
        elif operation is not None:
            spans = self._operation(scalar, operation[1], operation[2])
        elif self._is_bare(text):
            spans = self._operation(scalar, "==", text)
        else:
            message = f"`{text}` is no condition on {self.symbol.type} `{self.symbol.name}`"
            hint = 'write "-", "missing", 6, an interval "[0, 6)", or an operator ">= 6"'
            self.report.error("R130", scalar.place, message, hint)
            return None
        if spans is None:
            return None
        return Cell(CellKind.SPANS, spans, text=text, place=scalar.place)

    def _is_bare(self, text: str) -> bool:
        """Whether a cell is nothing but a number or a date, which is what it equals."""
        if self.symbol.type is ValueType.DATE:
            return parse_day(text) is not None
        return Scalar(text, plain=True, place=Place("", 1, 1, 2)).is_number

    def _interval(
        self, scalar: Scalar, opening: str, low: str, high: str, closing: str
    ) -> tuple[ValueRange, ...] | None:
        first, last = self._literal(scalar, low), self._literal(scalar, high)
        if first is None or last is None:
            return None
        span = ValueRange(first, last, opening == "(", closing == ")")
        if not span.empty:
            return (span,)
        self.report.error("R131", scalar.place, f"the interval `{scalar.text}` is empty")
        return None

    def _operation(self, scalar: Scalar, operator: str, text: str) -> tuple[ValueRange, ...] | None:
        value = self._literal(scalar, text)
        if value is None:
            return None
        below = ValueRange(None, value, open_high=operator != "<=")
        above = ValueRange(value, None, open_low=operator != ">=")
        if operator == "==":
            return (ValueRange(value, value),)
        if operator == "!=":
            return (below, above)
        return (below,) if operator in ("<", "<=") else (above,)

    def _literal(self, scalar: Scalar, text: str) -> Any:
        part = Scalar(text, plain=True, place=scalar.place, verbatim=False)
        type_ = ValueType.NUMBER if self.symbol.type is ValueType.INTEGER else self.symbol.type
        return as_literal(part, type_, f"`{text}`", self.currency, self.report)

    def _labels(self, scalar: Scalar, text: str) -> Cell | None:
        operation = re.fullmatch(r"(==|!=)\s*(\S.*)", text)
        words = [w.strip().strip("\"'") for w in (operation[2] if operation else text).split("|")]
        if not all(words) or len(words) > _MOST_LABELS:
            hint = "write labels as A | B"
            self.report.error("R130", scalar.place, f"`{text}` is no list of labels", hint)
            return None
        labels = tuple(self._label(scalar, word) for word in words)
        if any(label is None for label in labels):
            return None
        known = tuple(label for label in dict.fromkeys(labels) if label is not None)
        if operation is None or operation[1] == "==":
            return Cell(CellKind.LABELS, labels=known, text=text, place=scalar.place)
        return self._contrary(scalar, text, known)

    def _contrary(self, scalar: Scalar, text: str, labels: tuple[Literal, ...]) -> Cell | None:
        everything = labels_of(self.symbol)
        if not everything:
            message = f"the labels of `{self.symbol.name}` are not declared, so `!=` is open"
            self.report.error("R130", scalar.place, message, "name the labels that are meant")
            return None
        others = tuple(label for label in everything if label not in labels)
        return Cell(CellKind.LABELS, labels=others, text=text, place=scalar.place)

    def _label(self, scalar: Scalar, word: str) -> Literal | None:
        known = labels_of(self.symbol)
        if self.symbol.type is ValueType.FLAG and word in ("true", "false"):
            return word == "true"
        if word in known or not known:
            return word
        message = f"`{self.symbol.name}` is never `{word}`"
        hint = did_you_mean(word, [str(label).lower() for label in known])
        if self.symbol.type is ValueType.TEXT:
            hint = did_you_mean(word, self.symbol.labels)
        self.report.error("R308", scalar.place, message, hint)
        return None
