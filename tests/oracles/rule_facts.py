"""Made-up facts for a rule file: often exactly at its thresholds, and missing for every cause."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

from decision_service.domain.factor import FactorValue, Observed
from decision_service.domain.values import ABSENT, AsOf, Cause, DataReason, Missing, Money
from tests.oracles.rulesets import FACTORS, INPUTS, LABELS, OBSERVED, STEPS

MANILA = ZoneInfo("Asia/Manila")
Given = tuple[dict[str, FactorValue], dict[str, object], AsOf]


def facts(text: str, seed: int, *, complete: bool = False) -> Given:
    """Factor values, inputs and an instant for a rule file: often exactly at its thresholds."""
    rng = Random(seed)
    near = [Decimal(figure) for figure in re.findall(r"(?<![\w.-])\d+(?:\.\d+)?(?![\w.-])", text)]
    often = rng.choice([0.0, 0.05, 0.05, 0.3]) * (not complete)
    factors = {n: _fact(n, k, near, often, rng) for n, k in FACTORS.items() if rng.random() < 0.995}
    inputs = {n: _value(k, near, rng) for n, k in INPUTS.items() if rng.random() < 0.9}
    inputs["requested_term_months"] = rng.randint(1, 36)
    inputs["customer_type"] = rng.choice(["new", "existing"])
    inputs["requested_amount"] = Money("PHP", rng.choice([100_000, 2_000_000, 1_500_050, 100_001]))
    for name in rng.sample(list(inputs), rng.choice([0, 0, 0, 1])):
        del inputs[name]
    day = rng.choice(STEPS) + timedelta(days=rng.choice([0, 0, 1, 200]))
    hour = rng.choice([0, 4, 15])  # 00:00, 12:00 and 23:00 of the day in Manila
    instant = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
    if hour == 0:
        instant -= timedelta(hours=8)
    as_of = AsOf.at(instant, MANILA)
    if OBSERVED in inputs:
        age = timedelta(days=rng.choice([0, 0, 29, 30, 30, 31, 400]))
        inputs[OBSERVED] = Observed(inputs[OBSERVED], as_of.date - age)  # type: ignore[arg-type]
    return factors, inputs, as_of


def _fact(name: str, kind: str, near: list[Decimal], often: float, rng: Random) -> FactorValue:
    if rng.random() >= often:
        return FactorValue(name, _value(kind, near, rng, name))  # type: ignore[arg-type]
    causes = rng.sample(list(Cause), rng.choice([1, 1, 1, 2]))
    missing = tuple(Missing(cause, code=_code(cause, rng)) for cause in causes)
    return FactorValue(name, None, missing)


def _code(cause: Cause, rng: Random) -> DataReason | None:
    """A failure often has a reason of its own."""
    if cause in ABSENT or rng.random() < 0.5:
        return None
    return rng.choice([DataReason.UPSTREAM_TIMEOUT, DataReason.DATA_GONE, DataReason.BAD_AMOUNT])


def _value(kind: str, near: list[Decimal], rng: Random, name: str = "") -> object:
    if kind == "text":
        return rng.choice(LABELS.get(name, ("new", "existing")))
    if kind == "flag":
        return rng.random() < 0.5
    if kind == "date":
        return rng.choice([date(1990, 1, 1), date(2020, 2, 29), date(2020, 3, 1)])
    figure = rng.choice([*near[-40:], Decimal(rng.randint(0, 30))])
    if kind == "integer":
        return min(int(figure), 400) + rng.choice([0, 0, 1, -1])
    if kind == "number":
        return rng.choice([figure / 100, Decimal("0.35"), Decimal(0), Decimal("0.051"), figure])
    minor = int(min(figure, Decimal(200_000)) * 100) + rng.choice([0, 0, 1, -1])
    return Money("PHP", rng.choice([minor, minor, rng.randint(0, 5_000_000), 0, -150_001]))
