"""A vendor on loopback that plays back recorded answers, on the clock of the records."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from tests.records.plain import Json

_PREFIX = "/v1"
_BOUNDS = {"startDate": "date", "startMonth": "month"}


@dataclass
class SetClock:
    """The wall is where a record sets it; deadlines go by the loop's time."""

    wall: datetime
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    def now(self) -> datetime:
        """The instant of the record."""
        return self.wall

    def monotonic(self) -> float:
        """The seconds of the loop."""
        return self.loop.time()


@dataclass
class Vendor:
    """`answers` are by user and list: its items, or the status that every request for it gets."""

    now: Callable[[], datetime]
    providers: Sequence[Json] | int
    answers: dict[str, Mapping[str, Json]] = field(default_factory=dict)

    def reply(self, method: str, target: str) -> tuple[int, Json]:
        """The status and the data of a request."""
        parts = urlsplit(target)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        _, name, *more = parts.path.removeprefix(_PREFIX).split("/")
        if name == "users" and more:
            return (200, {"id": more[0]}) if more[0] in self.answers else (404, None)
        if method == "DELETE":
            return 200, None
        user = self.answers.get(asked.get("userId", ""), {})
        found = self.providers if name == "providers" else user.get(name, [])
        if isinstance(found, int):
            return found, None
        items = [one for one in found if _fits(one, asked)]
        size, start = int(asked.get("size", 10)), int(asked.get("cursor", 0))
        end = start + size
        cursor = str(end) if end < len(items) else None
        return 200, {"nextCursor": cursor, "items": items[start:end]}

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Its address while it answers."""
        async with await asyncio.start_server(self._answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            yield f"http://127.0.0.1:{port}{_PREFIX}"

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                method, target, _ = head.split("\r\n", 1)[0].split(" ")
                status, data = self.reply(method, target)
                envelope = {"code": "OK" if status == 200 else "SERVER_ERROR", "data": data}
                body = json.dumps(envelope).encode()
                reason, date = HTTPStatus(status).phrase, format_datetime(self.now(), usegmt=True)
                head = (
                    f"HTTP/1.1 {status} {reason}\r\nDate: {date}\r\n"
                    f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                )
                writer.write(head.encode() + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def _fits(item: Json, asked: Mapping[str, str]) -> bool:
    about = item.get("metadata") or item
    if about.get("sourceId", asked.get("sourceId")) != asked.get("sourceId", about.get("sourceId")):
        return False
    bounds = ((item.get(name, "9"), asked.get(bound, "")) for bound, name in _BOUNDS.items())
    return all(value >= least for value, least in bounds)
