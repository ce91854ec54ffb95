"""Onboarding: exactly one vendor's user for each applicant, and a token for the connect page."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol

import msgspec

from decision_service.domain.accounts import Kind
from decision_service.domain.errors import (
    RequestInProgress,
    ServiceError,
    UpstreamUnavailable,
    UserUnknown,
)
from decision_service.domain.ports import Clock, Erased
from decision_service.domain.snapshot import Account

# As long as the vendor may still carry out a request that was sent: the next attempt finds
# the user that it made, and makes no other.
CLAIM = timedelta(seconds=30)
"""How long one attempt has an applicant to itself."""

RENEWABLE = timedelta(days=1)
"""How long after an original token's expiry its page may have further ones."""

RENEWALS = 20
"""How many further tokens an original gives, whichever of them is shown for the next."""


class Applicant(msgspec.Struct, frozen=True):
    caller: str
    reference: str


@dataclass(frozen=True, slots=True)
class LinkToken:
    """A token that opens the vendor's widget once for one user; `mode` is the key pair's."""

    # No log and no traceback shows the token: a Struct could not leave it out.
    access_token: str = field(repr=False)
    expires: datetime
    mode: str


class CreatedUser(msgspec.Struct, frozen=True):
    user_id: str
    token: LinkToken


class Sync(msgspec.Struct, frozen=True):
    source: str
    kinds: tuple[Kind, ...]
    finished: datetime


class Connections(msgspec.Struct, frozen=True):
    """`arriving` accounts are being collected, `being_linked` ones connected at this moment."""

    accounts: tuple[Account, ...]
    syncs: tuple[Sync, ...]
    arriving: frozenset[str]
    being_linked: frozenset[str]


class IssuedToken(msgspec.Struct, frozen=True):
    """A link token that was handed out, by its SHA-256 in hex; the token itself is not kept.

    `original` is the digest of the token whose renewal it is, however many lie between; None for
    an original, whose `renewals` counts them all.
    """

    digest: str
    user_id: str
    expires: datetime
    original: str | None = None
    renewals: int = 0


class Unsettled(Exception):
    """A user may or may not have been created: the vendor's answer did not come."""


class Enrolment(Protocol):
    """The vendor as onboarding sees it; `stop_at` is the end on Clock.monotonic.

    Every method raises UpstreamUnavailable or UpstreamBudgetExhausted.
    """

    async def enrol(self, applicant: Applicant, stop_at: float) -> CreatedUser:
        """Create a user; sent at most once. Raises Unsettled where that may have happened."""

    async def find(self, applicant: Applicant, since: datetime, stop_at: float) -> str | None:
        """The user that `enrol` made for this applicant on or after the day before `since`."""

    async def link_token(self, user_id: str, stop_at: float) -> LinkToken:
        """A new token; raises UserUnknown."""

    async def renewed_token(self, user_id: str, stop_at: float) -> LinkToken:
        """As `link_token`, for a page: within a small share of the vendor's request limit."""

    async def any_user(self, stop_at: float) -> str | None:
        """The id of one user of this key pair, for preflight; None where there is no user yet."""

    async def revoke(self, user_id: str, stop_at: float) -> int:
        """Revoke every account of a user that is not revoked yet; how many. Safe to repeat.

        One that cannot be revoked holds up no other: the error says what is left. Raises
        UserUnknown.
        """

    async def connections(self, user_id: str, as_of: datetime, stop_at: float) -> Connections:
        """The user's accounts and how far their data is; raises UserUnknown, CrossTenant."""


class ApplicantRecord(msgspec.Struct, frozen=True):
    """`begun` is when it was first asked for; a `claimed` call may create the user now."""

    user_id: str | None
    begun: datetime
    claimed: bool


