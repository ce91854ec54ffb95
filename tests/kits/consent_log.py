"""What every store must do when consent is withdrawn: subclass the kit, give it a `log`."""

from __future__ import annotations

import pytest
from msgspec import structs
from msgspec.structs import replace

from decision_service.domain.errors import ConsentMoved
from decision_service.pipeline.ports import DecisionLog, Erased, Held
from tests.kits.decision_entries import ENTRY, SNAPSHOT, as_stored, numbered

USER = SNAPSHOT.user_id


class ConsentKit:
    """The suite; `log` is an empty log."""

    async def test_an_erasure_takes_data_and_leaves_decisions(self, log: DecisionLog) -> None:
        """Snapshots and counts are gone, the decision reads back byte for byte."""
        entry = structs.replace(ENTRY, snapshot=SNAPSHOT)
        await log.commit(entry)
        assert await log.erase(USER) == Erased(snapshots=1)
        assert await log.snapshot(USER, SNAPSHOT.id) is None
        assert await log.held(USER) == Held((), consent=1)
        assert await log.get(entry.decision_id) == as_stored(entry)

    async def test_what_was_read_before_is_refused_after(self, log: DecisionLog) -> None:
        """An entry of the earlier consent is not recorded; one without data, or of now, is."""
        await log.erase(USER)
        with pytest.raises(ConsentMoved):
            await log.commit(structs.replace(ENTRY, snapshot=SNAPSHOT, consent=0))
        assert await log.get(ENTRY.decision_id) is None
        assert await log.snapshot(USER, SNAPSHOT.id) is None
        await log.commit(numbered(2))
        await log.commit(numbered(3, snapshot=SNAPSHOT, consent=1))
        assert await log.snapshot(USER, SNAPSHOT.id) == SNAPSHOT.body

    async def test_a_recorded_decision_is_repeated_whatever_was_withdrawn(
        self, log: DecisionLog
    ) -> None:
        """A later entry under a taken key still gets the first decision."""
        stored = await log.commit(structs.replace(ENTRY, snapshot=SNAPSHOT))
        await log.erase(USER)
        again = numbered(2, request_id=ENTRY.request_id, snapshot=SNAPSHOT, consent=1)
        assert await log.commit(again) == stored

    async def test_users_are_erased_one_by_one(self, log: DecisionLog) -> None:
        """Another user's data and consent stay as they are; each erasure counts."""
        other = replace(SNAPSHOT, user_id="user-2")
        await log.commit(numbered(2, user_id="user-2", snapshot=other))
        assert await log.erase(USER) == Erased(snapshots=0)
        await log.erase(USER)
        assert await log.snapshot("user-2", SNAPSHOT.id) == SNAPSHOT.body
        assert (await log.held(USER)).consent == 2
        assert (await log.held("user-2")).consent == 0
