"""What `compute` reports beside values: kinds, sources, the oldest sync, evidence."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from decision_service.domain.accounts import Kind
from decision_service.domain.factor import Factors
from decision_service.domain.needs import Needs
from decision_service.factors.compute import compute
from tests.unit.factors.golden import plus_zone, read_policy, read_snapshot

CASES = yaml.load(
    (Path(__file__).parents[2] / "cases" / "beside" / "compute.yaml").read_text("utf-8"),
    yaml.CBaseLoader,
)
AS_OF = plus_zone("2026-11-24T02:00:00Z", "Asia/Manila")
SSS = {"id": "a", "provider": "sss_ph", "synced": "2026-11-20T00:00:00Z"}
RIDER = {"id": "l", "provider": "lalamove_ph", "synced": "2026-11-10T00:00:00Z"}

ARCHIVE = {"id": "s", "type": "ARCHIVE", "provider": "grab_ph"}


def result(names: tuple[str, ...], policy: dict[str, Any] | None = None, **parts: Any) -> Factors:
    """The factors of an applicant written as in the golden cases."""
    needs = Needs(names, read_policy(policy or {}))
    return compute(read_snapshot(parts), needs, AS_OF)


def shown(value: object) -> object:
    """A part of a report as a case writes it."""
    if value is None:
        return "none"
    return [*map(str, value)] if isinstance(value, tuple) else str(value)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_is_reported_beside_values(case: dict[str, Any]) -> None:
    """Kinds, sources, syncs, evidence and causes are those that the case names."""
    found = result(tuple(case["factors"]), **case["given"])
    named = case.get("kinds", {})
    assert {kind: shown(found.kinds.get(Kind(kind))) for kind in named} == named
    if "sources" in case:
        sources = [
            [one.id, one.status, "used" if one.used else "unused", one.error_code or "none"]
            for one in found.sources
        ]
        assert sources == case["sources"]
    assert case.get("oldest", shown(found.oldest_used_sync)) == shown(found.oldest_used_sync)
    for value in found.values.values():
        for part, of in (("evidence", value.evidence), ("missing", [*value.missing, None][0])):
            expected = case.get(part, {})
            assert {name: shown(getattr(of, name)) for name in expected} == expected


def test_only_named_factors_are_computed() -> None:
    """The values are those asked for, in the order asked for."""
    names = ("income.months_12m", "accounts.connected_count")
    assert tuple(result(names, accounts=[SSS]).values) == names


def test_sources_have_the_names_of_their_providers() -> None:
    """Of accounts and archives, as the reading had them; without a name there is none."""
    found = read_snapshot({"accounts": [SSS, RIDER], "sources": [ARCHIVE]})
    named = [replace(one, name=one.id.upper()) for one in found.providers if one.id != "sss_ph"]
    sources = compute(replace(found, providers=tuple(named)), Needs((), read_policy({})), AS_OF)
    told = {one.id: one.provider_name for one in sources.sources}
    assert told == {"a": "", "l": "LALAMOVE_PH", "s": "GRAB_PH"}


def test_numbers_have_thirty_four_digits() -> None:
    """A third is rounded half-even at the 34th digit."""
    value = result(
        ("transactions.fee_ratio_1m",),
        accounts=[RIDER],
        transactions=[["l", "2026-10-05", "Trip", "3"], ["l", "2026-10-05", "Fee", "-2"]],
    ).values["transactions.fee_ratio_1m"]
    assert value.value == Decimal("0." + "6" * 33 + "7")
