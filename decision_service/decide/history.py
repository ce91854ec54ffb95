"""What earlier decisions and reports of loans say of the person who applies now."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from itertools import chain
from types import MappingProxyType
from typing import Protocol

import msgspec
from msgspec.structs import replace

from decision_service.decide.application import (
    KEYED,
    OWED_ACCOUNT,
    HistoryKeys,
    IdentityKey,
    history_keys,
    owed_key,
    user_key,
)
from decision_service.decide.flow import UserCache
from decision_service.domain.accounts import PENDING
from decision_service.domain.decision import Outcome
from decision_service.domain.needs import DataPolicy
from decision_service.domain.person import DAYS, Counts, History, OwnFacts, Reuse
from decision_service.domain.ports import StoredEntry
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.values import AsOf, Cause
from decision_service.factors.match import recognised_by
from decision_service.factors.own import document_texts

MOST_PAST = 1000
"""How many decisions are read under one key, newest first."""

NOTHING_FOUND: Mapping[bytes, Past] = MappingProxyType({})
"""No key was looked up yet."""

REPORTED_IN = 30
"""Days in which a loan is reported, where no setting says otherwise."""

# An entry goes with its decision, so that a link has to be made anew before that.
LINK_RENEWED = timedelta(days=180)
"""After so long another decision of the user is entered under a hash."""

PEOPLE = 8192
"""Of how many people the keys of the last decision are cached."""

READINGS = 512
"""Of how many stored readings the keys are cached."""


class ReportedLoans(msgspec.Struct, frozen=True, array_like=True):
    """The newest reports of a decision's loans together; amounts in minor units.

    `outstanding` and `due` (each month) are those of the `open` ones alone. `drawn` is what was
    paid out, None where the reports leave nothing of the offer: a part was not taken up, or a
    closed loan names no amount.
    """

    outstanding: int
    due: int
    open: int
    overdue: int
    repaid: int
    drawn: int | None = None


class PastDecision(msgspec.Struct, frozen=True):
    """A decision with what it may come to be owed; `loans` is None where none was reported.

    `approved` and `instalment` are minor units of `currency`, None where there is no such amount.
    `reviewed` is when a person decided it, and the result is then that of the person. One that was
    `replaced` was decided again: its loans count, and nothing else of it.
    """

    decision_id: str
    user_id: str
    caller: str
    customer_ref: str
    product: str
    outcome: Outcome
    created: datetime
    currency: str
    approved: int | None
    instalment: int | None
    expires: datetime | None
    loans: ReportedLoans | None = None
    reviewed: datetime | None = None
    replaced: bool = False


class Past(msgspec.Struct, frozen=True):
    """The decisions under one key, and the number of the last of them; 0 where there is none."""

    last: int = 0
    decisions: tuple[PastDecision, ...] = ()

    @property
    def cut(self) -> bool:
        return len(self.decisions) >= MOST_PAST


NOTHING_PAST = Past()


class LookedUp(msgspec.Struct, frozen=True):
    entry: StoredEntry | None
    past: Mapping[bytes, Past]


class HistoryLog(Protocol):
    """Reads decisions by request and by key; raises StoreUnavailable."""

    async def look_up(self, caller: str, request_id: str, keys: Collection[bytes] = ()) -> LookedUp:
        """The decision of this caller's request, and in the same visit the past under keys."""

    async def past(self, keys: Collection[bytes]) -> Mapping[bytes, Past]:
        """The newest decisions under each key; NOTHING_PAST where there is none."""


class HistoryOf(msgspec.Struct, frozen=True):
    """`policy` says which payslips are documents; without one none is compared."""

    product: str
    currency: str
    as_of: AsOf
    policy: DataPolicy | None = None


class _Owed(msgspec.Struct):
    """The sums of open offers and loans; `others` counts amounts in other currencies."""

    exposure: int = 0
    instalments: int = 0
    offers: int = 0
    loans: int = 0
    others: int = 0


