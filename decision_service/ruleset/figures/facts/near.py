"""Which figures stand beside which name in a rule file, as written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

from decision_service.domain.factor import ValueType
from decision_service.domain.money import to_major
from decision_service.language.expressions.tree import Literal
from decision_service.language.yaml.nodes import ListNode, MapNode, Scalar, YamlNode
from decision_service.ruleset.figures.neighbours import figures
from decision_service.ruleset.figures.trees import columns
from decision_service.ruleset.program.model import ParamSpec
from decision_service.ruleset.reading.names import names_in

Near = dict[str, set[str]]

_NUMBER = re.compile(r"\d+(\.\d+)?")


def figures_near(root: MapNode, params: Mapping[str, ParamSpec], currency: str) -> Near:
    """For each name the numbers that share an expression, a list of bins or a row with it."""
    near: Near = {}
    for name, text in _pairs(root):
        near.setdefault(name, set()).update(_numbers(text))
    values = {f"params.{p.name}": _of_param(p, currency) for p in params.values()}
    for name, text in _pairs(root):
        for other in names_in(text):
            near[name] |= values.get(other, set())
    return near


def _pairs(node: YamlNode) -> Iterator[tuple[str, str]]:
    """Names with the texts that could compare them."""
    if isinstance(node, Scalar):
        for name in names_in(node.text):
            yield name, node.text
    elif isinstance(node, ListNode):
        for item in node.items:
            yield from _pairs(item)
    else:
        yield from _of_map(node)


def _of_map(node: MapNode) -> Iterator[tuple[str, str]]:
    factor, bins, rows = node.get("factor"), node.get("bins"), node.get("rows")
    if isinstance(factor, Scalar) and isinstance(bins, ListNode):
        for item in bins.items:
            cell = item.get("in") if isinstance(item, MapNode) else None
            yield from [(factor.text, cell.text)] if isinstance(cell, Scalar) else []
    if isinstance(rows, ListNode):
        yield from _of_rows(node, rows)
    for entry in node.entries:
        yield from _pairs(entry.value)


def _of_rows(table: MapNode, rows: ListNode) -> Iterator[tuple[str, str]]:
    names, _ = columns(table)
    for row in rows.items:
        if isinstance(row, ListNode):
            cells = zip(names, row.items, strict=False)
            yield from ((name, c.text) for name, c in cells if isinstance(c, Scalar))


def _numbers(text: str) -> set[str]:
    return {token.text for token in figures(text) if _NUMBER.fullmatch(token.text)}


def _of_param(param: ParamSpec, currency: str) -> set[str]:
    return {f"{v:f}" for step in param.every_step if (v := _number(step.value, param, currency))}


def _number(value: Literal, param: ParamSpec, currency: str) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    if param.type is ValueType.MONEY and isinstance(value, int):
        return abs(to_major(value, currency))
    return abs(Decimal(value))
