"""The vendor's lists of one user; every item is checked to belong to the user."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from decision_service.domain.errors import UserUnknown
from decision_service.domain.kinds import Kind
from decision_service.domain.snapshot import Account, Task
from decision_service.smile.client import SmileApi
from decision_service.smile.errors import ConflictingItems, Gone, UpstreamFault
from decision_service.smile.mapping.answers import (
    AccountAnswer,
    Item,
    PageAnswer,
    TaskAnswer,
)
from decision_service.smile.mapping.fields import needed
from decision_service.smile.mapping.listings import (
    ACCOUNTS,
    LISTINGS,
    TASKS,
    USER,
    WITH_PEOPLE,
)
from decision_service.smile.mapping.origins import check_owner, check_owners
from decision_service.smile.mapping.pages import DistinctItems, read_list
from decision_service.smile.mapping.records import account, task
from decision_service.smile.reading.kind_read import KindRead, from_day, from_items
from decision_service.smile.transport.budget import RequestBudget
from decision_service.smile.transport.http import Request

Thing = TypeVar("Thing", bound=Item)


class CollectedTask(msgspec.Struct, frozen=True):
    """A task and the vendor's words for the kinds that the task has collected."""

    task: Task
    datapoints: tuple[str, ...] = ()


class ApplicantReader:
    """Reads lists of one user within a budget; methods raise an UpstreamFault or CrossTenant.

    `on_more` is called with each kind whose list has a second page; names and contacts are read
    only where `people` says so.
    """

    def __init__(
        self,
        api: SmileApi,
        user_id: str,
        budget: RequestBudget,
        on_more: Callable[[Kind], None] = lambda _: None,
        *,
        people: bool = False,
    ) -> None:
        self.budget = budget
        self._listings = WITH_PEOPLE if people else LISTINGS
        self._api = api
        self._user_id = user_id
        self._on_more = on_more

    async def accounts(self) -> tuple[Account, ...]:
        """Every account of the user."""
        listed = await read_list(
            self._account_page,
            self._request("/accounts"),
            self._api.limits,
            name="accounts",
            on_more=lambda: self._on_more(Kind.ACCOUNTS),
        )
        return tuple(account(item) for item in listed.items)

    async def listed_statuses(self) -> tuple[Mapping[str, str | None], UpstreamFault | None]:
        """The accounts' statuses by id, as far as they are listed, and what ended the list early.

        Raises an UpstreamFault only where nothing was listed.
        """
        found: dict[str, str | None] = {}

        async def page(request: Request) -> PageAnswer[AccountAnswer]:
            listed = await self._account_page(request)
            found.update((one.id, one.connection_status) for one in listed.items or () if one.id)
            return listed

        try:
            await read_list(page, self._request("/accounts"), self._api.limits, name="accounts")
        except UpstreamFault as fault:
            if found:
                return found, fault
            raise
        return found, None

    async def check_known(self) -> None:
        """Raise UserUnknown when the vendor does not know the user, or has erased it."""
        request = Request(f"/users/{quote(self._user_id, safe='')}")
        try:
            user = await self._api.get(request, USER, self.budget)
        except Gone:
            raise UserUnknown(
                "Smile knows no user with the user_id of this request, or has erased it; "
                "send the id of a user that is linked"
            ) from None
        check_owner(user.id, self._user_id, "users")

    async def tasks(self) -> tuple[CollectedTask, ...]:
        """Every collection of data of the user."""
        listed = await self._list(self._request("/tasks"), TASKS, "tasks")
        return tuple(
            CollectedTask(task(item, self._source(item)), tuple(item.datapoints or ()))
            for item in listed.items
        )

    async def kind(self, kind: Kind, *, first_day: date | None = None) -> KindRead:
        """One kind whole, from `first_day` on; read once more where its items conflict."""

        async def read() -> KindRead:
            listing = self._listings[kind]
            request = self._request(listing.path, first_day, optional=listing.optional)
            listed: DistinctItems[Any] = await self._list(request, listing.decode, kind.value, kind)
            part = await from_items(kind, listing, listed.items, duplicates=listed.duplicates)
            return from_day(part, first_day)

        try:
            return await read()
        except ConflictingItems:
            return await read()

    def _request(
        self,
        path: str,
        first_day: date | None = None,
        *,
        optional: bool = False,
    ) -> Request:
        params = {"userId": self._user_id, "size": str(self._api.limits.page_size)}
        if first_day is not None:
            params["startDate"] = first_day.isoformat()
        return Request(path, params, optional)

    async def _list(
        self,
        request: Request,
        decode: Callable[[bytes], PageAnswer[Thing]],
        name: str,
        kind: Kind | None = None,
    ) -> DistinctItems[Thing]:
        async def page(request: Request) -> PageAnswer[Thing]:
            found = await self._api.get(request, decode, self.budget)
            check_owners(found.items or (), self._user_id, name)
            return found

        def on_more() -> None:
            if kind is not None:
                self._on_more(kind)

        return await read_list(page, request, self._api.limits, name=name, on_more=on_more)

    async def _account_page(self, request: Request) -> PageAnswer[AccountAnswer]:
        page = await self._api.get(request, ACCOUNTS, self.budget)
        for item in page.items or ():
            check_owner(item.user_id, self._user_id, "accounts")
        return page

    def _source(self, task: TaskAnswer) -> str:
        about = needed(task.metadata, "tasks.metadata")
        return needed(about.source_id or about.account_id, "tasks.metadata.sourceId")
