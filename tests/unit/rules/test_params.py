"""Parameters: dated, by segment, shared and set to other values; and laws with their days."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from msgspec.structs import replace

from decision_service.author.constants import FigureSetter, FiguresUnfit
from decision_service.author.mutants import Fate, find_changes
from decision_service.author.mutation import FiguresRun
from decision_service.domain.decision import Outcome
from decision_service.domain.values import Cause
from decision_service.factors.registry import catalogue
from decision_service.rulebook.differences import compare
from decision_service.rulebook.laws import law_problems
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.evaluate import evaluate
from decision_service.rules.language.diagnostics import Report, Severity, render_all
from decision_service.rules.language.yaml import read
from decision_service.rules.law import may_apply, read_law
from decision_service.rules.program import RulesetFiles
from decision_service.rules.tests import coverage, run_cases
from decision_service.rules.tests_file import parse_cases
from tests.kits.cases import cases
from tests.unit.rules.kit import (
    CATALOGUE,
    HEAD,
    ROOT,
    codes,
    compiled,
    decide,
    facts,
    php,
    problems,
    rules,
    stages,
)

PARAM = "params:\n  least: {type: integer, value: {2026-12-01: 4}}\n"

TEXT = stages(
    rules(
        "id: fine, when: income.months_12m >= params.least, then: APPROVE",
        "id: low, when: income.months_12m < params.least, then: DECLINE, reason: SHORT",
    ),
    head=HEAD + PARAM,
)


def errors(now):
    """The codes of what is wrong with the text on a day, as it is when nobody says the day."""
    files = RulesetFiles("test-loan", "rules/test-loan/v1.yaml", TEXT)
    found = compile_ruleset(files, CATALOGUE, now=now).diagnostics
    return [d.code for d in found if d.code < "R5"]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (None, []),
        (datetime(2026, 11, 30, 15, 59, tzinfo=UTC), ["R431"]),  # 23:59 in Manila
        (datetime(2026, 11, 30, 16, 0, tzinfo=UTC), []),  # midnight there
    ],
)
def test_a_parameter_needs_a_value_today(now, expected):
    """A parameter that only begins tomorrow, in the ruleset's zone, would refer everybody today."""
    assert errors(now) == expected


REGION = "  region: {type: text, one_of: [NCR, VIS, MIN]}\n  repeat: {type: flag}\n"

WITH_REGION = HEAD.replace("  customer_type:", f"{REGION}  customer_type:")

DATED = "value: {NCR: {2026-01-01: 9000, 2026-12-01: 9500}, default: 8000}"

FLAT = "value: {NCR: 9000, default: 8000}"

GATE = rules(
    "id: low, when: income.conservative_6m < params.least, then: DECLINE, reason: SHORT",
    "id: fine, when: income.conservative_6m >= params.least, then: APPROVE",
)


def text(values, *, more=(), head=WITH_REGION, segments="inputs.region"):
    """A ruleset whose smallest income is a parameter with these values."""
    named = f"segments: [{segments}]\n" if segments else ""
    return stages(GATE, *more, head=f"{head}{named}params:\n  least: {{type: money, {values}}}\n")


def outcome(values, income, at=None, **inputs):
    """The outcome's word for an income."""
    when = at or datetime(2026, 11, 15, 4, tzinfo=UTC)
    return str(
        decide(text(values), {"income.conservative_6m": php(income)}, when, **inputs).outcome
    )


def test_a_flag_and_a_factor_have_labels_too():
    """A flag's labels are true and false; a factor that could not be read gives no value."""
    repeat = text("value: {true: 5000, false: 9000}", segments="inputs.repeat")
    pay = {"income.conservative_6m": php(5000)}
    found = [str(decide(repeat, pay, repeat=known).outcome) for known in (True, False)]
    assert found == ["APPROVE", "DECLINE"]
    named = "inputs.region, employment.status"
    status = text("value: {EMPLOYED: 5000, default: 9000}", segments=named)
    facts = {**pay, "employment.status": "EMPLOYED"}
    assert str(decide(status, facts).outcome) == "APPROVE"
    failed = decide(status, {**facts, "employment.status": Cause.SOURCE_FAILED})
    assert [str(r.code) for r in failed.reasons] == ["SOURCE_FAILED"]


