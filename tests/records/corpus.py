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


def canonical(content: Json) -> bytes:
    """The one way to write it: sorted keys, no blanks."""
    shown = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return shown.encode()


def names() -> list[str]:
    """The books in order."""
    return sorted(path.name.split(".")[0] for path in FOLDER.glob("*.expected.json.xz"))


def read_book(name: str) -> Book:
    """A book of the corpus."""
    return Book(name, *(_read(f"{name}.{part}") for part in ("given", "facts", "expected")))


def write_book(book: Book) -> None:
    """Keep a book in place of an earlier one."""
    for part in ("given", "facts", "expected"):
        _write(f"{book.name}.{part}", getattr(book, part))


def read_texts() -> Mapping[str, str]:
    """Rules, plans, tables and data files by their SHA-256."""
    texts: Mapping[str, str] = _read("texts")
    return texts


def write_texts(texts: Mapping[str, str]) -> None:
    """Keep the texts of all books."""
    _write("texts", texts)


def lay_out(book: Book, texts: Mapping[str, str], folder: Path) -> Path:
    """A folder whose `rules` are a book's texts."""
    rules = {path: texts[digest] for path, digest in book.given["rules"].items()}
    for path, text in rules.items():
        file = folder / "rules" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def digest_of(text: str) -> str:
    """The SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def sums() -> Iterator[str]:
    """A line for the answers of each book: SHA-256 of their canonical JSON, and the file's name."""
    for name in names():
        path = FOLDER / f"{name}.expected.json.xz"
        yield f"{hashlib.sha256(lzma.decompress(path.read_bytes())).hexdigest()}  {path.name}"


def _read(name: str) -> Json:
    return json.loads(lzma.decompress((FOLDER / f"{name}.json.xz").read_bytes()))


def _write(name: str, content: Json) -> None:
    packed = lzma.compress(canonical(content), check=lzma.CHECK_CRC32, filters=_FILTERS)
    (FOLDER / f"{name}.json.xz").write_bytes(packed)
