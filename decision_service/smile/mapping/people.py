"""From the vendor's identities to persons: names, phone numbers and e-mail addresses."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from decision_service.domain.person import (
    LONGEST_EMAIL,
    LONGEST_NAME,
    LONGEST_PHONE,
    FoundPerson,
)
from decision_service.domain.snapshot import Identity, Read
from decision_service.smile.mapping.answers import PersonAnswer
from decision_service.smile.mapping.records import identity

MOST_CONTACTS = 20
"""How many phone numbers, and how many addresses, of one record are read."""


class PersonIdentity(Identity, frozen=True, array_like=True):
    """An identity with its person, until the snapshot is built."""

    person: FoundPerson = FoundPerson()


def person(item: PersonAnswer, source: str) -> PersonIdentity:
    """An identity with what it says of its person; a text that is too long is left out."""
    plain = identity(item, source)
    found = FoundPerson(
        _short(_name(item), LONGEST_NAME),
        plain.birth_date,
        _contacts((one.number for one in item.phones or ()), LONGEST_PHONE),
        _contacts((one.address for one in item.emails or ()), LONGEST_EMAIL),
        source,
    )
    return PersonIdentity(plain.id, plain.source, plain.birth_date, found)


def with_people(read: Read[Identity]) -> Read[Identity]:
    """The identities with their dates of birth alone, and the persons beside them."""
    plain = tuple(Identity(one.id, one.source, one.birth_date) for one in read.records)
    found = tuple(one.person for one in read.records if isinstance(one, PersonIdentity))
    return replace(read, records=plain, people=found)


def _name(item: PersonAnswer) -> str:
    """Surname, given names and suffix where the vendor tells them apart, else the full name."""
    if not (item.first_name and item.last_name):
        return item.full_name or ""
    given = (item.first_name, item.middle_name, item.suffix)
    return f"{item.last_name}, {' '.join(part for part in given if part)}"


def _contacts(texts: Iterable[str | None], longest: int) -> tuple[str, ...]:
    short = (_short(text or "", longest) for text in texts)
    return tuple(dict.fromkeys(text for text in short if text))[:MOST_CONTACTS]


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else ""
