"""Writes the records of one account, and reads what all kinds of records share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import cycle
from typing import Any

from decision_service.domain.months import Month
from decision_service.language.diagnostics import Report
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import ListNode, YamlNode
from decision_service.language.yaml.readers import as_decimal, as_list
from tests.stories.times import Today, read_date, read_moment, read_month

USER = "tenantId-00000000000000000000000000000014"
MONTHS = ("from", "to", "months", "except")

Json = dict[str, Any]


def stamp(moment: datetime) -> str:
    """A moment as the vendor spells it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class AccountWriter:
    """One account (or upload, archive, social security record) whose records are being written."""

    name: str
    provider: str
    kind: str
    today: Today
    synced: datetime
    report: Report
    _count: int = field(default=0)

    @property
    def id(self) -> str:
        """The vendor's id of it."""
        return f"{'a' if self.kind == 'ACCOUNT' else 'u'}-{self.name}"

    @property
    def metadata(self) -> Json:
        """The `metadata` of its records."""
        return {
            "createdAt": stamp(self.synced),
            "sourceId": self.id,
            "sourceType": self.kind,
            "userId": USER,
            "providerId": self.provider,
        }

    def item(self, **fields: Any) -> Json:
        """A record of it with an id of its own."""
        self._count += 1
        return {"id": f"{self.id}-{self._count:05}", **fields, "metadata": self.metadata}

    def date(self, fields: Fields, key: str) -> date | None:
        """A civil date under a key."""
        return self._read(fields, key, read_date)

    def month(self, fields: Fields, key: str) -> Month | None:
        """A month under a key."""
        return self._read(fields, key, read_month)

    def moment(self, fields: Fields, key: str) -> datetime | None:
        """A moment under a key."""
        return self._read(fields, key, read_moment)

    def _read(self, fields: Fields, key: str, reader: Callable[..., Any]) -> Any:
        node = fields.get(key)
        return None if node is None else reader(node, f"`{key}`", self.today, self.report)

    def months(self, fields: Fields) -> list[Month]:
        """The months that `from` and `to`, or `months`, name, without those under `except`."""
        named = self._months(fields, "months")
        first, last = self.month(fields, "from"), self.month(fields, "to")
        if first and last:
            named += [Month(index) for index in range(first.index, last.index + 1)]
        if not named and not self.report.failed:
            hint = "write `from` and `to`, the earlier one first, or a list under `months`"
            self.report.error("R121", fields.node.place, f"{fields.what} names no month", hint)
        left_out = set(self._months(fields, "except"))
        return [month for month in named if month not in left_out]

    def _months(self, fields: Fields, key: str) -> list[Month]:
        found = [read_month(n, f"`{key}`", self.today, self.report) for n in fields.items(key)]
        return [month for month in found if month is not None]

    def amounts(self, fields: Fields, key: str) -> Iterator[float | int | None]:
        """What stands under a key for each record in turn: one amount, or a list used in turn."""
        node = fields.get(key)
        if node is None:
            return cycle([None])
        items = as_list(node, f"`{key}`", self.report) if isinstance(node, ListNode) else (node,)
        read = [as_decimal(item, f"`{key}`", self.report) for item in items]
        return cycle([as_json(amount) for amount in read] or [None])

    def amount(self, fields: Fields, key: str) -> float | int | None:
        """One amount under a key."""
        return as_json(fields.decimal(key))


def each(node: YamlNode | None, what: str, report: Report) -> tuple[YamlNode, ...]:
    """The entries of a section: a list of them, or the only one without a dash."""
    if node is None:
        return ()
    return node.items if isinstance(node, ListNode) else (node,)


def as_json(amount: Decimal | None) -> float | int | None:
    """An amount as the vendor writes it."""
    if amount is None:
        return None
    return int(amount) if amount == int(amount) else float(amount)
