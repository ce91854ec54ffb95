"""The digest: equal for equal content, different for every difference that counts."""

from __future__ import annotations

import pytest

from decision_service.rules.compile import compile_ruleset
from decision_service.rules.program import RulesetFiles
from tests.kits.cases import cases
from tests.unit.ruleset.catalogue import CATALOGUE
from tests.unit.ruleset.rulesets import ROOT, compiled, rules, stages

EXAMPLE = (ROOT / "tests" / "rulesets" / "worked_example" / "v1.yaml").read_text()


def _digest(text, **data):
    files = RulesetFiles("personal-loan-ph", "rules/personal-loan-ph/v1.yaml", text, data)
    return compile_ruleset(files, CATALOGUE).ruleset.digest


@pytest.mark.parametrize(("old", "new"), cases("ruleset/digest")["layout"])
def test_comments_and_layout_do_not_count(old, new):
    """Comments, layout and the way a value is written leave the digest as it is."""
    assert old in EXAMPLE
    assert _digest(EXAMPLE.replace(old, new)) == _digest(EXAMPLE)


@pytest.mark.parametrize(("old", "new"), cases("ruleset/digest")["behaviour"])
def test_every_change_of_behaviour_counts(old, new):
    """Whatever changes what the ruleset does or says changes the digest."""
    assert old in EXAMPLE
    changed = EXAMPLE.replace(old, new).replace(
        '"[10, 12]"', '">= 9"' if "9)" in new else '"[10, 12]"'
    )
    assert _digest(changed) != _digest(EXAMPLE)


def test_recorded_digests_stay():
    """The digest of recorded content does not follow the names of the classes that hold it."""
    recorded = "413dd1f678c6dae13322561dbb36a5de5643c7ee9f494e8cf6d704636a4c91c4"
    assert _digest(EXAMPLE) == recorded


def test_the_data_files_count():
    """The shared `_data` files are part of a ruleset's content."""
    classes = "classes: [{provider: 'grab_*', words: [trip], sign: '+', class: EARNING}]\n"
    with_classes = _digest(EXAMPLE, **{"transaction_classes.yaml": classes})
    other = _digest(EXAMPLE, **{"transaction_classes.yaml": classes.replace("trip", "ride")})
    found = {_digest(EXAMPLE), with_classes, other}
    assert len(found) == 3


PROVIDERS = """\
providers:
  sss_ph: {type: GOVERNMENT, supported: [CONTRIBUTIONS, EINCOMES]}
  philhealth_ph: {type: GOVERNMENT, supported: [CONTRIBUTIONS]}
  pagibig_ph: {type: GOVERNMENT, supported: [CONTRIBUTIONS]}
"""
CEILINGS = "ceilings: [{provider: 'sss_*', currency: PHP, since: 2025-01-01, amount: 35000}]\n"
LAGS = "posting_lag: {'sss_*': 2 months, payroll: 9 days}\n"
EMPLOYERS = "not_employers: [voluntary]\nlegal_forms: [Inc]\n"


@pytest.mark.parametrize(
    ("name", "text", "old", "new"),
    [
        ("provider_types.yaml", PROVIDERS, "type: GOVERNMENT", "type: SYSTEM"),
        ("provider_types.yaml", PROVIDERS, "[CONTRIBUTIONS]", "[CONTRIBUTIONS], documents: true"),
        (
            "provider_types.yaml",
            PROVIDERS,
            "[CONTRIBUTIONS]",
            "[CONTRIBUTIONS], charges_fees: true",
        ),
        ("scheme_ceilings.yaml", CEILINGS, "35000", "30000"),
        ("scheme_ceilings.yaml", CEILINGS, "2025-01-01", "2025-01-02"),
        ("posting_lags.yaml", LAGS, "2 months", "1 month"),
        ("posting_lags.yaml", LAGS, "9 days", "8 days"),
        ("employers.yaml", EMPLOYERS, "voluntary", "OFW"),
        ("employers.yaml", EMPLOYERS, "Inc", "Corp"),
    ],
)
def test_every_data_file_counts(name, text, old, new):
    """A data file, and each thing that it says, is part of a ruleset's content."""
    found = [_digest(EXAMPLE, **files) for files in ({}, {name: text})]
    assert old in text
    assert len({*found, _digest(EXAMPLE, **{name: text.replace(old, new)})}) == 3


def test_marks_that_are_false_say_nothing():
    """`documents: false` and `charges_fees: false` are what a provider has without them."""
    marked = PROVIDERS.replace("]}", "], documents: false, charges_fees: false}")
    name = "provider_types.yaml"
    assert _digest(EXAMPLE, **{name: marked}) == _digest(EXAMPLE, **{name: PROVIDERS})


def test_the_name_of_a_provider_decides_nothing():
    """It is for letters, and may be given to a provider whose versions have decided."""
    named = PROVIDERS.replace("{type", "{name: A name, type")
    name = "provider_types.yaml"
    assert _digest(EXAMPLE, **{name: named}) == _digest(EXAMPLE, **{name: PROVIDERS})


def test_limits_of_a_parameter_decide_nothing():
    """`min`, `max` and `unit` may be added to a version that has decided."""
    limited = EXAMPLE.replace("value: 0.35}", "value: 0.35, min: 0.1, max: 0.5, unit: share}")
    assert limited != EXAMPLE
    assert _digest(limited) == _digest(EXAMPLE)


def test_tags_count_and_what_they_mean_does_not():
    """Who is told of a tag and which rules have it are content; its meaning is for readers."""
    section = "tags:\n  desk: {text: a desk}\n"
    tagged = EXAMPLE.replace("stages:\n", f"{section}stages:\n").replace(
        "        reason: RATE_CAP\n", "        reason: RATE_CAP\n        tags: [desk]\n"
    )
    explained = tagged.replace("text: a desk", "text: the desk of the counsel")
    secret = tagged.replace("text: a desk", "text: a desk, told: nobody")
    unset = tagged.replace("        tags: [desk]\n", "")
    assert _digest(explained) == _digest(tagged)
    assert len({_digest(text) for text in (EXAMPLE, tagged, secret, unset)}) == 4


def test_the_digest_is_stable():
    """The digest is a SHA-256 in hex that does not depend on the process."""
    digest = compiled(stages(rules("id: fine, when: income.months_12m >= 6, then: APPROVE"))).digest
    assert digest == STABLE


STABLE = "81c6e69bb87d211a2fbfe49c65b83bf4a7e9319a8779a457636f6bb5c576e410"
