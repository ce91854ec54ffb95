"""Onboarding against the vendor's stand-in over HTTP: exactly one user, whatever goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, cast

import pytest
from msgspec.structs import replace

from decision_service.casework.applicant_status import ReadApplicantStatus
from decision_service.casework.onboarding import (
    CLAIM,
    RENEWABLE,
    RENEWALS,
    Applicant,
    LinkToken,
    OnboardApplicants,
    Onboarded,
)
from decision_service.domain.errors import (
    ConsentMoved,
    RequestInProgress,
    UpstreamBudgetExhausted,
    UpstreamUnavailable,
    UserUnknown,
)
from decision_service.domain.ports import UserState
from decision_service.smile.limits import SmileLimits
from decision_service.smile.source import SmileSource
from decision_service.standin.faults import Fault
from decision_service.standin.sandbox import sandbox_people
from decision_service.standin.server import Simulator, build_app, serve
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.world import NOW
from tests.kits.decision_log import SNAPSHOT, numbered

SOMEBODY = Applicant("los", "CRM-1")
GEORGE = sandbox_people()[0].user_id
UNLIMITED = SmileLimits(requests_per_second=1_000)


@dataclass(slots=True)
class Clock:
    """The running loop's time beside a wall clock that a test moves."""

    wall: datetime = NOW

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


@dataclass(slots=True)
class Desk:
    """Onboarding with its vendor, and how many users that has made."""

    vendor: Simulator
    source: SmileSource
    clock: Clock
    log: InMemoryDecisionLog
    onboard: OnboardApplicants

    async def create(self, applicant: Applicant = SOMEBODY) -> Onboarded:
        return await self.onboard.create(applicant, _soon())

    @property
    def look(self) -> ReadApplicantStatus:
        return ReadApplicantStatus(self.source.enrolment, self.log, self.clock)

    @property
    def made(self) -> int:
        everybody = self.vendor.tenant.people()
        return sum("applicant_ref" in person.user["externalMetadata"] for person in everybody)


def _soon() -> float:
    return asyncio.get_running_loop().time() + 5.0


@asynccontextmanager
async def opened(*faults: Fault, limits: SmileLimits | None = None) -> AsyncIterator[Desk]:
    """A desk at a stand-in with these faults."""
    clock = Clock()
    vendor = build_app(api_key="k", api_secret="s", faults=faults, clock=clock.now)
    async with serve(vendor) as url:
        source = SmileSource(url, "k", "s", clock, limits=limits)
        log = InMemoryDecisionLog()
        onboard = OnboardApplicants(source.enrolment, log, clock)
        try:
            yield Desk(vendor, source, clock, log, onboard)
        finally:
            await source.aclose()


async def test_an_applicant_is_created_once() -> None:
    """The second call gives the same user with another token, and makes no second one."""
    async with opened() as desk:
        first, second = await desk.create(), await desk.create()
        assert (first.created, second.created) == (True, False)
        assert first.user_id == second.user_id
        assert first.token.access_token != second.token.access_token
        assert desk.made == 1


async def test_references_and_callers_are_apart() -> None:
    """Another reference, and the same reference of another caller, get users of their own."""
    async with opened() as desk:
        others = (SOMEBODY, Applicant("los", "CRM-2"), Applicant("crm", "CRM-1"))
        assert len({(await desk.create(one)).user_id for one in others}) == 3


LOST = {
    "cut off": Fault("malformed", "/users", method="POST", times=1),
    "a maintenance page": Fault("content_type", "/users", method="POST", times=1,
                                settings={"value": "text/html"}),
    "another schema": Fault("data_null", "/users", method="POST", times=1),
}  # fmt: skip


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST.keys())
async def test_a_lost_answer_makes_no_second_user(fault: Fault) -> None:
    """Where the answer to a creation is lost, the next attempt finds the user that was made."""
    async with opened(fault) as desk:
        with pytest.raises(UpstreamUnavailable, match="makes no second one") as told:
            await desk.create()
        assert told.value.retry_after == CLAIM.total_seconds()
        with pytest.raises(RequestInProgress):
            await desk.create()
        desk.clock.wall += CLAIM
        found = await desk.create()
        assert (found.created, desk.made) == (False, 1)


