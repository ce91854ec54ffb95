"""Versions: the digest, what differs between two of them, and the recourse section."""

from __future__ import annotations

import pytest

from decision_service.rulebook.differences import compare
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.language.diagnostics import Report
from decision_service.rules.language.yaml import ListNode, MapNode, read
from decision_service.rules.program import RulesetFiles
from tests.fakes.examples import some
from tests.kits.cases import cases
from tests.unit.rules.kit import CATALOGUE, ROOT, compiled, problems, rules, stages

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


CSV = "stability.band,income.conservative_6m,max_amount,tier\n"


def files(text, name="v1", **more):
    """A version of the worked example's product."""
    return RulesetFiles("personal-loan-ph", f"rules/personal-loan-ph/{name}.yaml", text, **more)


def edited(*edits):
    """The worked example with some texts replaced."""
    text = EXAMPLE
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def changes(*edits):
    """The sentences of what changed, each after its group."""
    found = compare(files(EXAMPLE), files(edited(*edits)), CATALOGUE)
    return [f"{c.group}: {c.subject} {c.words}" for c in found.changes]


RULE = """\
      - id: short_history
        when: income.months_24m < params.min_income_months
        then: DECLINE
        reason: SHORT_INCOME_HISTORY
"""

LONGER_RULE = RULE.replace("short_history", "no_history").replace(
    "24m < params.min_income_months", "12m < 2"
)

DATED = "min_income_months: {type: integer, value: {2026-01-01: 4, 2026-12-01: 6}}"

TAGGED = "        reason: RATE_CAP\n        tags: [desk]\n"

TAGS = "tags:\n  desk: {text: a desk}\n"

EDITS = cases("ruleset/changes")


@pytest.mark.parametrize(("old", "new", "said"), EDITS.values(), ids=EDITS)
def test_one_edit_is_one_sentence(old, new, said):
    """Each kind of edit is said in plain words, with what was and what is."""
    assert said in changes((old, new))


def test_a_rule_that_is_added_or_removed_is_said_whole():
    """A new rule is given with its content, and so is one that is gone."""
    [added] = changes((RULE, RULE + LONGER_RULE))
    assert added == (
        "stage eligibility: rule no_history is new: the condition income.months_12m < 2, "
        "the outcome DECLINE, reason SHORT_INCOME_HISTORY"
    )
    back = compare(files(edited((RULE, RULE + LONGER_RULE))), files(EXAMPLE), CATALOGUE)
    assert [c.sort for c in back.changes] == ["removed"]


def test_rules_in_another_order_are_said_to_be():
    """The order of rules counts, so that a change of it is a change."""
    first = "      - id: no_source\n"
    start = EXAMPLE.index(first)
    body = EXAMPLE[start : EXAMPLE.index("      - id: short_history")]
    [said] = changes((body + RULE, RULE + body))
    assert said == (
        "stage eligibility: the rules are in another order: rule short_history, rule no_source"
    )


def test_changes_come_in_the_order_of_the_file():
    """Header, inputs, parameters, stages and offer come one after the other, each once."""
    found = changes(
        ("valid_for: 14d", "valid_for: 7d"),
        ("points: 40", "points: 45"),
        ("max: 36", "max: 24"),
        ("value: 0.35", "value: 0.3"),
    )
    groups = [sentence.partition(":")[0] for sentence in found]
    assert groups == ["inputs", "parameters", "stage score", "validity"]


def test_layout_comments_and_spacing_are_no_change():
    """Texts that mean the same are identical, as their digests are."""
    text = edited(
        ("connected_count == 0", "connected_count==0"),
        ("value: 0.35", "value: 0.350"),
        ("stages:\n", "\n# a remark\nstages:\n"),
    )
    found = compare(files(EXAMPLE), files(text), CATALOGUE)
    assert (found.identical, found.changes) == (True, ())


def test_a_version_that_differs_only_in_number_and_title_decides_alike():
    """Number and title are said, and that the behaviour is the same."""
    text = edited(("version: 1", "version: 2"), ("title: Personal loan", "title: A loan"))
    found = compare(files(EXAMPLE), files(text, "v2"), CATALOGUE)
    assert (found.identical, found.alike) == (False, True)
    assert [c.subject for c in found.changes] == ["version", "title"]


