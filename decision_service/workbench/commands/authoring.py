"""What authors of rules begin with: a new product, schemas for editors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec.structs import replace

from decision_service.cli.output import CommandError, as_typed, print_lines, print_or_check
from decision_service.decide.rule_tests import failures, run_rule_tests
from decision_service.domain.factor import FactorSpec
from decision_service.factors.registry import catalogue
from decision_service.rollout.keys import PLAN, THE_DESK, schema_of
from decision_service.rulebook.folder import ProductTexts, TextFile
from decision_service.rulebook.laws import laws_of
from decision_service.rulebook.load import load_rules
from decision_service.rules.language.diagnostics import Diagnostic, Severity, count, render
from decision_service.rules.schema import ruleset_schema, shared_schema, tests_schema
from decision_service.workbench.commands.folder import DEFAULT_PATH, find_rules, unpublished

_PRODUCT = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 60
_FILES = {"v1.yaml": "v1.yaml", "rollout.yaml": "rollout.yaml", "tests.yaml": "tests/v1.yaml"}


def new(
    product: Annotated[
        str, typer.Argument(metavar="PRODUCT", help="its name, such as weekend-loan-ph")
    ],
    title: Annotated[str, typer.Option("--title", help="as people call it")] = "",
    currency: Annotated[str, typer.Option("--currency", help="ISO 4217")] = "PHP",
    zone: Annotated[str, typer.Option("--time-zone", help="of its dates")] = "Asia/Manila",
    rules: Annotated[Path, typer.Option("--rules", help="the rules folder")] = DEFAULT_PATH,
) -> None:
    """Its rules, tests and plan pass as they are, to be changed."""
    if not _PRODUCT.fullmatch(product) or len(product) > _LONGEST:
        raise CommandError(
            f"{product} is no product name: use small letters, digits and single hyphens, "
            f"beginning with a letter, at most {_LONGEST}"
        )
    folder = rules / product
    if folder.exists():
        raise CommandError(f"{folder} is there already: choose another name")
    words = {
        "product": product,
        "title": title or product.replace("-", " ").capitalize(),
        "currency": currency,
        "zone": zone,
        "today": datetime.now(UTC).date().isoformat(),
        "guarantees": _promised(rules, currency),
    }
    texts = {_FILES[name]: _filled(name, words) for name in _FILES}
    errors = [p for p in _problems(rules, product, texts) if p.severity is Severity.ERROR]
    if errors:
        raise CommandError(
            f"nothing was written ({count(errors)}): choose another value",
            lines=tuple(map(render, errors)),
        )
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    print_lines(_next_steps(folder, list(texts)))


def _promised(rules: Path, currency: str) -> str:
    """A guarantee of each law that may be about the product; nothing without one."""
    laws = laws_of(find_rules(rules).folder).by_name.values()
    names = [law.name for law in laws if law.currency == currency]
    lines = [f"  - {{name: no loan is beyond {name}, law: {name}}}\n" for name in names]
    return f"\n\nguarantees:\n{''.join(lines)}".rstrip() if lines else ""


def _filled(name: str, words: dict[str, str]) -> str:
    text = resources.files(__package__).joinpath("template", name).read_text(encoding="utf-8")
    for word, value in words.items():
        text = text.replace(f"@{word}@", value.replace("\\", "").replace('"', "'"))
    return text


def _problems(rules: Path, product: str, texts: dict[str, str]) -> list[Diagnostic]:
    folder = find_rules(rules).folder
    path = f"{rules.name}/{product}"
    files = {name: TextFile(f"{path}/{name}", text) for name, text in texts.items()}
    added = ProductTexts(
        product,
        path,
        rulesets={1: files["v1.yaml"]},
        plan=files["rollout.yaml"],
        tests=(files["tests/v1.yaml"],),
    )
    alone = replace(unpublished(folder), products=(added,), unreadable=())
    loading = load_rules(alone, datetime.now(UTC))
    if loading.rulebook is None:
        return list(loading.errors)
    return list(failures(run_rule_tests(alone, loading.rulebook)))


def _next_steps(folder: Path, names: list[str]) -> str:
    written = "\n".join(f"  {folder / name}" for name in names)
    return as_typed(
        f"Written:\n{written}\n"
        "Change the figures, then:\n"
        f"  decision-service rules check --strict {folder}\n"
        f"  decision-service rules test {folder} --fail-under 100 --fail-under-figures 100\n"
        "docs/rules.md explains every section."
    )


class SchemaKind(StrEnum):
    RULESET = "ruleset"
    TESTS = "tests"
    SHARED = "shared"
    PLAN = "plan"
    DESK = "desk"


_SCHEMAS: Mapping[SchemaKind, Callable[[Mapping[str, FactorSpec]], dict[str, Any]]] = {
    SchemaKind.RULESET: ruleset_schema,
    SchemaKind.TESTS: tests_schema,
    SchemaKind.SHARED: shared_schema,
    SchemaKind.PLAN: lambda _: schema_of(PLAN),
    SchemaKind.DESK: lambda _: schema_of(THE_DESK),
}


def schema(
    kind: Annotated[
        SchemaKind,
        typer.Option("--of", help="v<N>.yaml, tests, _shared/*.yaml, rollout.yaml or desk.yaml"),
    ] = SchemaKind.RULESET,
    check: Annotated[
        Path | None, typer.Option("--check", help="exit code 1 where this file is not the schema")
    ] = None,
) -> None:
    print_or_check(
        schema_text(kind),
        check,
        "the schema that the code and the factors give",
        command=f"decision-service rules schema --of {kind}",
    )


def schema_text(kind: SchemaKind) -> str:
    made = _SCHEMAS[kind](catalogue())
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"
