"""Sizes of pages, and opaque page tokens bound to the list that they continue (AIP-158)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Annotated, Any, TypeAlias

import msgspec

from decision_service.domain.errors import PageTokenInvalid

_DEFAULT_SIZE = 50
_LARGEST_SIZE = 500

StepNumber: TypeAlias = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]
"""The position in a list of numbered steps."""


def page_size(asked: int) -> int:
    """How many entries a page holds: 50 when not said, never more than 500."""
    # AIP-158: a larger size is served smaller, not refused.
    return min(asked or _DEFAULT_SIZE, _LARGEST_SIZE)


def make_token(of: object, position: object) -> str:
    """What continues the list of a filter or an id after a position; empty where there is none."""
    if position is None:
        return ""
    token = msgspec.msgpack.encode((_fingerprint(of), position))
    return base64.urlsafe_b64encode(token).decode().rstrip("=")


def read_token(of: object, token: str, kind: Any, field: str = "page_token") -> Any:
    """The position of a token, None for the empty one; raises PageTokenInvalid."""
    if not token:
        return None
    try:
        # Padding is left out of tokens, as a URL would escape it.
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        its, position = msgspec.msgpack.decode(raw, type=tuple[bytes, kind])
    except (binascii.Error, ValueError, OverflowError, msgspec.MsgspecError):
        raise _invalid(field, "is not a token of this service") from None
    if rb"\u0000" in msgspec.json.encode(position):
        # It was made up: PostgreSQL takes no NUL to compare with.
        raise _invalid(field, "is not a token of this service")
    # Else a token of one caller's list would show where another's goes on.
    if its != _fingerprint(of):
        raise _invalid(field, "belongs to another list, filter or store")
    return position


def _fingerprint(of: object) -> bytes:
    # 96 bits: enough against chance; a token gives no right that its caller has not.
    return hashlib.sha256(msgspec.msgpack.encode(of)).digest()[:12]


def _invalid(field: str, why: str) -> PageTokenInvalid:
    return PageTokenInvalid.of(field, f"{why}: send the next_{field} of the page before, or none")
