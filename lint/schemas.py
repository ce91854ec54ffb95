"""The JSON Schemas of rule files, which editors read: `python -m lint.schemas` writes them.

`python -m lint.schemas check` says which of `rules/_schema/` are not what the code and the factors
give, and ends with 1.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from decision_service.factors.registry import catalogue
from decision_service.rollout.keys import PLAN, THE_DESK, schema_of
from decision_service.rules.schema import ruleset_schema, shared_schema, tests_schema

FOLDER = Path(__file__).parents[1] / "rules" / "_schema"


def schemas() -> dict[str, dict[str, Any]]:
    """The schema of each kind of file, by the name of the kind."""
    factors = catalogue()
    return {
        "ruleset": ruleset_schema(factors),
        "tests": tests_schema(factors),
        "shared": shared_schema(factors),
        "plan": schema_of(PLAN),
        "desk": schema_of(THE_DESK),
    }


def schema_text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def main(words: list[str], folder: Path = FOLDER) -> int:
    """Write the files, or only compare them; the exit code."""
    if words not in ([], ["check"]):
        sys.stderr.write("usage: python -m lint.schemas [check]\n")
        return 2
    differing = 0
    for kind, schema in schemas().items():
        file = folder / f"{kind}.schema.json"
        text = schema_text(schema)
        if not words:
            file.write_text(text, encoding="utf-8")
        elif not file.is_file() or file.read_text(encoding="utf-8") != text:
            differing = 1
            sys.stderr.write(f"{file} is out of date: call `python -m lint.schemas`\n")
    return differing


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