def history_of(
    about: HistoryOf,
    past: Collection[Past],
    linked: Collection[Past] = (),
    unreported_days: int = REPORTED_IN,
) -> History:
    """The figures over past decisions, each counted once whatever keys it is found under.

    `past` is of the user and the customer, `linked` of other users of the accounts: what those owe
    is kept apart, since two people may share an account. An offer counts for `unreported_days`
    beyond its end where no loan was reported.
    """
    own = _each(past)
    others = {name: one for name, one in _each(linked).items() if name not in own}
    decided = (*own.values(), *others.values())
    if not decided:
        return History(about.currency, unreported_days=unreported_days)
    # Two people may share an account: what others owe refers, and declines no one (0109).
    owed = _owed(about, own.values(), unreported_days)
    owed_by_others = _owed(about, others.values(), unreported_days)
    unclear = _unclear(owed, past)
    others_unclear = _unclear(owed_by_others, linked)
    zone = about.as_of.zone
    today = about.as_of.date.toordinal()
    # What was decided again or elsewhere counts by its loans alone.
    days = [
        (today - (one.reviewed or one.created).astimezone(zone).toordinal(), one)
        for one in decided
        if not one.replaced and one.outcome is not Outcome.NOT_ENROLLED
    ]
    declined = [ago for ago, one in days if one.outcome is Outcome.DECLINE]
    of_product = [
        ago for ago, one in days if one.outcome is Outcome.DECLINE and one.product == about.product
    ]
    # What a clock that was ahead has recorded would be a decline on a day to come.
    last = about.as_of.date - timedelta(days=max(min(of_product), 0)) if of_product else None
    loans = [one.loans for one in decided if one.loans is not None]
    return History(
        about.currency,
        _counts(ago for ago, _ in days),
        _counts(ago for ago, one in days if one.outcome is Outcome.APPROVE),
        declines=_counts(declined),
        last_decline=last,
        exposure=None if unclear else owed.exposure,
        instalments=None if unclear else owed.instalments,
        unclear=unclear or others_unclear,
        open_approvals=owed.offers,
        open_loans=owed.loans,
        overdue_loans=sum(one.overdue for one in loans),
        repaid_loans=sum(one.repaid for one in loans),
        linked=None if others_unclear else owed_by_others.exposure,
        unreported_days=unreported_days,
    )


def _each(past: Iterable[Past]) -> dict[str, PastDecision]:
    return {one.decision_id: one for found in past for one in found.decisions}


def reuse_of(
    keys: HistoryKeys, past: Mapping[bytes, Past], user_id: str, caller: str, customer_ref: str
) -> Reuse:
    # A customer_ref means something to its caller alone (0109).
    customers = {
        one.customer_ref
        for one in past.get(keys.user, NOTHING_PAST).decisions
        if one.caller == caller
    }
    shared = [_users(account, past, user_id) for account in keys.accounts]
    return Reuse(
        max(shared, default=1) if keys.keyed else None,
        max(len((customers | {customer_ref}) - {""}), 1),
        _users(keys.person, past, user_id) if keys.person else None,
        keyed=keys.keyed,
        users_of_documents=_users(keys.documents, past, user_id),
    )


def _users(keys: Iterable[bytes], past: Mapping[bytes, Past], user_id: str) -> int:
    # What an erasure left of an open loan still counts its user.
    each = (one for key in keys for one in (key, owed_key(key)))
    found = (one for key in each for one in past.get(key, NOTHING_PAST).decisions)
    return len({one.user_id for one in found} | {user_id})


def _counts(days_ago: Iterable[int]) -> Counts:
    found = sorted(days_ago)
    day, week, month, quarter = DAYS
    return (
        bisect_left(found, day),
        bisect_left(found, week),
        bisect_left(found, month),
        bisect_left(found, quarter),
    )


