"""The names of expressions outside any ruleset: a product's inputs, or the catalogue's factors."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Protocol

from decision_service.domain.factor import ValueType
from decision_service.language.diagnostics import did_you_mean
from decision_service.language.types import NameFault, Symbol


class Declared(Protocol):
    """A name with its type, bounds (inclusive, major units) and labels, before it has a slot."""

    @property
    def name(self) -> str:
        """The name as expressions write it."""

    @property
    def type(self) -> ValueType:
        """The type of its values."""

    @property
    def lower(self) -> Decimal | None:
        """The least value; None is open."""

    @property
    def upper(self) -> Decimal | None:
        """The largest value; None is open."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The values that a text can take; empty for any."""


class DeclaredNames:
    """A scope of a fixed set of names, such as a ruleset's inputs (`inputs.customer_type`)."""

    def __init__(self, currency: str, declared: Iterable[Declared]) -> None:
        self.currency = currency
        self.symbols = {
            d.name: Symbol(d.name, d.type, slot, d.lower, d.upper, d.labels)
            for slot, d in enumerate(declared)
        }

    def find(self, name: str) -> Symbol | NameFault:
        """The symbol of a name, or the nearest one in a fault."""
        symbol = self.symbols.get(name)
        if symbol is not None:
            return symbol
        return NameFault("R202", f"unknown name `{name}`", did_you_mean(name, self.symbols))

    @property
    def claims(self) -> bool:
        """A condition decides."""
        return False

    def listed(self, operand: Symbol, name: str) -> NameFault:
        """A fault: only rules ask lists."""
        message = f"`{operand.name} in lists.{name}` cannot stand here"
        return NameFault("R303", message, "only rules ask lists; write the labels in parentheses")