async def test_a_vendor_that_refuses_leaves_the_applicant_free() -> None:
    """After a refusal that cannot have made a user, the next attempt makes one at once."""
    refused = Fault("status", "/users", method="POST", times=1, settings={"status": 401})
    async with opened(refused) as desk:
        with pytest.raises(UpstreamUnavailable):
            await desk.create()
        assert (await desk.create()).created
        assert desk.made == 1


async def test_an_outage_says_when_to_try_again() -> None:
    """A 503 may have made a user: the caller is told how long to wait, and one user is made."""
    outage = Fault("status", "/users", method="POST", times=1, settings={"status": 503})
    async with opened(outage) as desk:
        with pytest.raises(UpstreamUnavailable) as told:
            await desk.create()
        assert told.value.retry_after is not None
        desk.clock.wall += timedelta(seconds=told.value.retry_after)
        assert (await desk.create()).created
        assert desk.made == 1


async def test_a_token_needs_a_user() -> None:
    """A link token for a user that the vendor does not know is refused as USER_UNKNOWN."""
    async with opened() as desk:
        with pytest.raises(UserUnknown):
            await desk.onboard.link_token("nobody", "", _soon())
        token = await desk.onboard.link_token(GEORGE, "", _soon())
        assert token.mode == "SANDBOX"
        assert token.access_token in desk.vendor.tenant.tokens
        assert token.access_token not in repr(token)


async def test_a_standing_tells_what_is_connected_and_how_old_it_is() -> None:
    """A connected person is ready, with each kind's age; one without accounts is told why not."""
    async with opened() as desk:
        george = await desk.look(GEORGE, "", _soon())
        assert (george.ready, george.why_not) == (True, "")
        assert {kind.kind.value for kind in george.kinds} >= {"eincomes", "contributions"}
        made = await desk.create()
        empty = await desk.look(made.user_id, "", _soon())
        assert (empty.ready, empty.accounts) == (False, ())
        assert "link token" in empty.why_not
        with pytest.raises(UserUnknown):
            await desk.look("nobody", "", _soon())


async def test_a_withdrawn_consent_is_said_in_words() -> None:
    """A person whose only accounts were disconnected is not ready, and each account says so."""
    async with opened() as desk:
        person = desk.vendor.tenant.person(GEORGE)
        assert person is not None
        for source in person.sources:
            desk.vendor.tenant.disconnect(source.id)
        seen = await desk.look(GEORGE, "", _soon())
        assert not seen.ready
        assert "withdrawn" in seen.why_not
        assert all("consent" in account.words for account in seen.accounts)


async def test_who_holds_a_token_may_have_another() -> None:
    """Until a day after the original expired, by any token of its page; a stranger never."""
    async with opened() as desk:
        made = await desk.create()
        first = await desk.onboard.renew(made.token.access_token, _soon())
        assert first is not None
        assert await desk.onboard.renew("a stranger's", _soon()) is None
        assert not await desk.onboard.opens("a stranger's")
        desk.clock.wall = made.token.expires + RENEWABLE
        assert await desk.onboard.renew(first.access_token, _soon()) is not None
        assert await desk.onboard.opens(first.access_token)
        desk.clock.wall += timedelta(seconds=1)
        assert await desk.onboard.renew(first.access_token, _soon()) is None
        assert not await desk.onboard.opens(first.access_token)


