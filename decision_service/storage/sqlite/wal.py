"""Whether a write-ahead log lost commits in its middle.

SQLite reads its log up to the first frame whose checksum is wrong and forgets the rest, which is
right for a torn last transaction and silent loss for damage further up. With `synchronous=FULL` at
most one transaction can be torn, so two commits from a broken frame on mean damage; damage within
the last two commits cannot always be told from a tear. The format is SQLite's "WAL-mode File
Format".
"""

from __future__ import annotations

import struct

import msgspec

_HEADER = 32
_FRAME_HEADER = 24
_MAGIC = {0x377F0682: "<", 0x377F0683: ">"}
_WORD = 0xFFFFFFFF

Checksum = tuple[int, int]


class _Log(msgspec.Struct, frozen=True):
    """A log's header: the byte order of its checksums, page size, salt and first checksum."""

    order: str
    page: int
    salt: bytes
    seed: Checksum


def is_damaged(log: bytes) -> bool:
    """Whether commits that were made durable lie behind a broken frame."""
    if len(log) < _HEADER + _FRAME_HEADER:
        return False
    header = _header(log)
    if header is None:
        return True
    broken = _first_broken(log, header)
    commits = sum(_is_commit(log, at, header) for at in _frames(log, header) if at >= broken)
    return commits >= 2


def _header(log: bytes) -> _Log | None:
    magic, _, page = struct.unpack_from(">III", log)
    order = _MAGIC.get(magic)
    if order is None or _checksum(order, (0, 0), log[:24]) != struct.unpack_from(">II", log, 24):
        return None
    return _Log(order, page, log[16:24], struct.unpack_from(">II", log, 24))


def _frames(log: bytes, header: _Log) -> range:
    size = _FRAME_HEADER + header.page
    return range(_HEADER, len(log) - size + 1, size)


def _first_broken(log: bytes, header: _Log) -> int:
    running = header.seed
    for at in _frames(log, header):
        body = at + _FRAME_HEADER
        running = _checksum(header.order, running, log[at : at + 8])
        running = _checksum(header.order, running, log[body : body + header.page])
        if not _is_ours(log, at, header) or running != struct.unpack_from(">II", log, at + 16):
            return at
    return len(log)


def _is_ours(log: bytes, at: int, header: _Log) -> bool:
    """Frames of an earlier round of the log carry another salt; they were all checkpointed."""
    return log[at + 8 : at + 16] == header.salt


def _is_commit(log: bytes, at: int, header: _Log) -> bool:
    return _is_ours(log, at, header) and log[at + 4 : at + 8] != b"\0\0\0\0"


def _checksum(order: str, seed: Checksum, data: bytes) -> Checksum:
    first, second = seed
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & _WORD
        second = (second + odd + first) & _WORD
    return first, second
