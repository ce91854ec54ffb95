"""What a day may still approve: the caps of a plan."""

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


class DayLimits(msgspec.Struct, frozen=True, omit_defaults=True):
    """What bounds the approvals of one application's product; the civil day began at `midnight`."""

    midnight: datetime
    caps: tuple[CapLimit, ...] = ()


class DayTotal(msgspec.Struct, frozen=True):
    """How many approvals, and their amount in minor units."""

    approvals: int = 0
    amount: int = 0


class DayTotals(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a product approved since midnight in all processes, by tier."""

    tiers: Mapping[str, DayTotal] = msgspec.field(default_factory=dict)

    def of(self, tier: str) -> DayTotal:
        """The approvals of a tier; of all tiers for an empty one."""
        if tier:
            return self.tiers.get(tier, DayTotal())
        every = self.tiers.values()
        return DayTotal(sum(t.approvals for t in every), sum(t.amount for t in every))

    def plus(self, grant: Grant) -> DayTotals:
        """The totals after one more approval."""
        before = self.tiers.get(grant.tier, DayTotal())
        amount = before.amount + (grant.amount or 0)
        after = DayTotal(before.approvals + grant.approvals, amount)
        return DayTotals({**self.tiers, grant.tier: after})


class Grant(msgspec.Struct, frozen=True):
    """An approval: its amount in minor units, None where it names none, and its offer's tier.

    `approvals` is 0 where it adds an amount to an approval that is counted already.
    """

    amount: int | None
    tier: str = ""
    approvals: int = 1


class Allowances(msgspec.Struct, frozen=True, omit_defaults=True):
    """The limits of a day with what was approved by then, as one decision found them."""

    limits: DayLimits
    totals: DayTotals = DayTotals()


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
