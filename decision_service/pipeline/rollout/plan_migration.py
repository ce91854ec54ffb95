"""Migration of running rollouts to changed plans, each rollout keeping its stage."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from decision_service.domain.errors import RolloutMovedOn
from decision_service.pipeline.rollout_ports import (
    JournalAction,
    JournalEntry,
    JournalMovedOn,
    RolloutJournal,
)
from decision_service.pipeline.rules.rulebook import Product, Rulebook
from decision_service.rollout.state import PlanConflict, RolloutState, adopt, clashes, initial_state

SERVICE = "service"
"""The journal's `who` for first entries and for migrations to a changed plan."""

ATTEMPTS = 5
"""How often a step is retried after another process's step."""


class MigratedPlans(msgspec.Struct, frozen=True):
    """A rulebook with its rollouts' states from the journal, and each product's last entry."""

    rulebook: Rulebook
    entries: Mapping[str, JournalEntry]


class UnmigratedPlan(msgspec.Struct, frozen=True):
    """The changed plans that do not fit their running rollouts; nothing was changed."""

    clashes: Mapping[str, tuple[PlanConflict, ...]]


async def settle(
    journal: RolloutJournal, rulebook: Rulebook, now: datetime
) -> MigratedPlans | UnmigratedPlan:
    """Give a product's rollout its first entry, and one for each change of its plan.

    Where all is in the journal already nothing is appended: a restart changes nothing. Raises
    StoreUnavailable, and RolloutMovedOn where other processes never stop coming first.
    """
    for _ in range(ATTEMPTS):
        latest = await journal.latest()
        found = _clashes(rulebook, latest)
        if found:
            return UnmigratedPlan(found)
        entries = {
            name: _entry(product, latest.get(name), now)
            for name, product in rulebook.products.items()
        }
        try:
            for name, entry in entries.items():
                if entry is not latest.get(name):
                    await journal.append(entry)
        except JournalMovedOn:
            continue
        states = {name: entry.after for name, entry in entries.items()}
        return MigratedPlans(rulebook.with_states(states), entries)
    raise RolloutMovedOn("the rollouts kept moving while their plans were taken over: try again")


def _clashes(
    rulebook: Rulebook, latest: Mapping[str, JournalEntry]
) -> Mapping[str, tuple[PlanConflict, ...]]:
    found = {
        name: clashes(product.plan, latest[name].after)
        for name, product in rulebook.products.items()
        if name in latest
    }
    return {name: some for name, some in found.items() if some}


def _entry(product: Product, last: JournalEntry | None, now: datetime) -> JournalEntry:
    """The product's last entry; a new one for its first start and for a changed plan."""
    plan = product.plan
    if last is None:
        return JournalEntry(
            product=product.name,
            position=1,
            at=now,
            who=SERVICE,
            why="the rollout begins",
            action=JournalAction.BEGIN,
            before=None,
            after=initial_state(plan, now),
            plan_digest=plan.digest,
        )
    if last.plan_digest == plan.digest:
        return last
    after = adopt(plan, last.after, now)
    assert isinstance(after, RolloutState)  # noqa: S101 - a plan that clashes came no further
    return JournalEntry(
        product=product.name,
        position=last.position + 1,
        at=now,
        who=SERVICE,
        why="the plan changed",
        action=JournalAction.PLAN,
        before=last.after,
        after=after,
        plan_digest=plan.digest,
    )
