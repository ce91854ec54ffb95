"""Providers of data by names that applicants know."""

from __future__ import annotations

_COUNTRY = 2
"""Letters of a country at the end of an id, as in `sss_ph`."""


def provider_name(provider_id: str, name: str) -> str:
    """The vendor's name of a provider; without one the id in words, its country in brackets."""
    if name:
        return name
    words = provider_id.replace("-", "_").split("_")
    country = f" ({words.pop().upper()})" if len(words) > 1 and len(words[-1]) == _COUNTRY else ""
    text = " ".join(filter(None, words))
    return f"{text[:1].upper()}{text[1:]}{country}"
