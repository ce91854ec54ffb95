"""Replays books: each by a service of its own, all at once, its steps in the order of time.

`python -m tests.records.replay` makes today's answers the expected ones.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.records.adapter import House, house
from tests.records.corpus import Book, lay_out, names, read_book, read_texts, renew
from tests.records.plain import Json
from tests.records.vendor import SetClock, Vendor

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
