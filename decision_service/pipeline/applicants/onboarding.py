"""Onboarding: exactly one vendor's user for each applicant, and a token for the connect page."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

import msgspec

from decision_service.domain.errors import (
    RequestInProgress,
    ServiceError,
    UpstreamUnavailable,
    UserUnknown,
)
from decision_service.pipeline.applicants.owners import ApplicantOwners
from decision_service.pipeline.applicants.ports import (
    Applicant,
    ApplicantLog,
    ApplicantRecord,
    Enrolment,
    IssuedToken,
    LinkToken,
    Unsettled,
)
from decision_service.pipeline.ports import Clock

CLAIM = timedelta(seconds=30)
"""How long one attempt has an applicant to itself.

As long as a request that was sent may still be carried out by the vendor, so that the next attempt
finds the user it made instead of making another.
"""

RENEWABLE = timedelta(days=1)
"""How long after an original token's expiry its page may have further ones."""

RENEWALS = 20
"""How many further tokens an original gives, whichever of them is shown for the next."""


class Onboarded(msgspec.Struct, frozen=True):
    """An applicant's user and a fresh token; `created` where this call made the user."""

    user_id: str
    token: LinkToken
    created: bool


class ErasedApplicant(msgspec.Struct, frozen=True):
    """How many accounts the vendor revoked, and how many snapshots the store destroyed."""

    accounts: int
    snapshots: int


class OnboardApplicants:
    """Creates users and link tokens; keys and tokens of the vendor's API stay on the server."""

    def __init__(self, vendor: Enrolment, log: ApplicantLog, clock: Clock) -> None:
        self._vendor = vendor
        self._log = log
        self._owners = ApplicantOwners(log)
        self._clock = clock

    async def create(self, applicant: Applicant, stop_at: float) -> Onboarded:
        """The applicant's user, made if there is none yet, with a new token.

        Safe to repeat: an attempt whose outcome is unknown is settled by looking for its user.
        Raises RequestInProgress while another call creates it, UpstreamUnavailable,
        UpstreamBudgetExhausted and StoreUnavailable.
        """
        now = self._clock.now()
        record = await self._log.claim(applicant, now, now + CLAIM)
        if record.user_id is not None:
            token = await self._token(record.user_id, stop_at)
            return Onboarded(record.user_id, token, created=False)
        if not record.claimed:
            raise RequestInProgress(
                "this applicant is being created by another call, or the outcome of an earlier "
                "one is not known yet: ask again for its result",
                retry_after=CLAIM.total_seconds(),
            )
        return await self._settled(applicant, record, stop_at, fresh=record.begun == now)

    async def link_token(self, user_id: str, scope: str, stop_at: float) -> LinkToken:
        """A new token for a user that the caller `scope` created, empty for anybody's.

        Raises UserUnknown, UpstreamUnavailable and StoreUnavailable.
        """
        await self._owners.require(user_id, scope)
        return await self._token(user_id, stop_at)

    async def opens(self, access_token: str) -> bool:
        """Whether the holder of a token that this service issued can still open the widget.

        By the token itself until its original has expired, by another one after that.
        """
        original = await self._log.original_token(_digest(access_token))
        return original is not None and (
            self._clock.now() <= original.expires or self._gives_another(original)
        )

    async def renew(self, access_token: str, stop_at: float) -> LinkToken | None:
        """A new token for the holder of a token that this service issued.

        None where it did not, where the original of that token expired more than a day ago, or
        where RENEWALS tokens were made of that original. One that could not be made is not counted.
        Raises UserUnknown, UpstreamUnavailable, UpstreamBudgetExhausted and StoreUnavailable.
        """
        original = await self._log.original_token(_digest(access_token))
        if original is None or not self._gives_another(original):
            return None
        if not await self._log.count_renewal(original.digest, RENEWALS):
            return None
        try:
            token = await self._vendor.renewed_token(original.user_id, stop_at)
        except ServiceError:
            await self._log.uncount_renewal(original.digest)
            raise
        await self._log.issued(_issued(token, original.user_id, original.digest))
        return token

    def _gives_another(self, original: IssuedToken) -> bool:
        in_time = self._clock.now() <= original.expires + RENEWABLE
        return in_time and original.renewals < RENEWALS

    async def _token(self, user_id: str, stop_at: float) -> LinkToken:
        token = await self._vendor.link_token(user_id, stop_at)
        await self._log.issued(_issued(token, user_id))
        return token

    async def erase(self, user_id: str, scope: str, stop_at: float) -> ErasedApplicant:
        """Destroy a user's stored data, revoke the accounts at the vendor, destroy what came since.

        Safe to repeat, and to be repeated where it raises UpstreamUnavailable: what was stored
        here is destroyed by then. Raises UserUnknown where neither the vendor nor the store knows
        anything of the user, and where the caller `scope` did not create the user.
        """
        await self._owners.require(user_id, scope)
        erased = await self._log.erase(user_id, known_only=True)
        try:
            accounts = await self._vendor.revoke(user_id, stop_at)
        except UserUnknown:
            if not erased.known:
                raise
            accounts = 0
        late = 0
        if accounts or not erased.known:
            late = (await self._log.erase(user_id)).snapshots
        return ErasedApplicant(accounts, erased.snapshots + late)

    async def _settled(
        self, applicant: Applicant, record: ApplicantRecord, stop_at: float, *, fresh: bool
    ) -> Onboarded:
        try:
            user_id = None
            if not fresh:
                user_id = await self._vendor.find(applicant, record.begun, stop_at)
            if user_id is not None:
                await self._log.settle(applicant, user_id)
                token = await self._token(user_id, stop_at)
                return Onboarded(user_id, token, created=False)
            made = await self._vendor.enrol(applicant, stop_at)
        except ServiceError:
            await self._log.release(applicant)
            raise
        except Unsettled:
            raise _unsettled() from None
        await self._log.settle(applicant, made.user_id)
        await self._log.issued(_issued(made.token, made.user_id))
        return Onboarded(made.user_id, made.token, created=True)


def _issued(token: LinkToken, user_id: str, original: str | None = None) -> IssuedToken:
    return IssuedToken(_digest(token.access_token), user_id, token.expires, original)


def _digest(access_token: str) -> str:
    return sha256(access_token.encode()).hexdigest()


def _unsettled() -> UpstreamUnavailable:
    seconds = CLAIM.total_seconds()
    return UpstreamUnavailable(
        f"Smile did not say whether it created the applicant; send the request again in "
        f"{seconds:.0f} s, which makes no second one",
        retry_after=seconds,
    )
