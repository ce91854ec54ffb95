"""Events of the vendor's with something wrong about their signature."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from random import Random

from decision_service.smile.events import signature

_HEX = "0123456789abcdef"


def forgeries(
    body: bytes, secrets: tuple[bytes, ...], dice: Random
) -> Iterator[tuple[bytes, bytes]]:
    """Endless pairs of header and body, none of them the vendor's: by form first, then by dice."""
    good = signature(body, secrets[0])
    yield from (
        (header.encode("latin-1"), body)
        for header in (
            "", good[:-1], good[:64], good + "0", good.upper(), f"sha512={good}", good[::-1],
            "é" * 128, "0" * 128, hashlib.sha512(body).hexdigest(), signature(body, b""),
            signature(b"", secrets[0]), secrets[0].decode(),
        )
    )  # fmt: skip
    yield good.encode(), json.dumps(json.loads(body), indent=1).encode()
    yield good.encode(), body + b"\n"
    while True:
        yield _by_dice(body, signature(body, dice.choice(secrets)), dice)


def _by_dice(body: bytes, good: str, dice: Random) -> tuple[bytes, bytes]:
    """One digit of the signature or one bit of the body is another."""
    if dice.random() < 0.5:
        place = dice.randrange(len(good))
        digit = dice.choice(_HEX.replace(good[place], ""))
        return (good[:place] + digit + good[place + 1 :]).encode(), body
    changed = bytearray(body)
    changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return good.encode(), bytes(changed)
