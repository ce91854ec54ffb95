"""What a call brings besides its message: deadline, caller, languages, request id."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc

DEFAULT_DEADLINE = 10.0
"""Seconds granted to a caller who names no deadline."""

LONGEST_DEADLINE = 3600.0
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", re.ASCII)
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)
_MOST_LANGUAGES = 8

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


@dataclass(frozen=True, slots=True)
class CallInfo:
    """`seconds` is what is left of the deadline; `languages` are best first."""

    seconds: float
    caller: str
    languages: tuple[str, ...]
    request_id: str


def call_info(context: Context) -> CallInfo:
    """Read what a call brings; malformed metadata counts as absent."""
    remaining = context.time_remaining()
    metadata = _metadata(context)
    request_id = metadata.get("x-request-id", "")
    return CallInfo(
        seconds=DEFAULT_DEADLINE if remaining is None else min(remaining, LONGEST_DEADLINE),
        caller="anonymous",
        languages=parse_languages(metadata.get("accept-language", "")),
        request_id=request_id if _REQUEST_ID.fullmatch(request_id) else "",
    )


def parse_languages(header: str) -> tuple[str, ...]:
    """The languages of an accept-language header (RFC 9110), best first; others are ignored."""
    weighted: list[tuple[float, int, str]] = []
    for place, part in enumerate(header[:200].split(",")[:_MOST_LANGUAGES]):
        tag, _, parameters = part.strip().partition(";")
        weight = _weight(parameters)
        if _LANGUAGE.fullmatch(tag.strip()) and weight > 0:
            weighted.append((-weight, place, tag.strip()))
    return tuple(tag for _, _, tag in sorted(weighted))


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def _metadata(context: Context) -> dict[str, str]:
    pairs = context.invocation_metadata() or ()
    return {key: value for key, value in pairs if isinstance(value, str)}
