"""Creating the vendor's users and link tokens, and what it says of a user's connections."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from decision_service.domain.errors import UserUnknown
from decision_service.domain.kinds import Kind
from decision_service.pipeline.applicants.ports import (
    Applicant,
    Connections,
    Enrolled,
    LinkToken,
    Sync,
    Unsettled,
)
from decision_service.smile.allowance import Allowance
from decision_service.smile.answers import (
    Envelope,
    NewUserAnswer,
    Page,
    TokenAnswer,
    UserAnswer,
)
from decision_service.smile.applicant import Applicant as Reader
from decision_service.smile.applicant import Collected
from decision_service.smile.attempts import Vendor
from decision_service.smile.client import Ask
from decision_service.smile.decoding import OneDecoder, PageDecoder
from decision_service.smile.errors import Fault, Gone, KeysRefused, Refused, Transient
from decision_service.smile.fields import instant_or_none, needed
from decision_service.smile.pages import read_list
from decision_service.smile.readiness import being_linked, waited_for
from decision_service.smile.refusals import refusal
from decision_service.smile.revocation import revoke_accounts

REFERENCE, CALLER = "applicant_ref", "caller"
"""The pairs of `externalMetadata` by which a user is found again."""

CREATED = 201

_NEW_USER = OneDecoder(Envelope[NewUserAnswer], "users")
_TOKEN = OneDecoder(Envelope[TokenAnswer], "tokens")
_USERS = PageDecoder(Envelope[Page[UserAnswer]], list[UserAnswer], "users")
_KINDS = {kind.value.upper(): kind for kind in Kind} | {"LINK": Kind.LINKS}


class SmileEnrolment:
    """The `Enrolment` of Smile; shares turns, circuit and connections with the reading of data."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor

    async def enrol(self, applicant: Applicant, stop_at: float) -> Enrolled:
        """As `Enrolment.enrol`."""
        pairs = {REFERENCE: applicant.reference, CALLER: applicant.caller}
        content = msgspec.json.encode({"externalMetadata": pairs})
        ask = Ask("/users", method="POST", content=content, done=CREATED, repeatable=False)
        try:
            made = await self._vendor.get(ask, _NEW_USER, self._allowance(stop_at))
            user = needed(made.user, "users.user")
            return Enrolled(needed(user.id, "users.user.id"), _token(made.token))
        except Fault as fault:
            if _may_have_happened(fault):
                raise Unsettled from None
            raise refusal(fault) from None

    async def find(self, applicant: Applicant, since: datetime, stop_at: float) -> str | None:
        """As `Enrolment.find`."""
        day = (since - timedelta(days=1)).date().isoformat()
        size = str(self._vendor.limits.page_size)
        ask = Ask("/users", {"startDate": day, "size": size})
        allowance = self._allowance(stop_at)

        async def page(ask: Ask) -> Page[UserAnswer]:
            return await self._vendor.get(ask, _USERS, allowance)

        try:
            users = await read_list(page, ask, self._vendor.limits, name="users")
        except Fault as fault:
            raise refusal(fault) from None
        wanted = {REFERENCE: applicant.reference, CALLER: applicant.caller}
        for user in users.items:
            if wanted.items() <= (user.external_metadata or {}).items():
                return user.id
        return None

    async def link_token(self, user_id: str, stop_at: float) -> LinkToken:
        """As `Enrolment.link_token`; a token that nobody uses harms nothing, so this is retried."""
        ask = Ask("/tokens", {"userId": user_id}, method="POST", done=CREATED)
        try:
            return _token(await self._vendor.get(ask, _TOKEN, self._allowance(stop_at)))
        except Gone:
            raise _unknown() from None
        except Fault as fault:
            raise refusal(fault) from None

    async def anybody(self, stop_at: float) -> str | None:
        """Some user of this key pair; None where there is none yet."""
        try:
            page = await self._vendor.get(
                Ask("/users", {"size": "1"}), _USERS, self._allowance(stop_at)
            )
        except Fault as fault:
            raise refusal(fault) from None
        return next((user.id for user in page.items or ()), None)

    async def revoke(self, user_id: str, stop_at: float) -> int:
        """As `Enrolment.revoke`."""
        reader = Reader(self._vendor, user_id, self._allowance(stop_at))
        return await revoke_accounts(self._vendor, reader)

    async def connections(self, user_id: str, as_of: datetime, stop_at: float) -> Connections:
        """As `Enrolment.connections`."""
        reader = Reader(self._vendor, user_id, self._allowance(stop_at))
        try:
            accounts = await reader.accounts()
            if not accounts:
                await reader.check_known()
            tasks = await reader.tasks() if accounts else ()
        except Gone:
            raise _unknown() from None
        except Fault as fault:
            raise refusal(fault) from None
        young = self._vendor.limits.young
        running = [one.task for one in tasks if one.task.runs]
        return Connections(
            accounts,
            tuple(sync for one in tasks for sync in _syncs(one)),
            arriving=waited_for(accounts, running, as_of, young),
            being_linked=being_linked(accounts, as_of, young),
        )

    def _allowance(self, stop_at: float) -> Allowance:
        return Allowance(stop_at, self._vendor.limits.requests_per_reading)


def _token(answer: TokenAnswer | None) -> LinkToken:
    token = needed(answer, "tokens.token")
    expires = needed(instant_or_none(token.expires_at, "tokens.expiresAt"), "tokens.expiresAt")
    return LinkToken(needed(token.access_token, "tokens.accessToken"), expires, token.mode or "")


def _syncs(one: Collected) -> tuple[Sync, ...]:
    """What a finished task has brought; words for kinds that are new to us are not shown."""
    if one.task.finished is None:
        return ()
    kinds = (_KINDS.get(word.upper()) for word in one.datapoints)
    known = tuple(kind for kind in kinds if kind is not None)
    return (Sync(one.task.source, known, one.task.finished),)


def _may_have_happened(fault: Fault) -> bool:
    """Whether a request that creates something may have been carried out without our knowing."""
    if isinstance(fault, Refused | KeysRefused | Gone):
        return False
    if isinstance(fault, Transient):
        return not fault.throttled
    return not (fault.detail or "").startswith("HTTP 4")


def _unknown() -> UserUnknown:
    return UserUnknown("Smile knows no user with this user_id, or has erased it")
