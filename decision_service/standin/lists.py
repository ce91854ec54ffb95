"""The list endpoints with their filters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from decision_service.standin.formats import (
    Cursor,
    Filters,
    Reply,
    VendorError,
    object_id,
    ok,
    page,
    read_cursor,
    size_of,
    stamp,
)
from decision_service.standin.tenant import Tenant
from decision_service.standin.world import DataSource, Json, Person, metadata

NO_DATA = -999
_LINK_DAYS = (3, 7, 30, 90, 180, 365, 730)
_BY_ACCOUNT = ("userId", "sourceId", "accountId")
_BY_SOURCE = ("userId", "sourceId")
_DAYS = ("startDate", "endDate")
_MONTHS = ("startMonth", "endMonth")
_MONTH_FORM = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
Rows = Callable[[Person, datetime], Iterable[Json]]
_LONG = 1_000
_LONG_LISTS: dict[str, tuple[Person, Filters, Sequence[Json]]] = {}
"""By list, the person, filters and rows of the last long one: its next page is asked for next."""


def features(source: DataSource, cutoff: datetime) -> Json:
    """Of the vendor's ready-made factors the counts of linked lenders, which nothing else shows."""
    return _links(source.of("links"), cutoff)


def _links(links: Sequence[Json], cutoff: datetime) -> Json:
    ages: list[int] = []
    for link in links:
        for record in link["records"]:
            times = map(datetime.fromisoformat, record["linkedAt"])
            ages += [(cutoff - time).days for time in times]
    found = {
        "link_days_since_first": max(ages, default=NO_DATA),
        "link_days_since_last": min(ages, default=NO_DATA),
    }
    for days in _LINK_DAYS:
        linked = sum(age <= days for age in ages)
        found[f"link_day{days}_count"] = linked if links else NO_DATA
    return found


@dataclass(frozen=True, slots=True)
class ListEndpoint:
    """A list: `ranged` is the field that the pair of `bounds` filters by, both ends included.

    `filters` are the parameters that pick whose data is meant. Other parameters are not read.
    """

    name: str
    rows: Rows
    filters: tuple[str, ...] = _BY_SOURCE
    ranged: str = ""
    bounds: tuple[str, ...] = ()

    def read(self, query: Mapping[str, str]) -> Cursor:
        if query.get("cursor"):
            return read_cursor(query["cursor"], self.name)
        names = (*self.filters, *self.bounds)
        filters = {name: query[name] for name in names if query.get(name)}
        for bound in self.bounds:
            _check_bound(bound, filters.get(bound))
        return Cursor(self.name, filters)

    def collect(self, tenant: Tenant, filters: Filters) -> Iterator[Json]:
        now = tenant.now()
        for person in _whose(tenant, filters):
            yield from self._of(person, now, filters)

    def _of(self, person: Person, now: datetime, filters: Filters) -> Sequence[Json]:
        """What the filters leave of one person, newest first; a long list is put in order once."""
        latest = _LONG_LISTS.get(self.name)
        if latest is not None and latest[0] is person and latest[1] == filters:
            return latest[2]
        rows = [row for row in self.rows(person, now) if self._fits(row, filters)]
        rows.sort(key=self._newest, reverse=True)
        if len(rows) >= _LONG:
            _LONG_LISTS[self.name] = person, filters, rows
        return rows

    def _fits(self, row: Json, filters: Filters) -> bool:
        source = filters.get("sourceId"), filters.get("accountId")
        if any(source_id not in (None, _source_id(row)) for source_id in source):
            return False
        if not self.bounds:
            return True
        value: str = row[self.ranged][: len("yyyy-mm" if self.bounds == _MONTHS else "yyyy-mm-dd")]
        first = filters.get(self.bounds[0]) or value
        last = filters.get(self.bounds[1]) or value
        return first <= value <= last

    def _newest(self, row: Json) -> tuple[str, str]:
        return (row[self.ranged] if self.ranged else "", row["id"])


