"""The vendor's OpenAPI document, made able to judge answers.

The document is OpenAPI 3.0; schemas become JSON Schema by turning `nullable` into a type. Beyond
the document's own rules, a field it does not know is a problem: a stand-in should invent none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / os.environ.get("SMILE_OPENAPI_FILE", "../shared/smile/openapi-v1.yaml")
_URN = "urn:smile"
_ERRORS = "#/components/responses/Standard-Errors/content/application~1json/schema"
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date", raises=ValueError)
def _is_date(value: object) -> bool:
    return not isinstance(value, str) or date.fromisoformat(value).isoformat() == value


@_FORMATS.checks("date-time", raises=ValueError)
def _is_instant(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return bool(_INSTANT.fullmatch(value)) and datetime.fromisoformat(value) is not None


def _as_json_schema(node: Any) -> Any:
    if isinstance(node, list):
        return [_as_json_schema(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {name: _as_json_schema(value) for name, value in node.items()}
    may_be_null = node.get("nullable") is True or None in (node.get("enum") or ())
    if may_be_null and isinstance(node.get("type"), str):
        found["type"] = [node["type"], "null"]
        if "enum" in found:
            found["enum"] = list(dict.fromkeys([*node["enum"], None]))
    return found


class VendorDocument:
    """Judges answers by the document."""

    def __init__(self) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.content = _as_json_schema(yaml.load(FILE.read_text(encoding="utf-8"), Loader=loader))
        resource = Resource(self.content, DRAFT202012)
        self._registry: Any = Registry().with_resource(_URN, resource)

    def problems(self, method: str, path: str, status: int, answer: Any) -> list[str]:
        """Everything that is wrong with an answer to a request of this path template."""
        pointer = self._schema(method, path, status)
        schema = {"$ref": _URN + pointer}
        validator = Draft202012Validator(schema, registry=self._registry, format_checker=_FORMATS)
        found = [
            f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(answer)
        ]
        return found + list(self._unknown({"$ref": pointer}, answer, "$"))

    def fields(self, schema: str) -> frozenset[str]:
        """The fields that records of a schema may have."""
        parts = self._flat({"$ref": f"#/components/schemas/{schema}"})
        return frozenset(name for part in parts for name in part.get("properties", {}))

    def _schema(self, method: str, path: str, status: int) -> str:
        responses = self.content["paths"][path][method.lower()]["responses"]
        if status >= 400:
            return _ERRORS
        assert str(status) in responses, f"{method} {path} is not documented to answer {status}"
        place = path.replace("~", "~0").replace("/", "~1")
        content = "content/application~1json/schema"
        return f"#/paths/{place}/{method.lower()}/responses/{status}/{content}"

    def _resolve(self, pointer: str) -> Any:
        node = self.content
        for step in pointer.removeprefix("#/").split("/"):
            node = node[step.replace("~1", "/").replace("~0", "~")]
        return node

    def _flat(self, schema: Any) -> Iterator[Any]:
        """The schema with everything it refers to or is composed of."""
        yield schema
        if "$ref" in schema:
            yield from self._flat(self._resolve(schema["$ref"]))
        for part in schema.get("allOf", ()):
            yield from self._flat(part)

    def _unknown(self, schema: Any, value: Any, where: str) -> Iterator[str]:
        parts = list(self._flat(schema))
        if isinstance(value, list):
            items = next((part["items"] for part in parts if "items" in part), {})
            for number, one in enumerate(value):
                yield from self._unknown(items, one, f"{where}[{number}]")
        properties = {k: v for part in parts for k, v in part.get("properties", {}).items()}
        if isinstance(value, dict) and properties:
            for name, one in value.items():
                if name not in properties:
                    yield f"{where}: the document knows no {name!r}"
                else:
                    yield from self._unknown(properties[name], one, f"{where}.{name}")


@cache
def vendor_document() -> VendorDocument:
    """The document, read once."""
    return VendorDocument()
