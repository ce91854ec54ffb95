"""What past decisions come to: the cases of tests/cases/history, and laws of the keys."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_service.decide.application import IdentityKey, history_keys
from decision_service.decide.history import (
    MOST_PAST,
    HistoryOf,
    Past,
    PastDecision,
    ReportedLoans,
    history_of,
    reuse_of,
)
from decision_service.domain.decision import Outcome
from decision_service.domain.person import History, Reuse
from decision_service.domain.values import AsOf
from tests.kits.cases import cases

MANILA = ZoneInfo("Asia/Manila")
AS_OF = AsOf.at(datetime(2026, 11, 26, 12, tzinfo=MANILA), MANILA)
CASES = cases("history/figures")
OLD, NEW = (IdentityKey.of(bytes([number]) * 32) for number in (1, 2))


def noon(day):
    """Noon in Manila of a day; None where there is none."""
    return day and datetime.combine(day, time(12), MANILA).astimezone(UTC)


def centavos(pesos):
    """The amount in minor units; None where there is none."""
    return None if pesos is None else pesos * 100


def past_decision(number, row, **changes):
    told = row.get("loans")
    loans = None
    if told is not None:
        owed = [centavos(told.get(name, 0)) for name in ("left", "due")]
        counts = [told.get(name, 0) for name in ("open", "overdue", "repaid")]
        loans = ReportedLoans(*owed, *counts, centavos(told.get("drawn")))
    fields = {
        "decision_id": f"dec_{number}",
        "user_id": "user-1",
        "caller": "los",
        "customer_ref": "",
        "product": row.get("product", "personal-loan-ph"),
        "outcome": Outcome(row["outcome"]),
        "created": noon(row["day"]),
        "currency": row.get("currency", "PHP"),
        "approved": centavos(row.get("approved")),
        "instalment": centavos(row.get("instalment")),
        "expires": noon(row.get("expires")),
        "loans": loans,
        "reviewed": noon(row.get("reviewed")),
        "replaced": row.get("replaced", False),
    }
    return PastDecision(**(fields | changes))


def figures(history):
    """The figures as a case writes them."""
    amounts = {}
    for name in ("exposure", "instalments"):
        amount = getattr(history, name)
        amounts[name] = f"unclear {history.unclear}" if amount is None else amount // 100
    return {
        "applications": [*history.applications],
        "approvals": [*history.approvals],
        "declines": [*history.declines],
        "last_decline": history.last_decline or "none",
        "open_offers": history.open_approvals,
        "open_loans": history.open_loans,
        "overdue_loans": history.overdue_loans,
        "repaid_loans": history.repaid_loans,
        **amounts,
    }


def of(past, unreported=30, as_of=AS_OF):
    """The history over some past."""
    return history_of(HistoryOf("personal-loan-ph", "PHP", as_of), past, unreported_days=unreported)


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["name"])
def test_past_decisions_come_to_the_figures_of_the_case(case):
    """Each figure that a case names is what its past comes to."""
    decided = tuple(past_decision(number, row) for number, row in enumerate(case["past"]))
    keys = case.get("found_by", ["user"])
    history = of([Past(len(decided), decided)] * len(keys), case.get("unreported_days", 30))
    found = figures(history)
    assert {name: found[name] for name in case["figures"]} == case["figures"]


def test_more_than_can_be_read_leaves_the_exposure_unclear():
    """A thousand decisions under a key hide an older loan: counts stay, sums do not."""
    row = {"outcome": "DECLINE", "day": date(2026, 11, 26)}
    many = tuple(past_decision(number, row) for number in range(MOST_PAST))
    found = figures(of([Past(MOST_PAST, many)]))
    assert found["exposure"] == "unclear PARTIAL"
    assert found["applications"] == [MOST_PAST] * 4


@given(st.lists(st.sampled_from(CASES["cases"]), max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_past_decisions_means_nothing(chosen, rng):
    """Whatever the order and the keys they are found by, the figures are the same."""
    rows = [row for case in chosen for row in case["past"]]
    decided = [past_decision(number, row) for number, row in enumerate(rows)]
    shuffled = rng.sample(decided, len(decided))
    half = Past(len(decided), tuple(shuffled[: len(decided) // 2]))
    assert of([Past(len(decided), tuple(decided))]) == of([Past(9, tuple(shuffled)), half])


@given(st.sampled_from(CASES["cases"]), st.sampled_from(CASES["cases"]))
def test_more_past_never_lowers_what_is_owed_or_counted(one, other):
    """Another decision adds to counts and exposure, or leaves the exposure unclear."""
    rows = [*one["past"], *other["past"]]
    decided = tuple(past_decision(number, row) for number, row in enumerate(rows))
    less, more = (of([Past(9, part)]) for part in (decided[: len(one["past"])], decided))
    assert all(a <= b for a, b in zip(less.applications, more.applications, strict=True))
    assert more.exposure is None or (less.exposure or 0) <= more.exposure


def test_second_uses_are_users_and_customers_other_than_this_one():
    """Users of the busiest account and of the person, customers of the same caller."""
    keys = history_keys("user-1", "los", "C-1", (OLD, NEW), ("a-1", "a-2"), ["cruz juan 1990"])
    row = {"outcome": "APPROVE", "day": date(2026, 11, 1)}
    mine = past_decision(1, row, customer_ref="C-2")
    theirs = [past_decision(n, row, user_id=f"user-{n}", caller="crm") for n in (2, 3)]
    past = {
        keys.user: Past(2, (mine, past_decision(9, row, caller="crm", customer_ref="C-9"))),
        keys.accounts[0][0]: Past(1, (theirs[0],)),
        keys.accounts[0][1]: Past(1, (theirs[1], mine)),
        keys.person[0]: Past(1, (theirs[1],)),
    }
    assert reuse_of(keys, past, "user-1", "los", "C-1") == Reuse(3, 2, 2, keyed=True)
    assert reuse_of(keys, {}, "user-1", "los", "") == Reuse(1, 1, 1, keyed=True)
    unkeyed = history_keys("user-1", "los", "C-1", (), ("a-1",), ["cruz juan 1990"])
    assert reuse_of(unkeyed, {}, "user-1", "los", "C-1") == Reuse(None, 1, None)


def test_a_customer_reference_means_something_to_its_caller_alone():
    """Two callers' customers of one reference are two customers."""
    one, other = (history_keys("u", caller, "C-1").customer for caller in ("los", "crm"))
    assert one != other
    assert history_keys("u", "los", "").customer is None


def test_a_hash_names_its_key_and_hides_the_rest():
    """Keys give different hashes that begin with kind and key; a key never prints its secret."""
    one, other = (key.hash(b"A", "a-1") for key in (OLD, NEW))
    assert one[:5] == b"A" + OLD.id
    assert one[5:] != other[5:]
    assert b"a-1" not in one
    assert repr(OLD) == f"IdentityKey({OLD.id.hex()})"
    with pytest.raises(ValueError, match="a key has 31 bytes: 32 are needed"):
        IdentityKey.of(b"x" * 31)


def test_a_history_that_is_empty_has_an_exposure_of_nothing():
    """Nothing on record is nothing owed, not something that cannot be told."""
    assert of([]) == History("PHP", unreported_days=30)
