"""Proves the guarantees of versions, and tells of each that does not hold or is not decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from math import inf

from decision_service.language.diagnostics import Diagnostic, Place, Severity
from decision_service.pipeline.rules.rulebook import Rulebook
from decision_service.pipeline.trial.everybody import everybody
from decision_service.proofs.claims.guarantee import Kept, Nobody
from decision_service.proofs.report import person_text
from decision_service.proofs.results import Counterexample, Proved, Undecided
from decision_service.proofs.search import prove
from decision_service.ruleset.program.model import CompiledRuleset

UNDECIDED = "R522"
SECONDS = 60.0
"""The time limit of one guarantee."""


def guarantee_problems(
    rulesets: Iterable[CompiledRuleset],
    today: date,
    clock: Callable[[], float],
    seconds: float = SECONDS,
    until: float = inf,
) -> Iterator[Diagnostic]:
    """R521 of a guarantee that is false, R522 of an undecided one, R523 of one about nobody.

    Undecided is an error of one that must be proved, else a warning. Each has so many seconds, and
    none is proved after `until`. Raises SolverMissing.
    """
    for ruleset in rulesets:
        world = everybody(ruleset)
        for guarantee in ruleset.guarantees:
            end = min(clock() + seconds, until)
            yield from _problems(Kept(ruleset, guarantee, world), today, clock, end)


def guarantees_of(
    rulebook: Rulebook,
    now: datetime,
    clock: Callable[[], float],
    chosen: Callable[[str], bool] = lambda _path: True,
    until: float = inf,
) -> Iterator[Diagnostic]:
    """What is wrong with the guarantees of chosen files, from the day in their zones on."""
    for product in rulebook.products.values():
        for ruleset in product.versions.values():
            if any(chosen(guarantee.place.file) for guarantee in ruleset.guarantees):
                today = now.astimezone(ruleset.zone).date()
                yield from guarantee_problems([ruleset], today, clock, until=until)


def _problems(
    kept: Kept, today: date, clock: Callable[[], float], end: float
) -> Iterator[Diagnostic]:
    name, place = kept.guarantee.name, kept.guarantee.place
    result = prove(kept, today, lambda: end - clock())
    if isinstance(result, Counterexample):
        hint = person_text(kept, result)
        yield _problem("R521", place, f"`{name}` does not hold", hint)
    elif isinstance(result, Undecided):
        severity = Severity.ERROR if kept.guarantee.must else Severity.WARNING
        yield _problem(
            UNDECIDED, place, f"`{name}` is not decided: {result.why}", severity=severity
        )
    elif kept.guarantee.when is not None and _about_nobody(kept, today, clock, end):
        message = f"`{name}` is about nobody: its `when` can never be true"
        yield _problem("R523", place, message, severity=Severity.WARNING)


def _about_nobody(kept: Kept, today: date, clock: Callable[[], float], end: float) -> bool:
    asked = Nobody(kept.ruleset, kept.guarantee, kept.world)
    return isinstance(prove(asked, today, lambda: end - clock()), Proved)


def _problem(
    code: str, place: Place, message: str, hint: str = "", severity: Severity = Severity.ERROR
) -> Diagnostic:
    at = (place.file, place.line, place.column, place.end)
    return Diagnostic(code, severity, *at, message, hint)
