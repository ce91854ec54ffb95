"""The accounts of a sandbox person: providers, days of connection, and builders of the data.

Amounts depend on the month they are for, so that a month reads the same on every day that shows it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from decision_service.simulator.formats.dates import month_number, start_of
from decision_service.simulator.people.government import contribution_of
from decision_service.simulator.people.payroll import NET_SHARE
from decision_service.simulator.people.shapes import AmountOf, Origin
from decision_service.simulator.people.world import DataSource, Json

SourceBuilder = Callable[[Origin, Json, date], DataSource]
REFERENCE_MONTH = month_number("2026-08")
_MIDNIGHT_AND = timedelta(seconds=1)
"""Accounts were synced just after midnight: never in the future, whatever the time of day."""


@dataclass(frozen=True, slots=True)
class SandboxAccounts:
    """A person's accounts: provider, days since the connection, and builder of the data."""

    accounts: tuple[tuple[str, int, SourceBuilder], ...]

    @property
    def builders(self) -> tuple[SourceBuilder, ...]:
        """The builder of each account's data."""
        return tuple(build for _, _, build in self.accounts)

    def origins(self, user_id: str, today: date) -> list[Origin]:
        """Return the accounts, connected long or lately and synced today."""
        synced = start_of(today) + _MIDNIGHT_AND
        return [
            Origin(user_id, provider, synced - timedelta(days=days), synced)
            for provider, days, _ in self.accounts
        ]


def contributions_for(pay: AmountOf) -> AmountOf:
    """Return what a scheme books for each month of such pay."""
    return lambda month: contribution_of(pay(month))


def gross_of(pay: AmountOf) -> AmountOf:
    """Return the gross pay of which this is left."""
    return lambda month: pay(month) / NET_SHARE
