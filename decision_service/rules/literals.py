"""Literals of a declared type, `min` and `max`, and CSV texts, each with its place."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from decimal import Decimal

from decision_service.domain.factor import ValueType
from decision_service.domain.values import EXPONENTS, exponent, to_major
from decision_service.rules.language.diagnostics import Place, Report, split_lines
from decision_service.rules.language.expressions import money_minor
from decision_service.rules.language.fields import (
    Fields,
    as_day,
    as_decimal,
    as_flag,
    as_integer,
    as_text,
)
from decision_service.rules.language.types import Literal
from decision_service.rules.language.yaml import Scalar, YamlNode

Bounds = tuple[Decimal | None, Decimal | None]

BOUNDED = (ValueType.INTEGER, ValueType.NUMBER, ValueType.MONEY)

_READERS: dict[ValueType, Callable[[YamlNode, str, Report], Literal | None]] = {
    ValueType.INTEGER: as_integer,
    ValueType.NUMBER: as_decimal,
    ValueType.TEXT: as_text,
    ValueType.FLAG: as_flag,
    ValueType.DATE: as_day,
}
_OTHER_SEPARATORS = {";": "`;`", "\t": "tabs", "|": "`|`"}


def as_literal(
    node: YamlNode, type_: ValueType, what: str, currency: str, report: Report
) -> Literal | None:
    """A literal as evaluation wants it: money in minor units; None where it is none."""
    if type_ is not ValueType.MONEY:
        return _READERS[type_](node, what, report)
    amount = as_amount(node, what, currency, report=report)
    return None if amount is None else money_minor(amount, currency)


def as_amount(node: YamlNode, what: str, currency: str, report: Report) -> Decimal | None:
    """An amount in major units, no finer than the minor unit and at most 10^12."""
    amount = as_decimal(node, what, report)
    if amount is None or money_minor(amount, currency) is not None:
        return amount
    assert isinstance(node, Scalar)  # noqa: S101  as_decimal has read it
    message = f"{what} is {node.text}, which is no amount in {currency}"
    hint = f"at most 10^12, with at most {exponent(currency)} digits after the point"
    report.error("R309", node.place, message, hint)
    return None


def as_currency(scalar: Scalar | None, report: Report) -> str | None:
    if scalar is None or scalar.text in EXPONENTS:
        return None if scalar is None else scalar.text
    message = f"`{scalar.text}` is no currency"
    report.error("R123", scalar.place, message, "write an ISO 4217 code: PHP")
    return None


def read_bounds(fields: Fields, type_: ValueType, currency: str, report: Report) -> Bounds:
    """Both bounds, inclusive, money in major units; (None, None) where they cannot be."""
    if type_ not in BOUNDED:
        for key in ("min", "max"):
            if fields.has(key):
                message = f"`{key}` does not fit the type {type_}"
                report.error("R312", fields.node.key_place(key), message, "remove it")
        return None, None
    lower = _bound(fields, "min", type_, currency=currency, report=report)
    upper = _bound(fields, "max", type_, currency=currency, report=report)
    if lower is not None and upper is not None and lower > upper:
        report.error("R123", fields.place("min"), f"`min` {lower} is above `max` {upper}")
        return None, None
    return lower, upper


def bounds_text(lower: Decimal | None, upper: Decimal | None) -> str:
    """`1 to 36`, `1 or more`, `36 or less`; empty without a bound."""
    if lower is None:
        return "" if upper is None else f"{upper:f} or less"
    return f"{lower:f} or more" if upper is None else f"{lower:f} to {upper:f}"


def major(value: int | Decimal, type_: ValueType, currency: str) -> Decimal:
    """A value in the units of bounds: money in major units."""
    return to_major(int(value), currency) if type_ is ValueType.MONEY else Decimal(value)


def _bound(
    fields: Fields, key: str, type_: ValueType, currency: str, report: Report
) -> Decimal | None:
    node = fields.get(key)
    if node is None:
        return None
    if type_ is ValueType.MONEY:
        return as_amount(node, f"`{key}`", currency, report=report)
    return as_decimal(node, f"`{key}`", report)


class CsvText:
    """A CSV text; its lines are numbered from 1, and an empty one has no cells."""

    def __init__(self, path: str, text: str, report: Report) -> None:
        self.path = path
        self.report = report
        # Spreadsheets write a byte order mark, which would be a part of the first name.
        plain = text.removeprefix("\ufeff")
        report.add_text(path, plain)
        self.lines = split_lines(plain)
        self.size = len(plain)

    @property
    def rows(self) -> list[int]:
        """The numbers of the lines after the header that are not empty."""
        return [n for n in range(2, len(self.lines) + 1) if self.lines[n - 1].strip()]

    def line(self, number: int) -> Place:
        text = self.lines[number - 1] if number <= len(self.lines) else ""
        return Place(self.path, number, 1, end=max(2, len(text) + 1))

    def values(self, number: int) -> list[str]:
        line = self.lines[number - 1] if number <= len(self.lines) else ""
        try:
            # Line by line, so that a cell has its place; strict, since else a stray quote is read
            # as text.
            values = next(csv.reader(io.StringIO(line), strict=True), [])
        except csv.Error:
            hint = "a quoted cell ends on its own line; a quote inside it is doubled"
            self.report.error("R135", self.line(number), "the line is not CSV", hint)
            return []
        return [value.strip() for value in values]

    def cells(self, number: int) -> list[Scalar]:
        return self.placed(number, self.values(number))

    def placed(self, number: int, values: Sequence[str]) -> list[Scalar]:
        line = self.lines[number - 1] if self.lines else ""
        whole = self.line(number)
        cells: list[Scalar] = []
        position = 0
        for value in values:
            # The csv module gives no columns: a cell is looked for behind the one before it.
            start = max(line.find(value, position), position)
            place = whole.part(start, start + max(1, len(value)))
            cells.append(Scalar(value, plain=True, place=place))
            position = start + len(value)
        return cells

    def is_otherwise_separated(self) -> bool:
        """Whether a spreadsheet has written something else between the cells than commas."""
        separator = next((each for each in _OTHER_SEPARATORS if each in self.lines[0]), None)
        if separator is None:
            return False
        message = f"the cells are separated by {_OTHER_SEPARATORS[separator]}, not by commas"
        hint = "save it as CSV in UTF-8 with commas"
        column = self.lines[0].index(separator) + 1
        self.report.error("R135", Place(self.path, 1, column, end=column + 1), message, hint)
        return True
