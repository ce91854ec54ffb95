"""Replays books: each by a service of its own, all at once, its steps in the order of time."""

from __future__ import annotations

import asyncio
import hashlib
import json
import lzma
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import parse_qs, urlsplit

from tests.records.adapter import House, Json, house

FOLDER = Path(__file__).parent
SUMS = FOLDER / "sha256.txt"
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 1 << 26}]


@dataclass(frozen=True)
class Book:
    """Records of one set of rules, which one service answers one after another.

    `given` are its rules, its providers and its records; `facts` what each decision rested on,
    `expected` the answers, both by record and in the order of its steps.
    """

    name: str
    given: Json
    facts: Json
    expected: Json


def names() -> list[str]:
    """The books in order."""
    return sorted(path.name.split(".")[0] for path in FOLDER.glob("*.expected.json.xz"))


def read_book(name: str) -> Book:
    return Book(name, *(_read(f"{name}.{part}") for part in ("given", "facts", "expected")))


def read_texts() -> Mapping[str, str]:
    """Rules, plans, tables and data files by their SHA-256."""
    texts: Mapping[str, str] = _read("texts")
    return texts


def lay_out(book: Book, texts: Mapping[str, str], folder: Path) -> Path:
    """A folder whose `rules` are a book's texts."""
    rules = {path: texts[digest] for path, digest in book.given["rules"].items()}
    for path, text in rules.items():
        file = folder / "rules" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def sums() -> Iterator[str]:
    """A line for the answers of each book: SHA-256 of their canonical JSON, and the file's name."""
    for name in names():
        path = FOLDER / f"{name}.expected.json.xz"
        yield f"{hashlib.sha256(lzma.decompress(path.read_bytes())).hexdigest()}  {path.name}"


def _read(name: str) -> Json:
    return json.loads(lzma.decompress((FOLDER / f"{name}.json.xz").read_bytes()))


def renew(answered: Mapping[str, tuple[Json, Json]]) -> None:
    """Keep what was answered now, and what it rested on, in place of what was expected."""
    for name, (answers, facts) in answered.items():
        for part, content in (("facts", facts), ("expected", answers)):
            packed = lzma.compress(_canonical(content), check=lzma.CHECK_CRC32, filters=_FILTERS)
            (FOLDER / f"{name}.{part}.json.xz").write_bytes(packed)
    SUMS.write_text("\n".join(sums()) + "\n", encoding="utf-8")


def _canonical(content: Json) -> bytes:
    """The one way to write it: sorted keys, no blanks."""
    shown = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return shown.encode()


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


AT_ONCE = 8
"""Services at a time: with many more, one event loop answers none of them in time."""

Answers = Mapping[str, list[Json]]


async def replay(
    books: Iterable[Book],
    texts: Mapping[str, str],
    folder: Path,
    store_url: str = "",
    *,
    facts: bool = False,
) -> dict[str, tuple[Answers, Answers]]:
    """The answers to each book by record; with `facts` also what each decision rested on.

    Several books at a time, since each service keeps to the vendor's limit of requests. None
    is answered while services start, which keeps the event loop for seconds.
    """
    found: dict[str, tuple[Answers, Answers]] = {}
    sorted_books = sorted(books, key=lambda one: len(one.given["records"]), reverse=True)
    for first in range(0, len(sorted_books), AT_ONCE):
        async with AsyncExitStack() as stack:
            runs = []
            for book in sorted_books[first : first + AT_ONCE]:
                clock = SetClock(_steps(book)[0][0])
                vendor = Vendor(clock.now, book.given["providers"])
                url = await stack.enter_async_context(vendor.serving())
                laid = lay_out(book, texts, folder / book.name)
                live = await stack.enter_async_context(house(laid, url, clock, store_url))
                runs.append(_answered(book, live, clock, vendor, facts=facts))
            found |= dict(await asyncio.gather(*runs))
    return found


async def _answered(
    book: Book, live: House, clock: SetClock, vendor: Vendor, *, facts: bool
) -> tuple[str, tuple[Answers, Answers]]:
    answers, rested = defaultdict[str, list[Json]](list), defaultdict[str, list[Json]](list)
    for at, record, step in _steps(book):
        clock.wall = at
        live.confirm(at)
        vendor.answers |= step.get("vendor", {})
        answers[record].append(await live.do(record, step))
        if facts:
            rested[record].append(await _facts(live, record, step))
    return book.name, (answers, rested)


async def _facts(live: House, record: str, step: Json) -> Json:
    return await live.facts(record, step["name"]) if step["do"] == "apply" else None


def _steps(book: Book) -> list[tuple[datetime, str, Json]]:
    """The steps of all records in the order of time."""
    steps = [
        (datetime.fromisoformat(step["at"]), record, step)
        for record, each in book.given["records"].items()
        for step in each
    ]
    return sorted(steps, key=lambda one: one[0])


def differences(expected: Json, found: Json, where: str = "") -> Iterator[str]:
    """Each place in which two answers differ, by its path."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in sorted(expected.keys() | found.keys()):
            yield from differences(expected.get(name), found.get(name), f"{where}.{name}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for place, pair in enumerate(zip(expected, found, strict=True)):
            yield from differences(*pair, f"{where}[{place}]")
    elif expected != found:
        yield f"{where.lstrip('.')}: {str(expected)[:200]} became {str(found)[:200]}"


if __name__ == "__main__":
    with TemporaryDirectory() as answering:
        books = map(read_book, names())
        renew(asyncio.run(replay(books, read_texts(), Path(answering), facts=True)))
