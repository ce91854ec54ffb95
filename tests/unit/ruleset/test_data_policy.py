"""`max_age` and the shared data files as the factors take them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from decision_service.domain.needs import (
    ClassRule,
    DataPolicy,
    SchemeCeiling,
    TransactionClass,
)
from decision_service.domain.snapshot import Provider
from tests.unit.ruleset.rulesets import compiled, problems, rules, stages

PLAIN = stages(rules("id: fine, when: income.months_12m >= 6, then: APPROVE"))
CLASSES = """\
classes:
  - {provider: "grab_*", words: [Trip, BONUS], sign: "+", class: EARNING}
  - {provider: "*", words: [], sign: "-", class: WITHDRAWAL}
  - {provider: "*", words: [refund], class: OTHER}
"""
PROVIDERS = """\
providers:
  grab_ph: {type: GIG, supported: [IDENTITIES, TRANSACTIONS]}
  sss_ph: {type: GOVERNMENT, supported: [CONTRIBUTIONS]}
"""


def test_without_a_section_the_policy_is_the_default():
    """Without `max_age` the maximum age is 35 days, partial data refers and nothing is late."""
    assert compiled(PLAIN).needs.policy == DataPolicy("PHP")


LAGS = """\
posting_lag: {"sss_*": 2 months, "grab_*": 3 days, "*_id": 5 days, "*": 1 month, payroll: 7 days}
"""


def test_the_age_and_the_posting_lags_are_read():
    """Of patterns the first that matches counts; `payroll` is read and does not count."""
    data = {"posting_lags.yaml": LAGS}
    policy = compiled(PLAIN + "max_age: 12h\n", data=data).needs.policy
    assert policy.max_age == timedelta(hours=12)
    assert [policy.lag_months(p) for p in ("sss_ph", "grab_id", "gojek_id", "bps")] == [2, 0, 0, 1]
    assert [policy.lag_days(p) for p in ("grab_id", "gojek_id", "bps")] == [3, 5, 0]
    named = {p: policy.named_lag(p) for p in ("sss_ph", "grab_id", "gojek_id", "bps")}
    assert named == {"sss_ph": (2, 0), "grab_id": (0, 3), "gojek_id": (0, 5), "bps": (1, 0)}
    rest = compiled(
        PLAIN, data={"posting_lags.yaml": "posting_lag: {default: 2 days}"}
    ).needs.policy
    assert (rest.default_lag_days, rest.default_lag) == (2, 0)
    assert rest.named_lag("bps") is None


def test_our_own_marks_of_providers_are_read():
    """Providers that pass on documents, and such as charge fees, are marked in their file."""
    text = PROVIDERS.replace("[IDENTITIES, TRANSACTIONS]", "[TRANSACTIONS], charges_fees: true")
    text = text.replace("[CONTRIBUTIONS]", "[CONTRIBUTIONS], documents: true, charges_fees: false")
    policy = compiled(PLAIN, data={"provider_types.yaml": text}).needs.policy
    assert policy.fee_providers == {"grab_ph"}
    assert policy.document_providers == {"sss_ph"}


def test_usual_fee_shares_are_read():
    """A provider of the list may have one; without the section nothing of it is written."""
    text = PROVIDERS + "fee_shares: {grab_ph: 0.20}\n"
    policy = compiled(PLAIN, data={"provider_types.yaml": text}).needs.policy
    assert policy.fee_shares == {"grab_ph": Decimal("0.20")}
    assert compiled(PLAIN, data={"provider_types.yaml": PROVIDERS}).needs.policy.fee_shares is None


@pytest.mark.parametrize("wrong", ["gojek_id: 0.2", "grab_ph: 0", "grab_ph: 0.6", "grab_ph: much"])
def test_a_fee_share_is_of_a_listed_provider_and_within_bounds(wrong: str):
    """One of an unknown provider, and one that no platform keeps, is an error."""
    text = PROVIDERS + f"fee_shares: {{{wrong}}}\n"
    assert problems(PLAIN, data={"provider_types.yaml": text})


def test_ceilings_are_read_in_minor_units():
    """A ceiling is an amount of its currency from a date on."""
    text = "ceilings: [{provider: 'sss_*', currency: PHP, since: 2025-01-01, amount: 35000.50}]\n"
    policy = compiled(PLAIN, data={"scheme_ceilings.yaml": text}).needs.policy
    assert policy.ceilings == (SchemeCeiling("sss_*", "PHP", date(2025, 1, 1), 3_500_050),)


def test_words_about_employers_are_folded():
    """Case, punctuation and blanks are left out of what names no employer and of legal forms."""
    text = "not_employers: [Voluntary, Self-Employed, Land based OFW]\nlegal_forms: [Inc, PT]\n"
    policy = compiled(PLAIN, data={"employers.yaml": text}).needs.policy
    assert policy.not_employers == ("voluntary", "selfemployed", "landbasedofw")
    assert policy.legal_forms == ("inc", "pt")


def test_patterns_are_held_against_the_list_of_providers_where_there_is_one():
    """Without a list nothing is known of a pattern; with one, each must match."""
    lags = {"posting_lags.yaml": LAGS.replace("grab_*", "nss_*")}
    assert "R136" not in problems(PLAIN, data=lags)
    known = {"provider_types.yaml": PROVIDERS.replace("grab_ph", "grab_id")}
    assert problems(PLAIN, data=lags | known).count("R136") == 1


def test_the_data_files_are_read():
    """Classes keep their order with case-folded words; providers keep type and kinds."""
    data = {"transaction_classes.yaml": CLASSES, "provider_types.yaml": PROVIDERS}
    policy = compiled(PLAIN, data=data).needs.policy
    assert policy.transaction_classes == (
        ClassRule("grab_*", ("trip", "bonus"), 1, TransactionClass.EARNING),
        ClassRule("*", (), -1, TransactionClass.WITHDRAWAL),
        ClassRule("*", ("refund",), 0, TransactionClass.OTHER),
    )
    assert policy.provider_types["grab_ph"] == Provider(
        "grab_ph", "GIG", ("IDENTITIES", "TRANSACTIONS")
    )


def test_a_fault_in_a_data_file_refuses_the_ruleset():
    """A fault in a data file is reported like one in the rule file."""
    data = {
        "transaction_classes.yaml": CLASSES.replace("EARNING", "EARNINGS"),
        "provider_types.yaml": PROVIDERS.replace("CONTRIBUTIONS", "CONTRIBUTION"),
    }
    assert problems(PLAIN, data=data).count("R123") == 2


def test_only_named_factors_are_needed():
    """The needs are exactly the factors that the rules name, sorted."""
    text = PLAIN.replace(
        "income.months_12m >= 6", "income.months_12m >= 6 and accounts.connected_count > 1"
    )
    assert compiled(text).needs.factors == ("accounts.connected_count", "income.months_12m")
