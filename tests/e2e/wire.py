"""HTTP/2 by hand, to do what no client library does: read slowly, reset at once, flood."""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
WINDOW_UPDATE, CONTINUATION = 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
_INITIAL_WINDOW = 4


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as it came."""

    kind: int
    flags: int
    stream: int
    body: bytes


def frame(kind: int, flags: int, stream: int, body: bytes = b"") -> bytes:
    """A frame's bytes."""
    return struct.pack(">I", len(body))[1:] + struct.pack(">BBI", kind, flags, stream) + body


def header_block(headers: Mapping[str, str]) -> bytes:
    """Headers as HPACK literals, neither indexed nor Huffman coded."""
    return b"".join(b"\0" + _text(name) + _text(value) for name, value in headers.items())


def request_headers(path: str, **metadata: str) -> dict[str, str]:
    """The headers of a call of this method."""
    return {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "localhost",
        "content-type": "application/grpc",
        "te": "trailers",
        **metadata,
    }


def _text(text: str) -> bytes:
    raw = text.encode()
    return _length(len(raw)) + raw


def _length(number: int) -> bytes:
    """An HPACK integer with a prefix of seven bits."""
    if number < 127:
        return bytes([number])
    number -= 127
    out = bytearray([127])
    while number >= 128:
        out.append(number % 128 + 128)
        number //= 128
    out.append(number)
    return bytes(out)


class Wire:
    """One connection, its frames in and out."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, *frames: bytes) -> None:
        self._writer.write(b"".join(frames))

    def begin(self, stream: int, path: str, **metadata: str) -> None:
        """Begin a call and send no message."""
        headers = header_block(request_headers(path, **metadata))
        self.send(frame(HEADERS, END_HEADERS, stream, headers))

    def open(self, stream: int, path: str, message: bytes, **metadata: str) -> None:
        """Begin a call and send its one message."""
        self.begin(stream, path, **metadata)
        body = b"\0" + struct.pack(">I", len(message)) + message
        self.send(frame(DATA, END_STREAM, stream, body))

    async def read(self) -> Frame | None:
        """The next frame, acknowledged where it asks for it; None at the end."""
        try:
            head = await self._reader.readexactly(9)
            body = await self._reader.readexactly(int.from_bytes(head[:3]))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        got = Frame(head[3], head[4], int.from_bytes(head[5:9]) & 0x7FFFFFFF, body)
        if got.kind in {SETTINGS, PING} and not got.flags & ACK:
            self.send(frame(got.kind, ACK, 0, body if got.kind == PING else b""))
        return got

    async def until(self, *kinds: int, stream: int | None = None) -> Frame | None:
        """The next frame of these kinds (of this stream); None where the connection ends first."""
        while (got := await self.read()) is not None:
            if got.kind in kinds and stream in (None, got.stream):
                return got
        return None


@asynccontextmanager
async def connected(
    address: str, window: int = 65_535, tls: ssl.SSLContext | None = None, source: str = ""
) -> AsyncIterator[Wire]:
    """A connection that has sent its preface; `window` is what each stream may send unasked.

    It comes from the address `source` where one is named.
    """
    host, _, port = address.rpartition(":")
    local = (source, 0) if source else None
    reader, writer = await asyncio.open_connection(host, int(port), ssl=tls, local_addr=local)
    try:
        settings = struct.pack(">HI", _INITIAL_WINDOW, window)
        writer.write(PREFACE + frame(SETTINGS, 0, 0, settings))
        yield Wire(reader, writer)
    finally:
        if tls is not None:  # no goodbye is waited for, for which the loop may not live long enough
            writer.transport.abort()
        writer.close()
