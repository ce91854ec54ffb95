"""The two payload answers: all of an account's, or of a user's, data points at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from decision_service.simulator.answers.insights import insight
from decision_service.simulator.formats.pages import Cursor, page
from decision_service.simulator.people.world import DataSource, Json, Person

PAYLOAD_CUT = 300
_LISTED = (
    "incomes",
    "transactions",
    "employments",
    "contributions",
    "liabilities",
    "eincomes",
    "links",
)
_ORDERED_BY = {
    "incomes": "startDate",
    "transactions": "date",
    "employments": "startDate",
    "contributions": "date",
    "liabilities": "startDate",
    "eincomes": "month",
    "links": "id",
}
Listed = Callable[[str, Sequence[Json]], Any]


def account_payload(person: Person, source: DataSource, now: datetime) -> Json:
    """Return an AccountPayload: plain arrays of the kinds the provider supports, never cut."""
    metadata = {
        "sourceId": source.id,
        "sourceType": source.type,
        "userId": person.id,
        "providerId": source.provider_id,
    }
    return {"metadata": metadata, **_data(person, source, now, lambda _, items: list(items))}


def user_payload(person: Person, now: datetime, cut: int = PAYLOAD_CUT) -> Json:
    """Return a UserPayload: each list has at most `cut` items and a `nextCursor` for the rest."""

    def data(source: DataSource) -> Json:
        def listed(kind: str, items: Sequence[Json]) -> Json:
            filters = {"userId": person.id, "sourceId": source.id}
            return page(items, Cursor(kind, filters), cut)

        return _data(person, source, now, listed)

    accounts = [one for one in person.sources if one.account]
    archives = [one for one in person.sources if not one.account]
    return {
        "metadata": person.user["session"],
        "forms": [],
        "accounts": [
            {"id": one.id, "providerId": one.provider_id, "payload": data(one)} for one in accounts
        ],
        "archives": [
            {"id": one.id, "fileType": one.file_type, "payload": data(one)} for one in archives
        ],
    }


def _data(person: Person, source: DataSource, now: datetime, listed: Listed) -> Json:
    """Return an AllDatapointPayload; whose its items are is said by what encloses them."""
    found: Json = {
        kind: listed(kind, _bare(source, kind)) for kind in _LISTED if kind in source.items
    }
    for identity in source.of("identities")[:1]:
        found["identity"] = _without_metadata(identity)
    return found | {"insight": insight(source, person.id, now)}


def _bare(source: DataSource, kind: str) -> list[Json]:
    """Return a kind's items in the order of its list endpoint, newest first."""
    field = _ORDERED_BY[kind]
    ordered = sorted(source.of(kind), key=lambda item: (item[field], item["id"]), reverse=True)
    return [_without_metadata(item) for item in ordered]


def _without_metadata(item: Json) -> Json:
    return {name: value for name, value in item.items() if name != "metadata"}
