"""Builds an applicant's snapshot; at any moment of a fetch it can be made of what was read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from decision_service.domain.accounts import CONNECTED
from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, DataReason, Missing
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
from decision_service.smile.errors import UpstreamFault
from decision_service.smile.mapping.origins import merged
from decision_service.smile.mapping.people import with_people
from decision_service.smile.reading.kind_read import KindRead
from decision_service.smile.reading.transactions import IsGig, may_count_as_income

Supports = Callable[[str, Kind], bool]
"""Whether a provider (by its id) gives a kind."""

CONSENT_PROBE = Kind.IDENTITIES
"""A kind that every account gives: read last, it shows which accounts still had consent."""

UNREAD = UpstreamFault(Cause.NOT_FETCHED, DataReason.UPSTREAM_TIMEOUT)


class SnapshotBuilder:
    """Accounts and kinds of one applicant.

    `unverified` holds the kinds whose lists had several pages and wait for the final check of the
    accounts: a snapshot that is built earlier does not use them. `tasks` is None where they were
    not read. `confirmed` is true once the accounts are known not to have changed until the end.
    """

    def __init__(
        self,
        plan: FetchPlan,
        supports: Supports = lambda _, __: False,
        is_gig: IsGig = lambda _: False,
    ) -> None:
        self.accounts: tuple[Account, ...] | None = None
        self.account_faults: tuple[Missing, ...] = ()
        self.tasks: Read[Task] | None = None
        self.parts: dict[Kind, KindRead] = {}
        self.unverified: set[Kind] = set()
        self.confirmed = False
        self._plan = plan
        self._supports = supports
        self._is_gig = is_gig

    @property
    def asked(self) -> frozenset[Kind]:
        """The kinds that the plan asks for, given the accounts that are known."""
        kinds = self._plan.kinds - {Kind.ACCOUNTS, Kind.TRANSACTIONS}
        if self._plan.transactions is WhenTransactions.ALWAYS or self._stand_in:
            kinds |= {Kind.TRANSACTIONS}
        return kinds

    @property
    def wanted(self) -> frozenset[Kind]:
        """The kinds that are asked for, that may yet be, and that were read already."""
        undecided = self._stands_in_if_gig and self.accounts is None
        return self.asked.union({Kind.TRANSACTIONS} if undecided else (), self.parts)

    @property
    def _stands_in_if_gig(self) -> bool:
        return self._plan.transactions is WhenTransactions.IF_STANDING_IN

    @property
    def _stand_in(self) -> bool:
        return self._stands_in_if_gig and may_count_as_income(self.accounts or (), self._is_gig)

    def reset(self, accounts: tuple[Account, ...]) -> None:
        """Drop every kind and begin with these accounts."""
        self.accounts = accounts
        self.parts.clear()
        self.unverified.clear()
        self.tasks = None

    def invalidate(self, kinds: Iterable[Kind], fault: UpstreamFault) -> None:
        """Replace the data of these kinds by a fault."""
        for kind in sorted(kinds):
            self.unverified.discard(kind)
            if kind is Kind.ACCOUNTS:
                self.account_faults += (fault.missing(kind),)
            else:
                self.parts[kind] = self.parts.get(kind, KindRead()).failed(fault.missing(kind))

    def orphans(self) -> frozenset[Kind]:
        """The kinds with an item of an account that is not listed."""
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
            self.sources(),
            providers,
            tuple(known),
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
        """The fault of a kind that was not read: that of the accounts where they have one."""
        if self.accounts is None and self.account_faults:
            return UpstreamFault(Cause.NOT_FETCHED, self.account_faults[0].code)
        return UNREAD
