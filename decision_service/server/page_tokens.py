"""Sizes of pages, and opaque page tokens bound to the filter that they continue (AIP-158)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec

from decision_service.casework.disclosure import ExportPlace
from decision_service.casework.letters import NoticeFilter
from decision_service.casework.outcomes import OutcomePosition
from decision_service.casework.review_steps import ReviewFilter, ReviewPosition
from decision_service.domain.errors import FieldProblem, PageTokenInvalid
from decision_service.domain.ports import Filter, PagePosition
from decision_service.store.dialect import from_microseconds, microseconds

_DEFAULT_SIZE = 50
_LARGEST_SIZE = 500

_Step = tuple[str, Annotated[int, msgspec.Meta(ge=0, lt=2**31)]]

Position = TypeVar("Position")


def page_size(asked: int) -> int:
    """How many entries a page holds: 50 when not said, never more than 500."""
    return min(asked or _DEFAULT_SIZE, _LARGEST_SIZE)


def make_token(chosen: Filter | NoticeFilter, position: PagePosition) -> str:
    return _made(_fingerprint(chosen), microseconds(position.created), position.decision_id)


def read_token(chosen: Filter | NoticeFilter, token: str) -> PagePosition | None:
    return _read_listed(chosen, token, PagePosition)


def make_step_token(of: str, position: int) -> str:
    """The token that continues the steps of a rollout or review."""
    return _made(of, position)


def read_step_token(of: str, token: str) -> int | None:
    return _read(token, _Step, of, "the steps of another", int)


def make_review_token(chosen: ReviewFilter, position: ReviewPosition) -> str:
    return _made(_fingerprint(chosen), microseconds(position.due), position.review_id)


def read_review_token(chosen: ReviewFilter, token: str) -> ReviewPosition | None:
    return _read_listed(chosen, token, ReviewPosition)


def make_outcome_token(decision_id: str, position: OutcomePosition) -> str:
    return _made(_fingerprint(decision_id), position)


def read_outcome_token(decision_id: str, token: str) -> OutcomePosition | None:
    def position(found: OutcomePosition) -> OutcomePosition:
        _storable(found.loan_id)
        return found

    other, form = "the reports on another decision", tuple[bytes, OutcomePosition]
    return _read(token, form, _fingerprint(decision_id), other, position)


def make_export_token(user_id: str, place: ExportPlace) -> str:
    return _made(_fingerprint(user_id), place)


def read_export_token(user_id: str, token: str) -> ExportPlace | None:
    def place(found: ExportPlace) -> ExportPlace:
        _storable(found.id)
        return found

    other, form = "another user's export", tuple[bytes, ExportPlace]
    return _read(token, form, _fingerprint(user_id), other, place)


def _made(of: bytes | str, *position: object) -> str:
    token = msgspec.msgpack.encode((of, *position))
    return base64.urlsafe_b64encode(token).decode().rstrip("=")


def _read(
    token: str, form: Any, of: bytes | str, other: str, position: Callable[..., Position]
) -> Position | None:
    """The position of a token, None for the empty one; raises PageTokenInvalid."""
    if not token:
        return None
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        its, *rest = msgspec.msgpack.decode(raw, type=form)
        found = position(*rest)
    except (binascii.Error, ValueError, OverflowError, msgspec.MsgspecError):
        raise _invalid("is not a token of this service") from None
    if its != of:
        raise _invalid(f"belongs to {other}")
    return found


def _read_listed(
    chosen: object, token: str, position: Callable[[datetime, str], Position]
) -> Position | None:
    def placed(at: int, record_id: str) -> Position:
        return position(from_microseconds(at), _storable(record_id))

    other = "a listing with another filter"
    return _read(token, tuple[bytes, int, str], _fingerprint(chosen), other, placed)


def _storable(text: str) -> str:
    """The text of a token that was not made up; PostgreSQL takes no NUL to compare with."""
    if "\0" in text:
        raise ValueError
    return text


def _fingerprint(chosen: object) -> bytes:
    return hashlib.sha256(msgspec.msgpack.encode(chosen)).digest()[:12]


def _invalid(why: str) -> PageTokenInvalid:
    description = f"page_token {why}: send the next_page_token of the page before, or none"
    return PageTokenInvalid(description, (FieldProblem("page_token", description),))
