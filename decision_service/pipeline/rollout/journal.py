"""The state of every rollout, and the only way to move one: a step journalled first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
import structlog
from msgspec.structs import replace

from decision_service.domain.errors import PlanChanged, RolloutMovedOn, RolloutRefused
from decision_service.pipeline.ports import Clock
from decision_service.pipeline.rollout.plan_migration import (
    ATTEMPTS,
    MigratedPlans,
    UnmigratedPlan,
    settle,
)
from decision_service.pipeline.rollout_ports import (
    JournalAction,
    JournalEntry,
    JournalMovedOn,
    RolloutJournal,
)
from decision_service.pipeline.rules.active import ActiveRules
from decision_service.pipeline.rules.rulebook import Product, Rulebook
from decision_service.rollout.model import Plan
from decision_service.rollout.state import Refusal, RolloutState, StepResult, fitting

log = structlog.get_logger("decision_service.rollouts")

REFRESH_SECONDS = 1.0
"""Seconds between readings of the journal, so that no process is two seconds late."""


StepTaken = Callable[[Plan, RolloutState, datetime], StepResult]
"""From a plan, a state and an instant to the next state, or a refusal."""


class RolloutChange(msgspec.Struct, frozen=True):
    """A step to take, who takes it and why.

    `action` names it in the journal; None stands for what it confirms. Where `expected_plan_digest`
    is given, the step was decided on under that plan and is refused under any other; a kill needs
    none, since it must always work.
    Where `expected_position` is given, it was decided on at that entry of the journal, and is
    refused once another has followed. `figures` are what it rests on and `ticket` is the lender's
    reference, for the journal.
    """

    who: str
    why: str
    action: JournalAction | None
    step: StepTaken
    expected_plan_digest: str | None = None
    figures: Mapping[str, str] = msgspec.field(default_factory=dict)
    expected_position: int | None = None
    ticket: str = ""


class Rollouts:
    """Keeps the rollout states of `ActiveRules` equal to the journal, and appends to it.

    While the store cannot be read every rollout stays where it was last seen.
    """

    def __init__(
        self,
        journal: RolloutJournal,
        active_rules: ActiveRules,
        clock: Clock,
        latest: Mapping[str, JournalEntry],
    ) -> None:
        self._journal = journal
        self._active_rules = active_rules
        self._clock = clock
        self._latest = dict(latest)
        self._lock = asyncio.Lock()

    def current(self, product: str) -> RolloutState:
        """A rollout's state, from memory; raises ProductUnknown."""
        return self._active_rules.current().product(product).state

    def latest(self, product: str) -> JournalEntry:
        """The last step that this process knows of, from memory; raises ProductUnknown."""
        return self._latest[self._active_rules.current().product(product).name]

    def latest_steps(self) -> Mapping[str, JournalEntry]:
        """The last step of every product that this process knows of, by name."""
        return dict(sorted(self._latest.items()))

    def products(self) -> Iterable[Product]:
        """Every product with its plan and its state, from memory."""
        return self._active_rules.current().products.values()

    async def history(self, product: str, before: int | None, limit: int) -> Sequence[JournalEntry]:
        """At most `limit` steps, newest first; raises ProductUnknown or StoreUnavailable."""
        name = self._active_rules.current().product(product).name
        return await self._journal.history(name, before, limit)

    async def refresh(self) -> None:
        """Follow the journal now; raises StoreUnavailable."""
        async with self._lock:
            self._follow(await self._journal.latest())

    async def keep_up(self) -> None:
        """Follow the journal for ever; failures are retried, and logged once."""
        failing = False
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            try:
                await self.refresh()
            except Exception as error:  # noqa: BLE001 - no fault may end what the kill switch needs
                if not failing:
                    log.critical("rollouts stand still", error=type(error).__name__)
                failing = True
            else:
                if failing:
                    log.info("rollouts follow their journal again")
                failing = False

    async def take_over(self, rulebook: Rulebook, *, signed: bool = False) -> UnmigratedPlan | None:
        """Activate a loaded rulebook, its rollouts keeping their states.

        A plan that widens the one in force waits, unless two persons `signed` it. Where a changed
        plan does not fit its running rollout nothing changes, and the clashes return. Raises
        StoreUnavailable or RolloutMovedOn, having changed nothing.
        """
        async with self._lock:
            now = self._clock.now()
            settled = await settle(self._journal, rulebook, now, signed=signed)
            if isinstance(settled, MigratedPlans):
                self._latest = dict(settled.entries)
                self._active_rules.put(settled.rulebook, now)
                return None
            return settled

    async def move(self, product: str, change: RolloutChange) -> JournalEntry | None:
        """Take a step and return its entry; None, without an entry, where it changes nothing.

        Raises ProductUnknown; RolloutRefused, where it cannot be taken; PlanChanged, where the plan
        is another than expected; RolloutMovedOn, where another step came first; StoreUnavailable.
        """
        async with self._lock:
            for _ in range(ATTEMPTS):
                self._follow(await self._journal.latest())
                entry = self._stepped(self._active_rules.current().product(product), change)
                if entry.after == entry.before:
                    return None
                try:
                    await self._journal.append(entry)
                except JournalMovedOn:
                    continue
                self._follow({product: entry})
                return entry
        raise RolloutMovedOn(f"the rollout of {product} keeps moving: look again", product=product)

    def _follow(self, latest: Mapping[str, JournalEntry]) -> None:
        """Set state and plan of every moved rollout to those of its last entry."""
        moved: dict[str, Product] = {}
        for name, product in self._active_rules.current().products.items():
            entry = latest.get(name)
            if entry is not None and entry != self._latest[name]:
                self._latest[name] = entry
                moved[name] = _following(product, entry)
        if moved:
            self._active_rules.set_products(moved)

    def _stepped(self, product: Product, change: RolloutChange) -> JournalEntry:
        last = self._latest[product.name]
        _require_plan(product, last, change.expected_plan_digest)
        _require_position(last, change.expected_position)
        now = self._clock.now()
        after = change.step(product.plan, last.after, now)
        if isinstance(after, Refusal):
            raise RolloutRefused(after.message, product=product.name)
        action, first = _action(change, last.after, after), last.after.proposed
        confirmed = action is JournalAction.PLAN and first is not None
        return JournalEntry(
            product=product.name,
            position=last.position + 1,
            at=now,
            who=change.who,
            why=change.why,
            action=action,
            before=last.after,
            after=after,
            plan_digest=first.goal if confirmed and first else last.plan_digest,
            figures=change.figures,
            ticket=change.ticket,
        )


