"""Sizes of pages, and opaque page tokens bound to the filter that they continue (AIP-158)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from decision_service.casework.disclosure import ExportPlace
from decision_service.casework.letters import NoticeFilter
from decision_service.casework.outcomes import OutcomePosition
from decision_service.casework.review_steps import ReviewFilter, ReviewPosition
from decision_service.domain.errors import FieldProblem, PageTokenInvalid
from decision_service.domain.ports import Filter, PagePosition

_DEFAULT_SIZE = 50
_LARGEST_SIZE = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


_Position = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]


class _Token(msgspec.Struct, frozen=True, array_like=True):
    filter: bytes
    created: int
    decision_id: str


def page_size(asked: int) -> int:
    """How many entries a page holds: 50 when not said, never more than 500."""
    return min(asked or _DEFAULT_SIZE, _LARGEST_SIZE)


def make_token(chosen: Filter | NoticeFilter, position: PagePosition) -> str:
    created = (position.created - _EPOCH) // _MICROSECOND
    token = _Token(_fingerprint(chosen), created, position.decision_id)
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(token)).decode().rstrip("=")


def read_token(chosen: Filter | NoticeFilter, token: str) -> PagePosition | None:
    return _read(chosen, token)


def _read(chosen: Filter | NoticeFilter | ReviewFilter, token: str) -> PagePosition | None:
    if not token:
        return None
    try:
        read = msgspec.msgpack.decode(_raw(token), type=_Token)
        position = PagePosition(_EPOCH + read.created * _MICROSECOND, _storable(read.decision_id))
    except (binascii.Error, ValueError, OverflowError, msgspec.MsgspecError):
        raise _invalid("is not a token of this service") from None
    if read.filter != _fingerprint(chosen):
        raise _invalid("belongs to a listing with another filter")
    return position


def make_step_token(of: str, position: int) -> str:
    token = msgspec.msgpack.encode((of, position))
    return base64.urlsafe_b64encode(token).decode().rstrip("=")


def read_step_token(of: str, token: str) -> int | None:
    if not token:
        return None
    try:
        its, position = msgspec.msgpack.decode(_raw(token), type=tuple[str, _Position])
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise _invalid("is not a token of this service") from None
    if its != of:
        raise _invalid("belongs to the steps of another")
    return position


def make_review_token(chosen: ReviewFilter, position: ReviewPosition) -> str:
    due = (position.due - _EPOCH) // _MICROSECOND
    token = _Token(_fingerprint(chosen), due, position.review_id)
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(token)).decode().rstrip("=")


def read_review_token(chosen: ReviewFilter, token: str) -> ReviewPosition | None:
    found = _read(chosen, token)
    return None if found is None else ReviewPosition(found.created, found.decision_id)


def make_outcome_token(decision_id: str, position: OutcomePosition) -> str:
    token = msgspec.msgpack.encode((_fingerprint(decision_id), position))
    return base64.urlsafe_b64encode(token).decode().rstrip("=")


def read_outcome_token(decision_id: str, token: str) -> OutcomePosition | None:
    if not token:
        return None
    try:
        of, position = msgspec.msgpack.decode(_raw(token), type=tuple[bytes, OutcomePosition])
        _storable(position.loan_id)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise _invalid("is not a token of this service") from None
    if of != _fingerprint(decision_id):
        raise _invalid("belongs to the reports on another decision")
    return position


def make_export_token(user_id: str, place: ExportPlace) -> str:
    token = msgspec.msgpack.encode((_fingerprint(user_id), place))
    return base64.urlsafe_b64encode(token).decode().rstrip("=")


def read_export_token(user_id: str, token: str) -> ExportPlace | None:
    if not token:
        return None
    try:
        of, place = msgspec.msgpack.decode(_raw(token), type=tuple[bytes, ExportPlace])
        _storable(place.id)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise _invalid("is not a token of this service") from None
    if of != _fingerprint(user_id):
        raise _invalid("belongs to another user's export")
    return place


def _raw(token: str) -> bytes:
    return base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)


def _storable(text: str) -> str:
    """The text of a token that was not made up; PostgreSQL takes no NUL to compare with."""
    if "\0" in text:
        raise ValueError
    return text


def _fingerprint(chosen: Filter | NoticeFilter | ReviewFilter | str) -> bytes:
    return hashlib.sha256(msgspec.msgpack.encode(chosen)).digest()[:12]


def _invalid(why: str) -> PageTokenInvalid:
    description = f"page_token {why}: send the next_page_token of the page before, or none"
    return PageTokenInvalid(description, (FieldProblem("page_token", description),))
