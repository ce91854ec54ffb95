"""The fields that are read of the vendor's records are there, and a sentence rests on each."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import yaml

from decision_service.smile import answers
from tests.integration import vendor_document

TABLE = yaml.safe_load(Path("tests/cases/vendor_fields.yaml").read_text(encoding="utf-8"))
READ = {
    "eincomes": answers.EincomeAnswer,
    "incomes": answers.IncomeAnswer,
    "contributions": answers.ContributionAnswer,
    "employments": answers.EmploymentAnswer,
    "liabilities": answers.LiabilityAnswer,
    "transactions": answers.TransactionAnswer,
    "identities": answers.PersonAnswer,
    "accounts": answers.AccountAnswer,
    "tasks": answers.TaskAnswer,
    "providers": answers.ProviderAnswer,
}


def read_of(kind):
    """The names on the wire of what is read of a kind; `metadata` is read of every list."""
    return {field.encode_name for field in msgspec.structs.fields(READ[kind])} - {"metadata"}


@pytest.mark.parametrize("kind", READ)
def test_a_sentence_rests_on_each_field_that_is_read(kind):
    """The table lists what the adapter reads of a kind, and nothing else."""
    assert set(TABLE[kind]["fields"]) == read_of(kind)
    assert all(TABLE[kind]["fields"].values())


@pytest.mark.skipif(
    not vendor_document.FILE.is_file(),
    reason="the vendor's document is not here: SMILE_OPENAPI_FILE names it",
)
@pytest.mark.parametrize("kind", READ)
def test_the_vendor_sends_each_field_that_is_read(kind):
    """A field that the vendor's document lacks for a kind would be null for ever."""
    known = vendor_document.vendor_document().fields(TABLE[kind]["schema"])
    assert sorted(read_of(kind) - known) == []


@pytest.mark.skipif(
    not vendor_document.FILE.is_file(),
    reason="the vendor's document is not here: SMILE_OPENAPI_FILE names it",
)
def test_payroll_incomes_carry_no_pay_date():
    """How late a payroll pays is learned from readings, since no field says it."""
    assert "payDate" not in vendor_document.vendor_document().fields("Income")
