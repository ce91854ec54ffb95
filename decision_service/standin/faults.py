"""Faults on demand: their effects on an answer, and which requests they hit."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from decision_service.standin.formats import (
    CODES,
    RawNumber,
    Reply,
    VendorError,
    encode,
    failure,
    salted,
    stamp,
    user_id,
)

Json = dict[str, Any]
Settings = Mapping[str, Any]
Change = Callable[[Reply, Settings], None]
TEXT, NUMBER, WHOLE, FLAG, ANY = (str,), (int, float), (int,), (bool,), (object,)
_WORDS: dict[tuple[type, ...], str] = {
    TEXT: "text",
    NUMBER: "a number",
    WHOLE: "a whole number",
    FLAG: "true or false",
}
_ITEMS = {"all": FLAG}
_PAGE = b"<!doctype html><title>Maintenance</title><h1>We will be back shortly</h1>"


class FaultRefused(ValueError):
    """A fault that cannot be scripted; the message is one sentence saying what to change."""


@dataclass(frozen=True, slots=True)
class Effect:
    """A change to an answer; an effect that `replaces` the answer keeps the request from acting.

    `takes` maps each setting to its types, `needs` names the settings that must be given; `also`
    checks further conditions and raises FaultRefused.
    """

    change: Change
    takes: Mapping[str, tuple[type, ...]] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    replaces: bool = False
    also: Callable[[Settings], None] | None = None

    def check(self, settings: Settings) -> None:
        for name in self.needs:
            if name not in settings:
                raise FaultRefused(f"the setting {name!r} is missing: give it")
        for name, value in settings.items():
            if name not in self.takes:
                known = ", ".join(self.takes) or "none"
                raise FaultRefused(f"there is no setting {name!r} here: it takes {known}")
            types = self.takes[name]
            wrong = isinstance(value, bool) and types in (NUMBER, WHOLE, TEXT)
            if wrong or not isinstance(value, types):
                words = _WORDS.get(types, "another value")
                raise FaultRefused(f"{name} is {value!r}: give {words}")
        if self.also:
            self.also(settings)


def _status(reply: Reply, settings: Settings) -> None:
    status = settings["status"]
    message = settings.get("message", "The stand-in was set to answer so")
    reply.document = failure(VendorError(status, message, settings.get("code"))).document
    reply.status = status
    if "retry_after" in settings:
        reply.headers["retry-after"] = str(settings["retry_after"])


def _slow(reply: Reply, settings: Settings) -> None:
    reply.delay = float(settings["seconds"])


def _malformed(reply: Reply, settings: Settings) -> None:
    """Cut the body after `bytes` bytes, by default in its middle; the connection closes cleanly."""
    body = _body(reply)
    reply.body = body[: settings.get("bytes", len(body) // 2)]


def _content_type(reply: Reply, settings: Settings) -> None:
    reply.content_type = settings["value"]


def _html(reply: Reply, _: Settings) -> None:
    reply.body, reply.content_type = _PAGE, "text/html; charset=utf-8"


def _redirect(reply: Reply, settings: Settings) -> None:
    reply.status, reply.body = 302, b""
    reply.headers["location"] = settings["location"]


def _encoding(reply: Reply, settings: Settings) -> None:
    """Write the body in another encoding, such as `utf-16` or `utf-8-sig` (a byte order mark)."""
    reply.body = _body(reply).decode().encode(settings["name"])


def _huge(reply: Reply, settings: Settings) -> None:
    padding = "x" * settings.get("bytes", 5_000_000)
    reply.document = {**_envelope(reply), "padding": padding}


def _deep(reply: Reply, settings: Settings) -> None:
    depth = settings.get("depth", 100_000)
    text = encode({**_envelope(reply), "deep": 0})
    reply.body = text.replace(b'"deep":0', b'"deep":' + b"[" * depth + b"]" * depth)


def _envelope_code(reply: Reply, settings: Settings) -> None:
    reply.document = {**_envelope(reply), "code": settings["code"]}


def _data_null(reply: Reply, _: Settings) -> None:
    reply.document = {**_envelope(reply), "data": None}


def _envelope(reply: Reply) -> dict[str, Any]:
    return reply.document if isinstance(reply.document, dict) else {"data": reply.document}


def _body(reply: Reply) -> bytes:
    return encode(reply.document) if reply.body is None else reply.body


def _known_status(settings: Settings) -> None:
    status = settings["status"]
    if not 200 <= status <= 599:
        raise FaultRefused(f"status is {status}: give an HTTP status from 200 to 599")
    if "code" in settings and settings["code"] not in (*CODES.values(), "INVALID_CREDENTIALS"):
        known = ", ".join(sorted({*CODES.values(), "INVALID_CREDENTIALS"}))
        raise FaultRefused(f"code is {settings['code']!r}: the vendor has {known}")


_TRANSPORT_FAULTS = {
    "status": Effect(
        _status,
        {"status": WHOLE, "code": TEXT, "message": TEXT, "retry_after": (int, float, str)},
        ("status",),
        replaces=True,
        also=_known_status,
    ),
    "html": Effect(_html, replaces=True),
    "redirect": Effect(_redirect, {"location": TEXT}, ("location",), replaces=True),
    "slow": Effect(_slow, {"seconds": NUMBER}, ("seconds",)),
    "malformed": Effect(_malformed, {"bytes": WHOLE}),
    "content_type": Effect(_content_type, {"value": TEXT}, ("value",)),
    "encoding": Effect(_encoding, {"name": TEXT}, ("name",)),
    "huge": Effect(_huge, {"bytes": WHOLE}),
    "deep": Effect(_deep, {"depth": WHOLE}),
    "envelope_code": Effect(_envelope_code, {"code": TEXT}, ("code",)),
    "data_null": Effect(_data_null),
}


def _items(reply: Reply) -> list[Json]:
    data = _page(reply)
    items: list[Json] = data.get("items", [data] if data else [])
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
    stranger = settings.get("user_id", user_id("stranger"))
    for item in _chosen(reply, settings):
        _put(item, "metadata.userId", stranger)


def _account_state(reply: Reply, settings: Settings) -> None:
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
    now = reply.now or datetime.now(UTC)
    items = _items(reply)
    for task in items:
        task.pop("finishedAt", None)
        task.update(status="Started", datapoints=[])
        if "age_minutes" in settings:
            task["startedAt"] = stamp(now - timedelta(minutes=settings["age_minutes"]))


_DATA_FAULTS = {
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


EFFECTS: dict[str, Effect] = {**_TRANSPORT_FAULTS, **_DATA_FAULTS}
"""Every effect that a fault can have, by name."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    `effect` is a name of `EFFECTS`, `settings` its settings. `path` is a glob over the path below
    `/v1` (`/contributions`, `/accounts/*`), `user` a user id (None is every user). The first
    `skip` matching requests pass; `times` requests after them are hit (None is all).
    """

    effect: str
    path: str = "*"
    user: str | None = None
    method: str = "*"
    times: int | None = None
    skip: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.effect not in EFFECTS:
            known = ", ".join(sorted(EFFECTS))
            raise FaultRefused(f"there is no fault {self.effect!r}: use one of {known}")
        EFFECTS[self.effect].check(self.settings)

    @property
    def replaces(self) -> bool:
        return EFFECTS[self.effect].replaces

    def change(self, reply: Reply) -> None:
        EFFECTS[self.effect].change(reply, self.settings)

    def concerns(self, method: str, path: str, user_id: str | None) -> bool:
        if self.user not in (None, user_id):
            return False
        return fnmatchcase(path, self.path) and fnmatchcase(method, self.method.upper())


class FaultPlan:
    """The faults in force: `standing` ones of the world's people, and added ones, to be cleared."""

    def __init__(self, standing: Iterable[Fault] = (), added: Iterable[Fault] = ()) -> None:
        self._standing = tuple(standing)
        self._faults: list[Fault] = []
        self._met: dict[int, int] = {}
        self.hits = 0
        self.clear()
        self.add(*added)

    def add(self, *faults: Fault) -> None:
        self._faults += faults

    def clear(self) -> None:
        self._faults = list(self._standing)
        self._met.clear()

    def hitting(self, method: str, path: str, user_id: str | None) -> list[Fault]:
        found = [
            fault
            for number, fault in enumerate(self._faults)
            if fault.concerns(method, path, user_id) and self._hits(number, fault)
        ]
        self.hits += bool(found)
        return found

    def _hits(self, number: int, fault: Fault) -> bool:
        met = self._met[number] = self._met.get(number, 0) + 1
        past = met - fault.skip
        return past > 0 and (fault.times is None or past <= fault.times)
