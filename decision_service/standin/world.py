"""The people that the stand-in serves, their sources, and the vendor's JSON shapes of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from decision_service.domain.errors import Unfit
from decision_service.standin.faults import Fault
from decision_service.standin.formats import (
    object_id,
    owner_digits,
    stamp,
    start_of,
    supported_kinds,
)

Json = dict[str, Any]
ITEM_KINDS = (
    "identities", "transactions", "eincomes", "contributions", "employments", "incomes",
    "liabilities", "links",
)  # fmt: skip
_BUILT_PEOPLE = 256


@dataclass(frozen=True, slots=True)
class DataSource:
    """A connected account, or an archive or upload of files (`account` is None).

    `items` holds, by kind, the items as the list endpoints give them, with `metadata`.
    """

    id: str
    type: str
    provider_id: str
    items: Mapping[str, tuple[Json, ...]]
    account: Json | None = None
    file_type: str | None = None

    def of(self, kind: str) -> tuple[Json, ...]:
        return self.items.get(kind, ())


@dataclass(frozen=True, slots=True)
class Person:
    user: Json
    sources: tuple[DataSource, ...] = ()
    tasks: tuple[Json, ...] = ()

    @property
    def id(self) -> str:
        return str(self.user["id"])

    def items(self, kind: str) -> list[Json]:
        return [item for source in self.sources for item in source.of(kind)]


Builder = Callable[[], Person]


@dataclass(slots=True)
class World:
    """All people on one day; a person is built when asked for, so that many cost nothing."""

    today: date
    builders: Mapping[str, Builder]
    faults: tuple[Fault, ...] = ()
    _build: Callable[[str], Person] = field(init=False, repr=False)
    _owners: dict[str | None, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        def build(user_id: str) -> Person:
            return self.builders[user_id]()

        self._build = lru_cache(_BUILT_PEOPLE)(build)
        self._owners = {owner_digits(user_id): user_id for user_id in self.builders}

    def __len__(self) -> int:
        return len(self.builders)

    def __iter__(self) -> Iterator[Person]:
        return map(self._build, self.builders)

    def person(self, user_id: str) -> Person | None:
        return self._build(user_id) if user_id in self.builders else None

    def owner(self, object_id: str) -> Person | None:
        owner = self._owners.get(owner_digits(object_id))
        return None if owner is None else self._build(owner)


WorldMaker = Callable[[date], World]


_SYNC = timedelta(seconds=40)
"""How long a sync takes."""
AmountOf = Callable[[int], float]
"""What a month comes to, by the month's number."""


def money(amount: float) -> float:
    rounded = round(amount, 2)
    return int(rounded) if rounded == int(rounded) else rounded


def metadata(
    source_id: str, source_type: str, provider_id: str, user_id: str, arrived: datetime
) -> Json:
    account = {"accountId": source_id} if source_type == "ACCOUNT" else {}
    return {
        "createdAt": stamp(arrived),
        "itemCreatedAt": stamp(arrived),
        **account,
        "sourceId": source_id,
        "sourceType": source_type,
        "userId": user_id,
        "providerId": provider_id,
    }


@dataclass(frozen=True, slots=True)
class Origin:
    """A user's source, when it was connected and last delivered; `arriving`: in its first sync."""

    user_id: str
    provider_id: str
    connected: datetime
    synced: datetime
    key: str = "1"
    type: str = "ACCOUNT"
    arriving: bool = False
    id: str = field(init=False)

    def __post_init__(self) -> None:
        prefix = {"ACCOUNT": "a", "UPLOAD": "u"}.get(self.type, "archive")
        own = object_id(prefix, self.user_id, [self.provider_id, self.key])
        object.__setattr__(self, "id", own)

    def metadata(self, available: datetime | None = None) -> Json:
        arrived = max(self.connected, available or self.connected)
        return metadata(self.id, self.type, self.provider_id, user_id=self.user_id, arrived=arrived)

    def item(self, prefix: str, key: object, fields: Json, seen: date | None = None) -> Json:
        available = start_of(seen) if seen else None
        item_id = object_id(prefix, self.user_id, [self.id, key])
        return {"id": item_id, **fields, "metadata": self.metadata(available)}


def user(user_id: str, created: datetime, external: Mapping[str, str] | None = None) -> Json:
    return {
        "id": user_id,
        "externalMetadata": dict(external or {}),
        "createdAt": stamp(created),
        "providers": [],
        "session": {"userId": user_id, "channel": "Default", "status": "COMPLETED"},
    }


def account(
    origin: Origin,
    status: str = "CONNECTED",
    error_code: str | None = None,
    monitor: str = "ACTIVE",
) -> Json:
    error = {"errorCode": error_code, "errorMessage": "The provider refused."} if error_code else {}
    return {
        "id": origin.id,
        "createdAt": stamp(origin.connected),
        "providerId": origin.provider_id,
        "userId": origin.user_id,
        "connectionStatus": status,
        "connection": {"status": status, **error, "updatedAt": stamp(origin.connected)},
        "monitorStatus": monitor,
        "monitor": {"status": monitor, "updatedAt": stamp(origin.synced)},
    }


def source(
    origin: Origin,
    items: Mapping[str, Iterable[Json]],
    account_json: Json | None = None,
    file_type: str | None = None,
) -> DataSource:
    held = {kind: tuple(some) for kind, some in items.items()}
    if origin.type == "ACCOUNT":
        known = ("identities", *supported_kinds(origin.provider_id), *held)
        held = {kind: held.get(kind, ()) for kind in known if kind not in ("documents", "ratings")}
        account_json = account_json or account(origin)
    return DataSource(
        origin.id,
        origin.type,
        origin.provider_id,
        items=held,
        account=account_json,
        file_type=file_type,
    )