def test_a_reason_shows_the_figure_of_the_label():
    """What was required is the value that counted for the applicant."""
    verdict = decide(text(FLAT), {"income.conservative_6m": php(8500)}, region="NCR")
    assert [r.required for r in verdict.reasons] == [">= ₱ 9,000"]


@pytest.mark.parametrize(("values", "segments", "code"), cases("ruleset/labelled_params"))
def test_what_does_not_fit_is_told(values, segments, code):
    """A label without a value, one that there is not, a default for nobody, and so on."""
    assert code in problems(text(values, segments=segments))


def test_every_value_start_and_label_is_a_figure():
    """Values move, days move, and labels change places with their neighbours."""
    written = text(DATED)
    symbols = compiled_symbols(written)
    root = read("v1.yaml", written, Report())
    found = {(c.at, c.before, c.after) for c in find_changes(root, symbols) if "least" in c.at}
    assert found == {
        ("params.least.NCR.label", "NCR", "VIS"),
        ("params.least.NCR.2026-01-01", "9000", "9900"),
        ("params.least.NCR.2026-01-01", "9000", "8100"),
        ("params.least.NCR.2026-01-01.from", "2026-01-01", "2026-01-02"),
        ("params.least.NCR.2026-01-01.from", "2026-01-01", "2025-12-31"),
        ("params.least.NCR.2026-12-01", "9500", "10450"),
        ("params.least.NCR.2026-12-01", "9500", "8550"),
        ("params.least.NCR.2026-12-01.from", "2026-12-01", "2026-12-02"),
        ("params.least.NCR.2026-12-01.from", "2026-12-01", "2026-11-30"),
        ("params.least.default", "8000", "8800"),
        ("params.least.default", "8000", "7200"),
    }


def compiled_symbols(written):
    """The symbols of the inputs, by name."""
    entries = compiled(written).program.intake.inputs
    return {entry.symbol.name: entry.symbol for entry in entries}


def test_coverage_asks_for_each_label_and_for_none():
    """Each value counts in some case, and one case has no label where it may be left out."""
    asked = {g.which for g in coverage(compiled(text(FLAT)), ()).missed if "`least`" in g.what}
    assert asked == {"NCR", "default", "unknown"}
    needed = WITH_REGION.replace("VIS, MIN]", "VIS, MIN], required: true")
    goals = coverage(compiled(text(FLAT, head=needed)), ()).missed
    assert {g.which for g in goals if "`least`" in g.what} == {"NCR", "default"}


USES = HEAD.replace("inputs:", "uses: [_shared/common.yaml]\ninputs:", 1)

SHORT = "id: short, when: income.months_12m < params.fewest, then: DECLINE, reason: TOO_SHORT"

FINE = "id: fine, when: income.months_12m >= 6, then: APPROVE"

SHARED_TEXT = stages(rules(SHORT, FINE), head=USES)

COMMON = """\
params:
  fewest: {type: integer, value: 4}
  rate_cap: {type: number, value: 0.1}
reasons:
  TOO_SHORT: {text: {en: Too short by far}}
  RATE_CAP: {text: {en: Too dear}}
"""

OWN = stages(
    rules(SHORT, FINE),
    head=HEAD.replace("reasons:", "params:\n  fewest: {type: integer, value: 4}\nreasons:", 1)
    + "  TOO_SHORT: {text: {en: Too short by far}}\n",
)


def using(common=COMMON, text=SHARED_TEXT):
    """The ruleset of a text with a shared file."""
    return compiled(text, shared={"_shared/common.yaml": common})


def test_shared_entries_decide_as_if_they_stood_in_the_file():
    """The digest is that of a file that holds them itself, so that moving them changes nothing."""
    verdict = evaluate(using(), facts({"income.months_12m": 3}))
    assert (verdict.outcome, codes(verdict)) == (Outcome.DECLINE, ["TOO_SHORT"])
    assert verdict.reasons[0].texts == {"en": "Too short by far"}
    assert using().digest == compiled(OWN).digest


