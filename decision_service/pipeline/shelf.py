"""The rules that decide now, and what the last reading of their folder found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from decision_service.language.diagnostics import Diagnostic, Severity
from decision_service.pipeline.rulebook import Product, Rulebook
from decision_service.rollout.state import Refusal, adopt


@dataclass(frozen=True, slots=True)
class ShelfStatus:
    """`since` is when each digest began to decide; `refused` is empty after a good reading."""

    rulebook: Rulebook
    since: Mapping[str, datetime]
    read: datetime
    refused: tuple[Diagnostic, ...] = ()


class RuleShelf:
    """Holds one whole rulebook and replaces it with one assignment.

    A decision takes `current()` once and keeps it; what is put here later does not reach it.
    """

    def __init__(self, rulebook: Rulebook, now: datetime) -> None:
        self._status = ShelfStatus(rulebook, dict.fromkeys(rulebook.digests, now), now)

    def current(self) -> Rulebook:
        """The last good rulebook."""
        return self._status.rulebook

    @property
    def status(self) -> ShelfStatus:
        """The rulebook with the state of its folder."""
        return self._status

    def put(self, rulebook: Rulebook, now: datetime) -> tuple[Diagnostic, ...]:
        """Replace the rulebook, each rollout staying where it stands.

        Where a changed plan does not fit the running rollout nothing is replaced, and the clashes
        return.
        """
        adopted = {name: self._adopt(product, now) for name, product in rulebook.products.items()}
        clashes = tuple(_clash(one) for one in adopted.values() if isinstance(one, Refused))
        if clashes:
            self.refuse(clashes, now)
            return clashes
        products = {name: one for name, one in adopted.items() if isinstance(one, Product)}
        fresh = Rulebook(products)
        since = {digest: self._status.since.get(digest, now) for digest in fresh.digests}
        self._status = ShelfStatus(fresh, since, now)
        return ()

    def refuse(self, problems: tuple[Diagnostic, ...], now: datetime) -> None:
        """Keep what decides, and remember why the folder was refused."""
        self._status = replace(self._status, read=now, refused=problems)

    def _adopt(self, product: Product, now: datetime) -> Product | Refused:
        running = self._status.rulebook.products.get(product.name)
        if running is None:
            return product
        state = adopt(product.plan, running.state, now)
        if isinstance(state, Refusal):
            return Refused(product.name, state.message)
        return replace(product, state=state)


@dataclass(frozen=True, slots=True)
class Refused:
    """A product whose changed plan does not fit its running rollout."""

    product: str
    why: str


def _clash(refused: Refused) -> Diagnostic:
    path = f"rules/{refused.product}/rollout.yaml"
    hint = "bring back what the running rollout stands on, or move the rollout first"
    return Diagnostic("P501", Severity.ERROR, path, 1, 1, 2, refused.why, hint)
