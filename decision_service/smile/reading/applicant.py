"""What the vendor holds of one user, list by list; every item is checked to be the user's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from decision_service.domain.errors import UserUnknown
from decision_service.domain.kinds import Kind
from decision_service.domain.missing import DataReason
from decision_service.domain.snapshot import Account, Task
from decision_service.smile.client import Vendor
from decision_service.smile.errors import Contradiction, Fault, Gone, bad_data
from decision_service.smile.mapping.answers import (
    AccountAnswer,
    Item,
    Page,
    PayloadAnswer,
    TaskAnswer,
)
from decision_service.smile.mapping.fields import needed
from decision_service.smile.mapping.listings import ACCOUNTS, LISTINGS, PAYLOAD, TASKS, USER
from decision_service.smile.mapping.origins import check_owner, check_owners
from decision_service.smile.mapping.pages import Listed, read_list
from decision_service.smile.mapping.records import account, task
from decision_service.smile.reading.kind_read import Part, from_items, since
from decision_service.smile.transport.budget import Allowance
from decision_service.smile.transport.http import Ask

Thing = TypeVar("Thing", bound=Item)

_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")


class Collected(msgspec.Struct, frozen=True):
    """A task and the vendor's words for the kinds that it has brought."""

    task: Task
    datapoints: tuple[str, ...] = ()


class Applicant:
    """Reads lists of one user within an allowance; every method raises a Fault or CrossTenant.

    `on_more` is told which kind's list has a second page.
    """

    def __init__(
        self,
        vendor: Vendor,
        user_id: str,
        allowance: Allowance,
        on_more: Callable[[Kind], None] = lambda _: None,
    ) -> None:
        self.allowance = allowance
        self._vendor = vendor
        self._user_id = user_id
        self._on_more = on_more

    async def accounts(self) -> tuple[Account, ...]:
        """Every account of the user."""
        listed = await read_list(
            self._account_page,
            self._ask("/accounts"),
            self._vendor.limits,
            name="accounts",
            on_more=lambda: self._on_more(Kind.ACCOUNTS),
        )
        return tuple(account(item) for item in listed.items)

    async def visible(self) -> tuple[Mapping[str, str | None], Fault | None]:
        """The accounts' statuses by id, as far as they are listed, and what ended the list early.

        Raises a Fault only where nothing was listed.
        """
        found: dict[str, str | None] = {}

        async def page(ask: Ask) -> Page[AccountAnswer]:
            listed = await self._account_page(ask)
            found.update((one.id, one.connection_status) for one in listed.items or () if one.id)
            return listed

        try:
            await read_list(page, self._ask("/accounts"), self._vendor.limits, name="accounts")
        except Fault as fault:
            if found:
                return found, fault
            raise
        return found, None

    async def check_known(self) -> None:
        """Raise UserUnknown when the vendor does not know the user, or has erased it."""
        ask = Ask(f"/users/{quote(self._user_id, safe='')}")
        try:
            user = await self._vendor.get(ask, USER, self.allowance)
        except Gone:
            raise UserUnknown(
                "Smile knows no user with the user_id of this request, or has erased it; "
                "send the id of a user that is linked"
            ) from None
        check_owner(user.id, self._user_id, "users")

    async def tasks(self) -> tuple[Collected, ...]:
        """Every collection of data of the user."""
        listed = await self._list(self._ask("/tasks"), TASKS, "tasks")
        return tuple(
            Collected(task(item, self._source(item)), tuple(item.datapoints or ()))
            for item in listed.items
        )

    async def kind(
        self, kind: Kind, *, first_day: date | None = None, source: str | None = None
    ) -> Part:
        """One kind whole, from `first_day` on; read once more when it contradicts itself."""

        async def read() -> Part:
            listing = LISTINGS[kind]
            ask = self._ask(listing.path, first_day, source, optional=listing.optional)
            listed: Listed[Any] = await self._list(ask, listing.decode, kind.value, kind)
            part = await from_items(kind, listed.items, duplicates=listed.duplicates)
            return since(part, first_day)

        try:
            return await read()
        except Contradiction:
            return await read()

    async def payload(self, account_id: str) -> PayloadAnswer:
        """All data points of one account in one answer."""
        if not _ID.fullmatch(account_id):
            raise bad_data(DataReason.UPSTREAM_SCHEMA, "accounts.id")
        answer = await self._vendor.get(
            Ask(f"/accounts/{account_id}/payload"), PAYLOAD, self.allowance
        )
        about = needed(answer.metadata, "payload.metadata")
        check_owner(about.user_id, self._user_id, "payload.metadata")
        if about.source_id != account_id:
            raise bad_data(DataReason.UPSTREAM_SCHEMA, "payload.metadata.sourceId")
        return answer

    def _ask(
        self,
        path: str,
        first_day: date | None = None,
        source: str | None = None,
        *,
        optional: bool = False,
    ) -> Ask:
        params = {"userId": self._user_id, "size": str(self._vendor.limits.page_size)}
        if first_day is not None:
            params["startDate"] = first_day.isoformat()
        if source is not None:
            params["sourceId"] = source
        return Ask(path, params, optional)

    async def _list(
        self,
        ask: Ask,
        decode: Callable[[bytes], Page[Thing]],
        name: str,
        kind: Kind | None = None,
    ) -> Listed[Thing]:
        async def page(ask: Ask) -> Page[Thing]:
            found = await self._vendor.get(ask, decode, self.allowance)
            check_owners(found.items or (), self._user_id, name)
            return found

        def on_more() -> None:
            if kind is not None:
                self._on_more(kind)

        return await read_list(page, ask, self._vendor.limits, name=name, on_more=on_more)

    async def _account_page(self, ask: Ask) -> Page[AccountAnswer]:
        page = await self._vendor.get(ask, ACCOUNTS, self.allowance)
        for item in page.items or ():
            check_owner(item.user_id, self._user_id, "accounts")
        return page

    def _source(self, task: TaskAnswer) -> str:
        about = needed(task.metadata, "tasks.metadata")
        return needed(about.source_id or about.account_id, "tasks.metadata.sourceId")
