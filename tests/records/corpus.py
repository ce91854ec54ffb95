"""The corpus as files: shared texts, and for each book what is given, known and expected."""

from __future__ import annotations

import hashlib
import json
import lzma
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.records.plain import Json

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
