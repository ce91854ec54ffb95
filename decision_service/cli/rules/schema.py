"""`rules schema`: what editors complete rule files with, made from the code and the catalogue."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from decision_service.cli.display.generated import print_or_check
from decision_service.domain.factor import FactorSpec
from decision_service.factors.registry import catalogue
from decision_service.rollout.schema import plan_schema
from decision_service.ruleset.schema.cases import tests_schema
from decision_service.ruleset.schema.document import ruleset_schema, shared_schema


class SchemaKind(StrEnum):
    """The files that have a schema."""

    RULESET = "ruleset"
    TESTS = "tests"
    SHARED = "shared"
    PLAN = "plan"


_SCHEMAS: Mapping[SchemaKind, Callable[[Mapping[str, FactorSpec]], dict[str, Any]]] = {
    SchemaKind.RULESET: ruleset_schema,
    SchemaKind.TESTS: tests_schema,
    SchemaKind.SHARED: shared_schema,
    SchemaKind.PLAN: lambda _: plan_schema(),
}


def schema(
    kind: Annotated[
        SchemaKind,
        typer.Option("--of", help="v<N>.yaml, rule tests, _shared/*.yaml or rollout.yaml"),
    ] = SchemaKind.RULESET,
    check: Annotated[
        Path | None, typer.Option("--check", help="exit code 1 where this file is not the schema")
    ] = None,
) -> None:
    """Print the JSON Schema of rule files, for editors."""
    print_or_check(
        schema_text(kind),
        check,
        "the schema that the code and the factors give",
        f"decision-service rules schema --of {kind}",
    )


def schema_text(kind: SchemaKind) -> str:
    """A schema as it is committed under `rules/_schema`."""
    made = _SCHEMAS[kind](catalogue())
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"
