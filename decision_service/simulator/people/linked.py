"""Accounts that the widget connected, from the first attempt to their data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from decision_service.simulator.formats.dates import civil_day, stamp, start_of
from decision_service.simulator.people.sandbox.people import SandboxPerson
from decision_service.simulator.people.shapes import Origin, account, identity, source, tasks_of
from decision_service.simulator.people.world import DataSource, Json

COLLECTING = timedelta(seconds=2)
"""How long the stand-in takes to collect an account's data, by default; the vendor promises five
minutes.
"""


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
        """The account's id."""
        return self._origin(self.changed).id

    def set_status(self, status: str, now: datetime, error_code: str | None = None) -> None:
        """Change the status."""
        self.status, self.changed, self.error_code = status, now, error_code

    def source(self, now: datetime) -> DataSource:
        """The account with what has been collected of it by now."""
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
        if self.status == "CONNECTED" and now >= self.changed + self.collecting:
            return self._data_of(civil_day(now))
        origin = self._origin(self.changed)
        return source(origin, {}, account(origin, self.status, self.error_code))

    def _data_of(self, today: date) -> DataSource:
        """The person's data at this provider on this day; empty where the person has none."""
        if self._built is None or self._built[0] != today:
            self._built = (today, self._build(today))
        return self._built[1]

    def _build(self, today: date) -> DataSource:
        person, origin = self.person, self._synced(today)
        if person is None:
            return source(origin, {})
        who = identity(
            origin, person.name, person.born, person.country, email=person.email, phone=person.phone
        )
        for provider_id, _, build in person.accounts.accounts:
            if provider_id == self.provider_id:
                return build(origin, who, today)
        return source(origin, {"identities": [who]})

    def _synced(self, today: date) -> Origin:
        """The account as of its last sync: when it was connected, later at each day's beginning."""
        return self._origin(max(self.changed, start_of(today)))

    def _origin(self, synced: datetime) -> Origin:
        return Origin(self.user_id, self.provider_id, self.changed, synced, self.key)
