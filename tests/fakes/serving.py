"""A process that decides by rules of a folder, and takes changed ones over."""

from __future__ import annotations

from dataclasses import dataclass

from decision_service.rulebook.folder import RuleFolder
from decision_service.rulebook.rulebook import ActiveRules, Product, Rulebook
from decision_service.steering.journal import Rollouts
from decision_service.steering.reload import Reloaded, ReloadRules
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.world import PRODUCT, SetClock, loaded, shipped_rules


@dataclass(slots=True)
class Serving:
    """The parts that changed rules go through; `folder` is what it reads next."""

    log: InMemoryDecisionLog
    active_rules: ActiveRules
    rollouts: Rollouts
    folder: RuleFolder

    async def reload(self, **how: object) -> Reloaded:
        read = lambda: self.folder  # noqa: E731 - the folder of the moment
        reload = ReloadRules(read, self.rollouts, self.log, SetClock(), **how)
        return await reload()

    async def take(self, folder: RuleFolder, **how: object) -> list[str]:
        """Read a folder; the codes by which it is refused, none where it decides now."""
        self.folder = folder
        accepted = (await self.reload(**how)).accepted
        return [] if accepted else [one.code for one in self.active_rules.status.refused]

    @property
    def product(self) -> Product:
        return self.active_rules.current().product(PRODUCT)


async def serving_on(
    folder: RuleFolder | None = None,
    log: InMemoryDecisionLog | None = None,
    book: Rulebook | None = None,
) -> Serving:
    """A process that starts on a store by a folder: an empty store and the shipped rules."""
    folder, log = folder or shipped_rules(), log or InMemoryDecisionLog()
    loading = loaded(folder)
    book = book or loading.rulebook
    assert book is not None, loading.errors
    await log.put_texts(loading.texts)
    rollouts = await Rollouts.start(log, book, SetClock())
    return Serving(log, rollouts.active_rules, rollouts, folder)
