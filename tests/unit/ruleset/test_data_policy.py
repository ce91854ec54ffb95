"""The `data:` section and the shared data files as the factors take them."""

from __future__ import annotations

from datetime import timedelta

from decision_service.domain.needs import (
    ClassRule,
    CombineIncome,
    DataPolicy,
    PartialPolicy,
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
    """Without `data:` the maximum age is 35 days, partial data refers and nothing is late."""
    assert compiled(PLAIN).needs.policy == DataPolicy("PHP")


def test_the_section_is_read():
    """Age, partial data, combination and posting lags reach the policy, lags in file order."""
    data = """\
data:
  max_age: 12h
  partial: use
  combine_income: max
  posting_lag_months: {"sss_*": 2, "*": 1, default: 3}
"""
    policy = compiled(PLAIN + data).needs.policy
    assert policy == DataPolicy(
        "PHP",
        timedelta(hours=12),
        PartialPolicy.USE,
        CombineIncome.MAX,
        (("sss_*", 2), ("*", 1)),
        3,
    )
    assert [policy.lag_months(p) for p in ("sss_ph", "grab_ph")] == [2, 1]


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
