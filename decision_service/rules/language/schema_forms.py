"""The pieces that JSON Schemas for editors are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from decision_service.domain.factor import FactorSpec
from decision_service.rules.language.fields import LONGEST_TEXT

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# With ^ and $: a pattern of JSON Schema matches anywhere in a text.
IDENTIFIER: Schema = {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,59}$"}
PRODUCT: Schema = {"type": "string", "pattern": "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", "maxLength": 60}
VERSION: Schema = {"type": "integer", "minimum": 1, "maximum": 99_999}
REASON: Schema = {"type": "string", "pattern": "^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$", "maxLength": 60}
TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT}
TEXTS: Schema = {
    "type": "object",
    "required": ["en"],
    "propertyNames": {"pattern": "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"},
    "additionalProperties": TEXT,
}
"""Texts by language, English among them."""

DURATION: Schema = {"type": "string", "pattern": "^([1-9][0-9]{0,4}|0)[smhd]$"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
LITERAL: Schema = {"type": ["string", "number", "boolean"]}
EXPRESSION: Schema = {"$ref": "#/$defs/expression"}
CONDITION: Schema = {"$ref": "#/$defs/condition"}
DAY = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


def closed(
    title: str, required: Iterable[str], properties: Mapping[str, Schema], **more: Any
) -> Schema:
    return {
        "title": title,
        "type": "object",
        "required": list(required),
        "properties": dict(properties),
        "additionalProperties": False,
        **more,
    }


def listed(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def named(values: Schema, names: Schema = IDENTIFIER) -> Schema:
    return {"type": "object", "propertyNames": names, "additionalProperties": values}


def choice(words: Iterable[str]) -> Schema:
    return {"enum": [str(word) for word in words]}


def about(form: Schema, sentence: str) -> Schema:
    return {"description": sentence, **form}


def refers(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def written(*types: str) -> Schema:
    """An expression; editors offer the factors' names to begin it with."""
    return {"anyOf": [refers("factor"), {"type": [*types], "maxLength": 1000}]}


def factor_names(catalogue: Mapping[str, FactorSpec]) -> Schema:
    """The catalogue's names; editors that know `enumDescriptions` show each with its meaning."""
    return {
        "enum": list(catalogue),
        "enumDescriptions": [meaning(spec) for spec in catalogue.values()],
    }


def other_names(catalogue: Mapping[str, FactorSpec]) -> Schema:
    """A name that the file itself defines: of no family that the catalogue has."""
    families = "|".join(sorted({spec.family for spec in catalogue.values()}))
    return {"type": "string", "pattern": rf"^(?!({families})\.)[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$"}


def meaning(spec: FactorSpec) -> str:
    unit = f", {spec.unit}" if spec.unit and spec.unit != spec.type else ""
    return f"{spec.sentence} ({spec.type}{unit})"
