"""Fault rows that one scripted answer of the vendor makes happen, and what must come out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from decision_service.standin.faults import Fault

ELSEWHERE = "ELSEWHERE"
"""Stands for the address of a second server in a redirect."""

Make = Callable[[str, str], tuple[Fault, ...]]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the catalogue: faults for a user, and the outcome or error with its reason.

    `says` is the first reason of a decision or the reason of an error; empty is any.
    """

    id: str
    make: Make
    outcome: str
    says: str = ""


def _one(effect: str, path: str = "/eincomes", times: int | None = None, **settings: Any) -> Make:
    def make(user: str, elsewhere: str) -> tuple[Fault, ...]:
        told = {k: elsewhere if v == ELSEWHERE else v for k, v in settings.items()}
        return (Fault(effect, path, user, times=times, settings=told),)

    return make


def _set(field: str, value: object, path: str = "/eincomes") -> Make:
    return _one("set", path, field=field, value=value)


def _accounts(**settings: Any) -> Make:
    return _one("account_state", "/accounts", **settings)


def _at_sss(**settings: Any) -> Make:
    return _accounts(provider="sss_ph", **settings)


ROWS = (
    Row("U1", _one("status", times=1, status=429, retry_after=1), "APPROVE"),
    Row("U4 500", _one("status", times=1, status=500), "APPROVE"),
    Row("U4 502", _one("status", times=1, status=502), "APPROVE"),
    Row("U4 503", _one("status", times=1, status=503), "APPROVE"),
    Row("U4 504", _one("status", times=1, status=504), "APPROVE"),
    Row("U5", _one("status", status=500), "REFER", "UPSTREAM_UNAVAILABLE"),
    Row("U11", _one("malformed"), "REFER", "UPSTREAM_BAD_BODY"),
    Row("U11 once", _one("malformed", times=1), "APPROVE"),
    Row("U12", _one("html"), "REFER", "UPSTREAM_BAD_BODY"),
    Row("U13 type", _one("content_type", value="text/json"), "REFER", "UPSTREAM_BAD_BODY"),
    Row("U13 BOM", _one("encoding", name="utf-8-sig"), "REFER", "UPSTREAM_BAD_BODY"),
    Row("U13 UTF-16", _one("encoding", name="utf-16"), "REFER", "UPSTREAM_BAD_BODY"),
    Row("U14", _one("redirect", location=ELSEWHERE), "REFER", "UPSTREAM_BAD_BODY"),
    Row("U15 huge", _one("huge"), "REFER", "DATA_TOO_LARGE"),
    Row("U15 deep", _one("deep"), "REFER", "DATA_TOO_LARGE"),
    Row("U16 code", _one("envelope_code", code="SERVER_ERROR"), "REFER", "UPSTREAM_SCHEMA"),
    Row("U16 null", _one("data_null"), "REFER", "UPSTREAM_SCHEMA"),
    Row("U16 array", _one("bare_array"), "APPROVE"),
    Row("U16 older name", _one("base_amount"), "APPROVE"),
    Row("U17 text", _set("amount", "35000"), "REFER", "UPSTREAM_SCHEMA"),
    Row("U17 gone", _one("drop", field="month"), "REFER", "UPSTREAM_SCHEMA"),
    Row("U18", _set("novelty", {"x": [1]}), "APPROVE"),
    Row("U19", _one("status", "/accounts", status=401), "UPSTREAM_UNAVAILABLE"),
    Row("U20 user", _one("status", "*", status=404), "USER_UNKNOWN"),
    Row("U20 list", _one("status", status=404), "REFER", "DATA_GONE"),
    Row("U21 circle", _one("cursor_loop"), "REFER", "PAGINATION_LOOP"),
    Row("U21 empty", _one("empty_pages"), "REFER", "PAGINATION_LOOP"),
    Row("U22", _one("duplicate"), "APPROVE"),
    Row("U23", _one("conflict", field="amount", value=1), "REFER", "DATA_CHANGED_DURING_READ"),
    Row("U23 once", _one("conflict", times=1, field="amount", value=1), "APPROVE"),
    *(
        Row(
            f"U27 {number[:9]}", _one("number", field="amount", value=number), "REFER", "BAD_AMOUNT"
        )
        for number in ("NaN", "Infinity", "1e400", "-0", "9" * 400, "1e400000")
    ),
    Row(
        "U28",
        _one("set", "/contributions", field="amount", value=-1, all=True),
        "REFER",
        "BAD_AMOUNT",
    ),
    Row("U28 correction", _set("amount", -1), "APPROVE"),
    Row("U29", _set("currency", "php"), "REFER", "MIXED_CURRENCY"),
    Row("U30", _set("date", "2026-02-30", "/contributions"), "REFER", "BAD_DATE"),
    Row("U33 pending", _accounts(status="PENDING", age_minutes=1), "DATA_NOT_READY"),
    Row("U34", _at_sss(status="ERROR", error_code="ACCOUNT_LOCKED"), "REFER", "PARTIAL_DATA"),
    Row("U36", _accounts(status="DISCONNECTED"), "REFER", "CONSENT_REVOKED"),
    Row("U39", _accounts(synced_minutes_ago=60 * 24 * 200), "REFER", "STALE_DATA"),
    Row("U40", _one("other_user"), "INTERNAL"),
)
"""Each is played for a steady earner of its own, whom nothing keeps from being approved."""
