"""Smile's events: how they are signed, and what each says in the service's words."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence

import msgspec

from decision_service.decide.events import KIND_OF, NEEDED_TYPES, Event
from decision_service.domain.accounts import Kind

PATH = "/webhooks/smile"
SIGNATURE = "smile-signature"
MOST_ADDED = 1_000_000

_SIGNATURE = re.compile(r"[0-9a-f]{128}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)
_TYPE = re.compile(r"[A-Z_]{1,100}", re.ASCII)
_KINDS = {kind.value.upper(): kind for kind in Kind} | {"LINK": Kind.LINKS, "INSIGHTS": Kind.LINKS}
_MEANINGLESS = """
ARCHIVE_FAILED ARCHIVE_STARTED DOCUMENTS_ADDED DOCUMENTS_UPDATED INVITE_INVITED INVITE_LINKED
RATING_ADDED RECORD_COMPLETED RECORD_CREATED TASK_STARTED USER_CREATED USER_SESSION_COMPLETED
USER_SESSION_RESET VERIFICATION_COMPLETED VERIFICATION_STARTED
"""


class EventData(msgspec.Struct, rename="camel"):
    """What an event says of the user and the data that it concerns.

    `accountId` is the older `sourceId`, `archiveId` that of uploaded archives.
    """

    user_id: str | None = None
    source_id: str | None = None
    account_id: str | None = None
    archive_id: str | None = None
    count: int | float | None = None
    datapoints: list[str] | None = None


class EventBody(msgspec.Struct):
    """`{"id", "version", "type", "createdAt", "data"}`; what is not read here is ignored."""

    id: str
    type: str
    data: EventData | None = None


class SmileEvents:
    """As `EventReader`. Smile's names of the types that mean something are the service's own."""

    path = PATH
    types = NEEDED_TYPES
    known = frozenset(NEEDED_TYPES).union(_MEANINGLESS.split())

    def signature_of(self, headers: Mapping[str, str]) -> str:
        given = headers.get(SIGNATURE, "")
        return given if _SIGNATURE.fullmatch(given) else ""

    def signing_key(self, given: str, body: bytes, secrets: Sequence[bytes]) -> int | None:
        return signing_key(given, body, secrets)

    def read(self, body: bytes) -> Event | None:
        return read_event(body)


def signing_key(header: str, body: bytes, secrets: Sequence[bytes]) -> int | None:
    """The place of the secret that signed exactly these bytes; None where none did.

    Every secret is tried, each compared in constant time, as bytes: a header need not be ASCII.
    """
    given = header.encode("latin-1", "replace")
    found = [
        place
        for place, secret in enumerate(secrets)
        if hmac.compare_digest(given, signature(body, secret).encode())
    ]
    return found[0] if found else None


def signature(body: bytes, secret: bytes) -> str:
    """The vendor's signature of a body: HMAC-SHA512 in lower-case hex."""
    return hmac.new(secret, body, hashlib.sha512).hexdigest()


def read_event(body: bytes) -> Event | None:
    """The event in a body; None where it is not one. What is new to us in it is left out."""
    try:
        content = msgspec.json.decode(body, type=EventBody)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not _ID.fullmatch(content.id) or not _TYPE.fullmatch(content.type):
        return None
    data = content.data or EventData()
    return Event(
        id=content.id,
        digest=hashlib.sha256(body).hexdigest(),
        type=content.type,
        user_id=_id_or_none(data.user_id),
        source=_id_or_none(data.source_id or data.account_id or data.archive_id),
        kinds=_kinds(content.type, data.datapoints or ()),
        added=_added(content.type, data.count),
    )


def _kinds(event_type: str, datapoints: Sequence[str]) -> tuple[Kind, ...]:
    named = {_KINDS[word] for word in datapoints if word in _KINDS}
    if event_type in KIND_OF:
        named.add(KIND_OF[event_type])
    return tuple(sorted(named))


def _added(event_type: str, count: float | None) -> int:
    """How many transactions are new; of other kinds everything is read."""
    if KIND_OF.get(event_type) is not Kind.TRANSACTIONS or count is None:
        return 0
    return int(min(max(count, 0), MOST_ADDED))


def _id_or_none(text: str | None) -> str:
    return text if text is not None and _ID.fullmatch(text) else ""
