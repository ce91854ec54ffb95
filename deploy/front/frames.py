"""Floods of frames: what a client without a token can send over and over on one connection."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from itertools import repeat

from tests.e2e.wire import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    HEADERS,
    PING,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
    header_block,
    request_headers,
)

CANCELLED = struct.pack(">I", 8)
CHUNK = 1_000
"""Frames that are sent at once."""

Frames = Callable[[str], Iterator[bytes]]
"""The chunks of a flood that calls this method."""


def settings(method: str) -> Iterator[bytes]:
    """Settings, each of which the server must acknowledge."""
    del method
    return repeat(frame(SETTINGS, 0, 0) * CHUNK)


def pings(method: str) -> Iterator[bytes]:
    """Pings, each of which the server must answer."""
    del method
    return repeat(frame(PING, 0, 0, bytes(8)) * CHUNK)


def window_updates(method: str) -> Iterator[bytes]:
    """A window that grows by a byte at a time."""
    del method
    return repeat(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)) * CHUNK)


def continuations(method: str) -> Iterator[bytes]:
    """Headers of one call that never end."""
    yield frame(HEADERS, 0, 1, header_block(request_headers(method)))
    more = header_block({"x-more": "x" * 100})
    yield from repeat(frame(CONTINUATION, 0, 1, more) * CHUNK)


def empty_continuations(method: str) -> Iterator[bytes]:
    """Headers of one call that never end, by frames that hold nothing."""
    yield frame(HEADERS, 0, 1, header_block(request_headers(method)))
    yield from repeat(frame(CONTINUATION, 0, 1) * CHUNK)


def empty_data(method: str) -> Iterator[bytes]:
    """A call whose message never begins, by frames that hold nothing."""
    yield frame(HEADERS, END_HEADERS, 1, header_block(request_headers(method)))
    yield from repeat(frame(DATA, 0, 1) * CHUNK)


def resets(method: str) -> Iterator[bytes]:
    """Calls that are begun and taken back at once."""
    block = header_block(request_headers(method))
    for first in range(1, 1 << 30, 20):
        yield b"".join(
            frame(HEADERS, END_HEADERS, stream, block) + frame(RST_STREAM, 0, stream, CANCELLED)
            for stream in range(first, first + 20, 2)
        )


FLOODS: dict[str, Frames] = {
    "settings": settings,
    "continuations": continuations,
    "empty continuations": empty_continuations,
    "pings": pings,
    "resets": resets,
    "window updates": window_updates,
    "empty data": empty_data,
}
