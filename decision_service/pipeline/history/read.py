"""Reading what is on record of a person: for decisions with the places to take, for dry runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from itertools import chain

import msgspec
from msgspec.structs import replace

from decision_service.domain.accounts import PENDING
from decision_service.domain.own_facts import OwnFacts
from decision_service.domain.snapshot import Snapshot
from decision_service.factors.reuse import document_texts
from decision_service.matching.normalised import recognised_by
from decision_service.pipeline.history.figures import HistoryOf, history_of, reuse_of
from decision_service.pipeline.history.keys import (
    KEYED,
    OWED_ACCOUNT,
    HistoryKeys,
    IdentityKey,
    history_keys,
    user_key,
)
from decision_service.pipeline.history.ports import NOTHING_FOUND, HistoryLog, LookedUp, Past
from decision_service.user_cache import UserCache

LINK_RENEWED = timedelta(days=180)
"""After so long another decision of the user is entered under a hash: entries go with decisions."""

PEOPLE = 8192
"""Of how many people the keys of the last decision are cached."""


class ApplicantIds(msgspec.Struct, frozen=True):
    """Who applies, as far as earlier decisions can be found by it.

    `replaced` is a decision that is made again: it does not count as an earlier one, its loans do.
    """

    user_id: str
    caller: str
    customer_ref: str
    replaced: str = ""


class OwnRecords(msgspec.Struct, frozen=True):
    """A decision's own facts, and each of its keys with the number of the last decision there."""

    facts: OwnFacts
    keys: tuple[tuple[bytes, int], ...]


class ReadHistory:
    """Reads the service's own records; `secrets` are the keys of hashes, the current one first."""

    def __init__(self, log: HistoryLog, secrets: tuple[IdentityKey, ...] = ()) -> None:
        self._log = log
        self._keys: UserCache[Collection[bytes]] = UserCache(PEOPLE)
        self.secrets = secrets

    async def look_up(self, person: ApplicantIds, request_id: str) -> LookedUp:
        """The decision of a request, and what was found of the person before; may raise as `past`.

        The keys are those of the person's last decision here: without one none is looked up.
        """
        keys = self._keys.get(_cached_by(person), ())
        return await self._log.look_up(person.caller, request_id, keys)

    def forget(self, user_id: str) -> None:
        """Drop the cached keys of a user whose data is erased."""
        self._keys.forget(user_id)

    async def __call__(
        self,
        person: ApplicantIds,
        snapshot: Snapshot,
        about: HistoryOf,
        found: Mapping[bytes, Past] = NOTHING_FOUND,
    ) -> OwnRecords:
        """What is on record before this decision; raises StoreUnavailable.

        `found` was looked up before: keys that it lacks are read.
        """
        since = self._keys.forgotten
        keys = history_keys(
            person.user_id,
            person.caller,
            person.customer_ref,
            self.secrets,
            _accounts(snapshot),
            _people(snapshot),
            document_texts(snapshot, about.policy) if about.policy else (),
        )
        every = keys.all
        past = await self._past((*every, *keys.owed), found)
        others = _others(keys, past, person.user_id)
        past |= await self._past(others, found)
        if past.keys() != found.keys():
            self._keys.keep(_cached_by(person), tuple(past), since)
        # Two people may share a name and a birth date: nobody owes what is found by those alone.
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
            ),
            reuse_of(keys, past, person.user_id, person.caller, person.customer_ref),
        )
        claimed = [key for key in every if not _is_linked(key, past, person.user_id, about)]
        return OwnRecords(facts, tuple((key, past[key].last) for key in (*claimed, *others)))

    async def _past(
        self, keys: Collection[bytes], found: Mapping[bytes, Past]
    ) -> dict[bytes, Past]:
        """The decisions under each key, of which some are found already."""
        unread = [key for key in keys if key not in found]
        known = {**found, **await self._log.past(unread)} if unread else found
        return {key: known[key] for key in keys}


def _cached_by(person: ApplicantIds) -> tuple[str, str, str]:
    return person.user_id, person.caller, person.customer_ref


def _marked(past: Past, person: ApplicantIds) -> Past:
    """The decisions under a key, the one that is made again marked as replaced."""
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


def _accounts(snapshot: Snapshot) -> list[str]:
    """The accounts that were ever connected."""
    return [one.id for one in snapshot.accounts if one.connection_status != PENDING]


def _people(snapshot: Snapshot) -> list[str]:
    """The names with birth dates that the vendor's records hold, normalised."""
    found = snapshot.identities.people if snapshot.identities else None
    return [text for one in found or () for text in recognised_by(one.name, one.birth_date)]
