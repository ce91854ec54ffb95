"""Cases of tests that are kept as data, in `tests/cases`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

CASES = Path(__file__).parents[1] / "cases"


def case_text(name: str) -> str:
    """The text of a file of cases, such as a ruleset."""
    return (CASES / f"{name}.yaml").read_text("utf-8")


def cases(name: str) -> Any:
    """What a file of cases says; a file of several tables has them by name."""
    return yaml.load(case_text(name), yaml.CSafeLoader)
