"""`python deploy/grafana/generate.py`: write the dashboards beside this file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from operators import OPERATORS
from risk import RISK

HERE = Path(__file__).parent
DASHBOARDS = {"operators.json": OPERATORS, "risk.json": RISK}


def generated() -> Iterator[tuple[Path, str]]:
    """Each file with its text."""
    for name, dashboard in DASHBOARDS.items():
        yield HERE / name, json.dumps(dashboard.json(), indent=2) + "\n"


if __name__ == "__main__":
    for path, text in generated():
        path.write_text(text, encoding="utf-8")
