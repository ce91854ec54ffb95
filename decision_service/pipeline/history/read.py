"""Reading what is on record of a person: for decisions with the places to take, for dry runs."""

from __future__ import annotations

import msgspec

from decision_service.domain.own_facts import OwnFacts
from decision_service.domain.snapshot import Snapshot
from decision_service.matching.normalised import normalised_person
from decision_service.pipeline.history.figures import HistoryOf, history_of, reuse_of
from decision_service.pipeline.history.keys import IdentityKey, history_keys
from decision_service.pipeline.history.ports import NOTHING_PAST, HistoryLog

PENDING = "PENDING"


class Person(msgspec.Struct, frozen=True):
    """Who applies, as far as earlier decisions can be found by it."""

    user_id: str
    caller: str
    customer_ref: str


class OwnRecords(msgspec.Struct, frozen=True):
    """A decision's own facts, and each of its keys with the number of the last decision there."""

    facts: OwnFacts
    keys: tuple[tuple[bytes, int], ...]


class ReadHistory:
    """Reads the service's own records; `secrets` are the keys of hashes, the current one first."""

    def __init__(self, log: HistoryLog, secrets: tuple[IdentityKey, ...] = ()) -> None:
        self._log = log
        self.secrets = secrets

    async def __call__(self, person: Person, snapshot: Snapshot, about: HistoryOf) -> OwnRecords:
        """What is on record before this decision; raises StoreUnavailable."""
        keys = history_keys(
            person.user_id,
            person.caller,
            person.customer_ref,
            self.secrets,
            _accounts(snapshot),
            _people(snapshot),
        )
        past = await self._log.past(keys.all)
        facts = OwnFacts(
            history_of(about, [past[key] for key in keys.sure if key in past]),
            reuse_of(keys, past, person.user_id, person.caller, person.customer_ref),
        )
        last = tuple((key, past.get(key, NOTHING_PAST).last) for key in keys.all)
        return OwnRecords(facts, last)


def _accounts(snapshot: Snapshot) -> list[str]:
    """The accounts that were ever connected."""
    return [one.id for one in snapshot.accounts if one.connection_status != PENDING]


def _people(snapshot: Snapshot) -> list[str]:
    """The names with birth dates that the vendor's records hold, normalised."""
    found = snapshot.identities.people if snapshot.identities else None
    texts = (normalised_person(one.name, one.birth_date) for one in found or ())
    return [text for text in texts if text is not None]