def test_a_new_number_with_another_rule_does_not_decide_alike():
    """A change beside the number is a change of behaviour."""
    text = edited(("version: 1", "version: 2"), ("points: 40", "points: 45"))
    assert not compare(files(EXAMPLE), files(text, "v2"), CATALOGUE).alike


def test_rows_of_table_files_are_compared_too():
    """A table whose rows lie in a CSV file shows the cells that changed."""
    rows = EXAMPLE[EXAMPLE.index("      rows:\n") : EXAMPLE.index("\noffer:")]
    text = EXAMPLE.replace(rows, "      rows: tables/limit.csv\n")
    body = "A,>= 30000,3 * income.conservative_6m,T1\n-,-,0,T9\n"
    before = files(text, tables={"tables/limit.csv": CSV + body})
    after = files(text, tables={"tables/limit.csv": CSV + body.replace("30000", "25000")})
    found = compare(before, after, CATALOGUE)
    assert [f"{c.subject} {c.words}" for c in found.changes] == [
        "row 1: income.conservative_6m from `>= 30000` to `>= 25000`"
    ]


def test_shared_data_that_differs_is_named():
    """A `_data` file is part of the content, so that its change is a change."""
    names = ("sss_ph", "philhealth_ph", "pagibig_ph")
    lines = [f"  {name}: {{type: GOVERNMENT, supported: [ACCOUNTS]}}\n" for name in names]
    text = f"providers:\n{''.join(lines)}"
    first, second = ({"provider_types.yaml": t} for t in (text, text.replace("NMENT", "NOR", 1)))
    found = compare(files(EXAMPLE, data=first), files(EXAMPLE, data=second), CATALOGUE)
    assert [c.subject for c in found.changes] == ["_data/provider_types.yaml"]


def leaves(node):
    """Every leaf of a tree."""
    if isinstance(node, MapNode):
        for entry in node.entries:
            yield from leaves(entry.value)
    elif isinstance(node, ListNode):
        for item in node.items:
            yield from leaves(item)
    else:
        yield node


@pytest.mark.long
def test_whatever_changes_the_digest_is_found_and_named():
    """Any one leaf changed so that the rules still load gives a change that has words."""
    tried = 0
    for leaf in some(leaves(read("v1.yaml", EXAMPLE, Report())), 3):
        text = _with_another(leaf)
        if compile_ruleset(files(text), CATALOGUE).ruleset is None:
            continue
        tried += 1
        found = compare(files(EXAMPLE), files(text), CATALOGUE)
        assert found.identical == (not found.changes), leaf
        assert all(change.group != "other" for change in found.changes), leaf
    assert tried > 20


def _with_another(leaf):
    lines = EXAMPLE.splitlines(keepends=True)
    line, place = lines[leaf.place.line - 1], leaf.place
    new = f"{leaf.text}1" if leaf.is_number else f"{leaf.text} + 0"
    if leaf.is_text and (" " in leaf.text or leaf.text.isalnum()) and "(" not in leaf.text:
        new = f"{leaf.text}0"
    lines[place.line - 1] = line[: place.column - 1] + new + line[place.end - 1 :]
    return "".join(lines)


SEGMENTS = ("stages:\n", "segments: [inputs.customer_type]\nstages:\n")

LABELLED = DATED.replace(
    "value: {2026-01-01: 4, 2026-12-01: 6}",
    "value: {new: 5, existing: {2026-01-01: 3, 2026-12-01: 4}}",
)


def test_a_parameter_that_gets_labels_changes_label_by_label():
    """What was in force for everybody is gone, and each label's values are new."""
    subject = "parameters: minimum income months (min_income_months)"
    assert changes((DATED, LABELLED), SEGMENTS) == [
        "segments: applicants differ by is new: [inputs.customer_type]",
        f"{subject} of new from no value to 5",
        f"{subject} of existing from no value to 3 on 2026-01-01",
        f"{subject} of existing from no value to 4 on 2026-12-01",
        f"{subject} from 4 to no value on 2026-01-01",
        f"{subject} from 6 to no value on 2026-12-01",
    ]