def answer(listing: ListEndpoint, tenant: Tenant, query: Mapping[str, str]) -> Reply:
    size = size_of(query)
    cursor = listing.read(query)
    whose = cursor.filters.keys() & {"userId", "sourceId", "accountId"}
    items: Iterable[Json] = listing.collect(tenant, cursor.filters)
    whole = list(items) if whose else None
    reply = ok(page(items if whole is None else whole, cursor, size))
    reply.whole = whole
    reply.restart = Cursor(cursor.listing, cursor.filters).text()
    return reply


def single(listing: ListEndpoint, tenant: Tenant, item_id: str) -> Reply:
    owner = tenant.owner(item_id)
    rows: Sequence[Json] = list(listing.rows(owner, tenant.now())) if owner else ()
    for row in rows:
        if row["id"] == item_id:
            return ok(row)
    raise VendorError(404, f"there is no such object in {listing.name}")


def _items(kind: str) -> Rows:
    def items(person: Person, _: datetime) -> list[Json]:
        return person.items(kind)

    return items


def _user(person: Person, _: datetime) -> list[Json]:
    return [person.user]


def _accounts(person: Person, _: datetime) -> list[Json]:
    return [source.account for source in person.sources if source.account]


def _insights(person: Person, now: datetime) -> list[Json]:
    return [
        {
            "id": object_id("insight", person.id, [one.id]),
            "cutoffTime": stamp(now),
            "features": features(one, now),
            "metadata": metadata(one.id, one.type, one.provider_id, user_id=person.id, arrived=now),
        }
        for one in person.sources
    ]


def _whose(tenant: Tenant, filters: Filters) -> Iterable[Person]:
    source_id = filters.get("sourceId") or filters.get("accountId")
    if "userId" not in filters and source_id is None:
        return tenant.people()
    named = filters.get("userId")
    found = tenant.person(named) if named else tenant.owner(source_id or "")
    return [found] if found else []


def _source_id(row: Json) -> str:
    return str(row["metadata"]["sourceId"]) if "metadata" in row else str(row["id"])


def _check_bound(name: str, text: str | None) -> None:
    if text is None:
        return
    if name in _MONTHS:
        if not _MONTH_FORM.fullmatch(text):
            raise VendorError(400, f"{name} must be a month written yyyy-MM")
        return
    try:
        legal = date.fromisoformat(text).isoformat() == text
    except ValueError:
        legal = False
    if not legal:
        raise VendorError(400, f"{name} must be a date written yyyy-MM-dd")


LIST_ENDPOINTS = {
    listing.name: listing
    for listing in (
        ListEndpoint("users", _user, (), ranged="createdAt", bounds=_DAYS),
        ListEndpoint("accounts", _accounts, ("userId",), ranged="createdAt", bounds=_DAYS),
        ListEndpoint(
            "tasks", lambda person, _: person.tasks, _BY_SOURCE, ranged="startedAt", bounds=_DAYS
        ),
        ListEndpoint(
            "transactions", _items("transactions"), _BY_ACCOUNT, ranged="date", bounds=_DAYS
        ),
        ListEndpoint(
            "contributions", _items("contributions"), _BY_ACCOUNT, ranged="date", bounds=_DAYS
        ),
        ListEndpoint(
            "employments", _items("employments"), _BY_ACCOUNT, ranged="startDate", bounds=_DAYS
        ),
        ListEndpoint("incomes", _items("incomes"), _BY_ACCOUNT, ranged="startDate", bounds=_DAYS),
        ListEndpoint("identities", _items("identities"), _BY_ACCOUNT),
        ListEndpoint(
            "liabilities", _items("liabilities"), _BY_SOURCE, ranged="startDate", bounds=_DAYS
        ),
        ListEndpoint("eincomes", _items("eincomes"), _BY_SOURCE, ranged="month", bounds=_MONTHS),
        ListEndpoint("insights", _insights),
        ListEndpoint("links", _items("links")),
    )
}
"""Every list endpoint whose rows belong to people, by its path's first word."""
