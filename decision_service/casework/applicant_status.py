"""An applicant's status: accounts, age of the data, and whether a decision is possible now."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime

import msgspec

from decision_service.casework.onboarding import (
    ApplicantLog,
    Connections,
    Enrolment,
    Sync,
    require_owner,
)
from decision_service.decide.asking import lacking, needed_kinds, not_held, types_holding
from decision_service.domain.accounts import (
    CONNECTED,
    DISCONNECTED,
    ERROR,
    PROVIDER_TYPES,
    Kind,
    explained,
)
from decision_service.domain.decision import Connect
from decision_service.domain.needs import WhenTransactions
from decision_service.domain.ports import Clock
from decision_service.domain.schemes import EmployerKind
from decision_service.domain.snapshot import Account, Provider
from decision_service.domain.values import AsOf
from decision_service.factors.compute import fetch_plan
from decision_service.rulebook.rulebook import Rulebook
from decision_service.rules.program import CompiledRuleset


class AccountStatus(msgspec.Struct, frozen=True):
    """`advice` is what the applicant can do; empty where nothing is needed."""

    account: Account
    words: str
    advice: str = ""

    @property
    def is_connected(self) -> bool:
        return self.account.connection_status == CONNECTED


class NewestSync(msgspec.Struct, frozen=True):
    kind: Kind
    source: str
    collected: datetime


class ApplicantStatus(msgspec.Struct, frozen=True):
    """`ready`: a decision now would have data; otherwise `why_not` names what is missing."""

    user_id: str
    accounts: tuple[AccountStatus, ...]
    kinds: tuple[NewestSync, ...]
    ready: bool
    why_not: str = ""


class LikelyReferral(msgspec.Struct, frozen=True):
    product: str
    reason: str
    message: str


class ProductNeed(msgspec.Struct, frozen=True):
    """What a product has to see of a person's accounts; `connect` is None where nothing lacks."""

    product: str
    kinds: tuple[Kind, ...]
    connect: Connect | None = None


class ReadApplicantStatus:
    def __init__(
        self,
        vendor: Enrolment,
        log: ApplicantLog,
        clock: Clock,
        rulebook: Callable[[], Rulebook] = Rulebook,
        providers: Callable[[], Collection[Provider]] = tuple,
    ) -> None:
        self._vendor = vendor
        self._log = log
        self._clock = clock
        self._rulebook = rulebook
        self._providers = providers

    def likely_referrals(self, country: str) -> Sequence[LikelyReferral]:
        return [
            found
            for name, product in sorted(self._rulebook().products.items())
            for found in _likely(
                name, product.champion, country, providers=self._providers(), clock=self._clock
            )
        ]

    def product_needs(
        self, status: ApplicantStatus, employer: EmployerKind | None
    ) -> Sequence[ProductNeed]:
        """What each product has to see, and what of it no connected account of the applicant holds.

        The rules say so: those that decide now are tried on nobody's data.
        """
        return [
            self._need(name, product.champion, status, employer=employer)
            for name, product in sorted(self._rulebook().products.items())
        ]

    def _need(
        self,
        product: str,
        ruleset: CompiledRuleset,
        status: ApplicantStatus,
        employer: EmployerKind | None,
    ) -> ProductNeed:
        kinds = needed_kinds(ruleset, AsOf.at(self._clock.now(), ruleset.zone))
        known = dict(ruleset.needs.policy.provider_types)
        known |= {one.id: one for one in self._providers()}
        connected = [one.account.provider_id for one in status.accounts if one.is_connected]
        open_kinds = not_held(kinds, [known[one] for one in connected if one in known])
        if not open_kinds:
            return ProductNeed(product, kinds)
        lacks = lacking(ruleset, open_kinds, employer, without=connected)
        # With schemes to offer first everything else stays on the page: no payroll is hidden.
        named = any(one.providers for one in lacks)
        types = () if named else types_holding(open_kinds)
        return ProductNeed(product, kinds, Connect(types, lacks))

    async def __call__(self, user_id: str, scope: str, stop_at: float) -> ApplicantStatus:
        """The status of a user that the caller `scope` created, empty for any caller's.

        Raises UserUnknown, UpstreamUnavailable, UpstreamBudgetExhausted, StoreUnavailable and
        CrossTenant.
        """
        await require_owner(self._log, user_id, scope)
        connections = await self._vendor.connections(user_id, self._clock.now(), stop_at)
        return status_of(user_id, connections)


