"""Faults on demand: their effects on an answer, and which requests they hit."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from inspect import Parameter, signature
from typing import Annotated, Any, Literal, get_type_hints

import msgspec

from decision_service.standin.formats import (
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
Effect = Callable[..., None]
"""Changes an answer; its further parameters are the settings of a fault."""
HttpStatus = Annotated[int, msgspec.Meta(ge=200, le=599)]
Code = Literal[
    "INVALID_PARAMETERS", "INVALID_TOKEN", "INVALID_CREDENTIALS", "UNAUTHORIZED_ACCESS",
    "MISSING_RESOURCE", "REQUEST_LIMIT_EXCEEDED", "SERVER_ERROR", "UNSUPPORTED_METHOD",
    "SERVER_UNAVAILABLE", "TIME_LIMIT_EXCEEDED",
]  # fmt: skip
_PAGE = b"<!doctype html><title>Maintenance</title><h1>We will be back shortly</h1>"


class FaultRefused(ValueError):
    """A fault that cannot be scripted; the message is one sentence saying what to change."""


def _status(
    reply: Reply,
    status: HttpStatus,
    code: Code | None = None,
    message: str = "A scripted fault",
    retry_after: float | str | None = None,
) -> None:
    reply.document = failure(VendorError(status, message, code)).document
    reply.status = status
    if retry_after is not None:
        reply.headers["retry-after"] = str(retry_after)


def _slow(reply: Reply, seconds: float) -> None:
    reply.delay = seconds


def _malformed(reply: Reply, bytes: int | None = None) -> None:  # noqa: A002 - as scenarios say it
    """Cut the body after `bytes` bytes, by default in its middle; the connection closes cleanly."""
    body = _body(reply)
    reply.body = body[: len(body) // 2 if bytes is None else bytes]


def _content_type(reply: Reply, value: str) -> None:
    reply.content_type = value


def _html(reply: Reply) -> None:
    reply.body = _PAGE
    reply.content_type = "text/html; charset=utf-8"


def _redirect(reply: Reply, location: str) -> None:
    reply.status = 302
    reply.body = b""
    reply.headers["location"] = location


def _encoding(reply: Reply, name: str) -> None:
    """Write the body in another encoding, such as `utf-16` or `utf-8-sig` (a byte order mark)."""
    reply.body = _body(reply).decode().encode(name)


def _huge(reply: Reply, bytes: int = 5_000_000) -> None:  # noqa: A002 - as scenarios say it
    reply.document = {**_envelope(reply), "padding": "x" * bytes}


def _deep(reply: Reply, depth: int = 100_000) -> None:
    text = encode({**_envelope(reply), "deep": 0})
    reply.body = text.replace(b'"deep":0', b'"deep":' + b"[" * depth + b"]" * depth)


def _envelope_code(reply: Reply, code: str) -> None:
    reply.document = {**_envelope(reply), "code": code}


def _data_null(reply: Reply) -> None:
    reply.document = {**_envelope(reply), "data": None}


def _envelope(reply: Reply) -> dict[str, Any]:
    return reply.document if isinstance(reply.document, dict) else {"data": reply.document}


def _body(reply: Reply) -> bytes:
    return encode(reply.document) if reply.body is None else reply.body


def _page(reply: Reply) -> Json:
    data = reply.document.get("data") if isinstance(reply.document, dict) else None
    return data if isinstance(data, dict) else {}


def _items(reply: Reply) -> list[Json]:
    data = _page(reply)
    items: list[Json] = data.get("items", [data] if data else [])
    return items


def _chosen(reply: Reply, every: bool) -> list[Json]:
    return _items(reply) if every else _items(reply)[:1]


def _put(item: Json, path: str, value: Any) -> None:
    *way, last = path.split(".")
    for step in way:
        item = item.setdefault(step, {})
    item[last] = value


def _cursor_loop(reply: Reply) -> None:
    """Point every page back to the beginning of its list."""
    _page(reply)["nextCursor"] = reply.restart


def _empty_pages(reply: Reply) -> None:
    """Give pages without items that always have yet another cursor."""
    fresh = salted(reply.restart or "", uuid.uuid4().hex)
    _page(reply).update(items=[], nextCursor=fresh)


def _lost_cursor(reply: Reply) -> None:
    _page(reply).pop("nextCursor", None)


def _null_cursor(reply: Reply) -> None:
    """Write the last page's cursor as null rather than leaving it out."""
    _page(reply).setdefault("nextCursor", None)


def _duplicate(reply: Reply) -> None:
    items = _items(reply)
    items += deepcopy(items[:1])