def task(
    origin: Origin,
    kind: str,
    started: datetime,
    datapoints: Iterable[str],
    finished: datetime | None,
) -> Json:
    """A task; a running one has neither an end nor datapoints, which name what was saved then."""
    saved = [name.replace("links", "link").upper() for name in datapoints] if finished else []
    return {
        "id": object_id("task", origin.user_id, [origin.id, kind, stamp(started)]),
        "type": kind,
        "startedAt": stamp(started),
        **({"finishedAt": stamp(finished)} if finished else {}),
        "status": "Finished" if finished else "Started",
        "datapoints": saved,
        "metadata": origin.metadata(started),
    }


def tasks_of(origin: Origin, delivered: DataSource, took: timedelta = _SYNC) -> tuple[Json, ...]:
    """Return the task that linked a source and, where it was synced since, the last sync's."""
    done = None if origin.arriving else origin.connected + took
    if origin.type != "ACCOUNT":
        return (
            task(
                origin,
                "ANALYZE_ARCHIVE",
                origin.connected,
                datapoints=delivered.items,
                finished=done,
            ),
        )
    linked = task(
        origin, "LINK_ACCOUNT", origin.connected, datapoints=delivered.items, finished=done
    )
    if origin.synced == origin.connected:
        return (linked,)
    began = origin.synced - took
    return (
        linked,
        task(origin, "UPDATE_ACCOUNT", began, datapoints=delivered.items, finished=origin.synced),
    )


def identity(
    origin: Origin,
    name: str,
    born: date,
    country: str,
    *,
    email: str | None = None,
    phone: str | None = None,
) -> Json:
    words = name.split()
    suffix = words.pop() if words[-1].endswith(".") else None
    fields: Json = {
        "fullName": name,
        "firstName": " ".join(words[:-1]),
        "lastName": words[-1],
        "suffix": suffix,
        "dob": born.isoformat(),
        "countryResidence": country,
        "emails": [{"address": email, "type": "Primary"}] if email else [],
        "phones": [{"number": phone, "type": "Mobile"}] if phone else [],
        "socialProfiles": [],
        "addresses": [],
    }
    return origin.item("i", "identity", fields)


def transaction(
    origin: Origin, day: date, key: str, amount: float, description: str, currency: str = "PHP"
) -> Json:
    fields = {
        "date": day.isoformat(),
        "description": description,
        "currency": currency,
        "amount": money(amount),
        "referenceId": f"{day:%y%m%d}-{key}",
    }
    return origin.item("t", (day, key), fields, day + timedelta(days=1))


def employment(
    origin: Origin, employer: str, title: str, start: date, end: date | None = None
) -> Json:
    fields = {
        "jobTitle": title,
        "employer": employer,
        "status": "Separated" if end else "Employed",
        "startDate": start.isoformat(),
        "endDate": end.isoformat() if end else None,
        "reportedDate": start.isoformat(),
    }
    return origin.item("e", (employer, start), fields, start)


def link(origin: Origin, linked: Iterable[datetime]) -> Json:
    """Return a Link: when other organizations linked this account, newest last."""
    times = [stamp(moment) for moment in linked]
    fields: Json = {
        "startDate": stamp(origin.connected - timedelta(days=730)),
        "endDate": stamp(origin.synced),
        "records": [{"count": len(times), "linkedAt": times}],
    }
    return origin.item("link", "links", fields)


HOME_CURRENCY = "PHP"
_CURRENCY = re.compile("[A-Z]{3}")


def _is_country(code: str) -> bool:
    from phonenumbers import SUPPORTED_REGIONS  # slow to import, and seldom needed

    return code in SUPPORTED_REGIONS


class ResidenceRefused(Unfit):
    """A country or currency that is none; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Residence:
    """Where people live and in what they are paid; raises ResidenceRefused.

    `country` is an ISO 3166 code, empty for each person's own; `currency` an ISO 4217 code that
    replaces PHP. Amounts, providers and foreign currencies stay as they are.
    """

    country: str = ""
    currency: str = HOME_CURRENCY

    def __post_init__(self) -> None:
        if self.country and not _is_country(self.country):
            raise ResidenceRefused(
                f"country is {self.country!r}: give a code of ISO 3166 in capital letters, as ID"
            )
        if not _CURRENCY.fullmatch(self.currency):
            raise ResidenceRefused(
                f"currency is {self.currency!r}: give a code of ISO 4217 in capital letters, as IDR"
            )

    def of(self, person: Person) -> Person:
        if not self.country and self.currency == HOME_CURRENCY:
            return person
        return replace(person, sources=tuple(map(self._source, person.sources)))

    def _source(self, source: DataSource) -> DataSource:
        items: dict[str, tuple[Json, ...]] = {}
        for kind, some in source.items.items():
            items[kind] = tuple({**item, **self._changed(item)} for item in some)
        return replace(source, items=items)

    def _changed(self, item: Json) -> Mapping[str, str]:
        if self.country and "countryResidence" in item:
            return {"countryResidence": self.country}
        return {"currency": self.currency} if item.get("currency") == HOME_CURRENCY else {}


UNCHANGED = Residence()
"""Each person's own country, and pesos."""
