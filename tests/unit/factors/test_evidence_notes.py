"""What the evidence of an income says in words, so that a case worker sees what was left out."""

from __future__ import annotations

import pytest
import yaml

from decision_service.factors.compute import compute
from tests.unit.factors.golden import read_case

AGAIN = "of payslips of one period and employer the largest counts, as one pay"
OTHERS = "old is stale, and others show the income since"
STALE = "2026-10-01T00:00:00Z"
PAYROLL = """
  - {source: p, employer: Acme, start: 2026-08-01, end: 2026-08-31, net: "20000"}
  - {source: p, employer: Acme, start: 2026-09-01, end: 2026-09-30, net: "20000"}
  - {source: p, employer: Acme, start: 2026-10-01, end: 2026-10-31, net: "20000"}
"""
NOTED = {
    "an overtime run": (
        AGAIN,
        f"""
accounts: [{{id: p, provider: sprout_ph}}]
incomes: {PAYROLL}
  - {{source: p, employer: ACME INC, start: 2026-10-01, end: 2026-10-31, net: "3000"}}
""",
    ),
    "the same payslip twice": (
        None,
        f"""
accounts: [{{id: p, provider: sprout_ph}}]
incomes: {PAYROLL}
  - {{source: p, employer: ACME INC, start: 2026-10-01, end: 2026-10-31, net: "20000"}}
""",
    ),
    "a stale scheme": (
        OTHERS,
        f"""
accounts: [{{id: p, provider: sprout_ph}}, {{id: old, provider: sss_ph, synced: {STALE}}}]
eincomes: [[old, 2026-05..2026-07, "20000"]]
incomes: {PAYROLL}
""",
    ),
    "an idle platform": (
        OTHERS,
        f"""
accounts: [{{id: p, provider: sprout_ph}}, {{id: old, provider: grab_ph, synced: {STALE}}}]
transactions: [[old, 2026-02-10, Trip, "500"], [old, 2026-03-10, Trip, "500"]]
incomes: {PAYROLL}
""",
    ),
}


@pytest.mark.parametrize("name", NOTED)
def test_the_evidence_says_what_was_left_out(name: str) -> None:
    """Pay that was told twice with two amounts, and accounts whose age taints no income."""
    note, written = NOTED[name]
    given = yaml.load(written, yaml.CBaseLoader)
    case = read_case(name, {**given, "expect": {"income.sum_3m": ""}})
    found = compute(case.snapshot, case.needs, case.as_of).values["income.sum_3m"]
    assert found.value is not None
    assert found.value.minor == 6_000_000
    notes = [one for one in found.evidence.notes if one in (AGAIN, OTHERS)]
    assert notes == ([note] if note else [])
