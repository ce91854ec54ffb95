"""Faults of the data: pages that loop, items that repeat, wrong numbers and fields.

`all` is a setting of the effects that change items: every item of the page is changed, where
otherwise only the first is.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from decision_service.simulator.faults.effect import ANY, FLAG, NUMBER, TEXT, Effect
from decision_service.simulator.formats.dates import stamp
from decision_service.simulator.formats.ids import user_id
from decision_service.simulator.formats.pages import salted
from decision_service.simulator.formats.replies import RawNumber, Reply

Settings = Mapping[str, Any]
Json = dict[str, Any]
_ITEMS = {"all": FLAG}


def _items(reply: Reply) -> list[Json]:
    """The items of a page, or a lone object."""
    data = reply.document.get("data") if isinstance(reply.document, dict) else None
    if not isinstance(data, dict):
        return []
    items: list[Json] = data.get("items", [data])
    return items


def _chosen(reply: Reply, settings: Settings) -> list[Json]:
    items = _items(reply)
    return items if settings.get("all") else items[:1]


def _put(item: Json, path: str, value: Any) -> None:
    *way, last = path.split(".")
    for step in way:
        item = item.setdefault(step, {})
    item[last] = value


def _cursor_loop(reply: Reply, _: Settings) -> None:
    """Point every page back to the beginning of its list."""
    _page(reply)["nextCursor"] = reply.restart


def _empty_pages(reply: Reply, _: Settings) -> None:
    """Give pages without items that always have yet another cursor."""
    fresh = salted(reply.restart or "", uuid.uuid4().hex)
    _page(reply).update(items=[], nextCursor=fresh)


def _lost_cursor(reply: Reply, _: Settings) -> None:
    _page(reply).pop("nextCursor", None)


def _null_cursor(reply: Reply, _: Settings) -> None:
    """Write the last page's cursor as null rather than leaving it out."""
    _page(reply).setdefault("nextCursor", None)


def _page(reply: Reply) -> Json:
    data = reply.document.get("data") if isinstance(reply.document, dict) else None
    return data if isinstance(data, dict) else {}


def _duplicate(reply: Reply, _: Settings) -> None:
    """Repeat the first item at the end."""
    items = _items(reply)
    items += deepcopy(items[:1])


def _conflict(reply: Reply, settings: Settings) -> None:
    """Repeat the first item at the end, under its id, with another value in `field`."""
    items = _items(reply)
    for again in deepcopy(items[:1]):
        _put(again, settings["field"], settings["value"])
        items.append(again)


def _set(reply: Reply, settings: Settings) -> None:
    for item in _chosen(reply, settings):
        _put(item, settings["field"], deepcopy(settings["value"]))


def _number(reply: Reply, settings: Settings) -> None:
    """Write a number as the text says: NaN, Infinity, 1e400, -0, four hundred digits."""
    for item in _chosen(reply, settings):
        _put(item, settings["field"], RawNumber(str(settings["value"])))


def _drop(reply: Reply, settings: Settings) -> None:
    for item in _chosen(reply, settings):
        item.pop(settings["field"], None)


def _base_amount(reply: Reply, _: Settings) -> None:
    """Leave only the old name of an estimate's amount, as the integration guide has it."""
    items = _items(reply)
    for item in items:
        if "baseAmount" in item:
            item.pop("amount", None)


def _bare_array(reply: Reply, _: Settings) -> None:
    """Answer a list in the integration guide's form: everything in one array, no envelope."""
    if reply.whole is not None:
        reply.document = deepcopy(list(reply.whole))


def _other_user(reply: Reply, settings: Settings) -> None:
    """Name another user as the owner of an item."""
    stranger = settings.get("user_id", user_id("stranger"))
    for item in _chosen(reply, settings):
        _put(item, "metadata.userId", stranger)


def _account_state(reply: Reply, settings: Settings) -> None:
    """Show accounts, all or those at one `provider`, in another state and, if said, younger."""
    now = reply.now or datetime.now(UTC)
    items = _items(reply)
    for account in (item for item in items if "connectionStatus" in item):
        if account["providerId"] == settings.get("provider", account["providerId"]):
            account.update(_restated(account, settings, now))


def _restated(account: Json, settings: Settings, now: datetime) -> Json:
    status = settings.get("status", account["connectionStatus"])
    monitor = settings.get("monitor_status", account["monitorStatus"])
    connection = {**account["connection"], "status": status}
    changed = {"connectionStatus": status, "connection": connection, "monitorStatus": monitor}
    changed["monitor"] = {**account["monitor"], "status": monitor}
    if "error_code" in settings:
        connection["errorCode"] = settings["error_code"]
        connection["errorMessage"] = "The provider refused."
    if "age_minutes" in settings:
        born = stamp(now - timedelta(minutes=settings["age_minutes"]))
        connection["updatedAt"] = changed["monitor"]["updatedAt"] = changed["createdAt"] = born
    if "synced_minutes_ago" in settings:
        synced = stamp(now - timedelta(minutes=settings["synced_minutes_ago"]))
        connection["updatedAt"] = changed["monitor"]["updatedAt"] = synced
    return changed


def _task_running(reply: Reply, settings: Settings) -> None:
    """Show tasks as started, so long ago where it is said, and not finished."""
    now = reply.now or datetime.now(UTC)
    items = _items(reply)
    for task in items:
        task.pop("finishedAt", None)
        task.update(status="Started", datapoints=[])
        if "age_minutes" in settings:
            task["startedAt"] = stamp(now - timedelta(minutes=settings["age_minutes"]))


DATA_FAULTS = {
    "cursor_loop": Effect(_cursor_loop),
    "empty_pages": Effect(_empty_pages),
    "lost_cursor": Effect(_lost_cursor),
    "null_cursor": Effect(_null_cursor),
    "duplicate": Effect(_duplicate, {"kind": TEXT}),
    "conflict": Effect(_conflict, {"field": TEXT, "value": ANY, "kind": TEXT}, ("field", "value")),
    "set": Effect(_set, {"field": TEXT, "value": ANY, **_ITEMS}, ("field", "value")),
    "number": Effect(
        _number, {"field": TEXT, "value": (str, int, float), **_ITEMS}, ("field", "value")
    ),
    "drop": Effect(_drop, {"field": TEXT, **_ITEMS}, ("field",)),
    "base_amount": Effect(_base_amount, {"kind": TEXT}),
    "bare_array": Effect(_bare_array),
    "other_user": Effect(_other_user, {"user_id": TEXT, **_ITEMS}),
    "account_state": Effect(
        _account_state,
        {
            "provider": TEXT,
            "status": TEXT,
            "error_code": TEXT,
            "monitor_status": TEXT,
            "age_minutes": NUMBER,
            "synced_minutes_ago": NUMBER,
        },
    ),
    "task_running": Effect(_task_running, {"age_minutes": NUMBER}),
}
