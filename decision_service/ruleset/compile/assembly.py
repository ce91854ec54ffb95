"""Puts a checked draft together as a program."""

from __future__ import annotations

from datetime import date
from typing import Any

from decision_service.language.evaluation.emitter import compile_trees
from decision_service.language.evaluation.kleene import rule_error
from decision_service.language.types import Symbol
from decision_service.ruleset.program.intake import AnswerEntry, Intake
from decision_service.ruleset.program.model import ParamSpec
from decision_service.ruleset.program.program import ParamPeriod, Program, Stage, Timeline
from decision_service.ruleset.program.wording import Wording
from decision_service.ruleset.reading.draft import NamedPart, RulesetDraft


def assemble(draft: RulesetDraft) -> Program:
    """The program of a draft without errors."""
    symbols = draft.names.symbols
    slots = [symbols[f"derived.{d.name}"].slot for d in draft.derived]
    evaluated = compile_trees([d.tree for d in draft.derived])
    return Program(
        timeline=_timeline(draft),
        intake=_intake(draft),
        derived=tuple(zip(slots, evaluated, strict=True)),
        stages=tuple(_stage(part) for part in draft.stages),
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


def _stage(part: NamedPart) -> Stage:
    return Stage(part.name, part.component, part.part.runner())


def _timeline(draft: RulesetDraft) -> Timeline:
    starts = sorted({s.start for p in draft.params.values() for s in p.steps if s.start})
    periods = [_period(draft, start) for start in [None, *starts]]
    return Timeline(tuple(starts), tuple(periods))


def _period(draft: RulesetDraft, start: date | None) -> ParamPeriod:
    values: list[Any] = [None] * draft.names.size
    for param in draft.params.values():
        symbol = draft.names.symbols[f"params.{param.name}"]
        values[symbol.slot] = _value_from(param, symbol, start)
    return ParamPeriod(start, tuple(values), _next_change(draft, start))


def _value_from(param: ParamSpec, symbol: Symbol, start: date | None) -> Any:
    in_force = [s for s in param.steps if s.start is None or (start and s.start <= start)]
    if in_force:
        return in_force[-1].value
    return rule_error(symbol.name, "no value is in force on this date")


def _next_change(draft: RulesetDraft, start: date | None) -> date | None:
    later = [
        step.start
        for param in draft.params.values()
        if f"params.{param.name}" in draft.names.used
        for step in param.steps
        if step.start is not None and (start is None or step.start > start)
    ]
    return min(later, default=None)