def _conflict(reply: Reply, field: str, value: Any) -> None:
    """Repeat the first item at the end, under its id, with another value in `field`."""
    items = _items(reply)
    for again in deepcopy(items[:1]):
        _put(again, field, value)
        items.append(again)


def _set(reply: Reply, field: str, value: Any, all: bool = False) -> None:  # noqa: A002
    for item in _chosen(reply, all):
        _put(item, field, deepcopy(value))


def _number(reply: Reply, field: str, value: float | str, all: bool = False) -> None:  # noqa: A002
    """Write a number as the text says: NaN, Infinity, 1e400, -0, four hundred digits."""
    for item in _chosen(reply, all):
        _put(item, field, RawNumber(str(value)))


def _drop(reply: Reply, field: str, all: bool = False) -> None:  # noqa: A002
    for item in _chosen(reply, all):
        item.pop(field, None)


def _base_amount(reply: Reply) -> None:
    """Leave only the old name of an estimate's amount, as the integration guide has it."""
    for item in _items(reply):
        if "baseAmount" in item:
            item.pop("amount", None)


def _bare_array(reply: Reply) -> None:
    """Answer a list in the integration guide's form: everything in one array, no envelope."""
    if reply.whole is not None:
        reply.document = deepcopy(list(reply.whole))


def _other_user(reply: Reply, user_id: str = user_id("stranger"), all: bool = False) -> None:  # noqa: A002
    for item in _chosen(reply, all):
        _put(item, "metadata.userId", user_id)


def _account_state(
    reply: Reply,
    provider: str | None = None,
    status: str | None = None,
    error_code: str | None = None,
    monitor_status: str | None = None,
    age_minutes: float | None = None,
    synced_minutes_ago: float | None = None,
) -> None:
    for account in (item for item in _items(reply) if "connectionStatus" in item):
        if provider not in (None, account["providerId"]):
            continue
        now = status or account["connectionStatus"]
        monitor = account["monitor"] | {"status": monitor_status or account["monitorStatus"]}
        connection = account["connection"] | {"status": now}
        if error_code is not None:
            connection |= {"errorCode": error_code, "errorMessage": "The provider refused."}
        if age_minutes is not None:
            account["createdAt"] = _ago(reply, age_minutes)
            connection["updatedAt"] = monitor["updatedAt"] = account["createdAt"]
        if synced_minutes_ago is not None:
            connection["updatedAt"] = monitor["updatedAt"] = _ago(reply, synced_minutes_ago)
        account |= {
            "connectionStatus": now,
            "connection": connection,
            "monitorStatus": monitor["status"],
            "monitor": monitor,
        }


def _task_running(reply: Reply, age_minutes: float | None = None) -> None:
    for task in _items(reply):
        task.pop("finishedAt", None)
        task.update(status="Started", datapoints=[])
        if age_minutes is not None:
            task["startedAt"] = _ago(reply, age_minutes)


def _ago(reply: Reply, minutes: float) -> str:
    return stamp((reply.now or datetime.now(UTC)) - timedelta(minutes=minutes))


EFFECTS: Mapping[str, Effect] = {
    one.__name__.removeprefix("_"): one
    for one in (
        _status, _html, _redirect, _slow, _malformed, _content_type, _encoding, _huge, _deep,
        _envelope_code, _data_null, _cursor_loop, _empty_pages, _lost_cursor, _null_cursor,
        _duplicate, _conflict, _set, _number, _drop, _base_amount, _bare_array, _other_user,
        _account_state, _task_running,
    )
}  # fmt: skip
"""Every effect that a fault can have, by name."""
REPLACING = frozenset({"status", "html", "redirect"})
"""Effects in place of an answer: the request does not act."""


def _model(effect: str) -> type[msgspec.Struct]:
    """What the settings of an effect may be."""
    hints = get_type_hints(EFFECTS[effect], include_extras=True)
    _, *settings = signature(EFFECTS[effect]).parameters.values()
    fields = [
        (one.name, hints[one.name], *([] if one.default is Parameter.empty else [one.default]))
        for one in settings
    ]
    return msgspec.defstruct(effect, fields, forbid_unknown_fields=True, kw_only=True)


MODELS = {effect: _model(effect) for effect in EFFECTS}


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
        try:
            msgspec.convert(self.settings, MODELS[self.effect])
        except msgspec.ValidationError as error:
            raise FaultRefused(f"{self.effect}: {error}") from None

    @property
    def replaces(self) -> bool:
        return self.effect in REPLACING

    def change(self, reply: Reply) -> None:
        EFFECTS[self.effect](reply, **self.settings)

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
