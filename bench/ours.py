"""The reference set as one of our rulesets."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from bench.reference import (
    BANDS,
    BASE,
    BINS,
    FACTORS,
    UPPER,
    Answer,
    characteristics,
    rules,
    table_rows,
)
from decision_service.domain.accounts import Kind
from decision_service.domain.decision import StageTrace, Verdict
from decision_service.domain.factor import FactorSpec, FactorValue, ValueType
from decision_service.domain.values import AsOf, Cause, Missing
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.evaluate import Facts, evaluate, traces
from decision_service.rules.program import RulesetFiles

AS_OF = AsOf.at(datetime(2026, 11, 24, tzinfo=UTC), ZoneInfo("Asia/Manila"))


def catalogue() -> dict[str, FactorSpec]:
    """Thirty integer factors of 0 to 24."""
    return {
        name: FactorSpec(
            name,
            ValueType.INTEGER,
            "months",
            "A factor of the bench.",
            "given",
            frozenset({Kind.EINCOMES}),
            frozenset({Cause.NO_DATA}),
            lower=Decimal(0),
            upper=Decimal(UPPER),
        )
        for name in FACTORS
    }


def text() -> str:
    """The rule file."""
    lines = [
        "ruleset: bench",
        "version: 1",
        "title: Reference set",
        "currency: PHP",
        "time_zone: Asia/Manila",
        "inputs: {}",
        "reasons:",
        "  RULE: {text: {en: A rule}, group: rule, priority: 1}",
        *(
            f"  C{n}: {{text: {{en: A characteristic}}, group: c{n}, priority: 5}}"
            for n in range(8)
        ),
        "stages:",
        "  - name: policy",
        "    component: POLICY",
        "    rules:",
    ]
    for rule in rules():
        second = f" and {rule.second} < {rule.second_bound}" if rule.second else ""
        lines += [
            f"      - id: {rule.id}",
            f"        when: {rule.left} < {rule.bound}{second}",
            f"        then: {rule.then}",
            "        reason: RULE",
        ]
    lines += [
        "  - name: score",
        "    component: SCORECARD",
        "    scorecard:",
        "      id: card",
        f"      points: {BASE}",
        "      characteristics:",
    ]
    for number, name in enumerate(characteristics()):
        lines += [f"        - factor: {name}", f"          reason: C{number}", "          bins:"]
        lines += [
            f'            - {{in: "[{low}, {high})", points: {points}}}'
            for low, high, points in BINS
        ]
    lines += ["      bands:"]
    outcomes = ("APPROVE", "APPROVE", "REFER", "DECLINE")
    for (band, least), outcome in zip(BANDS, outcomes, strict=True):
        start = "" if least is None else f"from: {least}, "
        lines.append(f"        - {{name: {band}, {start}then: {outcome}}}")
    lines += [
        "  - name: limit",
        "    component: TABLE",
        "    table:",
        "      id: limit",
        "      hit: first",
        f"      when: [card.band, {FACTORS[28]}]",
        "      give: {granted: money}",
        "      rows:",
        *(
            f'        - [{band}, ">= {lower}", {months * 1000}]'
            for band, lower, months in table_rows()
        ),
        '        - ["-", "-", 0]',
        "offer:",
        "  approved_amount: limit.granted",
    ]
    return "\n".join(lines) + "\n"


class Ours:
    """Our evaluator with the reference set loaded."""

    name, package = "ours", "msgspec"

    def __init__(self) -> None:
        compilation = compile_ruleset(RulesetFiles("bench", "bench/v1.yaml", text()), catalogue())
        if compilation.ruleset is None:
            raise SystemExit("\n".join(d.message for d in compilation.diagnostics))
        self.ruleset = compilation.ruleset

    def prepare(self, values: dict[str, int]) -> Facts:
        """The values as facts."""
        factors = {name: FactorValue(name, value) for name, value in values.items()}
        return Facts(factors, {}, AS_OF)

    def evaluate(self, facts: Facts) -> Verdict:
        """A verdict with worded reasons; it keeps every truth, bin, points and row."""
        return evaluate(self.ruleset, facts)

    def traced(self, facts: Facts) -> tuple[StageTrace, ...]:
        """A verdict, and every row of its trace in words, table rows passed over among them."""
        return traces(self.ruleset, evaluate(self.ruleset, facts))

    def without_one(self, values: dict[str, int]) -> Facts:
        """The values as facts, one that a rule reads missing."""
        facts = self.prepare(values)
        gone = FactorValue(FACTORS[0], None, (Missing(Cause.NO_DATA),))
        return Facts({**facts.factors, FACTORS[0]: gone}, {}, AS_OF)

    def answer(self, facts: Facts) -> Answer:
        """The verdict in the common form, from its trace."""
        verdict = self.evaluate(facts)
        stages = traces(self.ruleset, verdict)
        held = tuple(rule.id for rule in stages[0].rules if rule.truth == "TRUE")
        [score] = verdict.scores
        multiple = None
        if verdict.offer is not None:
            multiple = int(verdict.offer.approved_amount.major / 1000)
        return Answer(held, int(score.score), score.band, multiple)