def _owed(about: HistoryOf, decided: Iterable[PastDecision], days: int) -> _Owed:
    owed = _Owed()
    for one in decided:
        rest = _rest(one, about.as_of.instant, days)
        loans = one.loans
        amount = rest + (loans.outstanding if loans else 0)
        # Amounts of two currencies cannot be added: the exposure is missing then (0109).
        if amount and one.currency != about.currency:
            owed.others += 1
            continue
        owed.exposure += amount
        owed.instalments += _instalment_of(rest, one) + (loans.due if loans else 0)
        owed.offers += bool(rest)
        owed.loans += loans.open if loans else 0
    return owed


def _rest(one: PastDecision, now: datetime, days: int) -> int:
    """What of an approved amount may still be paid out."""
    if one.outcome is not Outcome.APPROVE or not one.approved or one.replaced:
        return 0
    drawn = 0 if one.loans is None else one.loans.drawn
    # A person's approval without an end is recorded as ending when it was reviewed.
    endless = one.reviewed is not None and one.reviewed == one.expires
    # Where reports came, or the end is known, silence says nothing beyond that end.
    longer = timedelta(days=days if one.loans is None or endless else 0)
    if drawn is None or now >= (one.expires or one.created) + longer:
        return 0
    return max(one.approved - drawn, 0)