async def test_renewals_are_counted_by_the_original_token() -> None:
    """Forty threads on one token, and then a renewed one, get as many as the bound together."""
    async with opened(limits=UNLIMITED) as desk:
        token = (await desk.create()).token.access_token
        found = await asyncio.gather(*(desk.onboard.renew(token, _soon()) for _ in range(40)))
        given = [one for one in found if one is not None]
        assert len(given) == RENEWALS
        for one in given:
            assert await desk.onboard.renew(one.access_token, _soon()) is None
        assert await desk.onboard.opens(token)  # which may not be used up yet
        desk.clock.wall = max(one.expires for one in given) + timedelta(seconds=1)
        assert not await desk.onboard.opens(token)
        other = (await desk.create()).token.access_token
        assert await desk.onboard.renew(other, _soon()) is not None


async def test_renewals_have_a_share_of_the_vendors_allowance() -> None:
    """Of forty at once one asks the vendor; the others are refused, and do not count."""
    async with opened(limits=SmileLimits(requests_per_second=2)) as desk:
        token = (await desk.create()).token.access_token
        asked = desk.source.status.requests
        calls = [desk.onboard.renew(token, _soon()) for _ in range(40)]
        found = await asyncio.gather(*calls, return_exceptions=True)
        refused = [one for one in found if isinstance(one, UpstreamBudgetExhausted)]
        given = [one for one in found if isinstance(one, LinkToken)]
        assert (len(given), desk.source.status.requests - asked) == (1, 1)
        assert len(refused) >= RENEWALS - 1
        original = await desk.log.original_token(sha256(token.encode()).hexdigest())
        assert original is not None
        assert original.renewals == 1


async def test_callers_reach_the_applicants_that_they_created_alone() -> None:
    """A user of another caller is unknown like one that does not exist, and the vendor unasked."""
    async with opened() as desk:
        made = await desk.create()
        asked = desk.source.status.requests
        told = set()
        for user_id in (made.user_id, GEORGE, "nobody"):
            for use in (desk.onboard.link_token, desk.onboard.erase, desk.look):
                with pytest.raises(UserUnknown) as refusal:
                    await use(user_id, "crm", _soon())
                told.add((refusal.value.message, tuple(refusal.value.fields.items())))
        assert len(told) == 1
        assert desk.source.status.requests == asked
        for use in (desk.onboard.link_token, desk.look, desk.onboard.erase, desk.onboard.erase):
            await use(made.user_id, SOMEBODY.caller, _soon())


@dataclass(slots=True)
class ReadMeanwhile:
    """A vendor whose data is read and decided on just before it is revoked."""

    desk: Desk
    consent: int

    async def revoke(self, user_id: str, stop_at: float) -> int:
        """Decide, then revoke."""
        await self.desk.log.commit(numbered(1, **READ, consent=self.consent))
        return await self.desk.source.enrolment.revoke(user_id, stop_at)


READ = {"user_id": GEORGE, "snapshot": replace(SNAPSHOT, user_id=GEORGE)}


@pytest.mark.parametrize("decided", [0, 1])
async def test_what_is_read_until_the_accounts_are_revoked_is_erased_too(decided: int) -> None:
    """Data that a decision stored in between is gone, and a decision that still has it is late.

    So it is of a user of whom the vendor alone knew before.
    """
    async with opened() as desk:
        for number in range(decided):
            await desk.log.commit(numbered(10 + number, user_id=GEORGE))
        vendor = cast("Any", ReadMeanwhile(desk, consent=decided))
        erased = await OnboardApplicants(vendor, desk.log, desk.clock).erase(GEORGE, "", _soon())
        assert (erased.accounts, erased.snapshots) == (3, 1)
        assert await desk.log.snapshot(GEORGE, SNAPSHOT.id) is None
        with pytest.raises(ConsentMoved):
            await desk.log.commit(numbered(2, **READ, consent=decided))


async def test_an_erasure_of_who_is_known_nowhere_leaves_no_trace() -> None:
    """Where neither the vendor nor the store knows the user, no withdrawal is recorded."""
    async with opened() as desk:
        with pytest.raises(UserUnknown):
            await desk.onboard.erase("nobody", "", _soon())
        assert await desk.log.user_state("nobody") == UserState(())
