"""Rewrites the rule texts of the corpus once, where the rule language has lost a key.

`python -m tests.records.convert`: outcomes, reasons, amounts and factor values stay what they were.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tests.records.corpus import (
    Book,
    digest_of,
    names,
    read_book,
    read_texts,
    write_book,
    write_texts,
)

LINES: Sequence[tuple[str, str]] = (
    # The careful ways are the only ones
    (r"  partial: refer.*\n", ""),
    (r"  combine_income: per_job.*\n", ""),
)
"""Patterns, and what stands in their place."""


def converted(text: str) -> str:
    """A text in today's language."""
    for old, new in LINES:
        text = re.sub(old, new, text)
    return text


def main() -> None:
    """Rewrite the texts, and what names them by their SHA-256."""
    texts = {digest: converted(text) for digest, text in read_texts().items()}
    write_texts({digest_of(text): text for text in texts.values()})
    for name in names():
        book = read_book(name)
        rules = {path: digest_of(texts[one]) for path, one in book.given["rules"].items()}
        write_book(Book(name, {**book.given, "rules": rules}, book.facts, book.expected))


if __name__ == "__main__":
    main()
