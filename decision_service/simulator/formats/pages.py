"""Pages of a list and the opaque cursors between them.

A cursor carries its list's name and filters, as the vendor says: "uses the filter values of the
previous page". Filters given beside a cursor are therefore not read.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from decision_service.simulator.formats.replies import VendorError

DEFAULT_SIZE, LARGEST_SIZE = 10, 150
Filters = dict[str, str]


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list: the list's name, its filters, how many items come before."""

    listing: str
    filters: Filters
    offset: int = 0

    def text(self) -> str:
        """Return the cursor as the caller sees it."""
        content = json.dumps([self.listing, self.filters, self.offset])
        return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def read_cursor(text: str, listing: str) -> Cursor:
    """Return the place a cursor names; raises VendorError 400 for one not given for this list."""
    found = _decoded(text)
    if found is None:
        raise VendorError(400, "cursor is not one that this API has given")
    if found.listing != listing:
        raise VendorError(400, f"cursor was given for {found.listing}, not for {listing}")
    return found


def filters_in(cursor: str | None) -> Filters:
    """Return the filters a cursor carries, none where it is no cursor."""
    found = _decoded(cursor) if cursor else None
    return found.filters if found else {}


def _decoded(text: str) -> Cursor | None:
    try:
        content = base64.urlsafe_b64decode(text.partition(".")[0] + "===")
        name, filters, offset = json.loads(content)
    except (binascii.Error, ValueError, TypeError):
        return None
    legal = isinstance(filters, dict) and isinstance(offset, int) and offset >= 0
    return Cursor(name, filters, offset) if legal else None


def salted(cursor: str, salt: str) -> str:
    """Return a cursor that names the same place and reads differently."""
    return f"{cursor}.{salt}"


def size_of(query: Mapping[str, str]) -> int:
    """Return the page size asked for, 1 to 150; raises VendorError 400."""
    text = query.get("size", str(DEFAULT_SIZE))
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= LARGEST_SIZE:
        raise VendorError(400, f"size must be a whole number from 1 to {LARGEST_SIZE}")
    return int(text)


def page(items: Iterable[Any], cursor: Cursor, size: int) -> dict[str, Any]:
    """Return a list answer's `data`; on the last page `nextCursor`, never null, is left out."""
    found = list(islice(items, cursor.offset, cursor.offset + size + 1))
    if len(found) <= size:
        return {"items": found}
    following = Cursor(cursor.listing, cursor.filters, cursor.offset + size)
    return {"nextCursor": following.text(), "items": found[:size]}
