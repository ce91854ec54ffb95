"""`rules explain`: one version on given factor values, as a tree that a case worker can read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from msgspec.structs import asdict
from rich.markup import escape
from rich.tree import Tree

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.cli.output import (
    CommandError,
    Format,
    FormatOption,
    console,
    message_dict,
    print_json,
    read_text,
)
from decision_service.cli.views import (
    RuleView,
    add_rule,
    add_stage,
    add_verdict,
    comparison_text,
    styled_outcome,
)
from decision_service.domain.decision import RuleTrace, StageTrace, Verdict
from decision_service.domain.factor import Input, ValueType
from decision_service.domain.values import AsOf, noon
from decision_service.factors.registry import catalogue
from decision_service.rules.evaluate import Facts, evaluate, traces
from decision_service.rules.inputs import bind_made_up, list_answers
from decision_service.rules.language.diagnostics import Diagnostic, Place, Report, Severity, render
from decision_service.rules.language.fields import Fields, parse_day
from decision_service.rules.language.yaml import MapEntry, MapNode, Scalar, read
from decision_service.rules.program import CompiledRuleset
from decision_service.rules.tests_file import GIVEN, FactsReader, Given
from decision_service.server.services.decisions import verdict_fields
from decision_service.workbench.commands.folder import DEFAULT_PATH, RulesOption, find_version


@dataclass(frozen=True, slots=True)
class Explanation:
    ruleset: CompiledRuleset
    facts: Facts
    verdict: Verdict
    stages: tuple[StageTrace, ...]

    @classmethod
    def of(cls, ruleset: CompiledRuleset, facts: Facts) -> Explanation:
        verdict = evaluate(ruleset, facts)
        return cls(ruleset, facts, verdict, traces(ruleset, verdict))


def explain(
    version: Annotated[str, typer.Argument(metavar="PATH", help="a version's file, or product@1")],
    factors: Annotated[
        Path,
        typer.Option(
            "--factors", help="YAML or JSON of name: value, or name: missing CAUSE, as in tests"
        ),
    ],
    inputs: Annotated[list[str] | None, typer.Option("--input", help="NAME=VALUE")] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="a day, YYYY-MM-DD; else today")
    ] = None,
    rules: RulesOption = DEFAULT_PATH,
    form: FormatOption = Format.TABLE,
) -> None:
    """The reasons are shown stage by stage."""
    found = find_version(version, rules)
    facts = _facts(found.ruleset, factors, inputs or (), day=as_of)
    explained = Explanation.of(found.ruleset, facts)
    if form is Format.JSON:
        print_json(explanation_dict(explained))
    else:
        console().print(explanation_tree(explained))


def _facts(ruleset: CompiledRuleset, path: Path, pairs: Sequence[str], day: str | None) -> Facts:
    text = read_text(path, "write the factors into it, one `name: value` a line")
    read = parse_given(str(path), text, ruleset)
    errors = [d for d in read.diagnostics if d.severity is Severity.ERROR]
    if errors:
        lines = tuple(map(render, errors))
        raise CommandError(f"{path} cannot be used: mend it first", lines=lines)
    given = Given(dict(_input(pair, ruleset) for pair in pairs)).over(read.given)
    lacking = [name for name in ruleset.needs.factors if name not in given.factors]
    if lacking:
        raise CommandError(
            f"{path} does not say what {len(lacking)} factors are that {ruleset.ruleset} "
            f"v{ruleset.version} needs: add each with its value, or `missing NO_DATA`",
            lines=tuple(f"  {name}:" for name in lacking),
        )
    at = _as_of(day, read, ruleset)
    bound = bind_made_up(ruleset, given.inputs, at.date)
    if bound.problems:
        raise CommandError(
            "the inputs do not fit: send each with --input NAME=VALUE",
            lines=tuple(f"  {problem.description}" for problem in bound.problems),
        )
    answers = list_answers(ruleset, bound.values, at.date, instead=given.lists)
    return Facts(given.factors, bound.values, at, answers=answers)


def _input(pair: str, ruleset: CompiledRuleset) -> tuple[str, Input]:
    name, equals, text = pair.partition("=")
    if not equals or not name or not text:
        raise CommandError(f"--input {pair!r} must have the form name=value")
    value = parse_input(name, text, ruleset)
    if isinstance(value, Diagnostic):
        hint = f" ({value.hint})" if value.hint else ""
        raise CommandError(f"--input {pair}: {value.message}{hint}")
    return name, value


def _as_of(word: str | None, read: GivenFile, ruleset: CompiledRuleset) -> AsOf:
    if word is None:
        return read.as_of or AsOf.at(datetime.now(UTC), ruleset.zone)
    day: date | None = parse_day(word)
    if day is None:
        raise CommandError(f"--as-of is {word}: write a day as 2026-10-31")
    return noon(day, ruleset.zone)


def _message(explained: Explanation) -> pb.Decision:
    verdict = explained.verdict
    return pb.Decision(**verdict_fields(verdict, ("en",)), withheld_tags=verdict.withheld_tags)


def explanation_tree(explained: Explanation) -> Tree:
    message = _message(explained)
    as_of = explained.facts.as_of
    ruleset = explained.ruleset
    name = f"{ruleset.ruleset} v{ruleset.version} {ruleset.digest[:12]}"
    headline = escape(f"{name} · as of {as_of.date} ({as_of.zone})")
    tree = Tree(f"{styled_outcome(message)} · {headline}", guide_style="dim")
    add_verdict(tree, message)
    for stage in explained.stages:
        branch = add_stage(
            tree, stage.name, stage.component, concluded=stage.concluded or "", note=stage.note
        )
        for rule in stage.rules:
            add_rule(branch, stage.name, stage.component, rule=_shown(rule))
    return tree


def _shown(rule: RuleTrace) -> RuleView:
    return RuleView(rule.id, rule.truth, rule.effect, reason=rule.reason, lines=tuple(_lines(rule)))


def _lines(rule: RuleTrace) -> Iterable[str]:
    for c in (c for c in rule.comparisons if c.right != "-"):
        yield comparison_text(c.left, c.actual, c.operator, right=c.right, required=c.required)
    if rule.note:
        yield rule.note


def explanation_dict(explained: Explanation) -> dict[str, Any]:
    return {
        "ruleset": explained.ruleset.ruleset,
        "version": explained.ruleset.version,
        "digest": explained.ruleset.digest,
        "as_of": explained.facts.as_of.date.isoformat(),
        **message_dict(_message(explained)),
        "stages": [_stage_dict(stage) for stage in explained.stages],
    }


def _stage_dict(stage: StageTrace) -> dict[str, Any]:
    return {
        **{key: getattr(stage, key) for key in ("name", "component", "concluded", "note")},
        "rules": [
            {key: getattr(rule, key) for key in ("id", "truth", "effect", "reason", "note")}
            | {"comparisons": [asdict(c) for c in rule.comparisons]}
            for rule in stage.rules
        ],
    }


class GivenFile(msgspec.Struct, frozen=True):
    """One file's values for one evaluation; `as_of` is None where absent."""

    given: Given
    as_of: AsOf | None
    diagnostics: tuple[Diagnostic, ...]


