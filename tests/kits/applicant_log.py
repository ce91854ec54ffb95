"""What every `ApplicantLog` must do: subclass the kit and give it a `log` fixture."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from msgspec.structs import replace

from decision_service.casework.onboarding import (
    Applicant,
    ApplicantLog,
    ApplicantRecord,
    IssuedToken,
)
from tests.kits.decision_entries import NOON

SOMEBODY = Applicant("los", "CRM-1")
HALF_A_MINUTE = timedelta(seconds=30)
LATER = NOON + HALF_A_MINUTE


class ApplicantLogKit:
    """The suite; `log` is an empty log."""

    async def test_the_first_to_ask_has_the_claim(self, log: ApplicantLog) -> None:
        """A new applicant is claimed by its first caller, and by nobody else meanwhile."""
        first = await log.claim(SOMEBODY, NOON, LATER)
        assert first == ApplicantRecord(None, NOON, claimed=True)
        second = await log.claim(SOMEBODY, NOON + timedelta(seconds=1), LATER)
        assert second == ApplicantRecord(None, NOON, claimed=False)

    async def test_one_of_many_at_once_has_the_claim(self, log: ApplicantLog) -> None:
        """Of ten callers at the same moment exactly one may create the user."""
        found = await asyncio.gather(*(log.claim(SOMEBODY, NOON, LATER) for _ in range(10)))
        assert [record.claimed for record in found].count(True) == 1

    async def test_a_claim_ends(self, log: ApplicantLog) -> None:
        """When its time is over the next caller has it, and learns when it all began."""
        await log.claim(SOMEBODY, NOON, LATER)
        again = await log.claim(SOMEBODY, LATER, LATER + HALF_A_MINUTE)
        assert again == ApplicantRecord(None, NOON, claimed=True)
        assert not (await log.claim(SOMEBODY, LATER, LATER + HALF_A_MINUTE)).claimed

    async def test_a_claim_that_is_given_back_is_free_at_once(self, log: ApplicantLog) -> None:
        """After `release` the next caller need not wait."""
        await log.claim(SOMEBODY, NOON, LATER)
        await log.release(SOMEBODY)
        assert (await log.claim(SOMEBODY, NOON, LATER)).claimed

    async def test_the_first_user_stays(self, log: ApplicantLog) -> None:
        """A settled applicant has its user for good, without any claim."""
        await log.claim(SOMEBODY, NOON, LATER)
        await log.settle(SOMEBODY, "user-1")
        await log.settle(SOMEBODY, "user-2")
        await log.release(SOMEBODY)
        found = await log.claim(SOMEBODY, LATER, LATER + HALF_A_MINUTE)
        assert found == ApplicantRecord("user-1", NOON, claimed=False)

    async def test_callers_do_not_share_references(self, log: ApplicantLog) -> None:
        """The same reference of another caller, and another reference, are other applicants."""
        await log.claim(SOMEBODY, NOON, LATER)
        await log.settle(SOMEBODY, "user-1")
        for other in (replace(SOMEBODY, caller="crm"), replace(SOMEBODY, reference="CRM-2")):
            assert (await log.claim(other, NOON, LATER)).user_id is None

    async def test_a_user_belongs_to_the_caller_that_created_it(self, log: ApplicantLog) -> None:
        """Neither another caller nor a claim without a user makes an owner."""
        await log.claim(SOMEBODY, NOON, LATER)
        assert not await log.created_by("los", "user-1")
        await log.settle(SOMEBODY, "user-1")
        assert await log.created_by("los", "user-1")
        assert not await log.created_by("crm", "user-1")
        assert not await log.created_by("los", "user-2")

    async def test_a_token_that_was_handed_out_is_known_by_its_digest(
        self, log: ApplicantLog
    ) -> None:
        """Every renewal leads to the original with its user and expiry; others are unknown."""
        token = IssuedToken("5f" * 32, "user-1", LATER)
        renewed = IssuedToken("60" * 32, "user-1", LATER + HALF_A_MINUTE, original=token.digest)
        for one in (token, renewed):
            await log.issued(one)
            assert await log.original_token(one.digest) == token
        assert await log.original_token("61" * 32) is None

    async def test_renewals_are_counted_up_to_a_bound(self, log: ApplicantLog) -> None:
        """Of many at once so many are counted; one that is taken back leaves room for another."""
        token = IssuedToken("5f" * 32, "user-1", LATER)
        await log.issued(token)
        counted = await asyncio.gather(*(log.count_renewal(token.digest, 3) for _ in range(10)))
        assert counted.count(True) == 3
        assert await log.original_token(token.digest) == replace(token, renewals=3)
        await log.uncount_renewal(token.digest)
        assert await log.count_renewal(token.digest, 3)
        assert not await log.count_renewal(token.digest, 3)
        assert not await log.count_renewal("61" * 32, 3)

    async def test_an_erased_users_tokens_are_unknown(self, log: ApplicantLog) -> None:
        """Neither the original nor a renewed one gives another token; other users' do."""
        mine = IssuedToken("5f" * 32, "user-1", LATER)
        renewed = IssuedToken("60" * 32, "user-1", LATER, original=mine.digest)
        other = IssuedToken("61" * 32, "user-2", LATER)
        for one in (mine, renewed, other):
            await log.issued(one)
        await log.erase("user-1")
        assert await log.original_token(mine.digest) is None
        assert await log.original_token(renewed.digest) is None
        assert await log.original_token(other.digest) == other
