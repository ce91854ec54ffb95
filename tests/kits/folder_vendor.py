"""A second vendor: a folder with a JSON file for each person, and `providers.json`.

It shows what an adapter has to bring: data in the domain's words, onboarding, events, withdrawal.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from msgspec.structs import replace

from decision_service.casework.onboarding import (
    Applicant,
    Connections,
    CreatedUser,
    LinkToken,
)
from decision_service.decide.events import Event
from decision_service.domain.accounts import CONNECTED, DISCONNECTED, Kind
from decision_service.domain.errors import UserUnknown
from decision_service.domain.needs import FetchPlan, WhenTransactions
from decision_service.domain.ports import Clock, FetchResult
from decision_service.domain.snapshot import Account, KnownCount, Provider, Snapshot
from decision_service.domain.vendor import VendorStatus, Webhook, digest_of

PROVIDERS = "providers.json"
SIGNATURE = "x-folder-signature"
_TYPES = {
    "withdrawn": "ACCOUNT_DISCONNECTED",
    "linked": "ACCOUNT_CONNECTED",
    "posted": "TASK_FINISHED",
}
"""The words of this vendor's events, and the service's for them."""


class EventBody(msgspec.Struct):
    number: int
    what: str
    person: str
    account: str = ""


class FolderEvents:
    """As `EventReader`: signed by HMAC-SHA-256 in hex."""

    path = "/webhooks/folder"
    types = tuple(_TYPES)
    known = frozenset(_TYPES.values())

    def signature_of(self, headers: Mapping[str, str]) -> str:
        return headers.get(SIGNATURE, "")

    def signing_key(self, given: str, body: bytes, secrets: Sequence[bytes]) -> int | None:
        for place, secret in enumerate(secrets):
            if hmac.compare_digest(given.encode(), signed(body, secret).encode()):
                return place
        return None

    def read(self, body: bytes) -> Event | None:
        try:
            said = msgspec.json.decode(body, type=EventBody)
        except msgspec.DecodeError:
            return None
        return Event(
            id=f"folder-{said.number}",
            digest=hashlib.sha256(body).hexdigest(),
            type=_TYPES.get(said.what, said.what.upper()),
            user_id=said.person,
            source=said.account,
        )


def signed(body: bytes, secret: bytes) -> str:
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


class FolderVendor:
    """As `Vendor`, of the people in a folder; it is its own `enrolment` and `webhooks`."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._reads = 0
        self.events = FolderEvents()

    @property
    def enrolment(self) -> FolderVendor:
        return self

    @property
    def webhooks(self) -> FolderVendor:
        return self

    @property
    def status(self) -> VendorStatus:
        return VendorStatus(requests=self._reads)

    # Data

    async def gather(
        self,
        user_id: str,
        plan: FetchPlan,
        *,
        as_of: datetime,
        stop_at: float,
        wait_until: float,
        known: Sequence[KnownCount],
        fallback: Mapping[str, Provider],
    ) -> FetchResult:
        """A file is there or not, so that nothing is waited for."""
        del as_of, stop_at, wait_until, fallback
        whole = self._person(user_id)
        asked = set(plan.kinds)
        if plan.transactions is not WhenTransactions.NEVER:
            asked.add(Kind.TRANSACTIONS)
        unasked = {kind.value: None for kind in Kind if kind not in asked | {Kind.ACCOUNTS}}
        if not plan.people and whole.identities is not None and Kind.IDENTITIES in asked:
            unasked["identities"] = replace(whole.identities, people=None)
        snapshot = replace(whole, known=tuple(known), **unasked)
        return FetchResult(snapshot, self._clock.now(), calls=1)

    async def accounts(self, user_id: str, stop_at: float) -> tuple[Account, ...]:
        del stop_at
        return self._person(user_id).accounts

    def nudge(self, user_id: str) -> None:
        """Nothing waits here."""

    def providers(self) -> Collection[Provider]:
        body = (self._folder / PROVIDERS).read_bytes()
        return msgspec.json.decode(body, type=tuple[Provider, ...])

    async def refresh_providers(self) -> bool:
        return True

    async def aclose(self) -> None:
        """There is nothing to close."""

    # Onboarding

    async def enrol(self, applicant: Applicant, stop_at: float) -> CreatedUser:
        user_id = f"{applicant.caller}-{applicant.reference}"
        self.write(Snapshot(user_id))
        return CreatedUser(user_id, await self.link_token(user_id, stop_at))

    async def find(self, applicant: Applicant, since: datetime, stop_at: float) -> str | None:
        del since, stop_at
        user_id = f"{applicant.caller}-{applicant.reference}"
        return user_id if self._file(user_id).exists() else None

    async def link_token(self, user_id: str, stop_at: float) -> LinkToken:
        del stop_at
        self._person(user_id)
        return LinkToken(f"token-of-{user_id}", self._clock.now() + timedelta(hours=1), "folder")

    async def renewed_token(self, user_id: str, stop_at: float) -> LinkToken:
        return await self.link_token(user_id, stop_at)

    async def any_user(self, stop_at: float) -> str | None:
        del stop_at
        people = sorted(self._folder.glob("*.json"))
        return next((one.stem for one in people if one.name != PROVIDERS), None)

    async def revoke(self, user_id: str, stop_at: float) -> int:
        """The person's accounts are disconnected, and what they gave is no longer given."""
        del stop_at
        person = self._person(user_id)
        open_ones = [one for one in person.accounts if one.connection_status != DISCONNECTED]
        ended = [replace(one, connection_status=DISCONNECTED) for one in person.accounts]
        self.write(Snapshot(user_id, accounts=tuple(ended), providers=person.providers))
        return len(open_ones)

    async def connections(self, user_id: str, as_of: datetime, stop_at: float) -> Connections:
        del as_of, stop_at
        accounts = self._person(user_id).accounts
        return Connections(accounts, (), arriving=frozenset(), being_linked=frozenset())

    # Where events go: this vendor keeps no list

    async def list(self, stop_at: float) -> tuple[Webhook, ...]:
        del stop_at
        return ()

    async def register(
        self, name: str, url: str, event_types: tuple[str, ...], secret: str, stop_at: float
    ) -> Webhook:
        del stop_at
        return Webhook(
            "1", name, url, event_types=event_types, active=True, secret_digest=digest_of(secret)
        )

    async def remove(self, webhook_id: str, stop_at: float) -> bool:
        del webhook_id, stop_at
        return False

    # Files

    def write(self, person: Snapshot) -> None:
        """Keep what there is of a person."""
        self._file(person.user_id).write_bytes(msgspec.json.encode(person))

    def write_providers(self, providers: Collection[Provider]) -> None:
        text = json.dumps(msgspec.to_builtins(list(providers)), indent=2)
        (self._folder / PROVIDERS).write_text(text, encoding="utf-8")

    def connected(self, user_id: str) -> int:
        """How many accounts of a person are connected."""
        accounts = self._person(user_id).accounts
        return sum(1 for one in accounts if one.connection_status == CONNECTED)

    def _file(self, user_id: str) -> Path:
        return self._folder / f"{user_id}.json"

    def _person(self, user_id: str) -> Snapshot:
        self._reads += 1
        try:
            return msgspec.json.decode(self._file(user_id).read_bytes(), type=Snapshot)
        except FileNotFoundError:
            raise UserUnknown(f"the folder has no person {user_id}") from None
