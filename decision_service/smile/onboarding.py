"""What the vendor is asked to keep: users, link tokens, connections, and our webhooks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from urllib.parse import quote

import msgspec

from decision_service.casework.onboarding import (
    Applicant,
    Connections,
    CreatedUser,
    LinkToken,
    Sync,
    Unsettled,
)
from decision_service.domain.accounts import DISCONNECTED, Kind
from decision_service.domain.errors import ServiceError, UpstreamUnavailable, UserUnknown
from decision_service.domain.vendor import Webhook, digest_of
from decision_service.smile.answers import (
    BareDecoder,
    NewUserAnswer,
    OneDecoder,
    PageDecoder,
    TokenAnswer,
    UserAnswer,
    WebhookAnswer,
    listed,
)
from decision_service.smile.applicant import ApplicantReader, CollectedTask
from decision_service.smile.client import Request, SmileApi, refusals
from decision_service.smile.errors import (
    RETRY_AFTER,
    Gone,
    KeysRefused,
    NotSent,
    TransientFault,
    UpstreamFault,
)
from decision_service.smile.fetch import being_linked, known_accounts, waited_for
from decision_service.smile.limits import RateLimiter
from decision_service.smile.records import instant_or_none, needed

_DONE = BareDecoder("accounts")
_NAMED = 10
UNKNOWN = "Smile knows no user with this user_id, or has erased it"

REFERENCE = "applicant_ref"
CALLER = "caller"
"""The pairs of `externalMetadata` by which a user is found again."""

CREATED = 201
_NEW_USER = OneDecoder(NewUserAnswer, "users")
_TOKEN = OneDecoder(TokenAnswer, "tokens")
_USERS = PageDecoder(UserAnswer, "users")
_WEBHOOK = OneDecoder(WebhookAnswer, "webhooks")
_WEBHOOKS = PageDecoder(WebhookAnswer, "webhooks")
_REMOVED = BareDecoder("webhooks")
ALL_EVENTS = "ALL_EVENTS"
_KINDS = {kind.value.upper(): kind for kind in Kind} | {"LINK": Kind.LINKS}


def _unfinished(
    revoked: int, failed: Mapping[str, UpstreamFault], cut: UpstreamFault | None
) -> ServiceError:
    if not revoked and cut is None:
        return next(iter(failed.values())).refusal()
    done = "1 account was revoked" if revoked == 1 else f"{revoked} accounts were revoked"
    left = [f"{_names(failed)} could not be" if failed else ""]
    left.append(f"the list of accounts could not be read to its end ({_why(cut)})" if cut else "")
    return UpstreamUnavailable(
        f"{done} at Smile, but {' and '.join(filter(None, left))}; send the request again in "
        f"{RETRY_AFTER:.0f} s, and have Smile revoke what is left if it cannot be then either",
        retry_after=RETRY_AFTER,
        revoked_accounts=revoked,
        **({"accounts_left": ",".join([*failed][:_NAMED])} if failed else {}),
        **({"list_failure": _why(cut)} if cut else {}),
    )


def _names(failed: Mapping[str, UpstreamFault]) -> str:
    named = [f"{one} ({_why(fault)})" for one, fault in [*failed.items()][:_NAMED]]
    more = [f"{len(failed) - _NAMED} others"] if len(failed) > _NAMED else []
    return ", ".join(named + more)


def _why(fault: UpstreamFault) -> str:
    return str(fault.code or fault.cause)


class SmileEnrolment:
    """Shares limit, circuit and connections with the fetches; `renewals` bounds renewed tokens."""

    def __init__(self, api: SmileApi, renewals: RateLimiter) -> None:
        self._api = api
        self._renewals = renewals

    async def enrol(self, applicant: Applicant, stop_at: float) -> CreatedUser:
        pairs = {REFERENCE: applicant.reference, CALLER: applicant.caller}
        content = msgspec.json.encode({"externalMetadata": pairs})
        request = Request(
            # Sent again, it could make a second user.
            "/users",
            method="POST",
            content=content,
            success=CREATED,
            repeatable=False,
        )
        try:
            made = await self._api.get(request, _NEW_USER, self._api.budget(stop_at))
            user = needed(made.user, "users.user")
            return CreatedUser(needed(user.id, "users.user.id"), _token(made.token))
        except UpstreamFault as fault:
            # The user may be there: the next call looks for it before it makes one.
            if _may_have_happened(fault):
                raise Unsettled from None
            raise fault.refusal() from None

    async def find(self, applicant: Applicant, since: datetime, stop_at: float) -> str | None:
        # From the day before, as the vendor's days may begin at another hour.
        day = (since - timedelta(days=1)).date().isoformat()
        request = Request("/users", {"startDate": day})
        with refusals():
            users = await listed(self._api, request, _USERS, budget=self._api.budget(stop_at))
        wanted = {REFERENCE: applicant.reference, CALLER: applicant.caller}
        for user in users:
            if wanted.items() <= (user.external_metadata or {}).items():
                return user.id
        return None

    async def link_token(self, user_id: str, stop_at: float) -> LinkToken:
        """As `Enrolment.link_token`; retried, since an unused token does no harm."""
        request = Request("/tokens", {"userId": user_id}, method="POST", success=CREATED)
        with refusals(), _known():
            return _token(await self._api.get(request, _TOKEN, self._api.budget(stop_at)))

    async def renewed_token(self, user_id: str, stop_at: float) -> LinkToken:
        """As `Enrolment.renewed_token`; refused at once where the share is used until `stop_at`."""
        with refusals():
            # A share of their own, so that renewals cannot take the limit from decisions.
            (await self._renewals.acquire(stop_at)).sent()
        return await self.link_token(user_id, stop_at)

    async def any_user(self, stop_at: float) -> str | None:
        request = Request("/users", {"size": "1"})
        with refusals():
            page = await self._api.get(request, _USERS, self._api.budget(stop_at))
        return next((user.id for user in page.items or ()), None)

    async def revoke(self, user_id: str, stop_at: float) -> int:
        """As `Enrolment.revoke`; no failure of one account or of the list stops another revocation.

        Raises UpstreamUnavailable with the accounts that are left, or the fault's refusal where
        none was revoked, and UserUnknown where the vendor knows no such user.
        """
        reader = ApplicantReader(self._api, user_id, self._api.budget(stop_at))
        with refusals(), _known():
            statuses, cut = await reader.listed_statuses()
            # An empty list may be of an unknown user as well.
            if not statuses and cut is None:
                await reader.check_known()
        wanted = [one for one, status in statuses.items() if status != DISCONNECTED]
        failed: dict[str, UpstreamFault] = {}
        for account_id in wanted:
            request = Request(f"/accounts/{quote(account_id, safe='')}", method="DELETE")
            try:
                # An account that is gone is as good as revoked.
                with suppress(Gone):
                    await self._api.get(request, _DONE, reader.budget)
            # The others are revoked first: one account that fails must not keep them connected.
            except UpstreamFault as fault:
                failed[account_id] = fault
        if failed or cut:
            raise _unfinished(len(wanted) - len(failed), failed, cut)
        return len(wanted)

    async def connections(self, user_id: str, as_of: datetime, stop_at: float) -> Connections:
        reader = ApplicantReader(self._api, user_id, self._api.budget(stop_at))
        with refusals(), _known():
            accounts = await known_accounts(reader)
            tasks = await reader.tasks() if accounts else ()
        limits = self._api.limits
        running = [one.task for one in tasks if one.task.runs]
        return Connections(
            accounts,
            tuple(sync for one in tasks for sync in _syncs(one)),
            arriving=waited_for(accounts, running, as_of, limits=limits),
            being_linked=being_linked(accounts, as_of, limits.young),
        )


@contextmanager
def _known() -> Iterator[None]:
    """Where the vendor has no such user, the error says so."""
    try:
        yield
    except (Gone, UserUnknown):
        raise UserUnknown(UNKNOWN) from None


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
    # The vendor took no request, or refused it before doing anything.
    if isinstance(fault, NotSent | KeysRefused | Gone):
        return False
    if isinstance(fault, TransientFault):
        return not fault.throttled
    # With a status of 4xx the vendor says that it did nothing.
    return not (fault.detail or "").startswith("HTTP 4")


class SmileWebhooks:
    """Methods raise UpstreamUnavailable and UpstreamBudgetExhausted."""

    def __init__(self, api: SmileApi) -> None:
        self._api = api

    async def list(self, stop_at: float) -> tuple[Webhook, ...]:
        with refusals():
            request = Request("/webhooks")
            budget = self._api.budget(stop_at)
            return tuple(map(_webhook, await listed(self._api, request, _WEBHOOKS, budget=budget)))

    async def register(
        self, name: str, url: str, event_types: tuple[str, ...], secret: str, stop_at: float
    ) -> Webhook:
        """Have the vendor send these events to an https address, signed by the secret."""
        content = {
            "name": name,
            "url": url,
            "eventTypes": list(event_types),
            "active": True,
            # An event says what to read: the data comes by requests of the service's own.
            "includePayload": False,
            "secret": secret,
        }
        body = msgspec.json.encode(content)
        request = Request("/webhooks", method="POST", content=body, repeatable=False)
        with refusals():
            return _webhook(await self._api.get(request, _WEBHOOK, self._api.budget(stop_at)))

    async def remove(self, webhook_id: str, stop_at: float) -> bool:
        """Have the vendor send nothing more to a webhook; False where it knows none of this id."""
        path = f"/webhooks/{quote(webhook_id, safe='')}"
        request = Request(path, method="DELETE")
        budget = self._api.budget(stop_at)
        with refusals(), suppress(Gone):
            await self._api.get(request, _REMOVED, budget)
            return True
        return False


def _webhook(answer: WebhookAnswer) -> Webhook:
    return Webhook(
        needed(answer.id, "webhooks.id"),
        answer.name or "",
        needed(answer.url, "webhooks.url"),
        event_types=tuple(answer.event_types or ()),
        active=answer.active is not False,
        secret_digest=digest_of(answer.secret) if answer.secret else "",
        all_types=ALL_EVENTS in (answer.event_types or ()),
    )
