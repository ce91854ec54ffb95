"""Which reasons are given, in which order, and values in words."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_service.domain.accounts import Kind
from decision_service.domain.decision import Component, ReferKind
from decision_service.domain.factor import ValueType
from decision_service.domain.values import Cause, Missing, Month
from decision_service.rules.evaluate import evaluate, traces
from decision_service.rules.language.values import unknown
from decision_service.rules.ranges import ValueRange
from decision_service.rules.wording import Wording, apart
from tests.kits.cases import cases
from tests.unit.rules.kit import HEAD, codes, compiled, decide, facts, legal, php, rules, stages

FINE = rules("id: fine, when: income.months_12m >= 6, then: APPROVE", name="fine")


def declines(*whens_and_reasons, component="KNOCKOUT"):
    """A stage of declining rules."""
    lines = [
        f'id: r{i}, when: "{when}", then: DECLINE, reason: {reason}'
        for i, (when, reason) in enumerate(whens_and_reasons)
    ]
    return rules(*lines, component=component)


@pytest.mark.parametrize(
    ("when", "name", "value", "required"),
    [
        ("income.months_12m < 4", "income.months_12m", 3, 4),
        ("income.months_12m < income.months_24m", "income.months_12m", 3, 24),
        ("income.conservative_6m < 8000", "income.conservative_6m", php(7999), php(8000)),
        ("income.volatility_6m > 0.5", "income.volatility_6m", Decimal("0.75"), Decimal("0.5")),
        ("employment.status in ('GIG', 'UNEMPLOYED')", "employment.status", "GIG", None),
        ("missing(income.months_6m)", "income.months_6m", Cause.NO_DATA, None),
    ],
)
def test_both_sides_of_the_comparison_are_given_as_values(when, name, value, required):
    """Beside the words `actual` and `required` are values, where there are two."""
    known = {"income.months_12m": 12, "income.months_24m": 24, name: value}
    verdict = decide(stages(declines((when, "SHORT")), FINE), known)
    reason = next(one for one in verdict.reasons if one.code == "SHORT")
    assert reason.actual_value == (None if isinstance(value, Cause) else value)
    assert reason.required_value == required


M12, M6, M3 = "income.months_12m", "income.months_6m", "income.months_3m"

PAY, STATUS, PAYROLL = "income.conservative_6m", "employment.status", "employment.has_payroll"


@pytest.mark.parametrize(
    ("when", "factors", "shown"),
    [
        ("income.months_12m < 4", {M12: 3}, (M12, "3", ">= 4")),
        ("4 > income.months_12m", {M12: 3}, (M12, "3", ">= 4")),
        ("not (income.months_12m >= 4)", {M12: 3}, (M12, "3", ">= 4")),
        (f"{PAY} / 100 < 1000", {PAY: php("41220.05")}, (f"{PAY} / 100", "₱ 412.20", ">= ₱ 1,000")),
        (f"{PAY} / 3 > 1000", {PAY: php("3000.01")}, (f"{PAY} / 3", "₱ 1,000.01", "<= ₱ 1,000")),
        ("derived.room < 1000", {PAY: php(1000)}, ("derived.room", "₱ 350", ">= ₱ 1,000")),
        (f"{M6} > 4 and {M12} < 4", {M12: 3, M6: 5}, (M6, "5", "<= 4")),
        (f"{M6} < 4 or {M12} < 4", {M12: 3, M6: 5}, (M12, "3", ">= 4")),
        (f"{STATUS} in ('GIG', 'NONE')", {STATUS: "GIG"}, (STATUS, "GIG", "not in (GIG, NONE)")),
        (f"not {PAYROLL}", {PAYROLL: False}, (PAYROLL, "false", "true")),
        (f"missing({M6})", {M6: Cause.NO_DATA}, (M6, "missing", "not missing")),
    ],
)
def test_a_reason_shows_what_is_and_what_would_be_needed(when, factors, shown):
    """The first comparison that decided: its name, its value, and the contrary of what held."""
    head = HEAD + "derived:\n  room: income.conservative_6m * 0.35\n"
    when = when.replace("'NONE'", "'UNEMPLOYED'")
    verdict = decide(stages(declines((when, "SHORT")), FINE, head=head), {M12: 12, **factors})
    (reason,) = verdict.reasons
    shown = tuple(word.replace("NONE", "UNEMPLOYED") for word in shown)
    assert (reason.factor, reason.actual, reason.required) == shown


LESS = {
    "SHORT": f"{M12} < 4",
    "SHORTER": f"{M12} < 5",
    "DEBT": f"{M6} < 4",
    "GAPS": f"{M3} < 3",
    "LEGAL": "income.months_24m < 4",
    "SMALL": "income.months_18m < 4",
}

GAPS = "id: gaps, when: contributions.months_12m < 6, then: REFER, reason: {}"

SHORT = "id: short, when: income.months_12m < 4, then: DECLINE, reason: SHORT"

CAP = "id: cap, when: income.months_12m < 9, then: REFER, reason: LEGAL"


def _less(*names):
    return declines(*((LESS[name], name) for name in names))


def test_data_reasons_come_first_on_a_data_referral_each_once():
    """Before all rules; where all is only absent, after those of the first priority."""
    small = "id: small, when: income.months_12m < 10, then: REFER, reason: SMALL"
    stage, contributions = rules(CAP, small, GAPS.format("GAPS")), "contributions.months_12m"
    verdict = decide(stages(stage, FINE), {M12: 8, contributions: Cause.STALE})
    assert (verdict.refer_kind, codes(verdict)) == (
        ReferKind.DATA,
        ["STALE_DATA", "LEGAL", "SMALL"],
    )
    capped = decide(stages(stage, FINE), {M12: 8, contributions: Cause.NO_DATA})
    assert codes(capped) == ["LEGAL", "DATA_MISSING", "SMALL"]
    text = stages(_less("SHORT", "DEBT"), FINE)
    absent = decide(text, {M12: Cause.NO_DATA, M6: Cause.SHORT_HISTORY})
    assert [(r.code, r.factor) for r in absent.reasons] == [("DATA_MISSING", M12)]
    failed = decide(text, dict.fromkeys([M12, M6], Cause.SOURCE_FAILED))
    assert codes(failed) == ["SOURCE_FAILED"]


@pytest.mark.parametrize(("when", "about", "shown"), cases("ruleset/reasons"))
def test_a_reason_shows_the_comparison_that_its_rule_names(when, about, shown):
    """`reason_factor` picks the comparison about a name; one that decided nothing is not shown."""
    stage = rules(f'id: r, when: "{when}", then: DECLINE, reason: SHORT, reason_factor: {about}')
    verdict = decide(stages(stage, FINE), {"income.months_12m": 3, "income.months_6m": 5})
    (reason,) = verdict.reasons
    assert [reason.factor, reason.actual, reason.required] == shown


def test_a_post_check_tells_of_the_price_and_not_of_the_amount():
    """A price above the legal cap is told as that, not as an amount that should be larger."""
    head = HEAD + "params:\n  cap: {type: number, value: 0.12}\n"
    when = "offer.approved_amount <= 10000 and offer.monthly_rate > params.cap"
    tail = "offer:\n  approved_amount: inputs.requested_amount\n  monthly_rate: 0.15\n"
    outcome = "then: REFER, reason: LEGAL, reason_factor: offer.monthly_rate"
    text = stages(FINE, legal(f"id: cap, when: '{when}', {outcome}"), head=head, tail=tail)
    verdict = decide(text, {"income.months_12m": 9}, requested_amount=php(5000))
    (reason,) = verdict.reasons
    assert (reason.factor, reason.actual, reason.required) == (
        "offer.monthly_rate",
        "0.15",
        "<= 0.12",
    )


def test_texts_and_regulatory_wording_are_the_declared_ones():
    """A reason carries its texts by language and its regulatory wording."""
    head = HEAD.replace("{en: Too short}", "{en: Too short, fil: Maikli}")
    verdict = decide(
        stages(declines(("income.months_12m < 4", "SHORT")), FINE, head=head),
        {"income.months_12m": 1},
    )
    assert verdict.reasons[0].texts == {"en": "Too short", "fil": "Maikli"}
    assert verdict.reasons[0].component is Component.KNOCKOUT


OCTOBER = Month.parse("2026-10").index

DUE = date(2026, 11, 11)


@pytest.mark.parametrize(
    ("missing", "text", "help_"),
    [
        (
            Missing(Cause.NOT_YET_POSTED, None, Kind.INCOMES, "acc-1", month=OCTOBER, due=DUE),
            "Income of October 2026 is not posted yet; due by 11 November 2026",
            "decide again from 11 November 2026 on, when October 2026 is posted",
        ),
        (
            Missing(Cause.NOT_YET_POSTED, kind=Kind.CONTRIBUTIONS, month=OCTOBER),
            "Contributions of October 2026 are not posted yet",
            "decide again when October 2026 is posted",
        ),
        (
            Missing(Cause.NOT_YET_POSTED),
            "Income is not posted yet",
            "decide again when the month is posted",
        ),
    ],
)
def test_a_month_that_is_not_posted_is_named_with_its_date_and_no_account(missing, text, help_):
    """The reason names month and due date as far as they are known, and what helps."""
    stage = declines(("income.months_6m < 4", "SHORT"))
    verdict = decide(stages(stage, FINE), {"income.months_6m": missing, "income.months_12m": 9})
    assert (verdict.refer_kind, codes(verdict)) == (ReferKind.DATA, ["NOT_YET_POSTED"])
    assert verdict.reasons[0].texts == {"en": text}
    assert [request.help for request in verdict.data_requests] == [help_]


HANDLED = (
    "when_missing: SKIP, because: so",
    "when_missing: DECLINE, because: so",
)


@pytest.mark.parametrize("handling", HANDLED)
def test_nothing_looks_past_a_month_that_is_not_posted(handling):
    """`when_missing` acts on an unknown provider as on absent data, never on an open month."""
    stage = rules(f"id: a, when: income.months_6m < 4, then: DECLINE, reason: SHORT, {handling}")
    found = {
        cause: decide(stages(stage, FINE), {"income.months_6m": cause, "income.months_12m": 9})
        for cause in (Cause.NOT_YET_POSTED, Cause.UNKNOWN_PROVIDER, Cause.NO_DATA)
    }
    assert codes(found[Cause.NOT_YET_POSTED]) == ["NOT_YET_POSTED"]
    assert found[Cause.UNKNOWN_PROVIDER].outcome is found[Cause.NO_DATA].outcome
    assert codes(found[Cause.UNKNOWN_PROVIDER]) == codes(found[Cause.NO_DATA])


def test_an_unknown_provider_is_shown_as_missing_data():
    """UNKNOWN_PROVIDER is absent: `coalesce` looks past it, and its reason is DATA_MISSING."""
    shown = declines(("income.months_6m < 4", "SHORT"))
    passed = declines(("coalesce(income.months_6m, 9) < 4", "SHORT"))
    given = {"income.months_6m": Cause.UNKNOWN_PROVIDER, "income.months_12m": 9}
    assert codes(decide(stages(shown, FINE), given)) == ["DATA_MISSING"]
    assert codes(decide(stages(passed, FINE), given)) == []
    open_month = {**given, "income.months_6m": Cause.NOT_YET_POSTED}
    assert codes(decide(stages(passed, FINE), open_month)) == ["NOT_YET_POSTED"]


NEAR = [
    ("income.volatility_6m > 0.1234", "0.12341", "0.1235", "<= 0.1234"),
    ("income.volatility_6m < 0.1234", "0.12339", "0.1233", ">= 0.1234"),
    ("0.1234 < income.volatility_6m", "0.1234000001", "0.1235", "<= 0.1234"),
    ("income.volatility_6m > 0.12338", "0.12339", "0.1234", "<= 0.1233"),
    ("income.volatility_6m != 0.1234", "0.12341", "0.1235", "== 0.1234"),
    ("income.volatility_6m > params.limit", "0.50001", "0.5001", "<= 0.5"),
    ("income.volatility_6m not in (0.1234, 0.5)", "0.12341", "0.1235", "in (0.1234, 0.5)"),
    ("income.volatility_6m * 3 > 1", "0.33334", "1.0001", "<= 1"),
    ("income.volatility_6m >= 0.1234", "0.1234", "0.1234", "< 0.1234"),
]


@pytest.mark.parametrize(("when", "value", "actual", "required"), NEAR)
def test_what_a_reason_has_is_never_what_it_needs(when, value, actual, required):
    """Values that round to the threshold are rounded away from it; equal ones stay as they are."""
    head = f"{HEAD}params:\n  limit: {{type: number, value: 0.5}}\n"
    ruleset = compiled(stages(declines((when, "SHORT")), FINE, head=head))
    found = {"income.volatility_6m": Decimal(value), "income.months_12m": 12}
    verdict = evaluate(ruleset, facts(found))
    assert (verdict.reasons[0].actual, verdict.reasons[0].required) == (actual, required)
    [comparison] = traces(ruleset, verdict)[0].rules[0].comparisons
    assert comparison.actual == actual


@given(st.decimals(-10, 10, places=9), st.decimals(-10, 10, places=9))
def test_two_values_that_differ_are_shown_apart_in_their_order(one, other):
    """Whatever the values, the words differ as they do."""
    both = apart(one, other, money=False)
    if one == other:
        assert both is None
        return
    wording = Wording("PHP")
    shown = [Decimal(wording.value(value, ValueType.NUMBER)) for value in both]
    assert (shown[0] < shown[1]) is (one < other)
    assert shown[0] != shown[1]


MONEY, NUMBER, INTEGER = ValueType.MONEY, ValueType.NUMBER, ValueType.INTEGER


@pytest.mark.parametrize(
    ("currency", "minor", "text"),
    [
        ("PHP", 41_220, "₱ 412.20"),
        ("PHP", 100_000, "₱ 1,000"),
        ("PHP", 5, "₱ 0.05"),
        ("PHP", -41_220, "-₱ 412.20"),
        ("PHP", Decimal("41220.99"), "₱ 412.20"),
        ("PHP", Decimal("1e60"), "₱ 1.000000E+58"),
        ("USD", 123_456_789, "$ 1,234,567.89"),
        ("JPY", 1234, "¥ 1,234"),
        ("KWD", 1_234_500, "KWD 1,234.500"),
    ],
)
def test_amounts_are_in_the_currency(currency, minor, text):
    """Amounts carry their sign or code, thousands, and decimals only where there are any."""
    assert Wording(currency).value(minor, MONEY) == text


@pytest.mark.parametrize(
    ("value", "type_", "text"),
    [
        (3, INTEGER, "3"),
        (Decimal("0.350"), NUMBER, "0.35"),
        (Decimal(1) / 3, NUMBER, "0.3333"),
        (Decimal("3E+2"), NUMBER, "300"),
        (Decimal("1e50"), NUMBER, "1.000000E+50"),
        (10**50, INTEGER, "1.000000E+50"),
        (Decimal("1e5000"), NUMBER, "1.000000E+5000"),
        (True, ValueType.FLAG, "true"),
        (False, ValueType.FLAG, "false"),
        ("GIG", ValueType.TEXT, "GIG"),
        (date(2026, 11, 24), ValueType.DATE, "2026-11-24"),
        (unknown("a.b", Cause.STALE), INTEGER, "missing STALE"),
    ],
)
def test_values_are_short_and_plain(value, type_, text):
    """Numbers have at most four decimals, flags and dates their words, gaps their cause."""
    assert Wording("PHP").value(value, type_) == text


@pytest.mark.parametrize(
    ("span", "type_", "words", "cell"),
    [
        (ValueRange(6, 7), INTEGER, "6 to 7", "[6, 7]"),
        (ValueRange(6, 6), INTEGER, "6", "== 6"),
        (ValueRange(6, None), INTEGER, "6 or more", ">= 6"),
        (ValueRange(None, 6, open_high=True), NUMBER, "6 or less", "< 6"),
        (ValueRange(), NUMBER, "everything", "-"),
        (
            ValueRange(100_000, 250_050, open_low=True),
            MONEY,
            "₱ 1,000 (excluded) to ₱ 2,500.50",
            "(1000, 2500.5]",
        ),
    ],
)
def test_spans_in_words_and_as_cells(span, type_, words, cell):
    """A span is told in words and written as the cell that would cover it."""
    wording = Wording("PHP")
    assert (wording.span(span, type_), wording.cell(span, type_)) == (words, cell)