class ApplicantLog(Protocol):
    """Which user belongs to which applicant; every method raises StoreUnavailable."""

    async def claim(self, applicant: Applicant, now: datetime, until: datetime) -> ApplicantRecord:
        """Read or create an applicant; one without a user is claimed until the given instant.

        At most one claim is in force at a time, over all processes.
        """

    async def created_by(self, caller: str, user_id: str) -> bool:
        """Whether a user is recorded as one of the caller's applicants."""

    async def settle(self, applicant: Applicant, user_id: str) -> None:
        """Record the user that belongs to an applicant; the first recorded one stays."""

    async def issued(self, token: IssuedToken) -> None:
        """Record a link token that was handed out."""

    async def original_token(self, digest: str) -> IssuedToken | None:
        """The original of the token of this digest; None where this service issued no such one."""

    async def count_renewal(self, original: str, most: int) -> bool:
        """Count a renewal of an original, by its digest; False where `most` are counted already.

        At most so many calls return True, over all processes; `uncount_renewal` takes one back.
        """

    async def uncount_renewal(self, original: str) -> None:
        """Take back a counted renewal that gave no token."""

    async def erase(self, user_id: str, *, known_only: bool = False) -> Erased:
        """Make a user's stored data unreadable for ever, and refuse entries read before.

        With `known_only` nothing is done and recorded of a user without stored data.
        """

    async def release(self, applicant: Applicant) -> None:
        """Release a claim under which no user was created."""


async def require_owner(log: ApplicantLog, user_id: str, scope: str) -> None:
    """Raise UserUnknown where `scope` names a caller that did not create the user.

    The same for a user of another caller and for one that does not exist; the vendor is not asked.
    An empty `scope` means every caller. Raises StoreUnavailable.
    """
    if scope and not await log.created_by(scope, user_id):
        raise UserUnknown(
            "this caller has created no applicant with this user_id: check the id, or call with "
            "the role onboard_all"
        )


class Onboarded(msgspec.Struct, frozen=True):
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
        self._clock = clock

    async def create(self, applicant: Applicant, stop_at: float) -> Onboarded:
        """Safe to repeat: an attempt of unknown outcome is settled by looking for its user."""
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
        # Whoever asked first has sent nothing before, so that there is no user to look for.
        return await self._settled(applicant, record, stop_at, fresh=record.begun == now)

    async def link_token(self, user_id: str, scope: str, stop_at: float) -> LinkToken:
        await require_owner(self._log, user_id, scope)
        return await self._token(user_id, stop_at)

    async def opens(self, access_token: str) -> bool:
        """By the token itself until its original has expired, by another one after that."""
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
        # Before the vendor is asked: of many calls at once no more than these may reach it.
        if not await self._log.count_renewal(original.digest, RENEWALS):
            return None
        try:
            token = await self._vendor.renewed_token(original.user_id, stop_at)
        except ServiceError:
            # It gave no token, and the page may ask for it again.
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
        await require_owner(self._log, user_id, scope)
        # Here first: where the vendor fails, the stored data is gone all the same. Of a user that
        # neither knows nothing is recorded.
        erased = await self._log.erase(user_id, known_only=True)
        try:
            accounts = await self._vendor.revoke(user_id, stop_at)
        except UserUnknown:
            if not erased.known:
                raise
            accounts = 0
        late = 0
        # It takes what a decision read before the accounts were revoked, and is the only erasure
        # of a user that nothing but the vendor knew.
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
            # Nothing was created: the next attempt need not wait for the end of the claim.
            await self._log.release(applicant)
            raise
        except Unsettled:
            # The claim stays, since the vendor may still carry the request out.
            seconds = CLAIM.total_seconds()
            raise UpstreamUnavailable(
                f"Smile did not say whether it created the applicant; send the request again in "
                f"{seconds:.0f} s, which makes no second one",
                retry_after=seconds,
            ) from None
        await self._log.settle(applicant, made.user_id)
        await self._log.issued(_issued(made.token, made.user_id))
        return Onboarded(made.user_id, made.token, created=True)


def _issued(token: LinkToken, user_id: str, original: str | None = None) -> IssuedToken:
    return IssuedToken(_digest(token.access_token), user_id, token.expires, original=original)


def _digest(access_token: str) -> str:
    return sha256(access_token.encode()).hexdigest()
