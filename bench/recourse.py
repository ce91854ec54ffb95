"""Recourse for people whom the shipped rules turn down: how long one core takes, and if it is right.

Each answer is confirmed by evaluating it again. Of 500 people of a small product the smallest
change is compared with that of full enumeration.
"""

from __future__ import annotations

import time
from collections import Counter

from bench.figures import versions_of
from bench.tables import Cell, show
from decision_service.casework.recourse import RecourseKind, Recourses
from decision_service.domain.decision import Outcome
from decision_service.domain.factor import FactorValue
from decision_service.rules.evaluate import evaluate
from tests.unit.author.recourse import (
    VERSIONS,
    answer,
    confirmed,
    people,
    shipped_product,
    somebody,
)
from tests.unit.author.recourse import product as small_product

_MILLISECONDS = 1_000


def run(people_each: int = 1_000, enumerated: int = 500) -> None:
    """A row for each shipped version, and how many of the enumerated people agree."""
    rows = [_row(name, version, people_each) for name, version in VERSIONS]
    differing = [seed for seed in range(enumerated) if not _agrees(seed)]
    agree = f"{enumerated - len(differing)} of {enumerated} as full enumeration"
    notes = [f"{agree}; not: {differing[:9]}" if differing else agree]
    show("recourse", "of people declined or referred", rows, versions_of(), notes)


def _row(name: str, version: int, count: int) -> dict[str, Cell]:
    ruleset = shipped_product(name, version)
    find, took, answers, wrong = Recourses(ruleset), [], Counter[str](), 0
    for facts in people(name, version, count):
        if evaluate(ruleset, facts).outcome is Outcome.APPROVE:
            continue
        start = time.process_time()
        recourse = find.of(facts)
        seconds = time.process_time() - start
        if recourse is None:
            continue
        took.append(seconds * _MILLISECONDS)
        answers[recourse.answer] += 1
        told = recourse.answer is not RecourseKind.NOTHING
        wrong += told and not confirmed(ruleset, facts, recourse)
    took.sort()
    return {
        "product": f"{name} v{version}",
        "people": len(took),
        "p50 ms": round(took[len(took) // 2], 1),
        "p95 ms": round(took[len(took) * 95 // 100], 1),
        "longest ms": round(took[-1], 1),
        **{str(answer).lower(): answers[answer] for answer in RecourseKind},
        "not confirmed": wrong,
    }


def _agrees(seed: int) -> bool:
    """Whether the answer for a person is that of full enumeration."""
    facts = somebody(seed)
    found = Recourses(small_product()).of(facts)
    if found is None:
        return evaluate(small_product(), facts).outcome is Outcome.APPROVE
    told = {c.factor: FactorValue(c.factor, c.needed) for c in found.changes}
    given = None if found.answer is RecourseKind.NOTHING else (found.day, told)
    return bool(given == answer(small_product(), facts))