def test_the_values_of_a_label_are_compared_with_its_own():
    """Of two labels with other values each is told, with the day from which it differs."""
    other = LABELLED.replace("new: 5", "new: 6").replace("2026-12-01: 4", "2026-12-01: 5")
    versions = [files(edited((DATED, param), SEGMENTS)) for param in (LABELLED, other)]
    subject = "minimum income months (min_income_months)"
    assert [f"{c.subject} {c.words}" for c in compare(*versions, CATALOGUE).changes] == [
        f"{subject} of new from 5 to 6",
        f"{subject} of existing from 4 to 5 on 2026-12-01",
    ]


def test_tags_that_are_declared_told_and_set_are_changes():
    """A new tag, another circle of who is told, and a rule that has it."""
    assert changes(("stages:\n", f"{TAGS}stages:\n"), ("        reason: RATE_CAP\n", TAGGED)) == [
        "tags: tag desk is new: text a desk",
        "stage post_checks: rule effective_rate_cap: tags from not written to [desk]",
    ]
    tagged = edited(("stages:\n", f"{TAGS}stages:\n"), ("        reason: RATE_CAP\n", TAGGED))
    secret = tagged.replace("a desk}", "a desk, told: nobody}")
    found = compare(files(tagged), files(secret), CATALOGUE).changes
    assert [f"{c.group}: {c.subject} {c.words}" for c in found] == [
        "tags: tag desk: told from not written to nobody"
    ]


def test_a_choice_of_the_term_is_a_change_of_its_line():
    """The term's line is told as a whole."""
    term = "  term_months: inputs.requested_term_months\n"
    chosen = "  term_months: {of: [3, 6], when: offer.term_months > 1}\n"
    text = edited((term, ""), ("offer:\n", f"offer:\n{chosen}"))
    found = compare(files(EXAMPLE), files(text), CATALOGUE).changes
    words = "of [3, 6], when offer.term_months > 1"
    assert [f"{c.group}: {c.subject} {c.words}" for c in found] == [
        f"offer: term months (term_months) from inputs.requested_term_months to `{words}`"
    ]


DEBT = "id: debt, when: liabilities.monthly_amortization > 900, then: DECLINE, reason: DEBT"

FINE = "id: fine, when: income.months_12m >= 6, then: APPROVE"

PLAIN = stages(rules(DEBT, FINE))

TOLD = f"{PLAIN}recourse: [liabilities.monthly_amortization, waiting]\n"


def test_nothing_is_told_unless_it_is_written():
    """Without the section nobody may be told of anything."""
    assert compiled(PLAIN).tell == frozenset()
    assert compiled(TOLD).tell == {"liabilities.monthly_amortization", "waiting"}


def test_what_is_told_belongs_to_the_version():
    """The digest differs by it, and not by the order in which it is written."""
    turned = TOLD.replace(
        "[liabilities.monthly_amortization, waiting]", "[waiting, liabilities.monthly_amortization]"
    )
    assert compiled(TOLD).digest == compiled(turned).digest
    assert compiled(TOLD).digest != compiled(PLAIN).digest


def test_it_names_no_factor_for_the_rules():
    """A factor that is only told of is not fetched, and the checker warns of it."""
    text = stages(rules(FINE)) + "recourse: [liabilities.monthly_amortization]\n"
    assert "R515" in problems(text)
    assert "liabilities.monthly_amortization" not in compiled(text).needs.factors


def test_an_empty_or_unknown_entry_is_refused():
    """A list without entries, an unknown key, and what the calendar moves."""
    assert "R123" in problems(f"{PLAIN}recourse: []\n")
    assert "R122" in problems(f"{PLAIN}recourse: {{tell: [waiting]}}\n")
    assert "R217" in problems(f"{PLAIN}recourse: [income.months_12m]\n")


def test_a_difference_of_it_is_told():
    """`rules diff` says what may be told from now on."""
    pair = [RulesetFiles("test-loan", "rules/test-loan/v1.yaml", t) for t in (PLAIN, TOLD)]
    found = [c for c in compare(*pair, CATALOGUE).changes if c.group == "recourse"]
    assert [c.subject for c in found] == ["applicants may learn of"]
    assert "waiting" in found[0].words
