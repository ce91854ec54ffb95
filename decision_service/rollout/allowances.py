"""What a day may still approve: the caps of a plan, and the control group that explores."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec


class CapLimit(msgspec.Struct, frozen=True, omit_defaults=True):
    """A cap on a civil day's approvals; `tier` is the offer's, empty for all of the product.

    `amount` is in minor units of the ruleset's currency; None stands for no bound.
    """

    name: str
    tier: str = ""
    approvals: int | None = None
    amount: int | None = None


class ExploreLimit(msgspec.Struct, frozen=True):
    """The bounds of exploring for a unit within the share of `percent`, in thousandths.

    Its `slot` is 0 to 99,999. `max_amount` bounds each approval and `amount` those of a civil day,
    in minor units. Decisions at or after `since` count for the unit.
    """

    slot: int
    percent: int
    max_amount: int
    amount: int
    since: datetime


class DayLimits(msgspec.Struct, frozen=True, omit_defaults=True):
    """What bounds the approvals of one application's product; the civil day began at `midnight`.

    `explore` is None for an applicant outside the control share.
    """

    midnight: datetime
    caps: tuple[CapLimit, ...] = ()
    explore: ExploreLimit | None = None


class DayTotal(msgspec.Struct, frozen=True):
    """How many approvals, and their amount in minor units."""

    approvals: int = 0
    amount: int = 0


class DayTotals(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a product approved since midnight in all processes, by tier; `explored` minor units."""

    tiers: Mapping[str, DayTotal] = msgspec.field(default_factory=dict)
    explored: int = 0

    def of(self, tier: str) -> DayTotal:
        """The approvals of a tier; of all tiers for an empty one."""
        if tier:
            return self.tiers.get(tier, DayTotal())
        every = self.tiers.values()
        return DayTotal(sum(t.approvals for t in every), sum(t.amount for t in every))

    def plus(self, grant: Grant, charge: int) -> DayTotals:
        """The totals after one more approval, `charge` of it explored."""
        before = self.tiers.get(grant.tier, DayTotal())
        amount = before.amount + (grant.amount or 0)
        after = DayTotal(before.approvals + grant.approvals, amount)
        return DayTotals({**self.tiers, grant.tier: after}, self.explored + charge)


class Grant(msgspec.Struct, frozen=True):
    """An approval: its amount in minor units, None where it names none, and its offer's tier.

    `approvals` is 0 where it adds an amount to an approval that is counted already.
    """

    amount: int | None
    tier: str = ""
    approvals: int = 1


class Allowances(msgspec.Struct, frozen=True, omit_defaults=True):
    """The limits of a day with what was approved by then, as one decision found them.

    `unit` is the most that exploring granted the unit, in minor units: 0 where it was turned away,
    None where it was never considered.
    """

    limits: DayLimits
    totals: DayTotals = DayTotals()
    unit: int | None = None


def cap_reached(allowances: Allowances, grant: Grant) -> CapLimit | None:
    """The first cap that an approval would exceed; an unknown amount exceeds every amount."""
    for cap in allowances.limits.caps:
        if cap.tier in ("", grant.tier) and _exceeds(cap, allowances.totals.of(cap.tier), grant):
            return cap
    return None


def _exceeds(cap: CapLimit, total: DayTotal, grant: Grant) -> bool:
    if cap.approvals is not None and grant.approvals and total.approvals >= cap.approvals:
        return True
    if cap.amount is None:
        return False
    return grant.amount is None or total.amount + grant.amount > cap.amount


def control_charge(allowances: Allowances, explore: ExploreLimit, amount: int) -> int | None:
    """What exploring an amount adds to the day's, in minor units; None turns the unit away.

    A unit that was explored is charged for what goes beyond it alone; who was turned away stays so.
    """
    if allowances.unit == 0:
        return None
    charge = max(0, amount - (allowances.unit or 0))
    return charge if allowances.totals.explored + charge <= explore.amount else None


def still_holds(
    now: Allowances, found: Allowances, grant: Grant | None, charge: int | None
) -> bool:
    """Whether a conclusion from what was found holds by what is on record now."""
    if charge is not None and now.unit != found.unit:
        return False
    if grant is None:
        return True
    explore = now.limits.explore
    if charge is not None and explore and now.totals.explored + charge > explore.amount:
        return False
    return cap_reached(now, grant) is None
