"""A process that decides by rules of a folder, and takes changed ones over."""

from __future__ import annotations

from dataclasses import dataclass, field

from decision_service.rulebook.folder import RuleFolder
from decision_service.rulebook.rulebook import ActiveRules, Product, Rulebook
from decision_service.steering.journal import Rollouts
from decision_service.steering.releases import (
    FolderRefused,
    OperateReleases,
    ReleaseTerms,
    refuse,
)
from decision_service.store.store import Store
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.world import PRODUCT, SetClock, shipped_rules


@dataclass(slots=True)
class Serving:
    """The parts that changed rules go through in one process."""

    log: Store
    releases: OperateReleases
    clock: SetClock = field(default_factory=SetClock)

    async def take(self, folder: RuleFolder) -> list[str]:
        """Offer a folder; the codes by which it is refused, none where it decides or waits now."""
        try:
            await self.releases.offer(folder)
        except FolderRefused as refused:
            refuse(self.active_rules, refused.problems, self.clock.now())
            return [one.code for one in refused.problems]
        self.active_rules.accept(self.clock.now())
        return []

    @property
    def rollouts(self) -> Rollouts:
        return self.releases.rollouts

    @property
    def active_rules(self) -> ActiveRules:
        return self.rollouts.active_rules

    @property
    def product(self) -> Product:
        return self.active_rules.current().product(PRODUCT)


def process_on(log: Store, terms: ReleaseTerms, clock: SetClock | None = None) -> Serving:
    """A process that has read nothing yet."""
    clock = clock or SetClock()
    rollouts = Rollouts(log, ActiveRules(Rulebook(), clock.now()), clock, latest={})
    return Serving(log, OperateReleases(log, rollouts, clock, terms), clock)


async def serving_on(
    folder: RuleFolder | None = None,
    log: Store | None = None,
    *,
    edits_used: bool = False,
) -> Serving:
    """A process that starts on a store by a folder: an empty store and the shipped rules.

    No two persons are needed.
    """
    one = process_on(log or InMemoryDecisionLog(), ReleaseTerms(False, edits_used=edits_used))
    await one.releases.offer(folder or shipped_rules())
    await one.releases.start()
    return one
