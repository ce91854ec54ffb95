"""Puts a checked draft together as a program."""

from __future__ import annotations

from datetime import date
from functools import cache, partial
from typing import Any

from decision_service.language.threevalued import compile_tree, rule_error
from decision_service.language.tree import Node
from decision_service.language.types import Symbol
from decision_service.ruleset.carefully import Definition, Parts, Stage
from decision_service.ruleset.draft import Draft, NamedPart
from decision_service.ruleset.intake import Intake
from decision_service.ruleset.model import ParamSpec
from decision_service.ruleset.program import Period, Program, Timeline
from decision_service.ruleset.quick import generate
from decision_service.ruleset.wording import Wording


def assemble(draft: Draft) -> Program:
    """The program of a draft without errors."""
    names = draft.names
    parts = Parts(
        intake=_intake(draft),
        derived=tuple(_definition(draft, d.name, d.tree) for d in draft.derived),
        stages=tuple(_stage(part) for part in draft.stages),
        closing=tuple(_stage(part) for part in draft.closing),
    )
    constants = [names.symbols[f"params.{name}"].slot for name in draft.params]
    return Program(
        timeline=_timeline(draft),
        parts=parts,
        quick=generate(parts, names.size, constants),
        traced=cache(partial(generate, parts, names.size, constants, traced=True)),
        wording=Wording(names.currency),
    )


def _intake(draft: Draft) -> Intake:
    names = draft.names
    factors = tuple(names.symbols[name] for name in names.used if name in names.catalogue)
    inputs = tuple((name, names.symbols[f"inputs.{name}"]) for name in draft.inputs)
    return Intake(names.currency, factors, inputs)


def _definition(draft: Draft, name: str, tree: Node) -> Definition:
    return Definition(draft.names.symbols[f"derived.{name}"].slot, tree, compile_tree(tree))


def _stage(part: NamedPart) -> Stage:
    return Stage(part.name, part.component, part.part.runner())


def _timeline(draft: Draft) -> Timeline:
    starts = sorted({s.start for p in draft.params.values() for s in p.steps if s.start})
    periods = [_period(draft, start) for start in [None, *starts]]
    return Timeline(tuple(starts), tuple(periods))


def _period(draft: Draft, start: date | None) -> Period:
    values: list[Any] = [None] * draft.names.size
    gone: set[int] = set()
    for param in draft.params.values():
        symbol = draft.names.symbols[f"params.{param.name}"]
        values[symbol.slot] = _value_from(param, symbol, start, gone)
    return Period(start, tuple(values), frozenset(gone), _next_change(draft, start))


def _value_from(param: ParamSpec, symbol: Symbol, start: date | None, gone: set[int]) -> Any:
    in_force = [s for s in param.steps if s.start is None or (start and s.start <= start)]
    if in_force:
        return in_force[-1].value
    gone.add(symbol.slot)
    return rule_error(symbol.name, "no value is in force on this date")


def _next_change(draft: Draft, start: date | None) -> date | None:
    later = [
        step.start
        for param in draft.params.values()
        if f"params.{param.name}" in draft.names.used
        for step in param.steps
        if step.start is not None and (start is None or step.start > start)
    ]
    return min(later, default=None)
