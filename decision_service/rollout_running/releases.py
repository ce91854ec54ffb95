"""Releases operated: a folder proposed, confirmed, taken over by each process, and taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
import structlog
from cachetools import LRUCache
from msgspec.structs import replace

from decision_service.domain.actors import Actor
from decision_service.domain.errors import ReleaseRefused, RolloutMovedOn, StoreError
from decision_service.domain.ports import Clock, DecisionLog, StoredText
from decision_service.rollout.ports import JournalEntry, JournalMovedOn, RolloutJournal
from decision_service.rollout_running.journal import (
    ATTEMPTS,
    REFRESH_SECONDS,
    PlansUnfit,
    Rollouts,
    plan_conflict_problems,
)
from decision_service.rulebook.acceptance import (
    LastTexts,
    ListChanges,
    altered,
    keep_data,
    last_good_folder,
    list_changes,
    list_changes_text,
    published_as,
)
from decision_service.rulebook.claims import read_claims, unclaimed
from decision_service.rulebook.folder import RuleFolder
from decision_service.rulebook.load import LoadResult, load_rules
from decision_service.rulebook.loosenings import RulesState, name_of
from decision_service.rulebook.release_content import (
    content_of,
    folder_of,
    with_lists_of,
)
from decision_service.rulebook.releases import (
    Confirmation,
    Confirmer,
    ReleaseAction,
    ReleaseEntry,
    ReleaseJournal,
    Releases,
    confirmed,
    content_before,
    declined,
    not_proposed,
    proposal,
    reverted,
)
from decision_service.rulebook.rule_tests import failures, run_rule_tests
from decision_service.rulebook.rulebook import ActiveRules, Rulebook
from decision_service.rulebook.states import RulesDiff, compare_states
from decision_service.rules.language.diagnostics import Diagnostic, render
from decision_service.runtime.telemetry import Alarm, raised

NOT_APPROVED_AGAIN = timedelta(minutes=5)
"""How long after an alarm that nobody approved what decides it is raised again."""

_KEPT = 4
"""How many releases are kept as they load: what decides, and what is looked at beside it."""

REFUSED = "rules refused, those in force decide"
NOTHING_LISTED = "no key of a list counts"
BEYOND_THE_LAW = "a price is not shown to be within the law"
FACTOR_WENT = "a version names a factor that there is no more"
MOST_SHOWN = 20
"""How many problems of one reading are logged; `ListRulesets` has all."""

log = structlog.get_logger("decision_service.rules")


class ReleaseStore(ReleaseJournal, RolloutJournal, DecisionLog, Protocol):
    """The journals of releases and rollouts with the texts that they name, in one store."""


class TextsAndReleases(ReleaseJournal, LastTexts, Protocol):
    """What begins a journal of releases."""


class ReleaseTerms(msgspec.Struct, frozen=True):
    """How releases come into force here.

    `two_persons` must confirm a changed folder; without that it works at once. Where `one_narrows`
    one of them is enough for a release that only narrows. `blocked` are factors and inputs that no
    rule may use. A version that has decided may change only where `edits_used`, on made-up people.
    `program` is the version of this program.
    """

    two_persons: bool
    one_narrows: bool = False
    blocked: frozenset[str] = frozenset()
    edits_used: bool = False
    program: str = ""


class FolderRefused(Exception):
    """A folder that may not decide; what decides goes on."""

    def __init__(self, problems: Sequence[Diagnostic]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = tuple(problems)


class _StepTaken(ReleaseRefused):
    """Another process took a step at the same position."""


async def folder_in_force(store: ReleaseStore) -> RuleFolder | None:
    """The folder that decides on a store; None before the first release.

    Raises StoreUnavailable.
    """
    deciding = Releases(tuple(await store.releases())).in_force
    if deciding is None:
        return await last_good_folder(store)
    return folder_of(await store.text(deciding.digest), deciding.digest)


async def take_over_last(
    store: TextsAndReleases, now: datetime, program: str = ""
) -> ReleaseEntry | None:
    """Begin a journal without entries by the folder that decided last, which nobody approved.

    None where there are entries, or no such folder. Raises StoreUnavailable, and ReleaseRefused
    where another process began it.
    """
    if await store.releases():
        return None
    last = await last_good_folder(store)
    if last is None:
        return None
    content = await asyncio.to_thread(content_of, last)
    step = Releases().next(ReleaseAction.TAKE_OVER, content.digest, now)
    step = replace(step, why="decided before releases were journalled", program=program)
    try:
        await store.add_release(step, content)
    except JournalMovedOn:
        raise _moved_on(step) from None
    return step


class OperateReleases:
    """The releases of a store in one process: what is in force decides here, a second late at most.

    Content is loaded on a thread, so that no call waits for it.
    """

    def __init__(
        self, store: ReleaseStore, rollouts: Rollouts, clock: Clock, terms: ReleaseTerms
    ) -> None:
        self._store = store
        self.rollouts = rollouts
        self._clock = clock
        self._terms = terms
        self._taken = 0
        self._warned: datetime | None = None
        self._states: LRUCache[str, RulesState] = LRUCache(_KEPT)

    @property
    def decides(self) -> bool:
        """Whether any release is in force; before the first one nothing is decided."""
        return self._taken > 0

    async def start(self) -> None:
        """Take over what is in force; raises ContentDamaged, FolderRefused or StoreUnavailable.

        A store of before there was a journal begins it by the last good folder, unless two persons
        must confirm: then the command that makes the journal's key does.
        """
        releases = await self.read()
        if not releases.entries and not self._terms.two_persons:
            with suppress(_StepTaken):  # by a process that starts at the same time
                await take_over_last(self._store, self._clock.now(), self._terms.program)
        await self.follow()

    async def read(self) -> Releases:
        """The journal as it is now; raises StoreUnavailable."""
        return Releases(tuple(await self._store.releases()))

    async def keep_up(self) -> None:
        """Follow both journals for ever: what a step is about decides before its step counts."""
        failing = False
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            try:
                await self.follow()
                await self.rollouts.refresh()
            except Exception as error:  # noqa: BLE001 - no fault may end what the kill switch needs
                if not failing:
                    log.critical("rules and rollouts lost their journals", error=_said(error))
                failing = True
            else:
                if failing:
                    log.info("rules and rollouts follow their journals again")
                failing = False

    async def follow(self) -> None:
        """Take over what is in force, where that is not what decides here."""
        releases = await self.read()
        deciding = releases.in_force
        if deciding is not None:
            self._warn_unapproved(releases, deciding)
        if deciding is None or deciding.position == self._taken:
            return
        state = await self._state_of(deciding.digest)

        async def append(steps: Sequence[JournalEntry]) -> None:
            # A release brings its steps itself. Who takes over what was in force a moment ago
            # must not append the older plan behind a newer release.
            if steps and (await self.read()).base != deciding.position:
                raise _moved_on(deciding)
            await self.rollouts.append_alone(steps)

        with suppress(_StepTaken):  # the next look takes over what decides now
            await self.rollouts.take_over(state.rulebook, append, approved=_approved(releases))
            self._taken_over(deciding)

    def _taken_over(self, deciding: ReleaseEntry) -> None:
        # What a process begins by stands in its banner
        if self._taken:
            digest = deciding.digest[:16]
            log.info("a release is in force", position=deciding.position, digest=digest)
        self._taken = deciding.position

    def _warn_unapproved(self, releases: Releases, deciding: ReleaseEntry) -> None:
        """Raise an alarm where two persons are needed and none confirmed what decides."""
        if not self._terms.two_persons or _approved(releases):
            return
        now = self._clock.now()
        if self._warned is not None and now - self._warned < NOT_APPROVED_AGAIN:
            return
        self._warned = now
        log.error(
            "nobody approved the rules that decide",
            alarm=raised(Alarm.RULES_NOT_APPROVED),
            position=deciding.position,
            digest=deciding.digest[:16],
        )

    async def offer(self, folder: RuleFolder) -> ReleaseEntry | None:
        """Propose a folder, or release it where no two persons are needed.

        The entry; None where the folder decides, waits or has decided. Raises FolderRefused,
        ReleaseRefused, RolloutMovedOn and StoreUnavailable: then nothing changed.
        """
        for _ in range(ATTEMPTS):
            try:
                return await self._offer(folder)
            except _StepTaken:
                continue  # what decides or waits may be another now: it is compared again
        raise RolloutMovedOn("other steps of releases keep coming first: try again")

    async def _offer(self, folder: RuleFolder) -> ReleaseEntry | None:
        releases = await self.read()
        deciding = releases.in_force
        last = None if deciding is None else await self._folder_of(deciding.digest)
        folder = await keep_data(self._store, folder, last)
        content = await asyncio.to_thread(content_of, folder)
        if deciding is not None and deciding.digest == content.digest:
            return None
        # A demo or a development begins by whatever loads: `rules test` and preflight ask for tests
        begins = deciding is None and not self._terms.two_persons
        loading = await (self._load(folder) if begins else self._checked(folder))
        if not self._terms.edits_used:
            problems = await altered(self._store, folder, _rulebook_of(loading))
            if problems:
                raise FolderRefused(problems)
        now = self._clock.now()
        if self._terms.two_persons:
            return await self._propose(releases, folder, content)
        step = releases.next(ReleaseAction.RELEASE, content.digest, now)
        await self._release(step, loading, folder, content=content)
        return step

    async def _propose(
        self, releases: Releases, folder: RuleFolder, content: StoredText
    ) -> ReleaseEntry | None:
        now = self._clock.now()
        why = not_proposed(releases, content.digest, now)
        if why:
            log.info("the folder changes nothing", release=content.digest[:16], why=why)
            return None
        step = replace(
            proposal(releases, content.digest, now),
            program=self._terms.program,
            authors=_authors(folder),
            claims="" if folder.claims is None else folder.claims.text,
        )
        await self._add(step, content)
        log.info("a release waits for two persons", release=content.digest[:16])
        return step

    async def confirm(
        self, asked: Confirmation, by: Confirmer, still_may: Callable[[Actor], bool]
    ) -> ReleaseEntry:
        """Take a person's confirmation; the second one puts the release in force.

        `still_may` says whether who confirmed first has a role for it now. Raises ReleaseRefused,
        ContentDamaged, FolderRefused, RolloutMovedOn and StoreUnavailable.
        """
        releases = await self.read()
        now = self._clock.now()
        first = releases.first_confirmation(releases.waiting(asked.digest, now))
        # Its tests were run where it was proposed, and a refusal there proposes nothing
        after = await self._state_of(asked.digest)
        found = await self.differences(releases, asked.digest)
        step = confirmed(
            releases,
            asked,
            by,
            now=now,
            loosenings=[name_of(one) for one in found.loosenings],
            first_may=first is not None and still_may(first.by),
            one_is_enough=self._terms.one_narrows and found.only_narrows,
        )
        step = replace(step, program=self._terms.program)
        if step.action is ReleaseAction.CONFIRM:
            await self._add(step)
        else:
            await self._release(step, await self._load(after.folder), after.folder)
        return step

    async def decline(self, asked: Confirmation, by: Confirmer) -> ReleaseEntry:
        """Take a proposal away; raises ReleaseRefused and StoreUnavailable."""
        step = declined(await self.read(), asked, by, now=self._clock.now())
        await self._add(step)
        return step

    async def revert(
        self, asked: Confirmation, by: Confirmer, to: int, *, with_lists: bool
    ) -> ReleaseEntry:
        """Go back to content that decided: at once by one person where they may, else proposed.

        Lists and `_data` stay as they are now unless `with_lists`; its tests are run. Raises as
        `confirm`.
        """
        releases = await self.read()
        before = content_before(releases, asked, to)
        folder = await self._folder_of(before.digest)
        deciding = releases.in_force
        if deciding is not None and not with_lists:
            folder = with_lists_of(folder, await self._folder_of(deciding.digest))
        content = await asyncio.to_thread(content_of, folder)
        loading = await self._checked(folder)
        asked = replace(asked, digest=content.digest)
        step = reverted(releases, asked, by, to=before, at=self._clock.now())
        step = replace(step, program=self._terms.program)
        if step.action is ReleaseAction.PROPOSE:
            await self._add(step, content)
            return step
        await self._release(step, loading, folder, content=content)
        log.error(
            "a release was taken back by one person",
            alarm=raised(Alarm.RULES_REVERTED),
            position=step.position,
            by=step.by.caller,
        )
        return step

    async def differences(self, releases: Releases, digest: str) -> RulesDiff:
        """What a release changes beside what decided when it was proposed; one text for everybody.

        What waits was compared with what decides now.
        """
        base = releases.base_of(digest)
        before = RulesState(RuleFolder(), Rulebook())
        if base is not None:
            before = await self._state_of(base.digest)
        after = await self._state_of(digest)
        found = await asyncio.to_thread(compare_states, before, after)
        claims = read_claims(releases.claims_of(digest))
        folder = None if base is None else before.folder
        # Beside nothing no rule is looser: of a first release only the claims are asked about
        looser = () if base is None else found.loosenings
        asked = (*looser, *unclaimed(claims, folder, after.folder))
        return replace(found, loosenings=asked)

    async def _state_of(self, digest: str) -> RulesState:
        """Stored content, loaded; kept, since one release is looked at again and again."""
        found = self._states.get(digest)
        if found is None:
            folder = await self._folder_of(digest)
            loading = await self._load(folder)
            found = self._states[digest] = RulesState(folder, _rulebook_of(loading))
        return found

    async def _folder_of(self, digest: str) -> RuleFolder:
        text = await self._store.text(digest)
        return await asyncio.to_thread(folder_of, text, digest)

    async def _load(self, folder: RuleFolder) -> LoadResult:
        """A folder loaded, its tests left out; raises FolderRefused."""
        now = self._clock.now()
        loading = await asyncio.to_thread(load_rules, folder, now, self._terms.blocked)
        _rulebook_of(loading)
        return loading

    async def _checked(self, folder: RuleFolder) -> LoadResult:
        """A folder loaded, and its tests run; raises FolderRefused."""
        loading = await self._load(folder)
        failed = await asyncio.to_thread(_failures, folder, _rulebook_of(loading))
        if failed:
            raise FolderRefused(failed)
        return loading

    async def _add(self, step: ReleaseEntry, content: StoredText | None = None) -> None:
        try:
            await self._store.add_release(step, content)
        except JournalMovedOn:
            raise _moved_on(step) from None

    async def _release(
        self,
        step: ReleaseEntry,
        loading: LoadResult,
        folder: RuleFolder,
        content: StoredText | None = None,
    ) -> None:
        """Put content in force: its texts first, then the entry with its rollouts' steps."""
        releases = await self.read()
        persons = ", ".join(_persons(releases, step))
        changes = await self._list_changes(releases, folder, by=persons)
        await self._store.put_texts(loading.texts)

        async def append(steps: Sequence[JournalEntry]) -> None:
            try:
                await self._store.add_release(step, content, steps, lists=changes)
            except JournalMovedOn:
                # Another step of a rollout is tried again, another release is another question
                if (await self.read()).last >= step.position:
                    raise _moved_on(step) from None
                raise

        try:
            await self.rollouts.take_over(_rulebook_of(loading), append, approved=persons)
        except PlansUnfit as unfit:
            raise FolderRefused(plan_conflict_problems(folder, unfit)) from None
        self._taken_over(step)
        _warn(loading)

    async def _list_changes(
        self, releases: Releases, folder: RuleFolder, by: str
    ) -> Sequence[StoredText]:
        """What a release changes in lists, for their journal, and logged."""
        deciding = releases.in_force
        before = RuleFolder() if deciding is None else await self._folder_of(deciding.digest)
        found = await asyncio.to_thread(list_changes, before, folder)
        for change in found:
            log.info("a list of keys has changed", **msgspec.structs.asdict(change))
        entry = ListChanges(self._clock.now(), by or ", ".join(_authors(folder)), found)
        return [list_changes_text(entry)] if found else []