@pytest.mark.parametrize("old", ["value: 4", "Too short by far"])
def test_a_used_entry_that_changes_is_another_version(old):
    """Its content counts in the digest."""
    assert using(COMMON.replace(old, "value: 5" if "value" in old else "Short")).digest != (
        using().digest
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [("value: 0.1", "value: 0.2"), ("Too dear", "Dear"), ("params:", "# x\nparams:")],
)
def test_an_entry_of_other_products_is_no_part_of_a_version(old, new):
    """What a version does not use may change, come and go under it."""
    assert using(COMMON.replace(old, new)).digest == using().digest
    assert not {"rate_cap"} & set(using().params)
    assert "RATE_CAP" not in using().reasons


def test_entries_of_other_products_are_not_told_as_unused():
    """Only own entries and files of which nothing is used are warned of."""
    shared = {"_shared/common.yaml": COMMON, "_shared/more.yaml": "reasons: {Z: {text: {en: z}}}"}
    found = problems(SHARED_TEXT, shared=shared)
    assert set(found) <= {"R501", "R504"}
    found = problems(
        SHARED_TEXT.replace("common.yaml]", "common.yaml, _shared/more.yaml]"), shared=shared
    )
    assert found.count("R513") == 1


def test_a_rule_file_may_leave_all_reasons_to_shared_files():
    """`reasons` is needed, wherever they stand."""
    head = USES[: USES.index("reasons:")]
    assert using(text=stages(rules(SHORT, FINE), head=head)).reasons.keys() == {"TOO_SHORT"}
    assert "R121" in problems(stages(rules(FINE), head=HEAD[: HEAD.index("reasons:")]))


def test_a_comparison_tells_what_changed_in_shared_files():
    """`rules diff` speaks of the parameter, not of the file."""
    path = "rules/test-loan/v1.yaml"
    before, after = (
        RulesetFiles("test-loan", path, SHARED_TEXT, shared={"_shared/common.yaml": common})
        for common in (COMMON, COMMON.replace("value: 4", "value: 5").replace("0.1", "0.2"))
    )
    [change] = compare(before, after, CATALOGUE).changes
    assert (change.group, change.words) == ("parameters", "from 4 to 5")


def test_figures_of_shared_files_are_moved_where_they_stand():
    """A shared parameter is a figure of each version that uses it; others are not."""
    files = RulesetFiles(
        "test-loan",
        "rules/test-loan/v1.yaml",
        SHARED_TEXT,
        shared={"_shared/common.yaml": COMMON},
    )
    cases = (
        "ruleset: test-loan\nversion: 1\nas_of: 2026-11-15\ncases:\n"
        "  - {name: a, factors: {income.months_12m: 3}, expect: {outcome: DECLINE}}\n"
        "  - {name: b, factors: {income.months_12m: 4}, expect: {outcome: REFER}}\n"
    )
    ruleset = using()
    results = run_cases(ruleset, parse_cases("a.yaml", cases, ruleset, CATALOGUE).cases)
    tried = list(FiguresRun(files, ruleset, CATALOGUE, results).tried())
    shared = [one for one in tried if one.change.place.file == "rules/_shared/common.yaml"]
    assert {(one.change.at, one.change.after, one.fate) for one in shared} == {
        ("params.fewest", "3", Fate.NOTICED),
        ("params.fewest", "5", Fate.NOTICED),
    }


def test_a_shared_figure_is_set_like_an_own_one():
    """A backtest may set what a version uses of a shared file, and nothing else there."""
    files = RulesetFiles(
        "test-loan",
        "rules/test-loan/v1.yaml",
        SHARED_TEXT,
        shared={"_shared/common.yaml": COMMON},
    )
    setter = FigureSetter(files, CATALOGUE)
    changed, [told] = setter.compiled({"params.fewest": "2"})
    assert (told.before, told.after) == ("4", "2")
    assert evaluate(changed, facts({"income.months_12m": 3})).outcome is Outcome.REFER
    assert "params.rate_cap" not in setter.names


