"""The list endpoints with their filters, and the vendor's ready-made factors (insights)."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise

from decision_service.standin.formats import (
    PROVIDERS,
    Cursor,
    Filters,
    Reply,
    VendorError,
    civil_day,
    month_number,
    month_of,
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
NOT_COMPUTABLE = -998
_WINDOWS = (3, 6, 9, 12, 18)
_LINK_DAYS = (3, 7, 30, 90, 180, 365, 730)
_STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "sum": sum,
    "average": statistics.fmean,
    "min": min,
    "max": max,
    "median": statistics.median,
    "std": lambda values: statistics.stdev(values) if len(values) > 1 else NOT_COMPUTABLE,
}
_PAYMENTS = ("max", "min", "median", "average", "sum", "std")
_BY_ACCOUNT = ("userId", "sourceId", "accountId")
_BY_SOURCE = ("userId", "sourceId")
_DAYS, _MONTHS = ("startDate", "endDate"), ("startMonth", "endMonth")
_MONTH_FORM = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
Rows = Callable[[Person, datetime], Iterable[Json]]
_LONG = 1_000
_LONG_LISTS: dict[str, tuple[Person, Filters, Sequence[Json]]] = {}
"""By list, the person, filters and rows of the last long one: its next page is asked for next."""


def insight(source: DataSource, user_id: str, cutoff: datetime) -> Json:
    return {
        "id": object_id("insight", user_id, source.id),
        "cutoffTime": stamp(cutoff),
        "features": features(source, cutoff),
    }


def features(source: DataSource, cutoff: datetime) -> Json:
    today = civil_day(cutoff)
    return {
        **_incomes(source.of("eincomes"), month_of(today)),
        **_loans(source.of("liabilities")),
        **_employment(source, today),
        "identity_age": _age(source.of("identities"), today),
        **_links(source.of("links"), cutoff),
    }


def _figures(name: str, values: Sequence[float], wanted: Sequence[str]) -> Json:
    if not values:
        return {f"{name}_{figure}": NO_DATA for figure in wanted}
    return {f"{name}_{figure}": round(_STATISTICS[figure](values), 2) for figure in wanted}


def _incomes(items: Sequence[Json], this_month: int) -> Json:
    records = sorted((month_number(item["month"]), float(item["amount"])) for item in items)
    amounts = [amount for _, amount in records]
    found = _figures("incomes_amount", amounts, tuple(_STATISTICS))
    for months in _WINDOWS:
        window = _window(records, this_month, months)
        found |= _figures(f"incomes_last{months}_months_amount", window, tuple(_STATISTICS))
    return found | {"incomes_count": len(records)} | _course(records, this_month)


def _window(records: Sequence[tuple[int, float]], this_month: int, months: int) -> list[float]:
    return [amount for month, amount in records if this_month - months <= month < this_month]


def _course(records: Sequence[tuple[int, float]], this_month: int) -> Json:
    names = ("first_income_month_range", "missing_month_max", "missing_month_count",
             "starting_amount", "current_amount", "latest_growth",
             "last18_months_max_amount_count")  # fmt: skip
    if not records:
        return {f"incomes_{name}": NO_DATA for name in names}
    steps = [later - earlier for (earlier, _), (later, _) in pairwise(records)]
    recent = _window(records, this_month, 18)
    values = (
        this_month - records[0][0],
        max((step - 1 for step in steps if step > 1), default=0),
        sum(step > 1 for step in steps),
        records[0][1],
        records[-1][1],
        _growth(records),
        recent.count(max(recent)) if recent else NO_DATA,
    )
    return {f"incomes_{name}": value for name, value in zip(names, values, strict=True)}


def _growth(records: Sequence[tuple[int, float]]) -> float:
    month, latest = records[-1]
    year_ago = dict(records).get(month - 12)
    return round((latest - year_ago) / year_ago, 4) if year_ago else NOT_COMPUTABLE


def _loans(loans: Sequence[Json]) -> Json:
    owed = [loan["outstandingBalance"] for loan in loans if loan["outstandingBalance"] > 0]
    ongoing = [loan["amortizationAmount"] for loan in loans if loan["outstandingBalance"] > 0]
    late = [loan["overduePaymentAmount"] for loan in loans if loan["overduePaymentAmount"] > 0]
    return {
        "liabilities_loan_count": len(loans),
        "liabilities_finished_loan_count": len(loans) - len(owed),
        "liabilities_outstanding_loan_count": len(owed),
        "liabilities_overdue_loan_count": len(late),
        **_totals("loan_amount", [loan["loanAmount"] for loan in loans], ("min", "max", "std")),
        **_totals("outstanding_amount", owed, ("max",)),
        **_totals("overdue_amount", late, ()),
        **_figures("liabilities_ongoing_amortization_amount", ongoing, tuple(_STATISTICS)),
        "liabilities_payment_count": NO_DATA,
        **{f"liabilities_payment_amount_{name}": NO_DATA for name in _PAYMENTS},
    }


def _totals(name: str, amounts: Sequence[float], more: Sequence[str]) -> Json:
    figures = _figures(f"liabilities_{name}", amounts, ("sum", "average", *more))
    return {key.replace("_sum", "_total"): value for key, value in figures.items()}


def _employment(source: DataSource, today: date) -> Json:
    jobs = source.of("employments")
    gig = PROVIDERS.get(source.provider_id, {}).get("type") == "GIG"
    current = [job["startDate"] for job in jobs if not job.get("endDate")]
    tenure = month_of(today) - month_of(date.fromisoformat(max(current))) if current else NO_DATA
    found = {
        "employments_employer_count": len({job["employer"] for job in jobs}) if jobs else NO_DATA,
        "employments_current_tenure": tenure,
    }
    status = "EMPLOYED" if current else "UNEMPLOYED" if jobs else None
    status = "GIG" if gig and source.of("transactions") else status
    return found | ({"employments_current_status": status} if status else {})


def _age(identities: Sequence[Json], today: date) -> int:
    born = next((item["dob"] for item in identities if item.get("dob")), None)
    if born is None:
        return NO_DATA
    day = date.fromisoformat(born)
    return today.year - day.year - ((today.month, today.day) < (day.month, day.day))


def _links(links: Sequence[Json], cutoff: datetime) -> Json:
    times = [time for link in links for record in link["records"] for time in record["linkedAt"]]
    names = ("days_since_first", "days_since_last", *(f"day{days}_count" for days in _LINK_DAYS))
    if not links:
        return {f"link_{name}": NO_DATA for name in names}
    ages = [(cutoff - datetime.fromisoformat(time)).days for time in times]
    since = (max(ages, default=NO_DATA), min(ages, default=NO_DATA))
    counts = (sum(age <= days for age in ages) for days in _LINK_DAYS)
    return {f"link_{name}": value for name, value in zip(names, (*since, *counts), strict=True)}


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
        first, last = (filters.get(bound) for bound in self.bounds)
        return (first or value) <= value <= (last or value)

    def _newest(self, row: Json) -> tuple[str, str]:
        return (row[self.ranged] if self.ranged else "", row["id"])


def answer(listing: ListEndpoint, tenant: Tenant, query: Mapping[str, str]) -> Reply:
    size, cursor = size_of(query), listing.read(query)
    whose = cursor.filters.keys() & {"userId", "sourceId", "accountId"}
    items: Iterable[Json] = listing.collect(tenant, cursor.filters)
    whole = list(items) if whose else None
    reply = ok(page(items if whole is None else whole, cursor, size))
    reply.whole, reply.restart = whole, Cursor(cursor.listing, cursor.filters).text()
    return reply


def single(listing: ListEndpoint, tenant: Tenant, item_id: str) -> Reply:
    owner = tenant.owner(item_id)
    rows: Sequence[Json] = list(listing.rows(owner, tenant.now())) if owner else ()
    for row in rows:
        if row["id"] == item_id:
            return ok(row)
    raise VendorError(404, f"there is no such object in {listing.name}")


def _items(kind: str) -> Rows:
    return lambda person, _: [item for source in person.sources for item in source.of(kind)]


def _accounts(person: Person, _: datetime) -> list[Json]:
    return [source.account for source in person.sources if source.account]


def _insights(person: Person, now: datetime) -> list[Json]:
    return [
        {
            **insight(one, person.id, now),
            "metadata": metadata(one.id, one.type, one.provider_id, person.id, now),
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
        ListEndpoint("users", lambda person, _: [person.user], (), "createdAt", _DAYS),
        ListEndpoint("accounts", _accounts, ("userId",), "createdAt", _DAYS),
        ListEndpoint("tasks", lambda person, _: person.tasks, _BY_SOURCE, "startedAt", _DAYS),
        ListEndpoint("transactions", _items("transactions"), _BY_ACCOUNT, "date", _DAYS),
        ListEndpoint("contributions", _items("contributions"), _BY_ACCOUNT, "date", _DAYS),
        ListEndpoint("employments", _items("employments"), _BY_ACCOUNT, "startDate", _DAYS),
        ListEndpoint("incomes", _items("incomes"), _BY_ACCOUNT, "startDate", _DAYS),
        ListEndpoint("identities", _items("identities"), _BY_ACCOUNT),
        ListEndpoint("liabilities", _items("liabilities"), _BY_SOURCE, "startDate", _DAYS),
        ListEndpoint("eincomes", _items("eincomes"), _BY_SOURCE, "month", _MONTHS),
        ListEndpoint("insights", _insights),
        ListEndpoint("links", _items("links")),
    )
}
"""Every list endpoint whose rows belong to people, by its path's first word."""
