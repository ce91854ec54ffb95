"""What is decided of an applicant: what the rules conclude, within the caps of the day.

A pure function of ruleset, facts and recorded allowances: a replay comes to the same.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from decision_service.domain.decision import Override, OverrideKind
from decision_service.domain.missing import DataReason
from decision_service.domain.money import Money
from decision_service.domain.verdict import Component, Outcome, Reason, ReferKind, Verdict
from decision_service.rollout.allowances import Allowances, Grant, cap_reached
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.evaluator import Facts, evaluate

_REACHED = Reason(
    code=str(DataReason.DAY_CAP_REACHED),
    texts={
        "en": "The approvals of the day have reached a limit of the lender",
        "fil": "Umabot na sa limitasyon ng nagpapautang ang mga naaprobahan sa araw na ito",
    },
    component=Component.POLICY,
)


class Settled(msgspec.Struct, frozen=True):
    """What is decided; `override` where that is not what the rules concluded.

    `grant` is what is approved.
    """

    verdict: Verdict
    override: Override | None = None
    grant: Grant | None = None


def settle(ruleset: CompiledRuleset, facts: Facts, allowances: Allowances | None) -> Settled:
    """The rules' verdict; an approval is referred where a cap is reached: a cap declines nobody."""
    verdict = evaluate(ruleset, facts)
    if verdict.outcome is not Outcome.APPROVE:
        return Settled(verdict)
    grant = _grant(verdict, facts)
    cap = None if allowances is None else cap_reached(allowances, grant)
    if cap is None:
        return Settled(verdict, grant=grant)
    referred = replace(
        verdict, outcome=Outcome.REFER, refer_kind=ReferKind.POLICY, reasons=(_REACHED,)
    )
    return Settled(referred, Override(OverrideKind.CAPPED, verdict, cap.name))


def _grant(verdict: Verdict, facts: Facts) -> Grant:
    """What an approval grants: the offer's amount, without one what was asked for."""
    if verdict.offer is not None:
        return Grant(verdict.offer.approved_amount.minor, verdict.offer.tier)
    asked = facts.inputs.get("requested_amount")
    return Grant(asked.minor if isinstance(asked, Money) else None)
