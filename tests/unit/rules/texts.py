"""Reading texts and expressions in tests."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from decision_service.domain.factor import ValueType
from decision_service.rules.language.diagnostics import Place, Report
from decision_service.rules.language.expressions import read_expression
from decision_service.rules.language.types import DeclaredNames
from decision_service.rules.language.values import unknown
from decision_service.rules.language.yaml import Scalar, read
from decision_service.rules.program import InputSpec

FILE = "f.yaml"

NAMES = DeclaredNames(
    "PHP",
    [
        InputSpec("a.int", ValueType.INTEGER),
        InputSpec("b.num", ValueType.NUMBER),
        InputSpec("c.pay", ValueType.MONEY),
        InputSpec("d.label", ValueType.TEXT, labels=("GIG", "EMPLOYED")),
        InputSpec("e.flag", ValueType.FLAG),
        InputSpec("f.day", ValueType.DATE),
        InputSpec("g.int", ValueType.INTEGER),
    ],
)

PRESENT = [3, Decimal("0.5"), 1_000_000, "GIG", True, date(2026, 1, 2), 4]


def tree_of(text):
    """The tree of a YAML text with the codes of all that is wrong."""
    report = Report()
    node = read(FILE, text, report)
    return node, [d.code for d in report.diagnostics()]


def problems(text):
    """The diagnostics of a YAML text."""
    report = Report()
    read(FILE, text, report)
    return report.diagnostics()


def checked(text, expected=None):
    """The tree of an expression with all diagnostics."""
    report = Report()
    report.add_text(FILE, text)
    scalar = Scalar(text, True, Place(FILE, 1, 1, len(text) + 1))
    return read_expression(scalar, NAMES, report, expected), report.diagnostics()


def sound(text, expected=None):
    """The tree of an expression that must have no fault."""
    node, found = checked(text, expected)
    assert found == (), found
    return node


def values(**missing):
    """All names present but those given as keywords with a cause (`a_int=Cause.NO_DATA`)."""
    found = list(PRESENT)
    for name, cause in missing.items():
        symbol = NAMES.symbols[name.replace("_", ".", 1)]
        found[symbol.slot] = unknown(symbol.name, cause)
    return found
