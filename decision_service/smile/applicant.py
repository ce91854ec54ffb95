"""The vendor's lists of one user, and the snapshot that is built of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from decision_service.domain.accounts import CONNECTED, DISCONNECTED, GIG, MONTHLY_KINDS, Kind
from decision_service.domain.errors import UserUnknown
from decision_service.domain.needs import FetchPlan, WhenTransactions
from decision_service.domain.snapshot import (
    Account,
    KnownCount,
    Provider,
    Read,
    Snapshot,
    Source,
    Task,
)
from decision_service.domain.values import Cause, DataReason, Missing
from decision_service.smile.answers import (
    AccountAnswer,
    DistinctItems,
    Item,
    PageAnswer,
    TaskAnswer,
    read_list,
)
from decision_service.smile.client import Request, RequestBudget, SmileApi
from decision_service.smile.errors import ConflictingItems, Gone, UpstreamFault
from decision_service.smile.records import (
    ACCOUNT,
    ACCOUNTS,
    LISTINGS,
    TASKS,
    USER,
    WITH_PEOPLE,
    KindListing,
    account,
    check_owner,
    check_owners,
    merged,
    needed,
    origin,
    task,
    with_people,
)

_AT_A_TIME = 200

Thing = TypeVar("Thing", bound=Item)
CONSENT_PROBE = Kind.IDENTITIES
"""A kind that every account gives: read last, it shows which accounts still had consent."""

UNREAD = UpstreamFault(Cause.NOT_FETCHED, DataReason.UPSTREAM_TIMEOUT)
EXPIRES_AFTER = timedelta(days=60)


class KindRead(msgspec.Struct, frozen=True):
    """A `Read` with the sources that its items named, and the ids of the accounts among them."""

    read: Read[Any] = msgspec.field(default_factory=Read)
    sources: tuple[Source, ...] = ()
    accounts: frozenset[str] = frozenset()

    def failed(self, fault: Missing) -> KindRead:
        # Without its records: a part of a list looks like an honest short one.
        return KindRead(Read(faults=(*self.read.faults, fault), first_day=self.read.first_day))


def failed_kind(kind: Kind, fault: UpstreamFault, first_day: date | None = None) -> KindRead:
    return KindRead(Read(faults=(fault.missing(kind),), first_day=first_day))


async def from_items(
    kind: Kind, listing: KindListing[Any, Any], items: tuple[Any, ...], *, duplicates: int = 0
) -> KindRead:
    """The records of listed items."""
    chosen = listing.choose(items)
    origins: list[Source] = []
    records: list[Any] = []
    for first in range(0, len(chosen), _AT_A_TIME):
        if first:
            # Ten thousand items take a tenth of a second: other calls run in between.
            await asyncio.sleep(0)
        some = chosen[first : first + _AT_A_TIME]
        found = [origin(item.metadata, kind) for item in some]
        origins += found
        records += [listing.record(item, one.id) for item, one in zip(some, found, strict=True)]
    return KindRead(
        Read(tuple(records), duplicates=duplicates),
        merged(origins),
        frozenset(one.id for one in origins if one.type == ACCOUNT),
    )


def from_day(part: KindRead, first_day: date | None) -> KindRead:
    """The records from a day on; the vendor may send earlier ones."""
    if first_day is None:
        return part
    records = tuple(record for record in part.read.records if record.date >= first_day)
    read = Read(records, part.read.faults, part.read.duplicates, first_day=first_day)
    return replace(part, read=read)


class CollectedTask(msgspec.Struct, frozen=True):
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
        listed = await read_list(
            self._account_page,
            self._request("/accounts"),
            self._api.limits,
            name="accounts",
            on_more=lambda: self._on_more(Kind.ACCOUNTS),
        )
        return tuple(account(item) for item in listed.items)

    async def listed_statuses(self) -> tuple[Mapping[str, str | None], UpstreamFault | None]:
        """The statuses by id as far as they are listed, and what ended the list early."""
        found: dict[str, str | None] = {}

        async def page(request: Request) -> PageAnswer[AccountAnswer]:
            listed = await self._account_page(request)
            found.update((one.id, one.connection_status) for one in listed.items or () if one.id)
            return listed

        # What was listed before the failure can be revoked all the same.
        try:
            await read_list(page, self._request("/accounts"), self._api.limits, name="accounts")
        except UpstreamFault as fault:
            if found:
                return found, fault
            raise
        return found, None

    async def check_known(self) -> None:
        # The id is the caller's: whatever is in it must not lead to another path.
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
            listed: DistinctItems[Any] = await self._list(
                request, listing.decode, kind.value, kind=kind
            )
            part = await from_items(kind, listing, listed.items, duplicates=listed.duplicates)
            return from_day(part, first_day)

        try:
            return await read()
        # Items that conflict show that the list changed while it was read: once more is enough.
        except ConflictingItems:
            return await read()

    def _request(
        self, path: str, first_day: date | None = None, *, optional: bool = False
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


class SnapshotBuilder:
    """Accounts and kinds of one applicant.

    `unverified` holds the kinds whose lists had several pages and wait for the final check of the
    accounts: a snapshot that is built earlier does not use them. `tasks` is None where they were
    not read. `confirmed` is true once the accounts are known not to have changed until the end.
    A provider that is not among `providers` is taken to give every kind.
    """

    def __init__(self, plan: FetchPlan, providers: Mapping[str, Provider]) -> None:
        self.accounts: tuple[Account, ...] | None = None
        self.account_faults: tuple[Missing, ...] = ()
        self.tasks: Read[Task] | None = None
        self.parts: dict[Kind, KindRead] = {}
        self.unverified: set[Kind] = set()
        self.confirmed = False
        self._plan = plan
        self._providers = providers

    @property
    def asked(self) -> frozenset[Kind]:
        kinds = self._plan.kinds - {Kind.ACCOUNTS, Kind.TRANSACTIONS}
        when = self._plan.transactions
        if when is WhenTransactions.ALWAYS or (
            when is WhenTransactions.IF_STANDING_IN and self._may_earn()
        ):
            kinds |= {Kind.TRANSACTIONS}
        return kinds

    def _may_earn(self) -> bool:
        # An account in error counts: only its transactions show whether it ever delivered data.
        alive = [one for one in self.accounts or () if one.connection_status != DISCONNECTED]
        found = [self._providers.get(one.provider_id) for one in alive]
        return any(one is not None and one.type == GIG for one in found)

    def _supports(self, provider_id: str, kind: Kind) -> bool:
        found = self._providers.get(provider_id)
        # What is not known may give any kind: its empty list must not pass for no data.
        return found is None or kind.upper() in found.supported

    @property
    def wanted(self) -> frozenset[Kind]:
        """The kinds that are asked for, that may yet be, and that were read already."""
        by_gig = self._plan.transactions is WhenTransactions.IF_STANDING_IN
        # Without the accounts nothing says whether transactions are asked for.
        undecided = by_gig and self.accounts is None
        return self.asked.union({Kind.TRANSACTIONS} if undecided else (), self.parts)

    def reset(self, accounts: tuple[Account, ...]) -> None:
        self.accounts = accounts
        self.parts.clear()
        self.unverified.clear()
        self.tasks = None

    def invalidate(self, kinds: Iterable[Kind], fault: UpstreamFault) -> None:
        for kind in sorted(kinds):
            self.unverified.discard(kind)
            if kind is Kind.ACCOUNTS:
                self.account_faults += (fault.missing(kind),)
            else:
                self.parts[kind] = self.parts.get(kind, KindRead()).failed(fault.missing(kind))

    def orphans(self) -> frozenset[Kind]:
        listed = {one.id for one in self.accounts or ()}
        return frozenset(kind for kind, part in self.parts.items() if part.accounts - listed)

    def unexpectedly_empty(self) -> frozenset[Kind]:
        """The kinds of which a connected account gave nothing although its provider has them.

        A list without records looks the same whether there are none or consent was withdrawn after
        the accounts were read; the consent probe or the final check shows which.
        """
        seen = self.parts.get(CONSENT_PROBE, KindRead()).accounts
        return frozenset(
            kind
            for kind, part in self.parts.items()
            for one in self.accounts or ()
            if one.connection_status == CONNECTED
            and one.id not in part.accounts | seen
            and not part.read.faults
            and self._supports(one.provider_id, kind)
        )

    def sources(self) -> tuple[Source, ...]:
        """The archives, uploads and social security records of the kinds that may be used."""
        usable = self.parts.keys() - self.unverified
        return merged(one for kind in sorted(usable) for one in self.parts[kind].sources)

    def snapshot(
        self,
        user_id: str,
        *,
        known: Sequence[KnownCount] = (),
        providers: tuple[Provider, ...] = (),
    ) -> Snapshot:
        """The snapshot: what may be used, and a fault for each other kind of the plan."""
        reads: dict[str, Any] = {kind.value: self._read(kind) for kind in sorted(self.wanted)}
        faults = self.account_faults
        if self.accounts is None and not faults:
            faults = (UNREAD.missing(Kind.ACCOUNTS),)
        if Kind.ACCOUNTS in self.unverified and self.accounts is not None:
            faults = (*faults, UNREAD.missing(Kind.ACCOUNTS))
        return Snapshot(
            user_id,
            self.accounts or (),
            faults,
            sources=self.sources(),
            providers=providers,
            known=tuple(known),
            tasks=self.tasks,
            **reads,
        )

    def _read(self, kind: Kind) -> Read[Any]:
        part = self.parts.get(kind)
        if (
            part is None
            or kind in self.unverified
            or (not self.confirmed and kind in self.unexpectedly_empty())
        ):
            return Read(faults=(self._unread().missing(kind),))
        people = kind is Kind.IDENTITIES and self._plan.people
        return with_people(part.read) if people else part.read

    def _unread(self) -> UpstreamFault:
        if self.accounts is None and self.account_faults:
            return UpstreamFault(Cause.NOT_FETCHED, self.account_faults[0].code)
        return UNREAD


class AccountChanges(msgspec.Struct, frozen=True):
    """`changed`: any difference; `revoked`: the accounts that are gone or disconnected now."""

    changed: bool
    revoked: tuple[str, ...]


def compare_accounts(before: Iterable[Account], after: Iterable[Account]) -> AccountChanges:
    """Compare two readings of the account list by id, status and the times of updates."""
    earlier = tuple(before)
    later = tuple(after)
    alive = {one.id for one in later if one.connection_status != DISCONNECTED}
    revoked = (
        one.id for one in earlier if one.connection_status != DISCONNECTED and one.id not in alive
    )
    changed = {_identity(one) for one in earlier} != {_identity(one) for one in later}
    return AccountChanges(changed, tuple(sorted(revoked)))


def _identity(account: Account) -> tuple[object, ...]:
    return (
        account.id,
        account.connection_status,
        account.connection_updated_at,
        account.monitor_updated_at,
    )


def mark_shrunken(snapshot: Snapshot, as_of: datetime) -> Snapshot:
    """The snapshot with DATA_SHRANK where a living source gives over a fifth less than before.

    The vendor's histories only grow; a page whose cursor was lost looks like an honest short
    list, and only the earlier count shows the loss. Kinds that are read in a window are not
    compared, nor are kinds that failed already.
    """
    changes = {}
    for kind in sorted(MONTHLY_KINDS):
        read: Read[Any] | None = getattr(snapshot, kind.value)
        # What has failed already is missing, and what was never counted cannot have shrunk.
        known = [one for one in snapshot.known if one.kind is kind]
        if read is None or read.faults or not known:
            continue
        faults = _faults(read, known, _compared(snapshot, read, as_of))
        changes[kind.value] = msgspec.structs.replace(read, faults=faults)
    return msgspec.structs.replace(snapshot, **changes)


def _compared(snapshot: Snapshot, read: Read[Any], as_of: datetime) -> frozenset[str]:
    """The sources that should give at least what they gave before.

    A kind without records of an account of over 60 days has expired at the vendor, which the
    factors handle.
    """
    accounts = (one for one in snapshot.accounts if one.connection_status == CONNECTED)
    young = {
        one.id
        for one in accounts
        if read.records or one.created_at is None or as_of - one.created_at <= EXPIRES_AFTER
    }
    return frozenset(young.union(one.id for one in snapshot.sources))


def _faults(
    read: Read[Any], known: list[KnownCount], compared: frozenset[str]
) -> tuple[Missing, ...]:
    counts = Counter(record.source for record in read.records)
    return tuple(
        Missing(
            Cause.BAD_DATA,
            DataReason.DATA_SHRANK,
            one.kind,
            source=one.source,
            detail=f"{counts[one.source]} of {one.count} records",
        )
        for one in known
        # In whole numbers, which round nothing.
        if one.source in compared and counts[one.source] * 5 < one.count * 4
    )
