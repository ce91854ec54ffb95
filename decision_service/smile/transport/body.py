"""The body of an answer: bounded while it arrives, and checked before it is parsed."""

from __future__ import annotations

import re
import zlib

import httpx2

from decision_service.domain.missing import Cause, DataReason
from decision_service.smile.errors import TransientFault, UpstreamFault

# Matches every string literal, an unclosed last one included, so that the scan stays linear.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_TO_SQUARE = bytes.maketrans(b"{}", b"[]")


def check_media_type(headers: httpx2.Headers) -> None:
    """Only `application/json` in UTF-8, plain or gzipped; raises an UpstreamFault otherwise."""
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    if media_type.strip().lower() != "application/json":
        raise bad_body("content type")
    charset = parameters.lower().replace('"', "").replace(" ", "")
    if "charset=" in charset and "charset=utf-8" not in charset:
        raise bad_body("charset")
    if headers.get("content-encoding", "identity").lower() not in {"identity", "gzip"}:
        raise bad_body("content encoding")


def bad_body(detail: str) -> UpstreamFault:
    """The answer is not the vendor's: a login or maintenance page, a redirect, another format."""
    return UpstreamFault(Cause.SOURCE_FAILED, DataReason.UPSTREAM_BAD_BODY, detail)


async def read_body(response: httpx2.Response, most: int) -> bytes:
    """The decoded bytes, at most `most`; raises an UpstreamFault.

    A body that is cut off is a TransientFault, one that is too large a lasting fault.
    httpx2 decompresses each chunk whole, and 64 KB of gzip can become 64 MB; therefore the raw
    bytes are taken and decompressed with a bound.
    """
    gzipped = response.headers.get("content-encoding", "identity").lower() == "gzip"
    taken = _Gunzip(most) if gzipped else _Plain(most)
    try:
        async for chunk in response.aiter_raw():
            taken.add(chunk)
    except (httpx2.NetworkError, httpx2.ProtocolError):
        raise TransientFault(DataReason.UPSTREAM_TRUNCATED) from None
    except zlib.error:
        raise TransientFault(DataReason.UPSTREAM_BAD_BODY, "gzip") from None
    return taken.whole()


def check_depth(body: bytes, deepest: int) -> None:
    """Raise an UpstreamFault when the JSON is nested deeper than `deepest`.

    Every pass removes the innermost brackets: brackets that are left after `deepest` passes are too
    deep, or are not balanced. The parser reports unbalanced brackets.
    """
    if len(body) < 2 * deepest:
        return
    shape = _STRING.sub(b"", body).translate(None, _NOT_BRACKETS).translate(_TO_SQUARE)
    for _ in range(deepest):
        if not shape:
            return
        shape = shape.replace(b"[]", b"")
    if shape.count(b"[") > deepest or b"[]" in shape:
        raise too_large("depth")


def too_large(detail: str) -> UpstreamFault:
    """More than may be held in memory or spent on one applicant."""
    return UpstreamFault(Cause.SOURCE_FAILED, DataReason.DATA_TOO_LARGE, detail)


class _Plain:
    def __init__(self, most: int) -> None:
        self._most = most
        self._parts = bytearray()

    def add(self, chunk: bytes) -> None:
        if len(self._parts) + len(chunk) > self._most:
            raise too_large("bytes")
        self._parts += chunk

    def whole(self) -> bytes:
        return bytes(self._parts)


class _Gunzip(_Plain):
    def __init__(self, most: int) -> None:
        super().__init__(most)
        self._gunzip = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def add(self, chunk: bytes) -> None:
        room = self._most - len(self._parts)
        super().add(self._gunzip.decompress(chunk, room + 1))

    def whole(self) -> bytes:
        if not self._gunzip.eof:
            raise TransientFault(DataReason.UPSTREAM_TRUNCATED)
        return super().whole()