PARAMS = """\
params:
  least: {type: integer, value: 4, min: 1}
  cap: {type: number, value: {2026-01-01: 0.15, 2026-04-01: 0.12}}
"""

CARD = """\
  - name: score
    component: SCORECARD
    scorecard:
      id: card
      points: 100
      characteristics:
        - factor: income.months_12m
          reason: GAPS
          bins:
            - {in: "[0, 3)", points: 0}
            - {in: "[3, 6)", points: 20}
            - {in: "[6, 12]", points: 50}
      bands:
        - {name: A, from: 150, then: APPROVE}
        - {name: B, then: DECLINE}
"""


def setter() -> FigureSetter:
    """One for a card with two parameters."""
    text = stages(CARD, head=HEAD + PARAMS)
    return FigureSetter(RulesetFiles("test-loan", "rules/test-loan/v1.yaml", text), CATALOGUE)


def test_a_band_that_is_set_decides() -> None:
    """The compiled version has the figure, and says what it was."""
    changed, told = setter().compiled({"score.bands.A.from": "120"})
    given = facts({"income.months_12m": 4})
    assert [(one.before, one.after) for one in told] == [("150", "120")]
    assert evaluate(changed, given).outcome is Outcome.APPROVE
    assert evaluate(setter().compiled({})[0], given).outcome is Outcome.DECLINE


def test_an_edge_that_two_bins_share_moves_in_both() -> None:
    """No value falls between the bins, and none into both."""
    changed, _ = setter().compiled({"score.income.months_12m.bins.6": "10"})
    outcomes = [evaluate(changed, facts({"income.months_12m": n})).outcome for n in (9, 10)]
    assert outcomes == [Outcome.DECLINE, Outcome.APPROVE]


def test_equal_settings_have_equal_digests() -> None:
    """Whatever the order; other values have another digest."""
    made = setter()
    one = made.compiled({"params.least": "5", "params.cap.2026-04-01": "0.1"})[0]
    other = made.compiled({"params.cap.2026-04-01": "0.1", "params.least": "5"})[0]
    assert one.digest == other.digest
    assert one.digest != made.compiled({"params.least": "6"})[0].digest


@pytest.mark.parametrize(("figure", "value", "told"), cases("ruleset/setting"))
def test_a_figure_that_does_not_fit_is_not_set(figure: str, value: str, told: str) -> None:
    """A figure that there is not, one of several, a value of another type or out of bounds."""
    with pytest.raises(FiguresUnfit, match=told):
        setter().compiled({figure: value})


def test_a_figure_by_label_is_set_for_its_label() -> None:
    """The name leads to the label, and one without a label lists the values that there are."""
    labelled = PARAMS.replace("value: 4, min: 1", "value: {new: 4, default: 3}")
    text = stages(CARD, head=f"{HEAD}segments: [inputs.customer_type]\n{labelled}")
    own = FigureSetter(RulesetFiles("test-loan", "rules/test-loan/v1.yaml", text), CATALOGUE)
    _, told = own.compiled({"params.least.new": "6"})
    assert [(one.before, one.after) for one in told] == [("4", "6")]
    with pytest.raises(FiguresUnfit, match=r"one of params\.least\.new, params\.least\.default$"):
        own.compiled({"params.least": "6"})


LAW_TEXT = (ROOT / "rules" / "_law" / "ph-prices.yaml").read_text()

LAW = read_law("rules/_law/ph-prices.yaml", "ph-prices", LAW_TEXT).law

LAWS = {"ph-prices": LAW}

LINES = {"approved_amount": "inputs.requested_amount"}

PRICE = {
    "nominal_rate": "0.05",
    "effective_rate": "0.06",
    "fees": "0.01 * offer.approved_amount",
    "late_penalty": "0.05",
    "most_total_cost": "offer.approved_amount",
    "price": "{" + ", ".join(
        f"{key}: offer.{key}"
        for key in ("nominal_rate", "effective_rate", "fees", "late_penalty", "most_total_cost")
    ) + "}",
}  # fmt: skip

