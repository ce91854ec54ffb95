"""One customer of the vendor: its people, their connected accounts, changes made by calls."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import chain

from decision_service.standin.formats import (
    civil_day,
    created_user_id,
    is_created,
    owner_digits,
    stamp,
    start_of,
)
from decision_service.standin.sandbox import SandboxPerson
from decision_service.standin.world import (
    UNCHANGED,
    DataSource,
    Json,
    Origin,
    Person,
    Residence,
    World,
    WorldMaker,
    account,
    source,
    tasks_of,
    user,
)

TOKEN_LIFE = timedelta(hours=5)
COLLECTING = timedelta(seconds=2)
"""The time that collecting an account's data takes by default; the vendor promises five minutes."""


@dataclass(slots=True)
class LinkedAccount:
    """One account as the widget connects it.

    `status` is the vendor's word for the connection, `changed` the time since when. `person` is the
    person whose login was used, None before the first right login.
    """

    user_id: str
    provider_id: str
    created: datetime
    key: str
    status: str
    changed: datetime
    error_code: str | None = None
    person: SandboxPerson | None = None
    collecting: timedelta = COLLECTING
    _built: tuple[date, DataSource] | None = None

    @property
    def id(self) -> str:
        return self._origin(self.changed).id

    def set_status(self, status: str, now: datetime, error_code: str | None = None) -> None:
        self.status = status
        self.changed = now
        self.error_code = error_code

    def source(self, now: datetime) -> DataSource:
        found = self._collected(now)
        return replace(found, account={**(found.account or {}), "createdAt": stamp(self.created)})

    def tasks(self, now: datetime) -> tuple[Json, ...]:
        """The tasks that collect its data: none before it is connected, then running, then done."""
        if self.status != "CONNECTED":
            return ()
        day = civil_day(now)
        origin = replace(self._synced(day), arriving=now < self.changed + self.collecting)
        return tasks_of(origin, source(origin, {}), self.collecting)

    def _collected(self, now: datetime) -> DataSource:
        if self.status != "CONNECTED" or now < self.changed + self.collecting:
            origin = self._origin(self.changed)
            return source(origin, {}, account(origin, self.status, self.error_code))
        today = civil_day(now)
        if self._built is None or self._built[0] != today:
            self._built = (today, self._build(today))
        return self._built[1]

    def _build(self, today: date) -> DataSource:
        person = self.person
        origin = self._synced(today)
        if person is None:
            return source(origin, {})
        for one in person.accounts:
            if one.provider == self.provider_id:
                return person.source(one, origin, today)
        return source(origin, {"identities": [person.identity(origin)]})

    def _synced(self, today: date) -> Origin:
        return self._origin(max(self.changed, start_of(today)))

    def _origin(self, synced: datetime) -> Origin:
        return Origin(self.user_id, self.provider_id, self.changed, synced=synced, key=self.key)


@dataclass(slots=True)
class StoredToken:
    user_id: str
    expires: datetime


class Tenant:
    """The people of today's world with accounts revoked, users created and erased.

    The world is made again when a new day begins in Manila; what was changed stays changed.
    """

    def __init__(
        self,
        make: WorldMaker,
        clock: Callable[[], datetime],
        residence: Residence = UNCHANGED,
        collecting: timedelta = COLLECTING,
    ) -> None:
        self._make = make
        self._residence = residence
        self.now = clock
        self.collecting = collecting
        self._day = civil_day(clock())
        self._world = make(self._day)
        self._created: dict[str, Person] = {}
        self._owners: dict[str | None, Person] = {}
        self._erased: set[str] = set()
        self._revoked: set[str] = set()
        self._disconnected: dict[str, datetime] = {}
        self._linked: dict[str, list[LinkedAccount]] = {}
        self.tokens: dict[str, StoredToken] = {}

    @property
    def world(self) -> World:
        today = civil_day(self.now())
        if today != self._day:
            self._world = self._make(today)
            self._day = today
        return self._world

    def people(self) -> Iterator[Person]:
        people = chain(self._created.values(), self.world)
        return (self._current(one) for one in people if one.id not in self._erased)

    def person(self, user_id: str) -> Person | None:
        """A user as of now, None where the user is unknown or erased."""
        found = self._created.get(user_id) or self.world.person(user_id)
        if found is None and is_created(user_id):
            found = self._add(user_id, {})
        return None if found is None or user_id in self._erased else self._current(found)

    def owner(self, object_id: str) -> Person | None:
        found = self.world.owner(object_id) or self._owners.get(owner_digits(object_id))
        return self.person(found.id) if found else None

    def account(self, account_id: str) -> tuple[Person, DataSource] | None:
        owner = self.owner(account_id)
        sources = owner.sources if owner else ()
        found = next((one for one in sources if one.id == account_id and one.account), None)
        return (owner, found) if owner and found else None

    def create_user(self, external: Mapping[str, str]) -> Person:
        return self._add(created_user_id(uuid.uuid4()), external)

    def _add(self, user_id: str, external: Mapping[str, str]) -> Person:
        created = Person(user(user_id, self.now(), external))
        created.user["session"]["status"] = "IN_PROGRESS"
        self._created[created.id] = created
        self._owners[owner_digits(created.id)] = created
        return created

    def erase_user(self, user_id: str) -> None:
        self._erased.add(user_id)

    def revoke(self, account_id: str) -> None:
        self._revoked.add(account_id)

    def disconnect(self, account_id: str) -> None:
        """Leave an account behind as DISCONNECTED without data, as a revocation in the widget."""
        self._disconnected[account_id] = self.now()

    def issue_token(self, user_id: str) -> Json:
        token = StoredToken(user_id, self.now() + TOKEN_LIFE)
        text = uuid.uuid4().hex
        self.tokens[text] = token
        return {"accessToken": text, "expiresAt": stamp(token.expires), "mode": "SANDBOX"}

    def use_token(self, text: str) -> str | None:
        token = self.tokens.pop(text, None)
        return token.user_id if token and token.expires > self.now() else None

    def attach(self, account: LinkedAccount) -> None:
        self._linked.setdefault(account.user_id, []).append(account)

    def linked(self, user_id: str) -> list[LinkedAccount]:
        gone = self._revoked | self._disconnected.keys()
        return [one for one in self._linked.get(user_id, ()) if one.id not in gone]

    def _current(self, person: Person) -> Person:
        person = self._residence.of(self._with_linked(person))
        gone = self._revoked | self._disconnected.keys()
        if gone.isdisjoint(one.id for one in person.sources):
            return person
        kept = [self._source(one) for one in person.sources if one.id not in self._revoked]
        tasks = [one for one in person.tasks if one["metadata"]["sourceId"] not in gone]
        return replace(person, sources=tuple(kept), tasks=tuple(tasks))

    def _with_linked(self, person: Person) -> Person:
        accounts = self._linked.get(person.id)
        if not accounts:
            return person
        now = self.now()
        sources = tuple(account.source(now) for account in accounts)
        tasks = tuple(task for account in accounts for task in account.tasks(now))
        return replace(person, sources=person.sources + sources, tasks=person.tasks + tasks)

    def _source(self, source: DataSource) -> DataSource:
        when = self._disconnected.get(source.id)
        if when is None or source.account is None:
            return source
        state = {"status": "DISCONNECTED", "updatedAt": stamp(when)}
        account = {**source.account, "connectionStatus": "DISCONNECTED", "connection": state}
        return replace(source, account=account, items={})
