"""From the bytes of an answer to its typed form; bytes of another form are an UpstreamFault."""

from __future__ import annotations

import json
import re
from typing import Generic, TypeVar

import msgspec

from decision_service.domain.missing import DataReason
from decision_service.smile.errors import TransientFault, UpstreamFault, bad_data
from decision_service.smile.limits import JSON_DEPTH
from decision_service.smile.mapping.answers import Envelope, PageAnswer
from decision_service.smile.transport.body import check_depth

Data = TypeVar("Data")

_PATH = re.compile(r"`\$([^`]*)`\s*$")
_INDEX = re.compile(r"\[[^\]]*\]")


class OneDecoder(Generic[Data]):
    """Reads an envelope around one object of a type; `name` heads the field paths of faults."""

    def __init__(self, data: type[Data], name: str) -> None:
        self._envelope: msgspec.json.Decoder[Envelope[Data]] = msgspec.json.Decoder(
            Envelope[data]  # type: ignore[valid-type]  # a type that is known at run time
        )
        self._name = name

    def __call__(self, body: bytes) -> Data:
        """The data; raises an UpstreamFault, a TransientFault where the body is not JSON."""
        return _data_of(_typed(self._envelope, body, self._name), self._name)


class BareDecoder:
    """Reads an envelope without data: the answer to a request that changes something."""

    def __init__(self, name: str) -> None:
        self._envelope = msgspec.json.Decoder(Envelope[object])
        self._name = name

    def __call__(self, body: bytes) -> None:
        """Raises as `OneDecoder` does."""
        if _typed(self._envelope, body, self._name).code != "OK":
            raise bad_data(DataReason.UPSTREAM_SCHEMA, f"{self._name}.code")


class PageDecoder(Generic[Data]):
    """Reads a page of items in its envelope, or a bare array as one last page."""

    def __init__(self, item: type[Data], name: str) -> None:
        page: type[PageAnswer[Data]] = PageAnswer[item]  # type: ignore[valid-type]  # as above
        self._one = OneDecoder(page, name)
        self._bare: msgspec.json.Decoder[list[Data]] = msgspec.json.Decoder(
            list[item]  # type: ignore[valid-type]  # as above
        )
        self._name = name

    def __call__(self, body: bytes) -> PageAnswer[Data]:
        """The page, its items never None; raises as `OneDecoder` does."""
        if body.lstrip(b" \t\r\n")[:1] == b"[":
            return PageAnswer(_typed(self._bare, body, self._name))
        page = self._one(body)
        if page.items is None:
            raise bad_data(DataReason.UPSTREAM_SCHEMA, f"{self._name}.items")
        return page


def _data_of(envelope: Envelope[Data], name: str) -> Data:
    if envelope.code != "OK":
        raise bad_data(DataReason.UPSTREAM_SCHEMA, f"{name}.code")
    if envelope.data is None:
        raise bad_data(DataReason.UPSTREAM_SCHEMA, f"{name}.data")
    return envelope.data


def _typed(decoder: msgspec.json.Decoder[Data], body: bytes, name: str) -> Data:
    check_depth(body, JSON_DEPTH)
    try:
        # The decoder does not check the encoding of skipped fields, and a cut may lie in one.
        body.decode()
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise bad_data(DataReason.UPSTREAM_SCHEMA, _path(str(error), name)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _unreadable(body, name) from None


def _path(message: str, name: str) -> str:
    found = _PATH.search(message)
    inner = _INDEX.sub("", found.group(1)) if found else ""
    return name + inner.removeprefix(".data").removeprefix(".items")


def _unreadable(body: bytes, name: str) -> UpstreamFault:
    """NaN and Infinity are not JSON, but a vendor that writes them has no truncated body."""
    constants: list[str] = []
    try:
        json.loads(body, parse_constant=constants.append, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        constants.clear()
    if constants:
        return bad_data(DataReason.BAD_AMOUNT, name)
    return TransientFault(DataReason.UPSTREAM_BAD_BODY)
