"""Conditions comparison by comparison, as traces show them: by closures, and as Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from decision_service.language import tree
from decision_service.language.generated import Page
from decision_service.language.threevalued import Values, compile_tree
from decision_service.language.tree import Node

Weigh = Callable[[Values], tuple[Any, ...]]


def leaves(node: Node) -> Sequence[Node]:
    """The comparisons and flags that a condition joins, in text order."""
    match node:
        case tree.All() | tree.Any():
            return [leaf for operand in node.operands for leaf in leaves(operand)]
        case tree.Not():
            return leaves(node.operand)
    return [node]


def weigher(node: Node) -> Weigh:
    """A function from values to what each comparison of a condition is, Unknown among it."""
    closures = [compile_tree(leaf) for leaf in leaves(node)]
    return lambda values: tuple([evaluate(values) for evaluate in closures])


def write_weighed(node: Node, page: Page) -> tuple[str, str]:
    """Write every comparison, whatever the others say; names of the whole's truth and of theirs."""
    names = [page.kept(leaf) for leaf in leaves(node)]
    truth = names[0]
    if leaves(node) != [node]:
        truth = page.source.temporary()
        page.line(f"{truth} = {_joined(node, iter(names))}")
    return truth, displayed(names)


def _joined(node: Node, names: Iterator[str]) -> str:
    match node:
        case tree.All() | tree.Any():
            word = " and " if isinstance(node, tree.All) else " or "
            return f"({word.join([_joined(operand, names) for operand in node.operands])})"
        case tree.Not():
            return f"(not {_joined(node.operand, names)})"
    return next(names)


def displayed(expressions: Sequence[str]) -> str:
    """The display of a tuple."""
    return f"({''.join(f'{each}, ' for each in expressions)})"