def _rulebook_of(loading: LoadResult) -> Rulebook:
    """What a folder loaded as; raises FolderRefused."""
    if loading.rulebook is None:
        raise FolderRefused(loading.errors)
    return loading.rulebook


def _failures(folder: RuleFolder, rulebook: Rulebook) -> tuple[Diagnostic, ...]:
    return failures(run_rule_tests(folder, rulebook))


def refuse(active: ActiveRules, problems: Sequence[Diagnostic], now: datetime) -> None:
    """Show and log why a folder was refused; what decides goes on."""
    active.refuse(tuple(problems), now)
    for problem in problems[:MOST_SHOWN]:
        log.error(REFUSED, alarm=raised(Alarm.RULES_REFUSED), problem=render(problem))


def _authors(folder: RuleFolder) -> tuple[str, ...]:
    """Who wrote a folder, as its manifest says."""
    published = published_as(folder)
    return () if published is None else (published.by,)


def _persons(releases: Releases, step: ReleaseEntry) -> list[str]:
    """Who confirmed a release, by the callers' names; nobody where no person was asked."""
    if not step.about:
        return []
    first = releases.first_confirmation(releases.entries[step.about - 1])
    return [one.by.caller for one in (first, step) if one is not None]


def _approved(releases: Releases) -> str:
    deciding = releases.in_force
    return "" if deciding is None else ", ".join(_persons(releases, deciding))


def _moved_on(step: ReleaseEntry) -> _StepTaken:
    return _StepTaken(
        f"another step of releases came first, at position {step.position}: look again"
    )


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, StoreError) else type(error).__name__


def _warn(loading: LoadResult) -> None:
    """Log what is wrong with rules that decide all the same."""
    for problem in loading.nothing_listed:
        log.warning(NOTHING_LISTED, problem=render(problem))
    for problem in loading.law_problems()[:MOST_SHOWN]:
        log.warning(BEYOND_THE_LAW, problem=render(problem))
    for problem in loading.factor_problems()[:MOST_SHOWN]:
        log.warning(FACTOR_WENT, problem=render(problem))
