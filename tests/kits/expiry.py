"""What every store must do with what was kept long enough: subclass the kit, give it a `log`."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from decision_service.casework.onboarding import IssuedToken
from decision_service.domain.ports import WarmMark
from decision_service.store.store import Store
from tests.kits.decision_entries import NOON, SNAPSHOT, numbered
from tests.kits.warm_log import PLAN

YEAR = timedelta(days=365)
OLD = SNAPSHOT
NEW = replace(SNAPSHOT, id="6b" * 32)


class ExpiryKit:
    """The suite; `log` is an empty store."""

    async def test_the_oldest_go_first_and_never_what_is_young(self, log: Store) -> None:
        """Three of five are due: two, then one, then nothing; their requests are free again."""
        for number in range(1, 6):
            created = NOON - YEAR if number < 4 else NOON
            await log.commit(numbered(number, created=created + timedelta(seconds=number)))
        due = NOON - timedelta(days=1)
        assert [await log.expire(due, 2) for _ in range(3)] == [2, 1, 0]
        left = [number for number in range(1, 6) if await log.get(numbered(number).decision_id)]
        assert left == [4, 5]
        assert (await log.look_up("los", "request-1")).entry is None

    async def test_data_goes_when_nothing_rests_on_it(self, log: Store) -> None:
        """A snapshot stays while a young decision rests on it, whenever it was stored."""
        await log.commit(numbered(1, created=NOON - YEAR, snapshot=OLD))
        await log.commit(numbered(2, created=NOON - YEAR, snapshot=NEW))
        await log.commit(numbered(3, created=NOON, snapshot=NEW))
        due = NOON - timedelta(days=1)
        assert await log.expire(due, 10) == 2
        assert await log.expire(due, 10) == 1
        assert await log.snapshot(OLD.user_id, OLD.id) is None
        assert await log.snapshot(NEW.user_id, NEW.id) == NEW.body
        assert await log.expire(due, 10) == 0

    async def test_an_old_reading_that_nobody_decided_on_goes(self, log: Store) -> None:
        """Its mark goes with it, so that the next decision asks the vendor."""
        read = NOON - YEAR
        await log.keep_warm(OLD, WarmMark(OLD.id, read, read, PLAN, read), consent=0)
        assert await log.expire(NOON, 10) == 1
        assert (await log.user_state(OLD.user_id)).last is None
        assert list(await log.read_users("", 10)) == []

    async def test_counts_go_with_the_last_reading(self, log: Store) -> None:
        """The accounts that a user had once are forgotten with what they gave, not before."""
        await log.commit(numbered(1, created=NOON - YEAR, snapshot=OLD))
        await log.commit(numbered(2, created=NOON, snapshot=NEW))
        other = replace(OLD, user_id="user-2")
        await log.commit(numbered(3, created=NOON - YEAR, user_id="user-2", snapshot=other))
        while await log.expire(NOON - timedelta(days=1), 10):
            pass
        assert (await log.user_state(OLD.user_id)).counts == tuple(sorted(OLD.counts, key=str))
        assert (await log.user_state("user-2")).counts == ()

    async def test_what_only_waits_to_be_used_up_goes_too(self, log: Store) -> None:
        """Tokens that expired long ago, and quarantines of users of whom nothing was read."""
        for user_id, at in (("user-1", NOON - YEAR), ("user-2", NOON)):
            await log.issued(IssuedToken(f"digest of {user_id}", user_id, at))
            await log.quarantine(user_id, at)
        await log.expire(NOON - timedelta(days=1), 10)
        assert await log.subject_access.user_rows("user-1") is None
        held = await log.subject_access.user_rows("user-2")
        assert held is not None
        assert [len(held.tables[name]) for name in ("link_tokens", "warm")] == [1, 1]
