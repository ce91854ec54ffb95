"""A group's places in the history: each decision takes the next number under all of its keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from sqlalchemy import Connection, bindparam, delete, tuple_

from decision_service.storage.commit.entry import Commit
from decision_service.storage.queries import driver, history
from decision_service.storage.queries.dialect import padded
from decision_service.storage.schema import tables

_MANY = 64
"""Places in one statement."""

Place = tuple[bytes, int, str]
"""Key, number under it, decision id."""


class Claimed:
    """The places that a group's decisions took; those of the `moved` ones were given back."""

    def __init__(self, taken: Sequence[Place], moved: frozenset[str]) -> None:
        self._taken = taken
        self.moved = moved

    def release(self, connection: Connection, decision_ids: frozenset[str]) -> None:
        """Give back the places of decisions that were not recorded."""
        _release(connection, [place for place in self._taken if place[2] in decision_ids])


def claim(connection: Connection, group: Sequence[Commit]) -> Claimed:
    """Take the places of a group; a decision that found one taken gives all of its own back.

    In order of keys, so that two transactions never wait for each other; where two of the group
    want one place, the first has it.
    """
    wanted = _wanted(group)
    taken = _take(connection, [place for _, place in wanted])
    if len(taken) == len(wanted):
        return Claimed(taken, frozenset())
    kept = {*taken}
    moved = frozenset(place[2] for _, place in wanted if place not in kept)
    _release(connection, [place for place in taken if place[2] in moved])
    return Claimed([place for place in taken if place[2] not in moved], moved)


def record(connection: Connection, recorded: Iterable[Commit]) -> None:
    """Store what later decisions need of these."""
    rows = [history.row(c.entry, c.history) for c in recorded if c.history is not None]
    driver.insert(connection, tables.history, rows)


def _wanted(group: Sequence[Commit]) -> list[tuple[tuple[bytes, int, int], Place]]:
    wanted = [
        ((key, last + 1, order), (key, last + 1, commit.entry.decision_id))
        for order, commit in enumerate(group)
        if commit.history is not None
        for key, last in commit.history.keys
    ]
    return sorted(wanted)


def _take(connection: Connection, places: Sequence[Place]) -> list[Place]:
    """Insert the places that nobody has; those that were."""
    taken: list[Place] = []
    for first in range(0, len(places), _MANY):
        some = places[first : first + _MANY]
        insertion = driver.insertion(connection.dialect.name, tables.history_keys, len(some))
        statement = f"{insertion} RETURNING key, number, decision_id"
        found = driver.rows(connection, statement, (*chain.from_iterable(some),))
        taken += [(bytes(row[0]), row[1], row[2]) for row in found]
    return taken


_PLACE = tuple_(tables.history_keys.c.key, tables.history_keys.c.number)
_RELEASE = delete(tables.history_keys).where(_PLACE.in_(bindparam("places", expanding=True)))


def _release(connection: Connection, places: Sequence[Place]) -> None:
    if places:
        pairs = [(key, number) for key, number, _ in places]
        connection.execute(_RELEASE, {"places": padded(pairs)})
