"""The reference set that rule engines are compared on: 20 rules over 30 factors, an
8-characteristic scorecard and a 12-row table, written once and rendered for each engine."""

from __future__ import annotations

import random
from dataclasses import dataclass

FACTORS = tuple(f"bench.f{number:02d}" for number in range(30))
UPPER = 24
BINS = ((0, 6, 0), (6, 12, 20), (12, 18, 40), (18, 25, 60))
BASE = 200
BANDS = (("A", 500), ("B", 400), ("C", 300), ("D", None))


@dataclass(frozen=True, slots=True)
class Rule:
    """`left` op `bound`, and for every second rule a further comparison joined with `and`."""

    id: str
    left: str
    bound: int
    second: str | None
    second_bound: int
    then: str


def rules() -> tuple[Rule, ...]:
    """The 20 rules; few hold for an ordinary applicant, as in life."""
    made = []
    for number in range(20):
        second = FACTORS[(number * 7 + 3) % 30] if number % 2 else None
        then = "DECLINE" if number % 3 == 0 else "REFER"
        made.append(Rule(f"r{number:02d}", FACTORS[number], 1 + number % 3, second, 20, then))
    return tuple(made)


def characteristics() -> tuple[str, ...]:
    """The factors that the scorecard scores."""
    return FACTORS[20:28]


def table_rows() -> tuple[tuple[str, int, int], ...]:
    """(band, lower bound of f28, months of income granted), first match wins; 12 rows."""
    return tuple(
        (band, lower, 10 - 2 * place - step)
        for place, band in enumerate(("A", "B", "C"))
        for step, lower in enumerate((18, 12, 6, 0))
    )


def applicants(count: int, seed: int = 7) -> list[dict[str, int]]:
    """Values of all factors for so many applicants."""
    chance = random.Random(seed)
    return [{name: chance.randint(0, UPPER) for name in FACTORS} for _ in range(count)]


@dataclass(frozen=True, slots=True)
class Answer:
    """What every engine must agree on: rules that held, score, band, table output."""

    user_state: tuple[str, ...]
    score: int
    band: str
    multiple: int | None


def answer(values: dict[str, int]) -> Answer:
    """The obvious evaluation, against which each engine's answers are checked first."""
    held = tuple(
        rule.id
        for rule in rules()
        if values[rule.left] < rule.bound
        and (rule.second is None or values[rule.second] < rule.second_bound)
    )
    score = BASE + sum(
        points
        for name in characteristics()
        for low, high, points in BINS
        if low <= values[name] < high
    )
    band = next(name for name, least in BANDS if least is None or score >= least)
    multiple = next(
        (
            months
            for row_band, lower, months in table_rows()
            if row_band == band and values[FACTORS[28]] >= lower
        ),
        None,
    )
    return Answer(held, score, band, multiple)
