"""The rules that decide now, and the result of the last reading of their folder."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec.structs import replace

from decision_service.language.diagnostics import Diagnostic, count
from decision_service.pipeline.rules.rulebook import Product, Rulebook


class ActiveRulesStatus(msgspec.Struct, frozen=True):
    """`since` is when each digest began to decide; `refused` is empty after a good reading."""

    rulebook: Rulebook
    since: Mapping[str, datetime]
    read: datetime
    refused: tuple[Diagnostic, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """A line for operators where the folder's last reading was refused."""
        if not self.refused:
            return ()
        found, when = count(self.refused), f"{self.read:%Y-%m-%dT%H:%M:%SZ}"
        return (f"rules refused at {when} ({found}); the last good ones decide",)


class ActiveRules:
    """Holds one whole rulebook and replaces it with one assignment.

    A decision takes `current()` once and keeps it; a later `put` does not reach it.
    """

    def __init__(self, rulebook: Rulebook, now: datetime) -> None:
        self._status = ActiveRulesStatus(rulebook, dict.fromkeys(rulebook.digests, now), now)

    def current(self) -> Rulebook:
        """The last good rulebook."""
        return self._status.rulebook

    @property
    def status(self) -> ActiveRulesStatus:
        """The rulebook with the state of its folder."""
        return self._status

    def put(self, rulebook: Rulebook, now: datetime) -> None:
        """Replace the rulebook."""
        since = {digest: self._status.since.get(digest, now) for digest in rulebook.digests}
        self._status = ActiveRulesStatus(rulebook, since, now)

    def set_products(self, moved: Mapping[str, Product]) -> None:
        """Replace the rollout states and plans of these products, under the same rules."""
        self._status = replace(self._status, rulebook=self.current().with_products(moved))

    def refuse(self, problems: tuple[Diagnostic, ...], now: datetime) -> None:
        """Keep the rules that decide, and record why the folder was refused."""
        self._status = replace(self._status, read=now, refused=problems)
