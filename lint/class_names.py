"""Names of classes that mean two things."""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
GENERATED = Path("decision_service/api")


def errors(root: Path = ROOT) -> Iterator[str]:
    """One sentence for each public name that several classes of the product have."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in sorted((root / "decision_service").rglob("*.py")):
        file = path.relative_to(root)
        if not file.is_relative_to(GENERATED):
            for name, line in _classes(path):
                places[name].append(f"{file.as_posix()}:{line}")
    for name, found in sorted(places.items()):
        if len(found) > 1:
            yield f"{' and '.join(found)} both have a class {name}: one name means one thing"


def _classes(path: Path) -> Iterator[tuple[str, int]]:
    """The public classes at the top of a module, by name and line."""
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, node.lineno


def main() -> int:
    """Print what is wrong; the exit code."""
    found = [*errors()]
    sys.stdout.writelines(f"{error}\n" for error in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
