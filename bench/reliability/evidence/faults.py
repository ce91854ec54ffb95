"""What goes wrong in a scenario, and whether the evidence is still whole afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from decision_service.standin.faults import Fault

Make = Callable[[Random, str], tuple[Fault, ...]]

AMOUNTS = {
    "eincomes": "amount",
    "incomes": "netAmount",
    "contributions": "amount",
    "liabilities": "loanAmount",
    "transactions": "amount",
}
DATES = {
    "eincomes": "month",
    "incomes": "startDate",
    "contributions": "date",
    "employments": "startDate",
    "liabilities": "startDate",
    "transactions": "date",
}
HOSTILE = ("NaN", "Infinity", "1e400", "1e400000", "-0", "9" * 400, "1.00001", "1e13")


@dataclass(frozen=True, slots=True)
class Family:
    """Faults of one manner; `taints` says whether what they concern is fit for use afterwards."""

    name: str
    taints: bool
    make: Make
    only: frozenset[str] | None = None

    def concerns(self, kind: str) -> bool:
        """Whether it can happen to a kind."""
        return self.only is None or kind in self.only


def _always(effect: str, **settings: Any) -> Make:
    return lambda _, kind: (Fault(effect, f"/{kind}", settings=settings),)


def _once(effect: str, **settings: Any) -> Make:
    return lambda dice, kind: (
        Fault(effect, f"/{kind}", times=1, skip=dice.randint(0, 1), settings=settings),
    )


def _status(dice: Random, kind: str) -> tuple[Fault, ...]:
    status = dice.choice((500, 502, 503, 504, 404, 400, 418, 429, 302, 204))
    return (Fault("status", f"/{kind}", settings={"status": status}),)


def _passing(dice: Random, kind: str) -> tuple[Fault, ...]:
    settings: dict[str, Any] = {"status": dice.choice((500, 502, 503, 504, 429))}
    if settings["status"] == 429:
        settings["retry_after"] = dice.choice((0, 1, 2))
    return (Fault("status", f"/{kind}", times=1, settings=settings),)


def _field(names: dict[str, str], values: tuple[Any, ...], effect: str) -> Make:
    def make(dice: Random, kind: str) -> tuple[Fault, ...]:
        settings = {"field": names[kind], "value": dice.choice(values), "all": dice.random() < 0.3}
        return (Fault(effect, f"/{kind}", settings=settings),)

    return make


def _dropped(dice: Random, kind: str) -> tuple[Fault, ...]:
    name = dice.choice([names[kind] for names in (AMOUNTS, DATES) if kind in names] + ["metadata"])
    if (kind, name) in {("incomes", "netAmount"), ("eincomes", "amount")}:
        name = DATES[kind]  # these amounts have another that stands in for them
    return (Fault("drop", f"/{kind}", settings={"field": name}),)


def _cut(dice: Random, kind: str) -> tuple[Fault, ...]:
    return (Fault("malformed", f"/{kind}", settings={"bytes": dice.randint(0, 400)}),)


def _conflict(dice: Random, kind: str) -> tuple[Fault, ...]:
    settings = {"field": DATES[kind], "value": dice.choice(("2026-01", "2026-01-15"))}
    if kind in AMOUNTS:
        settings = {"field": AMOUNTS[kind], "value": dice.randint(1, 9_000_000)}
    return (Fault("conflict", f"/{kind}", settings=settings),)


def _slow(dice: Random, kind: str) -> tuple[Fault, ...]:
    return (Fault("slow", f"/{kind}", times=3, settings={"seconds": dice.uniform(0.1, 1.8)}),)


_WITH_AMOUNT = frozenset(AMOUNTS) - {"incomes"}

FAMILIES = (
    Family("nothing wrong", False, lambda _, __: ()),
    Family("one failure that passes", False, _passing),
    Family("one body that is cut", False, _once("malformed")),
    Family("slow answers", False, _slow),
    Family("equal duplicates", False, _always("duplicate")),
    Family("a new field", False, _always("set", field="novelty", value={"x": [1]}, all=True)),
    Family("a bare array", False, _always("bare_array")),
    Family("the last cursor as null", False, _always("null_cursor")),
    Family("the older name of amounts", False, _always("base_amount"), frozenset({"eincomes"})),
    Family("one contradiction that passes", False, lambda d, k: _times(_conflict(d, k))),
    Family("a status that stays", True, _status),
    Family("every body cut", True, _cut),
    Family("a page for people", True, _always("html")),
    Family("another content type", True, _always("content_type", value="text/json")),
    Family("another encoding", True, _always("encoding", name="utf-16")),
    Family("a redirect", True, _always("redirect", location="http://elsewhere.test/")),
    Family("a huge body", True, _always("huge")),
    Family("a deep body", True, _always("deep")),
    Family("an envelope that is not OK", True, _always("envelope_code", code="SERVER_ERROR")),
    Family("an envelope without data", True, _always("data_null")),
    Family("cursors in a circle", True, _always("cursor_loop")),
    Family("pages without end", True, _always("empty_pages")),
    Family("a hostile number", True, _field(AMOUNTS, HOSTILE, "number"), _WITH_AMOUNT),
    Family("an amount as text", True, _field(AMOUNTS, ("1375", "NaN", ""), "set"), _WITH_AMOUNT),
    Family("a bad date", True, _field(DATES, ("2026-02-30", "0001-01", 7, "soon"), "set")),
    Family("a required field gone", True, _dropped),
    Family("one id with two contents", True, _conflict),
    Family("an answer that hangs", True, _always("slow", seconds=3_600)),
)
"""Everything that can happen to the list of one kind."""


def _times(faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    return tuple(Fault(one.effect, one.path, times=1, settings=one.settings) for one in faults)


ACCOUNT_FAMILIES = (
    Family("accounts that cannot be read", True, _status),
    Family("accounts cut", True, _cut),
    Family("accounts as a page for people", True, _always("html")),
    Family("accounts in a circle", True, _always("cursor_loop")),
    Family("accounts without a status", True, _always("drop", field="connectionStatus", all=True)),
    Family("accounts disconnected", True, _always("account_state", status="DISCONNECTED")),
    Family(
        "accounts in error",
        True,
        _always("account_state", status="ERROR", error_code="ACCOUNT_LOCKED"),
    ),
    Family(
        "accounts synced long ago", True, _always("account_state", synced_minutes_ago=60 * 2400)
    ),
)
"""What can happen to the list of accounts: then no approval and no decline stands."""