PROMISE = "guarantees:\n  - {name: the ceilings, law: ph-prices}\n"


def version(lines, edits=(), tail=""):
    """A version that approves everybody the offer of these lines."""
    written = "".join(f"  {key}: {value}\n" for key, value in {**LINES, **lines}.items())
    written += "  reason: SMALL\n" if "minimum_amount" in lines else ""
    approve = rules("id: all, when: income.months_24m >= 0, then: APPROVE")
    text = stages(approve, tail=f"offer:\n{written}{tail}")
    for old, new in dict(edits).items():
        assert old in text
        text = text.replace(old, new)
    found = compile_ruleset(
        RulesetFiles("test-loan", "rules/test-loan/v1.yaml", text), catalogue(), checks=()
    )
    assert found.ruleset is not None, render_all(found.diagnostics)
    return found.ruleset


def told(found, decided=(), laws=LAWS):
    """The codes and severities of what a version lacks of the laws."""
    return [(d.code, d.severity) for d in law_problems(laws, [found], decided)]


@pytest.mark.parametrize(
    ("key", "before", "from_april"),
    [("nominal_rate", None, "0.06"), ("effective_rate", "0.15", "0.12"),
     ("late_penalty", None, "0.05"), ("most_total_cost", None, "1")],
)  # fmt: skip
def test_a_ceiling_is_the_one_of_the_day(key, before, from_april):
    """Loans from 2026-04-01 on have four ceilings; the day before there was one, of 15 %."""
    assert LAW.most(key, date(2026, 3, 31)) == (before and Decimal(before))
    assert LAW.most(key, date(2026, 4, 1)) == Decimal(from_april)


def test_four_months_are_seventeen_weeks():
    """No four months hold eighteen weeks, and all hold seventeen."""
    assert LAW.weeks == 17


@pytest.mark.parametrize(("lines", "edits", "within"), cases("ruleset/law")["scope"])
def test_whether_an_offer_may_be_within_a_law(lines, edits, within):
    """Amount and term are inclusive; of months and weeks the shorter counts."""
    assert may_apply(version(lines, edits), LAW) is within


@pytest.mark.parametrize(("old", "new", "codes"), cases("ruleset/law")["broken"])
def test_a_law_that_cannot_be_read_is_no_law(old, new, codes):
    """Its faults have a place and a code, and nothing is judged by half of it."""
    assert old in LAW_TEXT
    found = read_law("rules/_law/ph-prices.yaml", "ph-prices", LAW_TEXT.replace(old, new))
    assert found.law is None
    assert [d.code for d in found.diagnostics] == codes


def test_an_offer_within_the_law_says_its_price_and_proves_it():
    """Without a price R530, without a guarantee R531: errors, and warnings of what has decided."""
    bare, silent = version({}), version(PRICE)
    assert told(bare) == [("R530", Severity.ERROR)]
    assert told(bare, {bare.digest}) == [("R530", Severity.WARNING)]
    assert told(silent) == [("R531", Severity.ERROR)]
    assert told(silent, {silent.digest}) == [("R531", Severity.WARNING)]
    assert told(version(PRICE, tail=PROMISE)) == []


def test_a_guarantee_of_a_law_that_is_not_there_is_named():
    """R532 is also for a law of another currency, which would prove nothing."""
    whole = version(PRICE, tail=PROMISE)
    assert told(whole, laws={}) == [("R532", Severity.ERROR)]
    assert told(whole, laws={"ph-prices": replace(LAW, currency="USD")}) == [
        ("R532", Severity.ERROR)
    ]


def test_a_version_without_a_price_keeps_its_digest():
    """The digest of before the law: no version that has decided looks altered."""
    assert version({}).digest == KNOWN
    assert version(PRICE).digest != version({**PRICE, "price": "0.05"}).digest


KNOWN = "c9e327a82f4ef18bacda3e0168a09590a473f0626df5888ecdfb89b9cdaa6870"