def parse_given(path: str, text: str, ruleset: CompiledRuleset) -> GivenFile:
    """The factors of a file of `name: value`, or its `factors`, `inputs`, `lists` and `as_of`."""
    report = Report()
    node = read(path, text, report)
    if isinstance(node, MapNode) and not any(node.get(key) is not None for key in GIVEN):
        node = MapNode((MapEntry("factors", node.place, node),), node.place)
    fields = node and Fields.of(node, "a file of factors", report, optional=GIVEN)
    if not fields:
        return GivenFile(Given(), None, report.diagnostics())
    reader = FactsReader(fields, ruleset, catalogue())
    return GivenFile(reader.given(fields), reader.as_of, report.diagnostics())


def parse_input(name: str, text: str, ruleset: CompiledRuleset) -> Input | Diagnostic:
    """One input from its text alone, as a command line has it: no quotes are needed."""
    report = Report()
    place = Place("--input", 1, 1, end=2)
    spec = ruleset.inputs.get(name)
    plain = spec is None or spec.type is not ValueType.TEXT or spec.max_age is not None
    entry = MapEntry(name, place, Scalar(text, plain=plain, place=place))
    root = MapNode((MapEntry("inputs", place, MapNode((entry,), place)),), place)
    fields = Fields(root, "the inputs", report, optional=GIVEN)
    found = FactsReader(fields, ruleset, {}).given(fields).inputs.get(name)
    return report.diagnostics()[0] if found is None else found
