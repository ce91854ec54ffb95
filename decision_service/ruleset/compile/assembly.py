"""Puts a checked draft together as a program."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from decision_service.language.evaluation.emitter import compile_trees
from decision_service.language.evaluation.kleene import rule_error
from decision_service.language.expressions.tree import reads
from decision_service.language.types import FLAG, Symbol
from decision_service.ruleset.constructs.applies import ConditionalRunner
from decision_service.ruleset.program.intake import AnswerEntry, Intake
from decision_service.ruleset.program.model import ParamSpec, Step
from decision_service.ruleset.program.part import Runner
from decision_service.ruleset.program.program import (
    ByLabel,
    DerivedValue,
    LabelledParam,
    ParamPeriod,
    Program,
    Stage,
    Timeline,
)
from decision_service.ruleset.program.wording import Wording
from decision_service.ruleset.reading.draft import NamedPart, RulesetDraft


def assemble(draft: RulesetDraft) -> Program:
    """The program of a draft without errors."""
    symbols = draft.names.symbols
    return Program(
        timeline=_timeline(draft),
        intake=_intake(draft),
        labelled=tuple(
            LabelledParam(p.name, symbols[f"params.{p.name}"].slot, symbols[p.by].slot)
            for p in draft.params.values()
            if p.by
        ),
        derived=_derived(draft, 0),
        stages=tuple(
            _stage(part, _derived(draft, number)) for number, part in enumerate(draft.stages, 1)
        ),
        closing=tuple(_stage(part) for part in draft.closing),
        wording=Wording(draft.names.currency),
        read=frozenset(symbols[name].slot for name in draft.names.used if name in symbols),
    )


def _intake(draft: RulesetDraft) -> Intake:
    names = draft.names
    factors = tuple(names.symbols[name] for name in names.used if name in names.catalogue)
    inputs = tuple((name, names.symbols[f"inputs.{name}"]) for name in draft.inputs)
    answers = [
        AnswerEntry(question, symbol.slot, names.symbols[f"inputs.{question.input}"].slot)
        for question, symbol in names.answers.items()
    ]
    return Intake.of(names.currency, factors, inputs, answers)


def _derived(draft: RulesetDraft, after: int) -> tuple[DerivedValue, ...]:
    """The derived values that are evaluated after so many stages."""
    found = [each for each in draft.derived if each.after == after]
    slots = [draft.names.symbols[f"derived.{each.name}"].slot for each in found]
    evaluated = compile_trees([each.tree for each in found])
    reading = [frozenset(symbol.slot for symbol in reads(each.tree)) for each in found]
    return tuple(map(DerivedValue, slots, evaluated, reading))


def _stage(part: NamedPart, derived: tuple[DerivedValue, ...] = ()) -> Stage:
    runner: Runner = part.part.runner()
    if part.condition is not None:
        runner = ConditionalRunner(part.condition, runner, part.part.outputs())
    return Stage(part.name, part.component, runner, derived)


def _timeline(draft: RulesetDraft) -> Timeline:
    starts = sorted({s.start for p in draft.params.values() for s in p.every_step if s.start})
    periods = [_period(draft, start) for start in [None, *starts]]
    return Timeline(tuple(starts), tuple(periods))


def _period(draft: RulesetDraft, start: date | None) -> ParamPeriod:
    values: list[Any] = [None] * draft.names.size
    for param in draft.params.values():
        symbol = draft.names.symbols[f"params.{param.name}"]
        values[symbol.slot] = _value_of(param, symbol, start, draft)
    return ParamPeriod(start, tuple(values), _next_change(draft, start))


def _value_of(param: ParamSpec, symbol: Symbol, start: date | None, draft: RulesetDraft) -> Any:
    found = {each.label: _value_from(each.steps, symbol, start) for each in param.series}
    if not param.by:
        return found[""]
    other = found.pop("", rule_error(symbol.name, "the label has no value"))
    if draft.names.symbols[param.by].type is FLAG:
        return ByLabel({label == "true": value for label, value in found.items()}, other)
    return ByLabel(found, other)


def _value_from(steps: Sequence[Step], symbol: Symbol, start: date | None) -> Any:
    in_force = [s for s in steps if s.start is None or (start and s.start <= start)]
    if in_force:
        return in_force[-1].value
    return rule_error(symbol.name, "no value is in force on this date")


def _next_change(draft: RulesetDraft, start: date | None) -> date | None:
    later = [
        step.start
        for param in draft.params.values()
        if f"params.{param.name}" in draft.names.used
        for step in param.every_step
        if step.start is not None and (start is None or step.start > start)
    ]
    return min(later, default=None)
