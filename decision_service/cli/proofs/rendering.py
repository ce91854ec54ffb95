"""The result of a proof in words, and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from decision_service.proofs.questions import Question
from decision_service.proofs.report import (
    case_of,
    differences,
    person_text,
    shown,
    untypical,
    verdict_text,
)
from decision_service.proofs.results import Counterexample, Proved, Result, Undecided


def word(result: Result) -> str:
    """PROVED, COUNTEREXAMPLE or UNDECIDED."""
    words = {Proved: "PROVED", Counterexample: "COUNTEREXAMPLE", Undecided: "UNDECIDED"}
    return words[type(result)]


def lines(question: Question, claim: str, result: Result, today: date) -> Iterator[str]:
    """The result in sentences; of a counterexample also the person, as a rule test."""
    if isinstance(result, Proved):
        parts = f" in {result.periods} periods of its parameters" if result.periods > 1 else ""
        yield f"PROVED: {claim}, for everybody from {today} on{parts}"
    elif isinstance(result, Undecided):
        yield f"UNDECIDED: {claim}: {result.why}"
    else:
        yield f"COUNTEREXAMPLE: not so: {claim}"
        yield from _person(question, result)


def _person(question: Question, found: Counterexample) -> Iterator[str]:
    yield f"  {person_text(question, found)}"
    yield "  As a rule test:"
    yield case_of(question, found)


def as_dict(question: Question, claim: str, result: Result, today: date) -> Mapping[str, Any]:
    """The result for programs."""
    found: dict[str, Any] = {"claim": claim, "result": word(result), "from": today.isoformat()}
    if isinstance(result, Proved):
        return {**found, "periods": result.periods}
    if isinstance(result, Undecided):
        return {**found, "why": result.why}
    sides = zip(question.sides, result.verdicts, strict=True)
    return {
        **found,
        "as_of": result.day.isoformat(),
        "differs_from_typical": untypical(question, result),
        "changed": {n: shown(question, n, value) for n, value in result.changed.items()},
        "differences": differences(result),
        "verdicts": [{"of": side, "verdict": verdict_text(verdict)} for side, verdict in sides],
        "case": case_of(question, result),
    }
