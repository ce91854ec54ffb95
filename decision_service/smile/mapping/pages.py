"""A whole list, page after page, or nothing: a prefix is never taken for the list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import msgspec

from decision_service.domain.missing import Cause, DataReason
from decision_service.smile.errors import ConflictingItems, UpstreamFault, bad_data
from decision_service.smile.limits import SmileLimits
from decision_service.smile.mapping.answers import IdentifiedAnswer, PageAnswer
from decision_service.smile.transport.body import too_large
from decision_service.smile.transport.http import Request

Thing = TypeVar("Thing", bound=IdentifiedAnswer)


class DistinctItems(msgspec.Struct, Generic[Thing], frozen=True):
    """The distinct items in the vendor's order; `duplicates` counts equal ones dropped."""

    items: tuple[Thing, ...]
    duplicates: int = 0


async def read_list(
    get: Callable[[Request], Awaitable[PageAnswer[Thing]]],
    request: Request,
    limits: SmileLimits,
    *,
    name: str,
    on_more: Callable[[], None] = lambda: None,
) -> DistinctItems[Thing]:
    """Every page of a list; `on_more` is called for each page after the first.

    Raises an UpstreamFault: PAGINATION_LOOP for a cursor that came before or for pages without end,
    DATA_TOO_LARGE above `limits.items`, Contradiction for two contents under one id.
    """
    collector: _PageCollector[Thing] = _PageCollector(name, limits)
    page = await get(request)
    while cursor := collector.add(page):
        on_more()
        page = await get(request.at(cursor))
    return collector.listed()


class _PageCollector(Generic[Thing]):
    def __init__(self, name: str, limits: SmileLimits) -> None:
        self._name = name
        self._limits = limits
        self._by_id: dict[str, Thing] = {}
        self._duplicates = 0
        self._cursors: set[str] = set()

    def add(self, page: PageAnswer[Thing]) -> str | None:
        """Take a page in; the cursor of the next one, None after the last."""
        for item in page.items or ():
            self._take(item)
        if len(self._by_id) > self._limits.items:
            raise too_large(f"{self._name}: over {self._limits.items} items")
        if not page.next_cursor:
            return None
        self._check_cursor(page.next_cursor)
        return page.next_cursor

    def listed(self) -> DistinctItems[Thing]:
        return DistinctItems(tuple(self._by_id.values()), self._duplicates)

    def _take(self, item: Thing) -> None:
        if not item.id:
            raise bad_data(DataReason.UPSTREAM_SCHEMA, f"{self._name}.id")
        known = self._by_id.setdefault(item.id, item)
        if known is item:
            return
        if known != item:
            raise ConflictingItems
        self._duplicates += 1

    def _check_cursor(self, cursor: str) -> None:
        """A list of over `pages` pages is honest only while every page brings a page's worth."""
        pages = len(self._cursors) + 1
        endless = pages >= self._limits.pages and len(self._by_id) < pages * self._limits.page_size
        if cursor in self._cursors or endless:
            detail = f"{self._name}: page {pages}"
            raise UpstreamFault(Cause.SOURCE_FAILED, DataReason.PAGINATION_LOOP, detail)
        self._cursors.add(cursor)
