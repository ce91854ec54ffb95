"""docs/openapi.yaml as checks read it."""

from __future__ import annotations

import re
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from tests.e2e.service import ROOT

DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
OPERATIONS = [
    (verb, path, operation)
    for path, operations in DOCUMENT["paths"].items()
    for verb, operation in operations.items()
]


def differences(schema: dict[str, Any], value: Any) -> list[str]:
    """Where a JSON value is not as a schema of the document says."""
    validator = Draft202012Validator(schema | {"components": DOCUMENT["components"]})
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]


def answer_of(operation: dict[str, Any], status: int) -> dict[str, Any]:
    """The schema of an operation's answer."""
    name = "200" if status == 200 else "default"
    found: dict[str, Any] = operation["responses"][name]["content"]["application/json"]["schema"]
    return found


def filled(path: str) -> str:
    """A path with `1` for each of its parameters."""
    return re.sub(r"{\w+}", "1", path)