def status_of(user_id: str, connections: Connections) -> ApplicantStatus:
    why_not = _why_not(connections)
    return ApplicantStatus(
        user_id=user_id,
        accounts=tuple(_account(one, connections) for one in connections.accounts),
        kinds=tuple(_newest(connections.syncs)),
        ready=not why_not,
        why_not=why_not,
    )


def _likely(
    product: str,
    ruleset: CompiledRuleset,
    country: str,
    providers: Collection[Provider],
    clock: Clock,
) -> Iterator[LikelyReferral]:
    # The first letters of a currency are its country's, unless several countries share it.
    home = ruleset.currency[:2]
    if home != country and home[0] != "X" and ruleset.currency != "EUR":
        yield LikelyReferral(
            product,
            "FOREIGN_CURRENCY",
            f"{product} reads income in {ruleset.currency}, and income of {country} is likely to "
            "be in another currency",
        )
    plan = fetch_plan(ruleset.needs, AsOf.at(clock.now(), ruleset.zone))
    wanted = set(plan.kinds)
    if plan.transactions is WhenTransactions.ALWAYS:
        wanted.add(Kind.TRANSACTIONS)
    held = {kind for one in providers if _serves(one.id, country) for kind in one.supported}
    # A kind that several types of providers have may come from another account.
    lacking = [
        kind.value
        for kind in Kind
        if kind in wanted and len(PROVIDER_TYPES.get(kind, ())) == 1 and kind.upper() not in held
    ]
    if providers and lacking:
        yield LikelyReferral(
            product,
            "NO_PROVIDER",
            f"{product} reads {' and '.join(lacking)}, and the vendor lists no provider of "
            f"{country} that has them",
        )


def _serves(provider_id: str, country: str) -> bool:
    """Whether a provider is of a country, by the end of its id (`sss_ph`), or of none alone."""
    _, mark, end = provider_id.rpartition("_")
    return not mark or len(end) != len(country) or end.upper() == country


def _account(account: Account, connections: Connections) -> AccountStatus:
    # The vendor says CONNECTED before the data is there, so that this comes first.
    if account.id in connections.arriving:
        words = "connected; its data is being collected, which takes up to five minutes"
        return AccountStatus(account, words)
    if account.connection_status == CONNECTED:
        return AccountStatus(account, "connected")
    if account.id in connections.being_linked:
        return AccountStatus(account, "the applicant is connecting it now")
    if account.connection_status == DISCONNECTED:
        words = "the applicant has withdrawn consent; its data may no longer be used"
        return AccountStatus(account, words, "Connect the account again to share its data.")
    if account.connection_status == ERROR:
        error = explained(account.error_code or "")
        return AccountStatus(account, error.happened, error.advice)
    return AccountStatus(account, "never finished connecting", "Connect the account again.")


def _newest(syncs: Iterable[Sync]) -> Iterator[NewestSync]:
    newest: dict[tuple[str, Kind], datetime] = {}
    for sync in syncs:
        for kind in sync.kinds:
            key = (sync.source, kind)
            newest[key] = max(sync.finished, newest.get(key, sync.finished))
    for (source, kind), finished in sorted(newest.items()):
        yield NewestSync(kind, source, finished)


def _why_not(connections: Connections) -> str:
    statuses = {account.connection_status for account in connections.accounts}
    # Data on its way is waited for, whatever the other accounts have.
    if connections.being_linked:
        return "an account is being connected: ask again when the applicant has finished"
    if connections.arriving:
        return "data is still being collected: ask again within five minutes"
    if CONNECTED in statuses:
        return ""
    if not connections.accounts:
        return "no account is connected yet: give the applicant a link token"
    if statuses == {DISCONNECTED}:
        return "consent was withdrawn for every account: the applicant has to connect again"
    return "no account could be connected: see what each account says"
