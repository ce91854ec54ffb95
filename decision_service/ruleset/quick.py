"""A whole ruleset as one generated Python function: what every decision runs.

Factors are read by a function of their own, since of one applicant they stay the same for a while,
and kept in local names; each part writes its own piece, straight on. A piece
that reads a missing value, or whose arithmetic has no result, hands over to the part's careful way
(`carefully.py`), and the function goes on behind it. Both ways leave the same state.

A traced function does the same, evaluates every comparison whatever the others say, and returns
what each part came to as plain tuples (`Runner.reviewed` reads them), or as the conclusion where
the part ran the careful way: those of the stages, and of what follows them, None where not run.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from decision_service.domain.factor import FactorValue, Value
from decision_service.domain.verdict import Offer, OfferKind, Score
from decision_service.language.generated import Page, Source
from decision_service.language.threevalued import Unknown
from decision_service.language.values import floor_minor
from decision_service.ruleset import intake
from decision_service.ruleset.carefully import Definition, Parts, Stage
from decision_service.ruleset.state import State
from decision_service.ruleset.weighing import displayed

Noted = tuple[tuple[Any, ...], tuple[Any, ...]]
Load = Callable[[Mapping[str, FactorValue], tuple[Any, ...], set[int]], tuple[Any, ...]]
Run = Callable[[tuple[Any, ...], Mapping[str, Value], State], Noted | None]

_WORDS: Mapping[str, Any] = {
    **intake.WORDS,
    "FULL": OfferKind.FULL,
    "Offer": Offer,
    "REDUCED": OfferKind.REDUCED,
    "Score": Score,
    "Unknown": Unknown,
    "filter": filter,
    "floor_minor": floor_minor,
    "on_or_below": bisect_left,
    "above": bisect_right,
}


class Quick(msgspec.Struct, frozen=True):
    """The functions, and for whoever looks for a fault their source and what its names stand for.

    `load` puts parameters and factors in order for `run`, and is the same whatever is sent.
    """

    load: Load
    run: Run
    source: str
    bound: Mapping[str, Any]


def generate(parts: Parts, size: int, constants: Iterable[int], *, traced: bool = False) -> Quick:
    """The function of a ruleset with so many slots; `constants` are those of its parameters."""
    source = Source(_WORDS, traced)
    known = _write_load(parts, sorted(constants), source)
    page = Page(source)
    page.line("gone = s.gone")
    page.line("declines, refers, approves = s.declines, s.refers, s.approves")
    if known:
        page.line(f"{displayed([f'v{slot}' for slot in known])} = k")
    parts.intake.write_inputs(page)
    known += [symbol.slot for _, symbol in parts.intake.inputs]
    page.line(f"v = s.values = [{', '.join(_laid_out(size, known))}]")
    _write_parts(parts, page)
    source.define("run", "k, i, s", page)
    functions = source.compiled()
    return Quick(functions["load"], functions["run"], source.text, source.bound)


def _write_load(parts: Parts, constants: list[int], source: Source) -> list[int]:
    """The function that takes factors out of `f` and parameters out of `p`; the slots it gives."""
    page = Page(source)
    parts.intake.write_factors(page)
    factors = [symbol.slot for symbol in parts.intake.factors]
    given = [*(f"p[{slot}]" for slot in constants), *(f"v{slot}" for slot in factors)]
    page.line(f"return {displayed(given)}")
    source.define("load", "f, p, gone", page)
    return constants + factors


def _laid_out(size: int, known: Sequence[int]) -> list[str]:
    """A display of all slots, those that parts will set left open."""
    return [f"v{slot}" if slot in set(known) else "None" for slot in range(size)]


def _write_parts(parts: Parts, page: Page) -> None:
    for definition in parts.derived:
        _write_definition(definition, page)
    stages = [_write_stage(stage, page) for stage in parts.stages]
    page.line("s.settle()")
    closing = [_write_closing(stage, page) for stage in parts.closing]
    if page.source.traced:
        page.line(f"return {displayed(stages)}, {displayed(closing)}")


def _write_closing(stage: Stage, page: Page) -> str:
    """A part that runs only while the evaluation is open; what it is noted under."""
    piece = Page(page.source)
    noted = _write_stage(stage, piece)
    if page.source.traced:
        page.line(f"{noted} = None")
    page.line("if s.open:")
    page.add(piece, 1)
    return noted


def _write_stage(stage: Stage, page: Page) -> str:
    """A stage, and the name that what it came to is noted under where the source is traced."""
    noted = page.source.temporary()
    runner = stage.runner

    def write(piece: Page) -> None:
        found = runner.write(piece)
        if page.source.traced:
            piece.line(f"{noted} = {found}")

    kept = f"{noted} = " if page.source.traced else ""
    _write_guarded(write, f"{kept}{page.bind(stage.careful)}(s)", runner.outputs, page)
    return noted


def _write_definition(definition: Definition, page: Page) -> None:
    slot = definition.slot

    def write(piece: Page) -> None:
        piece.line(f"v{slot} = v[{slot}] = {piece.expression(definition.tree)}")

    _write_guarded(write, f"{page.bind(definition.careful)}(s)", (slot,), page)


def _write_guarded(
    write: Callable[[Page], None],
    careful: str,
    outputs: Iterable[int],
    page: Page,
) -> None:
    """A piece, and what runs in its place where a value it needs is missing or has bounds."""
    piece = Page(page.source)
    write(piece)
    missing = f"gone and not {page.bind(frozenset(piece.hard))}.isdisjoint(gone)"
    guard = f"if s.marks or {missing}:" if piece.hard else "if s.marks:"
    instead = [careful, *(f"v{slot} = v[{slot}]" for slot in outputs)]
    attempt = Page(page.source)
    attempt.attempt(piece.lines, instead)
    page.line(guard)
    for text in instead:
        page.line(text, 1)
    page.line("else:")
    page.add(attempt, 1)
