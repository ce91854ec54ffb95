"""An export as one HTML page: nothing fetched, no script, written record by record."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from itertools import groupby
from typing import Any, TextIO

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.cli.applicants.export_values import definitions, rows
from decision_service.cli.applicants.export_words import (
    CHAPTER_OF,
    CHAPTERS,
    KINDS,
    LONG,
    STYLE,
    TECHNICAL,
    TITLE,
    name_of,
)


class PageExport:
    """Writes records as they come, chapter by chapter."""

    def __init__(self, file: TextIO, user_id: str) -> None:
        self._file = file
        self._ahead = [*CHAPTERS]
        self._empty = False
        links = "".join(
            f'<li><a href="#{name}">{escape(one.title)}</a></li>' for name, one in CHAPTERS.items()
        )
        file.write(
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{TITLE}</title><style>{STYLE}</style></head><body><main>"
            f'<h1>{TITLE}</h1><p class="id">User {escape(user_id)}</p>'
            f'<nav aria-label="Chapters"><ul>{links}</ul></nav>\n'
        )

    def add(self, records: Iterable[pb.StoredRecord]) -> None:
        """Write some records."""
        for kind, some in groupby(records, key=lambda record: record.kind):
            self._begin(CHAPTER_OF.get(kind, "user"))
            self._empty = False
            contents = [json.loads(record.content) for record in some]
            self._file.write("".join(_records(kind, contents)))

    def end(self) -> None:
        """Begin the chapters of which there was nothing, and close the page."""
        while self._ahead:
            self._open(self._ahead.pop(0))
        self._tell_empty()
        self._file.write("</main></body></html>\n")

    def _begin(self, chapter: str) -> None:
        """Begin a chapter that is ahead, and those before it; a later kind stays where it comes."""
        while chapter in self._ahead:
            self._open(self._ahead.pop(0))

    def _open(self, chapter: str) -> None:
        self._tell_empty()
        self._empty = True
        words = CHAPTERS[chapter]
        self._file.write(
            f'<h2 id="{chapter}">{escape(words.title)}</h2>'
            f'<p class="note">{escape(words.words)}</p>\n'
        )

    def _tell_empty(self) -> None:
        if self._empty:
            self._file.write("<p>Nothing is stored.</p>\n")


def _records(kind: str, contents: list[dict[str, Any]]) -> Iterator[str]:
    if kind in KINDS:
        yield f"<h3>{escape(KINDS[kind])}</h3>{rows(contents, KINDS[kind])}"
        return
    for content in contents:
        title = _title(kind, content)
        yield f"<article>{f'<h3>{escape(title)}</h3>' if title else ''}"
        yield from _parts(content, 4 if title else 3)
        yield "</article>\n"


def _title(kind: str, content: Mapping[str, Any]) -> str:
    if kind == "decision":
        told = (content.get(one, "") for one in ("outcome", "product", "as_of_date"))
        return " · ".join(filter(None, told))
    if kind not in CHAPTER_OF:
        return name_of(kind)
    if kind == "reading":
        part = f", part {content['part']}" if content.get("part", 1) > 1 else ""
        return f"Read for a decision of {content['read_for_a_decision_of'][:10]}{part}"
    return ""


def _parts(content: Mapping[str, Any], level: int) -> Iterator[str]:
    """Short values, lists of records under headings of a level or folded, then ids and digests."""
    long = {name: one for name, one in content.items() if _is_long(name, one)}
    short = {name: one for name, one in content.items() if name not in long}
    technical = {name: short.pop(name) for name in TECHNICAL if name in short}
    yield definitions(short)
    for name, one in long.items():
        words = name_of(name)
        if name in LONG or "part" in content:
            yield _fold(words, definitions(one) if isinstance(one, dict) else rows(one, words))
        else:
            yield f"<h{level}>{escape(words)}</h{level}>{rows(one, words)}"
    if technical:
        yield _fold("Ids and digests", definitions(technical))


def _fold(words: str, body: str) -> str:
    return f"<details><summary>{escape(words)}</summary>{body}</details>"


def _is_long(name: str, value: Any) -> bool:
    is_list = isinstance(value, list) and bool(value)
    records = is_list and all(isinstance(one, dict) for one in value)
    return records or (name in LONG and isinstance(value, dict))
