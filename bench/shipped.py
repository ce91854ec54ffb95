"""Applicants of the shipped loan, complete and with gaps: the people of its own rule tests."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import yaml

from decision_service.domain.factor import FactorValue
from decision_service.domain.values import Cause, Missing
from decision_service.factors.registry import catalogue
from decision_service.rulebook.folder import files_of, read_rules
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.evaluate import Facts
from decision_service.rules.program import CompiledRuleset
from decision_service.rules.tests_file import RuleTestCase, parse_cases

RULES = Path(__file__).parent.parent / "rules"
PRODUCT = "personal-loan-ph"
GAPPY = 0.46
_CAUSES = (Cause.NO_DATA, Cause.SHORT_HISTORY, Cause.NOT_CONNECTED, Cause.NOT_YET_POSTED)


class ShippedLoan:
    """The shipped loan's champion; `complete` are applicants with a value for every factor."""

    def __init__(self) -> None:
        folder = read_rules(RULES)
        [product] = [p for p in folder.products if p.product == PRODUCT]
        version = yaml.safe_load((RULES / PRODUCT / "rollout.yaml").read_text())["champion"]
        compilation = compile_ruleset(files_of(folder, product, version), catalogue())
        if compilation.ruleset is None:
            raise SystemExit("\n".join(d.message for d in compilation.diagnostics))
        self.ruleset = compilation.ruleset
        texts = [(f.path, f.text) for f in product.tests if f.path.endswith(f"v{version}.yaml")]
        cases = [c for t in texts for c in parse_cases(*t, self.ruleset, catalogue()).cases]
        self.complete = list(_complete(self.ruleset, cases))

    def with_gaps(self, gaps: int) -> list[Facts]:
        """Every applicant with so many factors missing, others for each."""
        chance = random.Random(gaps)
        return [_without(facts, gaps, chance) for facts in self.complete]

    def population(self) -> list[Facts]:
        """Applicants of whom 46 % miss one to six factors, as income data does."""
        chance = random.Random(46)
        return [
            _without(facts, chance.randint(1, 6), chance) if chance.random() < GAPPY else facts
            for facts in self.complete
        ]


def _complete(ruleset: CompiledRuleset, cases: Sequence[RuleTestCase]) -> Iterable[Facts]:
    """The cases' facts; what one of them lacks is taken from another that has it."""
    known: dict[str, FactorValue] = {}
    for case in cases:
        known |= {n: f for n, f in case.given.factors.items() if f.value is not None}
    for case in cases:
        if case.as_of is not None:
            own = {n: f for n, f in case.given.factors.items() if f.value is not None}
            yield Facts(_used(ruleset, {**known, **own}), case.given.inputs, case.as_of)


def _used(
    ruleset: CompiledRuleset, factors: Mapping[str, FactorValue]
) -> Mapping[str, FactorValue]:
    return {name: factors[name] for name in ruleset.needs.factors}


def _without(facts: Facts, gaps: int, chance: random.Random) -> Facts:
    names = chance.sample(list(facts.factors), min(gaps, len(facts.factors)))
    gone = {n: FactorValue(n, None, (Missing(chance.choice(_CAUSES)),)) for n in names}
    return Facts({**facts.factors, **gone}, facts.inputs, facts.as_of)
