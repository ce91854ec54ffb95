"""The catalogue: what is registered, and its documentation."""

from __future__ import annotations

import re

import pytest

from decision_service.domain.factor import Better, ValueType
from decision_service.factors.registry import Family, catalogue, registered
from decision_service.workbench.commands.rules import (
    markdown,
    range_of,
)

NAMED_BY_HAND = {
    "accounts": 8,
    "contributions": 44,
    "employment": 12,
    "history": 20,
    "identity": 2,
    "income": 108,
    "liabilities": 31,
    "links": 9,
    "match": 4,
    "reuse": 4,
    "transactions": 49,
}


def test_the_catalogue_is_sorted_and_complete() -> None:
    """Every family has as many factors as its design lists."""
    names = list(catalogue())
    assert names == sorted(names)
    counts = dict.fromkeys(NAMED_BY_HAND, 0)
    for spec in catalogue().values():
        counts[spec.family] += 1
    assert counts == NAMED_BY_HAND


def test_every_factor_that_another_is_computed_from_exists() -> None:
    """`derived_from` names factors of the catalogue, and never the factor itself."""
    for name, spec in catalogue().items():
        assert set(spec.derived_from) <= set(catalogue()) - {name}, name


def test_ages_are_for_knock_outs_alone() -> None:
    """No score, price or limit may use an age."""
    ages = {name for name, spec in catalogue().items() if spec.knock_out_only}
    assert ages == {"identity.age_years", "identity.age_at_maturity_years"}


NAMED_BY_THE_VENDOR = {"income.scheme_conflict"}
"""Texts whose values are the vendor's own names, so that no list of labels holds them."""


def test_every_contract_is_written_out() -> None:
    """Sentence, formula, causes and, but for own facts, kinds are there, with no placeholder."""
    for spec in catalogue().values():
        text = f"{spec.name} {spec.sentence} {spec.formula}"
        assert "{" not in text, spec.name
        assert spec.sentence.endswith("."), spec.name
        assert spec.formula.endswith("."), spec.name
        assert spec.kinds or registered(spec.name).of_own_facts, spec.name
        assert spec.causes, spec.name
        named = spec.type is ValueType.TEXT and spec.name not in NAMED_BY_THE_VENDOR
        assert named == bool(spec.labels), spec.name


def test_a_name_cannot_be_registered_twice() -> None:
    """A second factor of one name is an error at import."""
    family = Family("income", frozenset(), frozenset())
    with pytest.raises(ValueError, match=r"income\.months_total is registered twice"):
        family.factor("months_total", ValueType.INTEGER, "S.", "F.")(lambda case: case)  # type: ignore[arg-type,return-value] # never called


def test_the_catalogue_cannot_be_changed() -> None:
    """It is a contract, not a registry that others write to."""
    with pytest.raises(TypeError):
        catalogue()["income.mine"] = catalogue()["income.months_total"]  # type: ignore[index] # on purpose


def test_the_documentation_names_every_factor_and_its_limits() -> None:
    """The page follows from the registry, and says what parity is worth."""
    text = markdown()
    assert all(f"### `{name}`" in text for name in catalogue())
    assert "against the real vendor it is unverified" in text
    assert markdown() == text


def test_ranges_read_as_words() -> None:
    """Labels are listed, open ends are said."""
    assert range_of(catalogue()["employment.status"]) == "EMPLOYED, GIG, UNEMPLOYED"
    assert range_of(catalogue()["income.months_total"]) == "at least 0"
    assert range_of(catalogue()["income.change_6m"]) == "any"


def test_the_comparison_names_factors_that_exist() -> None:
    """Each of the guide's and the vendor's factors points at one of ours."""
    rows = re.findall(r"^\| (.+?) \| `([\w.]+)` \|", markdown(), re.MULTILINE)
    assert {ours for _, ours in rows} <= set(catalogue())
    theirs = [name for name, _ in rows]
    assert len(theirs) == len(set(theirs)) == 100


UNDIRECTED = """
accounts.oldest_connection_days accounts.pending_count contributions.schemes_count
employment.employers_count employment.jobs_started_24m employment.months_since_last_end
employment.months_to_end employment.next_end_date
employment.status identity.age_at_maturity_years identity.age_years income.gig_share_12m
history.approvals_1d history.approvals_30d history.approvals_7d history.approvals_90d
history.last_decline_date history.today income.inner_gaps_all income.jobs_count
income.longest_inner_gap_all income.months_at_max_18m income.next_due_date
income.payroll_share_12m income.scheme_conflict income.top_job_share_12m income.weakest_grade_6m
liabilities.loan_amount_average liabilities.loan_amount_max liabilities.loan_amount_min
liabilities.loan_amount_total liabilities.loan_count links.days_since_first
match.birth_date match.email match.name match.phone transactions.fee_presence_91d
"""


def test_a_factor_has_a_direction_unless_neither_way_helps() -> None:
    """Spreads, fees, cash-outs and the factors named here have none; every other factor has one."""
    spreads = ("_std", ".std_", ".fees_", ".fee_ratio_", ".withdrawals_")
    undirected = {name for name, spec in catalogue().items() if spec.better is Better.NONE}
    assert undirected == {
        *UNDIRECTED.split(),
        *(name for name in catalogue() if any(part in name for part in spreads)),
    }
