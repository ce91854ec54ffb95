"""What onboarding needs of the vendor and of the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import msgspec

from decision_service.domain.kinds import Kind
from decision_service.domain.snapshot import Account
from decision_service.pipeline.ports import Erased


class Applicant(msgspec.Struct, frozen=True):
    """An applicant: the API caller that owns it, and the caller's reference."""

    caller: str
    reference: str


@dataclass(frozen=True, slots=True)
class LinkToken:
    """A token that opens the vendor's widget once for one user; `mode` is the key pair's."""

    access_token: str = field(repr=False)
    expires: datetime
    mode: str


class CreatedUser(msgspec.Struct, frozen=True):
    """A user as the vendor made it, with a first token."""

    user_id: str
    token: LinkToken


class Sync(msgspec.Struct, frozen=True):
    """One finished collection of data: which kinds of which account, and when it ended."""

    source: str
    kinds: tuple[Kind, ...]
    finished: datetime


class Connections(msgspec.Struct, frozen=True):
    """A user's accounts as the vendor reports them now.

    `arriving` are the accounts whose data is still being collected, `being_linked` those that the
    applicant is connecting at this moment.
    """

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

    async def revoke(self, user_id: str, stop_at: float) -> int:
        """Revoke every account of a user that is not revoked yet; how many. Safe to repeat.

        One that cannot be revoked holds up no other: the error says what is left. Raises
        UserUnknown.
        """

    async def connections(self, user_id: str, as_of: datetime, stop_at: float) -> Connections:
        """The user's accounts and how far their data is; raises UserUnknown, CrossTenant."""


class ApplicantRecord(msgspec.Struct, frozen=True):
    """The store's record of an applicant; `user_id` is None while no user is known.

    `begun` is when it was first asked for. `claimed` says that this call is the one that may
    create the user now.
    """

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

        At most so many calls return True, over all processes, but for those that `uncount_renewal`
        takes back.
        """

    async def uncount_renewal(self, original: str) -> None:
        """Take back a counted renewal that gave no token."""

    async def erase(self, user_id: str, *, known_only: bool = False) -> Erased:
        """Make a user's stored data unreadable for ever, and refuse entries read before.

        With `known_only` nothing is done and recorded of a user of whom nothing is stored.
        """

    async def release(self, applicant: Applicant) -> None:
        """Release a claim under which no user was created."""
