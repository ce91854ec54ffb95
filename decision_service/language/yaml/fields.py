"""Maps read key by key, with unknown and missing keys reported."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar

from decision_service.language.diagnostics import Place, Report, did_you_mean
from decision_service.language.yaml.nodes import MapEntry, MapNode, Scalar, YamlNode
from decision_service.language.yaml.readers import (
    as_choice,
    as_day,
    as_decimal,
    as_duration,
    as_flag,
    as_identifier,
    as_integer,
    as_list,
    as_map,
    as_scalar,
    as_text,
    shortened,
)

T = TypeVar("T")

_GONE = {
    ("the plan", "explore"): "remove it: nobody is approved past the score; try a cut-off with a "
    "challenger",
    ("a case", "snapshot"): "describe the applicant in a story, under `stories/` of the product",
}
"""Keys that were removed, by what had them, with what to use instead."""


class Fields:
    """A map read key by key; unknown and missing keys are reported when it is opened.

    Each reader gives None where the key is absent or its value is wrong; only the latter is
    reported. `what` names the map in messages ("rule", "stage `pilot`").
    """

    def __init__(
        self,
        node: MapNode,
        what: str,
        report: Report,
        *,
        required: Collection[str] = (),
        optional: Collection[str] = (),
    ) -> None:
        self.node, self.what, self.report = node, what, report
        known = [*required, *optional]
        for entry in node.entries:
            if entry.key not in known and not report.full:
                self._unknown(entry, known)
        for key in required:
            if node.get(key) is None:
                report.error("R121", node.place, f"{what} has no `{key}`", f"add `{key}:`")

    @classmethod
    def of(
        cls,
        node: YamlNode,
        what: str,
        report: Report,
        *,
        required: Collection[str] = (),
        optional: Collection[str] = (),
    ) -> Fields | None:
        """The node opened as a map with these keys; None where it is no map."""
        opened = as_map(node, what, report)
        if opened is None:
            return None
        return cls(opened, what, report, required=required, optional=optional)

    def _unknown(self, entry: MapEntry, known: Collection[str]) -> None:
        message = f"unknown key `{shortened(entry.key)}` in {self.what}"
        hint = _GONE.get((self.what, entry.key)) or did_you_mean(entry.key, known)
        self.report.error("R120", entry.key_place, message, hint)

    def has(self, key: str) -> bool:
        """Whether the key was written."""
        return self.node.get(key) is not None

    def place(self, key: str) -> Place:
        """Where the key's value stands; the map's place where there is no such key."""
        value = self.node.get(key)
        return self.node.place if value is None else value.place

    def get(self, key: str) -> YamlNode | None:
        """The key's value unread; None for one that is absent or torn."""
        value = self.node.get(key)
        return None if isinstance(value, Scalar) and value.torn else value

    def scalar(self, key: str) -> Scalar | None:
        """The key's value as a leaf."""
        return self._read(key, as_scalar)

    def text(self, key: str) -> str | None:
        """A text of 1 to 2,000 characters."""
        return self._read(key, as_text)

    def identifier(self, key: str) -> str | None:
        """A snake_case name."""
        return self._read(key, as_identifier)

    def integer(self, key: str, low: int | None = None, high: int | None = None) -> int | None:
        """A whole number between two inclusive bounds."""
        return self._read(key, lambda n, w, r: as_integer(n, w, r, low, high))

    def decimal(
        self, key: str, low: Decimal | int | None = None, high: Decimal | int | None = None
    ) -> Decimal | None:
        """An exact decimal number between two inclusive bounds."""
        return self._read(key, lambda n, w, r: as_decimal(n, w, r, low, high))

    def flag(self, key: str) -> bool | None:
        """`true` or `false`."""
        return self._read(key, as_flag)

    def choice(self, key: str, options: Iterable[str]) -> str | None:
        """One of the options."""
        return self._read(key, lambda n, w, r: as_choice(n, w, options, r))

    def day(self, key: str) -> date | None:
        """A civil date."""
        return self._read(key, as_day)

    def duration(self, key: str) -> timedelta | None:
        """A duration such as `35d`."""
        return self._read(key, as_duration)

    def items(self, key: str) -> tuple[YamlNode, ...]:
        """The items of a list; empty where the key is absent."""
        return self._read(key, as_list) or ()

    def map(self, key: str) -> MapNode | None:
        """The value as a map."""
        return self._read(key, as_map)

    def _read(self, key: str, reader: Callable[[YamlNode, str, Report], T | None]) -> T | None:
        value = self.node.get(key)
        return None if value is None else reader(value, f"`{key}`", self.report)
