"""The texts of rulesets and plans by digest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select

from decision_service.pipeline.ports import StoredText
from decision_service.storage.queries.dialect import insert_new
from decision_service.storage.schema.tables import texts


def record(connection: Connection, given: Iterable[StoredText]) -> None:
    """Store each text whose digest is not there yet."""
    by_digest = {text.digest: text for text in given}
    rows = [
        {"digest": digest, "kind": by_digest[digest].kind, "body": by_digest[digest].body}
        for digest in sorted(by_digest)
    ]
    insert_new(connection, texts, rows)


def by_digest(connection: Connection, digest: str) -> StoredText | None:
    """One text, if it is there."""
    found = select(texts.c.digest, texts.c.kind, texts.c.body).where(texts.c.digest == digest)
    row = connection.execute(found).first()
    return None if row is None else StoredText(row[0], row[1], row[2])


def last(connection: Connection, kind: str, most: int) -> Sequence[StoredText]:
    """At most so many texts of a kind, those whose digests sort last, the last one first."""
    found = select(texts.c.digest, texts.c.kind, texts.c.body).where(texts.c.kind == kind)
    rows = connection.execute(found.order_by(texts.c.digest.desc()).limit(most))
    return [StoredText(row[0], row[1], row[2]) for row in rows]
