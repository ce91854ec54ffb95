"""What a module imports, reads, changes and names, as one line of text each.

| mark | of |
|---|---|
| `import a.b.c` | `import a.b.c`, `from a.b import c` |
| `attribute x` | `anything.x` |
| `use a.b.c` | `c` of what was imported as `a.b`, under whatever name |
| `set x`, `set a.b.c` | the same assigned to or deleted, by `setattr` and by `[…]` as well |
| `text x` | a string without blanks |
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import NamedTuple


class Mark(NamedTuple):
    """One mark and the line that it stands on."""

    line: int
    text: str


def marks_of(source: str) -> Iterator[Mark]:
    """Every mark of a module; raises SyntaxError."""
    tree = ast.parse(source)
    names = dict(_bound(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.expr | ast.stmt):
            for text in _texts(node, names):
                yield Mark(node.lineno, text)


def _bound(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The names that imports bind, and what they stand for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                short = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (short, short)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _texts(node: ast.expr | ast.stmt, names: Mapping[str, str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (f"import {alias.name}" for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level:
        yield from (f"import {node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Attribute):
        yield from _of_attribute(node, names)
    elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
        yield from _changed(node.value, names)
    elif isinstance(node, ast.Call):
        yield from _of_call(node)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield from _of_text(node.value)


def _of_text(value: str) -> Iterator[str]:
    if not any(letter.isspace() for letter in value):
        yield f"text {value}"


def _of_attribute(node: ast.Attribute, names: Mapping[str, str]) -> Iterator[str]:
    if not isinstance(node.ctx, ast.Load):
        yield from _changed(node, names)
        return
    yield f"attribute {node.attr}"
    if (dotted := _dotted(node, names)) is not None:
        yield f"use {dotted}"


def _changed(node: ast.expr, names: Mapping[str, str]) -> Iterator[str]:
    if isinstance(node, ast.Attribute):
        yield f"set {node.attr}"
    if (dotted := _dotted(node, names)) is not None:
        yield f"set {dotted}"


def _of_call(node: ast.Call) -> Iterator[str]:
    """`setattr` with a name that is written out."""
    if isinstance(node.func, ast.Name) and node.func.id in {"setattr", "delattr"}:
        for one in node.args[1:2]:
            if isinstance(one, ast.Constant) and isinstance(one.value, str):
                yield f"set {one.value}"


def _dotted(node: ast.expr, names: Mapping[str, str]) -> str | None:
    """The full name of what an expression reads from an import; None where it reads none."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute) and (of := _dotted(node.value, names)) is not None:
        return f"{of}.{node.attr}"
    return None
