"""What is decided of an applicant: what the rules conclude, or a departure that is on record.

A pure function of ruleset, facts and recorded allowances: a replay comes to the same.
"""

from __future__ import annotations

from functools import partial

from decision_service.domain.money import Money
from decision_service.pipeline.decide.overrides.depart import Settled, depart
from decision_service.rollout.allowances import Allowances
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.evaluator import Facts, evaluate


def settle(ruleset: CompiledRuleset, facts: Facts, allowances: Allowances | None) -> Settled:
    """The rules' verdict, within the day's caps; a control group is approved against the score."""
    asked = facts.inputs.get("requested_amount")
    return depart(
        evaluate(ruleset, facts),
        partial(evaluate, ruleset, facts, score_aside=True),
        asked.minor if isinstance(asked, Money) else None,
        allowances,
    )
