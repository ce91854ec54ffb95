"""What is decided where a cap is reached, or where a control group explores.

A pure function of what the rules concluded and of recorded allowances: a replay comes to the same.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from decision_service.domain.decision import Override, OverrideKind
from decision_service.domain.missing import DataReason
from decision_service.domain.verdict import Component, Outcome, Reason, ReferKind, Verdict
from decision_service.rollout.allowances import (
    Allowances,
    ExploreLimit,
    Grant,
    cap_reached,
    control_charge,
)

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

    `grant` is what is approved. `charge` is what exploring adds to the day in minor units: 0 for a
    unit that was turned away, None where exploring was not considered.
    """

    verdict: Verdict
    override: Override | None = None
    grant: Grant | None = None
    charge: int | None = None


def depart(
    verdict: Verdict,
    score_aside: Callable[[], Verdict],
    asked: int | None,
    allowances: Allowances | None,
) -> Settled:
    """The rules' verdict, within the day's caps; a control group is approved against the score.

    `score_aside` is what the rules conclude as if each scorecard approved. `asked` is in minor
    units, and granted where an approval has no offer; None is unknown.
    """
    if verdict.outcome is Outcome.APPROVE:
        return _capped(verdict, asked, allowances)
    explore = allowances.limits.explore if allowances else None
    if allowances is None or explore is None or not _may_be_for_score(verdict):
        return Settled(verdict)
    return _explored(verdict, score_aside(), asked, allowances, explore)


def _capped(verdict: Verdict, asked: int | None, allowances: Allowances | None) -> Settled:
    """An approval, or its referral where a cap is reached: a cap declines nobody."""
    grant = _grant(verdict, asked)
    cap = None if allowances is None else cap_reached(allowances, grant)
    if cap is None:
        return Settled(verdict, grant=grant)
    referred = replace(
        verdict, outcome=Outcome.REFER, refer_kind=ReferKind.POLICY, reasons=(_REACHED,)
    )
    return Settled(referred, Override(OverrideKind.CAPPED, verdict, cap.name))


def _may_be_for_score(verdict: Verdict) -> bool:
    """Whether a score alone may have turned an applicant down; the second evaluation tells."""
    return verdict.outcome is Outcome.DECLINE or verdict.refer_kind is ReferKind.SCORE


def _explored(
    verdict: Verdict,
    other: Verdict,
    asked: int | None,
    allowances: Allowances,
    explore: ExploreLimit,
) -> Settled:
    """An approval where nothing but the score stands against it, on the ruleset's own offer."""
    grant = _grant(other, asked) if other.outcome is Outcome.APPROVE else Grant(None)
    if grant.amount is None or grant.amount > explore.max_amount:
        return Settled(verdict)
    charge = control_charge(allowances, explore, grant.amount)
    if charge is None or cap_reached(allowances, grant) is not None:
        return Settled(verdict, charge=0)
    override = Override(OverrideKind.EXPLORED, verdict, slot=explore.slot, percent=explore.percent)
    return Settled(other, override, grant, charge)


def _grant(verdict: Verdict, asked: int | None) -> Grant:
    """What an approval grants: the offer's amount, without one what was asked for."""
    if verdict.offer is not None:
        return Grant(verdict.offer.approved_amount.minor, verdict.offer.tier)
    return Grant(asked)
