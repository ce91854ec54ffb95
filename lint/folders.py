"""Folders that hold more modules than a reader keeps in view."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
MOST = 14
ALLOWED = frozenset({"decision_service/api/v1", "decision_service/factors"})
"""Generated modules, and one module for each family of factors."""


def errors(root: Path = ROOT) -> Iterator[str]:
    """One sentence for each folder of the product that is too full; `__init__` counts for none."""
    modules = (path for path in (root / "decision_service").rglob("*.py"))
    named = (path for path in modules if path.stem != "__init__")
    counts = Counter(path.parent.relative_to(root).as_posix() for path in named)
    for folder, count in sorted(counts.items()):
        if count > MOST and folder not in ALLOWED:
            yield (
                f"{folder} has {count} modules, and a folder holds at most {MOST}: "
                "move those of one subject to a sub-package, or merge what belongs together"
            )


def main() -> int:
    """Print what is wrong; the exit code."""
    found = [*errors()]
    sys.stdout.writelines(f"{error}\n" for error in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
