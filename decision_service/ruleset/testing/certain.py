"""Conditions that are never UNKNOWN, so that no test has to reach that."""

from __future__ import annotations

from decision_service.domain.verdict import Component
from decision_service.ruleset.constructs.applies import ConditionalRunner, unconditional
from decision_service.ruleset.constructs.offer.run import OfferRunner
from decision_service.ruleset.constructs.rules.run import RulesRunner
from decision_service.ruleset.constructs.scorecard.run import ScorecardRunner
from decision_service.ruleset.constructs.table.run import TableRunner
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.testing.label_goals import param_goal
from decision_service.ruleset.testing.sure import Sure


def certain_rules(ruleset: CompiledRuleset) -> set[str]:
    """Rules, stages and parameters, as coverage names them, that are never UNKNOWN.

    Required inputs, parameters, scores and bands always have values, and so has what is computed
    of them, if nothing divides by zero; those of a stage that applies to some, where it applies. An
    offer that is made has an amount above zero.
    """
    sure = Sure(ruleset)
    params = ruleset.params.values()
    found = {param_goal(p) for p in params if p.by and f"params.{p.name}" in sure.names}
    for stage in (*ruleset.program.stages, *ruleset.program.closing):
        runner = unconditional(stage.runner)
        sure.claims = []
        if isinstance(stage.runner, ConditionalRunner):
            condition = stage.runner.condition
            found |= {condition.what} if sure.is_sure(condition.when) else set()
            sure.claims = [(condition.when, True)]
        if isinstance(runner, ScorecardRunner):
            sure.take_card(runner.card)
        elif isinstance(runner, TableRunner):
            sure.take_table(runner.grid)
        elif isinstance(runner, OfferRunner):
            sure.take_offer(runner)
        elif isinstance(runner, RulesRunner):
            judged = sure if stage.component is Component.LEGAL else sure.without_offer()
            found |= {r.rule.what for r in runner.ready if judged.has_value(r.when)}
    return found