def _following(product: Product, entry: JournalEntry) -> Product:
    """The product where an entry brought it; a plan that waited may be in force now."""
    waiting = product.waiting
    if waiting is not None and entry.plan_digest == waiting.digest:
        product = replace(product, plan=waiting, waiting=None)
    return replace(product, state=fitting(product.plan, entry.after, product.state))


def _action(change: RolloutChange, before: RolloutState, after: RolloutState) -> JournalAction:
    """What the step did: one that waits for a second caller only proposed."""
    if after.proposed is not None and after.proposed != before.proposed:
        return JournalAction.PROPOSE
    if change.action is None and before.proposed is not None:
        return JournalAction(before.proposed.kind.value)
    return change.action or JournalAction.PROPOSE


def _require_plan(product: Product, last: JournalEntry, expected: str | None) -> None:
    if expected is None:
        return
    digest = product.plan.digest
    if expected != digest:
        raise PlanChanged(
            f"the plan of {product.name} has changed since: look at it again before moving",
            product=product.name,
            plan_digest=digest,
        )
    if digest != last.plan_digest:
        raise PlanChanged(
            f"the rollout of {product.name} runs under another plan than this process has read: "
            "publish the same rules to every process",
            product=product.name,
            plan_digest=last.plan_digest,
        )


def _require_position(last: JournalEntry, expected: int | None) -> None:
    if expected is None or expected == last.position:
        return
    raise RolloutMovedOn(
        f"the rollout of {last.product} has moved on: {last.who} took the step {last.action} at "
        f"{last.at:%Y-%m-%d %H:%M:%S} UTC: look again before moving",
        product=last.product,
        position=last.position,
    )
