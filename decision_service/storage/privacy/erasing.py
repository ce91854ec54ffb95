"""Erasing a user: noted in the journal first, then carried out in the database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial

import structlog

from decision_service.clock_ids import SystemClock
from decision_service.pipeline.history.keys import IdentityKey
from decision_service.pipeline.ports import Disconnected, Erased
from decision_service.storage.engine import Database
from decision_service.storage.privacy import consents, erasures
from decision_service.storage.privacy.data_keys import PLAIN, DataKeys
from decision_service.storage.privacy.erasure_journal import Erasure, ErasureJournal, new_erasure

log = structlog.get_logger("decision_service.storage")


class Erasing:
    """Erases users in a database, and in the erasure journal where there is one.

    Where it erases `with_decisions`, a user's decisions go with the data behind them.
    """

    def __init__(
        self,
        database: Database,
        journal: ErasureJournal | None,
        data_keys: DataKeys = PLAIN,
        identity_keys: tuple[IdentityKey, ...] = (),
        *,
        with_decisions: bool = False,
    ) -> None:
        self._database = database
        self._journal = journal
        self._data_keys = data_keys
        self._identity_keys = identity_keys
        self._with_decisions = with_decisions
        self.keeps_journal = journal is not None
        self._clock = SystemClock()
        self._running: set[asyncio.Task[Erased]] = set()

    async def erase(
        self, user_id: str, disconnected: Disconnected | None = None, *, known_only: bool = False
    ) -> Erased:
        """As `DecisionLog.erase` and `ApplicantLog.erase`; raises StoreUnavailable.

        What has begun is carried out, whoever leaves meanwhile.
        """
        task = asyncio.create_task(self._erase(user_id, disconnected, known_only=known_only))
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """Finish running erasures."""
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._journal is not None:
            await self._journal.aclose()

    def _ended(self, task: asyncio.Task[Erased]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.warning("an erasure failed", error=type(task.exception()).__name__)

    async def _erase(
        self, user_id: str, disconnected: Disconnected | None, *, known_only: bool
    ) -> Erased:
        if known_only and not await self._database.read(
            partial(consents.is_known, user_id=user_id)
        ):
            return Erased(0, known=False)
        if await self._database.read(partial(consents.is_erased, user_id=user_id)):
            with suppress(consents.MoreToErase):
                return await self._carried_out(user_id, disconnected, [])
        return await self._carried_out(user_id, disconnected, [new_erasure(user_id)])

    async def _carried_out(
        self, user_id: str, disconnected: Disconnected | None, new: Sequence[Erasure]
    ) -> Erased:
        """Erase by a new erasure that is noted first, or without one as a repetition."""
        noted = frozenset[str]()
        if self._journal is not None:
            if new:
                await self._journal.note(new)
            noted = await self._journal.of(user_id)
        work = partial(
            consents.erase,
            user_id=user_id,
            erasure_ids=noted.union(one.id for one in new),
            disconnected=disconnected,
            now=self._clock.now(),
            data_keys=self._data_keys,
            identity_keys=self._identity_keys,
            with_decisions=self._with_decisions,
            repeats=not new,
        )
        erased = await self._database.write(work)
        await self._database.scrub()
        return erased

    async def catch_up(self) -> None:
        """Bring database and journal to the same erasures.

        A database that was restored from a backup lacks the later ones: they are carried out again.
        A journal that was lost or moved lacks the earlier ones: they are noted again. Raises
        StoreDamaged and StoreUnavailable.
        """
        if self._journal is None:
            return
        marks = await self._journal.marks()
        done = await self._database.read(erasures.done)
        await self._carry_out({one: mark for one, mark in marks.items() if one not in done})
        lost = ((one, user) for one, user in done.items() if one not in marks)
        await self._note_again(Erasure(one, user) for one, user in lost if user is not None)

    async def _carry_out(self, lacking: Mapping[str, str]) -> None:
        if not lacking or self._journal is None:
            return
        known = await self._database.read(erasures.users)
        users = await self._journal.marked(known)
        wanted = {one: users.get(mark) for one, mark in lacking.items()}
        work = partial(
            erasures.carry_out,
            wanted=wanted,
            now=self._clock.now(),
            identity_keys=self._identity_keys,
            with_decisions=self._with_decisions,
        )
        await self._database.write(work)
        await self._database.scrub()
        again = len({user_id for user_id in wanted.values() if user_id is not None})
        if again:
            log.warning("erased again what an older store held", users=again)

    async def _note_again(self, lost: Iterable[Erasure]) -> None:
        wanted = [*lost]
        if wanted and self._journal is not None:
            await self._journal.note(wanted)
            log.warning("the erasure journal was written anew from the store", erasures=len(wanted))
