"""Creates the vendor's users and link tokens, and reads a user's connections."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from decision_service.domain.errors import UserUnknown
from decision_service.domain.kinds import Kind
from decision_service.pipeline.applicants.ports import (
    Applicant,
    Connections,
    CreatedUser,
    LinkToken,
    Sync,
    Unsettled,
)
from decision_service.smile.client import SmileApi
from decision_service.smile.errors import Gone, KeysRefused, NotSent, TransientFault, UpstreamFault
from decision_service.smile.mapping.answers import (
    NewUserAnswer,
    TokenAnswer,
    UserAnswer,
)
from decision_service.smile.mapping.decoding import OneDecoder, PageDecoder
from decision_service.smile.mapping.fields import instant_or_none, needed
from decision_service.smile.mapping.pages import read_list
from decision_service.smile.onboarding.revocation import UNKNOWN, revoke_accounts
from decision_service.smile.reading.applicant import ApplicantReader, CollectedTask
from decision_service.smile.reading.readiness import being_linked, waited_for
from decision_service.smile.transport.http import Request
from decision_service.smile.transport.limiter import RateLimiter

REFERENCE, CALLER = "applicant_ref", "caller"
"""The pairs of `externalMetadata` by which a user is found again."""

CREATED = 201

_NEW_USER = OneDecoder(NewUserAnswer, "users")
_TOKEN = OneDecoder(TokenAnswer, "tokens")
_USERS = PageDecoder(UserAnswer, "users")
_KINDS = {kind.value.upper(): kind for kind in Kind} | {"LINK": Kind.LINKS}


class SmileEnrolment:
    """The `Enrolment` of Smile; shares rate limit, circuit and connections with the fetches.

    `renewals` is the limit on renewed tokens, within the request limit of all requests.
    """

    def __init__(self, api: SmileApi, renewals: RateLimiter) -> None:
        self._api = api
        self._renewals = renewals

    async def enrol(self, applicant: Applicant, stop_at: float) -> CreatedUser:
        """As `Enrolment.enrol`."""
        pairs = {REFERENCE: applicant.reference, CALLER: applicant.caller}
        content = msgspec.json.encode({"externalMetadata": pairs})
        request = Request(
            "/users", method="POST", content=content, success=CREATED, repeatable=False
        )
        try:
            made = await self._api.get(request, _NEW_USER, self._api.budget(stop_at))
            user = needed(made.user, "users.user")
            return CreatedUser(needed(user.id, "users.user.id"), _token(made.token))
        except UpstreamFault as fault:
            if _may_have_happened(fault):
                raise Unsettled from None
            raise fault.refusal() from None

    async def find(self, applicant: Applicant, since: datetime, stop_at: float) -> str | None:
        """As `Enrolment.find`."""
        day = (since - timedelta(days=1)).date().isoformat()
        size = str(self._api.limits.page_size)
        request = Request("/users", {"startDate": day, "size": size})
        budget = self._api.budget(stop_at)

        try:
            users = await read_list(
                lambda one: self._api.get(one, _USERS, budget),
                request,
                self._api.limits,
                name="users",
            )
        except UpstreamFault as fault:
            raise fault.refusal() from None
        wanted = {REFERENCE: applicant.reference, CALLER: applicant.caller}
        for user in users.items:
            if wanted.items() <= (user.external_metadata or {}).items():
                return user.id
        return None

    async def link_token(self, user_id: str, stop_at: float) -> LinkToken:
        """As `Enrolment.link_token`; retried, since an unused token does no harm."""
        request = Request("/tokens", {"userId": user_id}, method="POST", success=CREATED)
        try:
            return _token(await self._api.get(request, _TOKEN, self._api.budget(stop_at)))
        except Gone:
            raise _unknown() from None
        except UpstreamFault as fault:
            raise fault.refusal() from None

    async def renewed_token(self, user_id: str, stop_at: float) -> LinkToken:
        """As `Enrolment.renewed_token`; refused at once where the share is used until `stop_at`."""
        try:
            (await self._renewals.acquire(stop_at)).sent()
        except UpstreamFault as fault:
            raise fault.refusal() from None
        return await self.link_token(user_id, stop_at)

    async def anybody(self, stop_at: float) -> str | None:
        """The id of one user of this key pair; None where there is no user yet."""
        try:
            page = await self._api.get(
                Request("/users", {"size": "1"}), _USERS, self._api.budget(stop_at)
            )
        except UpstreamFault as fault:
            raise fault.refusal() from None
        return next((user.id for user in page.items or ()), None)

    async def revoke(self, user_id: str, stop_at: float) -> int:
        """As `Enrolment.revoke`."""
        reader = ApplicantReader(self._api, user_id, self._api.budget(stop_at))
        return await revoke_accounts(self._api, reader)

    async def connections(self, user_id: str, as_of: datetime, stop_at: float) -> Connections:
        """As `Enrolment.connections`."""
        reader = ApplicantReader(self._api, user_id, self._api.budget(stop_at))
        try:
            accounts = await reader.accounts()
            if not accounts:
                await reader.check_known()
            tasks = await reader.tasks() if accounts else ()
        except Gone:
            raise _unknown() from None
        except UpstreamFault as fault:
            raise fault.refusal() from None
        limits = self._api.limits
        running = [one.task for one in tasks if one.task.runs]
        return Connections(
            accounts,
            tuple(sync for one in tasks for sync in _syncs(one)),
            arriving=waited_for(accounts, running, as_of, limits),
            being_linked=being_linked(accounts, as_of, limits.young),
        )


def _token(answer: TokenAnswer | None) -> LinkToken:
    token = needed(answer, "tokens.token")
    expires = needed(instant_or_none(token.expires_at, "tokens.expiresAt"), "tokens.expiresAt")
    return LinkToken(needed(token.access_token, "tokens.accessToken"), expires, token.mode or "")


def _syncs(one: CollectedTask) -> tuple[Sync, ...]:
    """The sync that a finished task made; unknown words for kinds are left out."""
    if one.task.finished is None:
        return ()
    kinds = (_KINDS.get(word.upper()) for word in one.datapoints)
    known = tuple(kind for kind in kinds if kind is not None)
    return (Sync(one.task.source, known, one.task.finished),)


def _may_have_happened(fault: UpstreamFault) -> bool:
    """Whether the vendor may have carried out a creating request that failed here."""
    if isinstance(fault, NotSent | KeysRefused | Gone):
        return False
    if isinstance(fault, TransientFault):
        return not fault.throttled
    return not (fault.detail or "").startswith("HTTP 4")


def _unknown() -> UserUnknown:
    return UserUnknown(UNKNOWN)
