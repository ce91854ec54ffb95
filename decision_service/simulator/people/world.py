"""The data a stand-in serves: people, their connected sources, and what each source delivered.

Everything is in the vendor's own JSON shapes; a world is made for one day and never changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

from decision_service.simulator.faults.plan import Fault
from decision_service.simulator.formats.ids import owner_digits

Json = dict[str, Any]
ITEM_KINDS = (
    "identities",
    "transactions",
    "eincomes",
    "contributions",
    "employments",
    "incomes",
    "liabilities",
    "links",
)
_BUILT_PEOPLE = 256


@dataclass(frozen=True, slots=True)
class DataSource:
    """One source of data: a connected account, or an archive or upload of files.

    `account` is the vendor's Account, None for the others; `items` holds, by kind, the items as
    the list endpoints give them (with `metadata`), for every kind the provider supports.
    """

    id: str
    type: str
    provider_id: str
    items: Mapping[str, tuple[Json, ...]]
    account: Json | None = None
    file_type: str | None = None

    def of(self, kind: str) -> tuple[Json, ...]:
        """Return the items of a kind, none where the source does not have the kind."""
        return self.items.get(kind, ())


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the vendor with the sources and tasks of the user."""

    user: Json
    sources: tuple[DataSource, ...] = ()
    tasks: tuple[Json, ...] = ()

    @property
    def id(self) -> str:
        """The vendor's user id."""
        return str(self.user["id"])


Builder = Callable[[], Person]


@dataclass(slots=True)
class World:
    """All people on one day; a person is built when asked for, so that many cost nothing.

    `faults` belong to the world's people, as Christina's do.
    """

    today: date
    builders: Mapping[str, Builder]
    faults: tuple[Fault, ...] = ()
    _build: Callable[[str], Person] = field(init=False, repr=False)
    _owners: dict[str | None, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._build = lru_cache(_BUILT_PEOPLE)(lambda user_id: self.builders[user_id]())
        self._owners = {owner_digits(user_id): user_id for user_id in self.builders}

    def __len__(self) -> int:
        return len(self.builders)

    def __iter__(self) -> Iterator[Person]:
        return map(self._build, self.builders)

    def person(self, user_id: str) -> Person | None:
        """Return the person with this user id."""
        return self._build(user_id) if user_id in self.builders else None

    def owner(self, object_id: str) -> Person | None:
        """Return the person to whom an account, archive, item or task belongs by its id."""
        owner = self._owners.get(owner_digits(object_id))
        return None if owner is None else self._build(owner)


WorldMaker = Callable[[date], World]


def join(*worlds: World) -> World:
    """Return one world with the people and faults of all; later ones win where ids meet."""
    builders = {user_id: build for world in worlds for user_id, build in world.builders.items()}
    faults = tuple(fault for world in worlds for fault in world.faults)
    return World(max(world.today for world in worlds), builders, faults)
