"""The languages that a client reads, best first, and the best of those that there are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", re.ASCII)
_MOST_LANGUAGES = 8


def parse_languages(header: str) -> tuple[str, ...]:
    """The languages of an accept-language header (RFC 9110), best first; others are ignored."""
    if not header:
        return ()
    weighted: list[tuple[float, int, str]] = []
    for place, part in enumerate(header[:200].split(",")[:_MOST_LANGUAGES]):
        tag, _, parameters = part.strip().partition(";")
        weight = _weight(parameters)
        if _LANGUAGE.fullmatch(tag.strip()) and weight > 0:
            weighted.append((-weight, place, tag.strip()))
    return tuple(tag for _, _, tag in sorted(weighted))


def best_language(header: str, known: Sequence[str], aliases: Mapping[str, str]) -> str:
    """The first of an accept-language header's that is known (`fil-PH` finds `fil`).

    `aliases` are other names of known ones. The first known one where there is none.
    """
    for tag in parse_languages(header):
        primary = tag.partition("-")[0].lower()
        language = aliases.get(primary, primary)
        if language in known:
            return language
    return known[0]


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
