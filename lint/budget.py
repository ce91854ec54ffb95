"""The size of the house, printed; what `budget.toml` limits, held."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUDGET = Path(__file__).with_suffix(".toml")
PACKAGE = "decision_service"
APART = {
    "console": ("console",),
    "events": ("outbox", "store.outbox", "server.services.events"),
    "export": ("operate.export",),
    "monitor": ("operate.monitor",),
}
"""Parts that are counted apart, by the modules and packages that they are."""

TESTS = {"console": "console", "events": "outbox", "export": "analyst_", "monitor": "monitor"}
"""The same of their tests, by a word of the path."""


def measure(root: Path = ROOT) -> dict[str, int]:
    """Each figure as it is in a checkout; generated code counts for none."""
    modules = _modules(root)
    lines = {name: _lines(path) for name, path in modules.items()}
    apart = {
        part: {
            name
            for name in modules
            if f"{name}.".startswith(tuple(f"{PACKAGE}.{one}." for one in those))
        }
        for part, those in APART.items()
    }
    house = modules.keys() - set().union(*apart.values())
    pages, tests = root / PACKAGE / "console", [*(root / "tests").rglob("*.py")]
    own = {
        part: [path for path in tests if word in path.relative_to(root).as_posix()]
        for part, word in TESTS.items()
    }
    serve = closure(modules, f"{PACKAGE}.cli.serve")
    decide = closure(modules, f"{PACKAGE}.decide.decide")
    notes = [*(root / "docs" / "decisions").glob("[0-9]*.md")]
    return {
        "product_lines": sum(lines[name] for name in house),
        "product_modules": len(house),
        "serve_modules": len(serve & house),
        "serve_lines": sum(lines[name] for name in serve & house),
        "decide_modules": len(decide),
        "decide_lines": sum(lines[name] for name in decide),
        "test_lines": sum(map(_lines, {*tests}.difference(*own.values()))),
        **{f"{part}_lines": sum(lines[name] for name in those) for part, those in apart.items()},
        "console_templates": sum(map(_lines, pages.rglob("*.html"))),
        "console_script": sum(map(_lines, pages.rglob("console.js"))),
        "console_styles": sum(map(_lines, pages.rglob("*.css"))),
        **{f"{part}_tests": sum(map(_lines, paths)) for part, paths in own.items()},
        "decision_notes": len(notes),
    }


def closure(modules: dict[str, Path], start: str) -> set[str]:
    """The modules that importing one brings in by imports at the top of modules, itself included.

    A package's `__init__` counts with each of its modules, as Python runs it. KeyError where the
    start is no module.
    """
    found: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        parts = name.split(".")
        waiting += [".".join(parts[:end]) for end in range(1, len(parts))]
        waiting += [imported for imported in _imports(modules[name]) if imported in modules]
    return found


def _imports(path: Path) -> Iterator[str]:
    """What a module names in imports at its top, in `if` and `try` too, but not for types alone."""
    waiting: list[ast.stmt] = [*ast.parse(path.read_bytes()).body]
    while waiting:
        node = waiting.pop()
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                yield module
                yield from (f"{module}.{alias.name}" for alias in names)
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=rest):
                waiting += rest
            case ast.If() | ast.Try():
                waiting += [
                    child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)
                ]


def _modules(root: Path) -> dict[str, Path]:
    modules = {}
    for path in (root / PACKAGE).rglob("*.py"):
        parts = path.relative_to(root).with_suffix("").parts
        if parts[:2] != (PACKAGE, "api"):
            modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return modules


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")


def errors(figures: Mapping[str, int], budget: Path = BUDGET) -> Iterator[str]:
    """One sentence for each limit of the budget that its figure is over."""
    for name, limit in tomllib.loads(budget.read_text(encoding="utf-8")).items():
        if name in figures and figures[name] > limit:
            yield (
                f"{name} is {figures[name]:,}, and {budget.name} allows {limit:,}: "
                f"delete {figures[name] - limit:,} before you add"
            )


def main() -> int:
    """Print each figure, and what is over its limit; the exit code."""
    # Here and not above: the tests of this module measure houses that are no program
    from lint.capabilities import capabilities

    figures = {**measure(), **capabilities(ROOT)}
    for name, figure in figures.items():
        sys.stdout.write(f"{name:17} {figure:>8,}\n")
    found = [*errors(figures)]
    sys.stdout.writelines(f"{error}\n" for error in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
