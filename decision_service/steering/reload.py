"""Reload of changed rules while serving: read, check, test, store, then replace as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import structlog
from msgspec.structs import replace

from decision_service.decide.rule_tests import failures, run_rule_tests
from decision_service.domain.errors import RolloutMovedOn, StoreError
from decision_service.domain.ports import Clock, DecisionLog
from decision_service.rulebook.acceptance import ReadSigners, keep, keep_data, unacceptable
from decision_service.rulebook.folder import RuleFolder
from decision_service.rulebook.load import LoadResult, load_rules
from decision_service.rules.language.diagnostics import Diagnostic, render
from decision_service.runtime.telemetry import Alarm, raised
from decision_service.steering.journal import PlansUnfit, Rollouts, plan_conflict_problems

REFUSED = "rules refused, the last good ones decide"
NOTHING_LISTED = "no key of a list counts"
BEYOND_THE_LAW = "a price is not shown to be within the law"
MOST_TOLD = 20
"""How many problems of one reading are logged; `ListRulesets` has all."""

log = structlog.get_logger("decision_service.rules")


def warn(loading: LoadResult) -> None:
    """Log what is wrong with rules that decide all the same."""
    for problem in loading.nothing_listed:
        log.warning(NOTHING_LISTED, problem=render(problem))
    for problem in loading.law_problems()[:MOST_TOLD]:
        log.warning(BEYOND_THE_LAW, problem=render(problem))


class Reloaded(msgspec.Struct, frozen=True):
    """`again`: the folder may be good and the store failed, so it is read once more."""

    accepted: bool
    faults: int
    again: bool = False


class ReloadRules(msgspec.Struct, frozen=True, eq=False):
    """Activates a changed folder, or keeps the last good one and records why.

    Reading, checking and testing run on a thread, so that no call waits for them. A version that
    has decided may change only where `edits_used`, on made-up people. With `signers` only rules
    decide that two of them signed.
    """

    read: Callable[[], RuleFolder]
    rollouts: Rollouts
    log: DecisionLog
    clock: Clock
    blocked: frozenset[str] = frozenset()
    edits_used: bool = False
    signers: ReadSigners | None = None

    async def __call__(self) -> Reloaded:
        """Read the folder once; raises nothing that a bad folder or store could cause."""
        try:
            folder = await keep_data(self.log, await asyncio.to_thread(self.read))
        except StoreError:
            return Reloaded(accepted=False, faults=0, again=True)
        loading = await asyncio.to_thread(self._check, folder)
        if loading.rulebook is None:
            return self._refused(loading.errors)
        try:
            problems = await unacceptable(
                self.log,
                folder,
                loading.rulebook,
                now=self.clock.now(),
                edits_used=self.edits_used,
                signers=self.signers,
            )
            if problems:
                return self._refused(problems)
            await self.log.put_texts(loading.texts)
            await self.rollouts.take_over(loading.rulebook, signed=self.signers is not None)
            changes = await keep(self.log, folder, self.clock.now())
        except PlansUnfit as unfit:
            return self._refused(plan_conflict_problems(folder, unfit))
        except (StoreError, RolloutMovedOn):
            return Reloaded(accepted=False, faults=0, again=True)
        warn(loading)
        for change in changes:
            log.info("a list of keys has changed", **msgspec.structs.asdict(change))
        return Reloaded(accepted=True, faults=0)

    def _refused(self, problems: tuple[Diagnostic, ...]) -> Reloaded:
        self.rollouts.active_rules.refuse(problems, self.clock.now())
        for problem in problems[:MOST_TOLD]:
            log.error(REFUSED, alarm=raised(Alarm.RULES_REFUSED), problem=render(problem))
        return Reloaded(accepted=False, faults=len(problems))

    def _check(self, folder: RuleFolder) -> LoadResult:
        loading = load_rules(folder, self.clock.now(), self.blocked)
        if loading.rulebook is None:
            return loading
        failed = failures(run_rule_tests(folder, loading.rulebook))
        if failed:
            loading = replace(loading, rulebook=None, diagnostics=(*loading.diagnostics, *failed))
        return loading
