"""The owner and the source of an item."""

from __future__ import annotations

from collections.abc import Iterable

from decision_service.domain.errors import CrossTenant
from decision_service.domain.kinds import Kind
from decision_service.domain.snapshot import Source
from decision_service.smile.mapping.answers import Item, Metadata
from decision_service.smile.mapping.fields import instant_or_none, needed

ACCOUNT = "ACCOUNT"


def check_owner(owner: str | None, user_id: str, path: str) -> None:
    """Raise CrossTenant when data belongs to another user than the one asked for.

    Data without an owner is a change of the vendor's schema: the owner is unknown.
    """
    if needed(owner, f"{path}.userId") != user_id:
        raise CrossTenant("Smile answered with data of another user; nothing of it was used")


def check_owners(items: Iterable[Item], user_id: str, name: str) -> None:
    """Check every item of a page as soon as it arrives."""
    for item in items:
        about = needed(item.metadata, f"{name}.metadata")
        check_owner(about.user_id, user_id, f"{name}.metadata")


def origin(about: Metadata | None, kind: Kind) -> Source:
    """The source of a list's item; raises an UpstreamFault where the item does not name it.

    An archive, upload or social security record is dated by its items, so that their `createdAt`
    must be a date; the `createdAt` of an account (`type` ACCOUNT) is not read.
    """
    about = needed(about, f"{kind}.metadata")
    source = needed(about.source_id or about.account_id, f"{kind}.metadata.sourceId")
    if (about.source_type or ACCOUNT) == ACCOUNT:
        return Source(source, ACCOUNT, about.provider_id or "")
    created_at = instant_or_none(about.created_at, f"{kind}.metadata.createdAt")
    return Source(source, about.source_type or "", about.provider_id or "", created_at)


def merged(origins: Iterable[Source]) -> tuple[Source, ...]:
    """The sources that are not accounts, each once, with the newest `createdAt` of its items."""
    found: dict[str, Source] = {}
    for one in origins:
        if one.type != ACCOUNT:
            found[one.id] = _newer(found.get(one.id, one), one)
    return tuple(found[key] for key in sorted(found))


def _newer(known: Source, other: Source) -> Source:
    if known.newest_created_at is None or other.newest_created_at is None:
        return known if other.newest_created_at is None else other
    return other if other.newest_created_at > known.newest_created_at else known
