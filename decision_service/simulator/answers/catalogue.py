"""The providers' list, with the filters it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from decision_service.simulator.formats.pages import Cursor, page, read_cursor, size_of
from decision_service.simulator.formats.providers import PROVIDERS
from decision_service.simulator.formats.replies import Reply, VendorError, ok

_EXACT = ("type", "subType")
_FLAGS = ("active", "enabled", "accountConnection")
_FILTERS = (*_EXACT, *_FLAGS, "name", "ids", "topIds")
_MOST_TOP_IDS = 10


def list_providers(query: Mapping[str, str]) -> Reply:
    """Return the page of providers a query asks for; raises VendorError 400."""
    size = size_of(query)
    if query.get("cursor"):
        cursor = read_cursor(query["cursor"], "providers")
    else:
        cursor = Cursor("providers", {name: query[name] for name in _FILTERS if query.get(name)})
        _check(cursor.filters)
    found = _ordered(cursor.filters)
    reply = ok(page(found, cursor, size))
    reply.whole, reply.restart = found, Cursor("providers", cursor.filters).text()
    return reply


def one_provider(provider_id: str) -> Reply:
    """Return a provider by its id; raises VendorError 404."""
    if provider_id not in PROVIDERS:
        raise VendorError(404, "There is no such provider")
    return ok(PROVIDERS[provider_id])


def _check(filters: Mapping[str, str]) -> None:
    for name in _FLAGS:
        if filters.get(name, "true") not in ("true", "false"):
            raise VendorError(400, f"{name} must be true or false")
    if len(filters.get("topIds", "").split(",")) > _MOST_TOP_IDS:
        raise VendorError(400, f"topIds may name at most {_MOST_TOP_IDS} providers")


def _ordered(filters: Mapping[str, str]) -> list[dict[str, Any]]:
    top = filters.get("topIds", "").split(",")
    found = [provider for provider in PROVIDERS.values() if _fits(provider, filters)]
    return sorted(found, key=lambda one: top.index(one["id"]) if one["id"] in top else len(top))


def _fits(provider: Mapping[str, Any], filters: Mapping[str, str]) -> bool:
    exact = all(provider[name] == filters[name] for name in _EXACT if name in filters)
    flags = all(provider[name] == (filters[name] == "true") for name in _FLAGS if name in filters)
    named = filters.get("name", "").lower() in provider["name"].lower()
    listed = "ids" not in filters or provider["id"] in filters["ids"].split(",")
    return exact and flags and named and listed