def _instalment_of(rest: int, one: PastDecision) -> int:
    """The instalment of a part of an offer, rounded up; the part where the offer names none."""
    if one.instalment is None or not one.approved:
        return rest
    return -(-one.instalment * rest // one.approved)


def _unclear(owed: _Owed, past: Iterable[Past]) -> Cause | None:
    if owed.others:
        return Cause.MIXED_CURRENCY
    # An older loan may be among what was not read, and a sum without it would be too low.
    return Cause.PARTIAL if any(one.cut for one in past) else None


class ApplicantIds(msgspec.Struct, frozen=True):
    """`replaced` is a decision that is made again: only its loans count as earlier."""

    user_id: str
    caller: str
    customer_ref: str
    replaced: str = ""


class OwnRecords(msgspec.Struct, frozen=True):
    """A decision's own facts, and each of its keys with the number of the last decision there."""

    facts: OwnFacts
    keys: tuple[tuple[bytes, int], ...]


class _ReadingKeys(msgspec.Struct, frozen=True):
    snapshot_id: str
    policy: DataPolicy | None
    keys: HistoryKeys


class ReadHistory:
    """Reads the service's own records; `secrets` are the keys of hashes, the current one first.

    An offer of which no loan was reported counts for `unreported_days` beyond its end.
    """

    def __init__(
        self,
        log: HistoryLog,
        secrets: tuple[IdentityKey, ...] = (),
        unreported_days: int = REPORTED_IN,
    ) -> None:
        self._unreported_days = unreported_days
        self._log = log
        self._keys: UserCache[Collection[bytes]] = UserCache(PEOPLE)
        self._of_reading: UserCache[_ReadingKeys] = UserCache(READINGS)
        self.secrets = secrets

    async def look_up(self, person: ApplicantIds, request_id: str) -> LookedUp:
        """By the keys of the person's last decision here: without one none is looked up."""
        keys = self._keys.get(_cached_by(person), ())
        return await self._log.look_up(person.caller, request_id, keys)

    def forget(self, user_id: str) -> None:
        self._keys.forget(user_id)
        self._of_reading.forget(user_id)

    async def __call__(
        self,
        person: ApplicantIds,
        snapshot: Snapshot,
        about: HistoryOf,
        found: Mapping[bytes, Past] = NOTHING_FOUND,
        snapshot_id: str = "",
    ) -> OwnRecords:
        """Reads the keys that `found` lacks; raises StoreUnavailable."""
        # Before the first wait: keys of a user who is erased meanwhile are not kept.
        since = self._keys.forgotten
        keys = self._keys_of(person, snapshot, about.policy, snapshot_id=snapshot_id)
        every = keys.all
        past = await self._past((*every, *keys.owed), found)
        # A second look, since only the first one says who else uses the accounts.
        others = _others(keys, past, person.user_id)
        past |= await self._past(others, found)
        if past.keys() != found.keys():
            self._keys.keep(_cached_by(person), tuple(past), since)
        # Two people may share a name and a birth date: what is found by those alone is not owed.
        own = [keys.user] if keys.customer is None else [keys.user, keys.customer]
        linked = [*chain(*keys.accounts), *others]
        owed = {key: _loans_alone(past[key]) for key in keys.owed}
        theirs = [one for key, one in owed.items() if key[:1] == OWED_ACCOUNT]
        facts = OwnFacts(
            history_of(
                about,
                [
                    *(owed[key] for key in keys.owed_customer),
                    *(_marked(past[key], person) for key in own),
                ],
                [*theirs, *(_marked(past[key], person) for key in linked)],
                unreported_days=self._unreported_days,
            ),
            reuse_of(
                keys, past, person.user_id, caller=person.caller, customer_ref=person.customer_ref
            ),
        )
        # Each key is a row more in the commit: what leads to the user already gets none.
        claimed = [key for key in every if not _is_linked(key, past, person.user_id, about=about)]
        return OwnRecords(facts, tuple((key, past[key].last) for key in (*claimed, *others)))

    def _keys_of(
        self, person: ApplicantIds, snapshot: Snapshot, policy: DataPolicy | None, snapshot_id: str
    ) -> HistoryKeys:
        cached = self._of_reading.get(_cached_by(person))
        # The policy of another version may take other payslips for documents.
        if cached is not None and cached.snapshot_id == snapshot_id and cached.policy is policy:
            return cached.keys
        people = (snapshot.identities.people if snapshot.identities else None) or ()
        keys = history_keys(
            person.user_id,
            person.caller,
            person.customer_ref,
            secrets=self.secrets,
            accounts=[one.id for one in snapshot.accounts if one.connection_status != PENDING],
            people=[text for one in people for text in recognised_by(one.name, one.birth_date)],
            documents=document_texts(snapshot, policy) if policy else (),
        )
        # The id names the content, so that its names, accounts and documents are hashed once.
        if snapshot_id:
            self._of_reading[_cached_by(person)] = _ReadingKeys(snapshot_id, policy, keys)
        return keys

    async def _past(
        self, keys: Collection[bytes], found: Mapping[bytes, Past]
    ) -> dict[bytes, Past]:
        unread = [key for key in keys if key not in found]
        known = {**found, **await self._log.past(unread)} if unread else found
        return {key: known[key] for key in keys}


def _cached_by(person: ApplicantIds) -> tuple[str, str, str]:
    return person.user_id, person.caller, person.customer_ref


def _marked(past: Past, person: ApplicantIds) -> Past:
    if not person.replaced:
        return past
    marked = (
        replace(one, replaced=True) if one.decision_id == person.replaced else one
        for one in past.decisions
    )
    return Past(past.last, tuple(marked))


def _loans_alone(past: Past) -> Past:
    """What an erasure left: the loans count, and no application."""
    return Past(past.last, tuple(replace(one, replaced=True) for one in past.decisions))


def _others(keys: HistoryKeys, past: Mapping[bytes, Past], user_id: str) -> list[bytes]:
    """The keys of the other users of the accounts, whose decisions count as the person's own."""
    found = (past[key] for account in keys.accounts for key in account)
    users = {one.user_id for past_of in found for one in past_of.decisions}
    return sorted(user_key(user) for user in users - {user_id})


def _is_linked(key: bytes, past: Mapping[bytes, Past], user_id: str, about: HistoryOf) -> bool:
    """Whether a recent entry under a hash leads to the user, so that none is needed."""
    if key[:1] not in KEYED:
        return False
    since = about.as_of.instant - LINK_RENEWED
    found = past[key].decisions
    return any(one.user_id == user_id and one.created > since for one in found)
