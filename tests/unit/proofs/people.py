"""Made-up people for shipped rules: often exactly at a figure, and missing for every cause."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

from decision_service.domain.factor import ValueType
from decision_service.proofs.person import Person, lacking
from decision_service.proofs.questions import inputs_of, required
from decision_service.ruleset.analysis.ranges import whole
from tests.unit.proofs.versions import TODAY


def made_up(question, texts, rng):
    """A person for the rules of a question, at the figures of their texts."""
    figures = [Decimal(f) for text in texts for f in re.findall(r"(?<![\w.-])\d+(?:\.\d+)?", text)]
    often, currency = rng.choice([0, 0.05, 0.3]), question.rulesets[0].currency
    catalogue, needed = question.world.catalogue, required(question.rulesets)
    symbols = {e.symbol.name: e.symbol for r in question.rulesets for e in r.program.intake.factors}
    values = {}
    for name, symbol in symbols.items():
        causes = catalogue[name].causes
        if causes and rng.random() < often:
            tainted = rng.choice([cause.tainted for cause in causes])
            values[name] = lacking(name, catalogue, tainted=tainted)
        else:
            values[name] = _value(symbol, figures, currency, rng)
    for name, symbol in inputs_of(question.rulesets).items():
        if name in needed or rng.random() < 0.5:
            values[symbol.name] = _value(symbol, figures, currency, rng)
        else:
            values[symbol.name] = lacking(symbol.name, catalogue, tainted=False)
    if "history.today" in values:
        values["history.today"] = TODAY
    return Person(values)


def _value(symbol, figures, currency, rng):
    match symbol.type:
        case ValueType.FLAG:
            return rng.random() < 0.5
        case ValueType.TEXT:
            return rng.choice(symbol.labels or ("a", "b"))
        case ValueType.DATE:
            return TODAY - timedelta(days=rng.choice([0, 3, 7, 8, 400]))
    figure = rng.choice(figures) * rng.choice([1, 1, 1, 3])
    if symbol.type is ValueType.MONEY:
        value = int(figure * 100) + rng.choice([-1, 0, 0, 1])
    elif symbol.type is ValueType.INTEGER:
        value = int(figure) + rng.choice([-1, 0, 0, 1])
    else:
        value = figure
    span = whole(symbol, currency)
    low, high = (None if end is None else type(value)(end) for end in (span.low, span.high))
    value = value if low is None else max(value, low)
    return value if high is None else min(value, high)
