"""Another country and currency for the made-up people, whose data is Philippine as it is built."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from decision_service.simulator.people.world import DataSource, Json, Person

HOME_CURRENCY = "PHP"
_COUNTRY = re.compile("[A-Z]{2}")
_CURRENCY = re.compile("[A-Z]{3}")


class ResidenceRefused(ValueError):
    """A country or currency that is none; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Residence:
    """Where people live and in what they are paid; raises ResidenceRefused.

    `country` is an ISO 3166 code, empty for each person's own; `currency` an ISO 4217 code that
    stands in place of PHP. Amounts, providers and foreign currencies stay as they are.
    """

    country: str = ""
    currency: str = HOME_CURRENCY

    def __post_init__(self) -> None:
        if self.country and not _COUNTRY.fullmatch(self.country):
            raise ResidenceRefused(
                f"country is {self.country!r}: give a code of ISO 3166 in capital letters, as ID"
            )
        if not _CURRENCY.fullmatch(self.currency):
            raise ResidenceRefused(
                f"currency is {self.currency!r}: give a code of ISO 4217 in capital letters, as IDR"
            )

    def of(self, person: Person) -> Person:
        """The person as somebody who lives here."""
        if not self.country and self.currency == HOME_CURRENCY:
            return person
        return replace(person, sources=tuple(map(self._source, person.sources)))

    def _source(self, source: DataSource) -> DataSource:
        items = {kind: tuple(map(self._item, some)) for kind, some in source.items.items()}
        return replace(source, items=items)

    def _item(self, item: Json) -> Json:
        return {**item, **self._changed(item)}

    def _changed(self, item: Json) -> Mapping[str, str]:
        if self.country and "countryResidence" in item:
            return {"countryResidence": self.country}
        return {"currency": self.currency} if item.get("currency") == HOME_CURRENCY else {}


UNCHANGED = Residence()
"""Each person's own country, and pesos."""
