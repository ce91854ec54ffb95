"""Ids in the vendor's forms, and pseudo-random numbers from seeds.

An object's id begins with sixteen of its owner's digits: the owner is found without a search.
"""

from __future__ import annotations

import random
import re
from hashlib import blake2b

_FORM = re.compile(r"[A-Za-z]+-([0-9a-f]{16})[0-9a-f]{16}")


def digits(*parts: object, length: int = 32) -> str:
    """Return hexadecimal digits that depend on the parts alone."""
    text = "\x1f".join(map(str, parts)).encode()
    return blake2b(text, digest_size=length // 2).hexdigest()


def user_id(*parts: object) -> str:
    """Return a user's id: `tenantId-` and 32 digits."""
    return f"tenantId-{digits('user', *parts)}"


def created_user_id(*parts: object) -> str:
    """Return the id of a user that a call creates: its last digits follow from the others."""
    first = digits("created", *parts, length=16)
    return f"tenantId-{first}{digits('created user', first, length=16)}"


def is_created(any_id: str) -> bool:
    """Whether an id is of the form of `created_user_id`."""
    first = owner_digits(any_id)
    return any_id == f"tenantId-{first}{digits('created user', first, length=16)}"


def object_id(prefix: str, owner: str, *parts: object) -> str:
    """Return the id of something that belongs to the user `owner`."""
    return f"{prefix}-{owner_digits(owner)}{digits(prefix, owner, *parts, length=16)}"


def owner_digits(any_id: str) -> str | None:
    """Return the digits that name the owner in an id of the vendor's form, else None."""
    match = _FORM.fullmatch(any_id)
    return match.group(1) if match else None


def seeded_random(*parts: object) -> random.Random:
    """Return a generator that depends on the parts alone."""
    return random.Random(digits("dice", *parts))  # noqa: S311 - made-up data, nothing secret


def noise(*parts: object) -> float:
    """Return a number from -1 to 1 that depends on the parts alone."""
    return int(digits("wobble", *parts, length=8), 16) / 0x7FFFFFFF - 1.0
