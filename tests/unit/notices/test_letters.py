"""What a letter says, and what it never says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.casework.compose import (
    COLUMNS,
    Lack,
    NoticeSubject,
    SourceUsed,
    effective_rate,
    html,
    letter,
    text,
)
from decision_service.casework.recourse import Change, Recourse, RecourseKind
from decision_service.domain.accounts import Kind
from decision_service.domain.decision import (
    Component,
    Condition,
    DataRequest,
    Offer,
    OfferKind,
    Outcome,
    Price,
    Reason,
    ReferKind,
    Tag,
    Verdict,
)
from decision_service.domain.values import Cause, Missing, Money
from decision_service.rules.language.values import exactly
from decision_service.rules.letters import (
    LANGUAGES,
    KindTexts,
    NoticeKind,
    NoticeTexts,
    read_notices,
    words_in,
)
from tests.fakes.examples import examples
from tests.unit.ruleset.rulesets import ROOT

MIDNIGHT = datetime(2026, 12, 1, tzinfo=UTC)
ASKED, GRANTED = Money("PHP", 15_000_000), Money("PHP", 3_000_050)
LIMIT = "derived.affordable"


def texts(language: str) -> NoticeTexts:
    """The shipped loan's texts."""
    file = ROOT / "rules" / "personal-loan-ph" / "notices" / f"{language}.yaml"
    found = read_notices(str(file), file.read_text(), language).texts
    assert found is not None
    return found


TEXTS = {language: texts(language) for language in LANGUAGES}


def reason(code: str, en: str, fil: str) -> Reason:
    """A reason in both languages."""
    return Reason(code, {"en": en, "fil": fil}, Component.POLICY)


def offer(kind: OfferKind, binding: str = "") -> Offer:
    """An offer of six months."""
    outputs = {
        "instalment": Money("PHP", 591_052),
        "instalments": 6,
        "fees": Money("PHP", 240_004),
        "paid_out": Money("PHP", 2_760_046),
        "total": Money("PHP", 3_546_312),
    }
    rate = Decimal("0.05")
    return Offer(kind, GRANTED, term_months=6, monthly_rate=rate, binding=binding, outputs=outputs)


DECLINED = Verdict(
    Outcome.DECLINE,
    reasons=(
        reason("A", "Too few months", "Masyadong kaunti"),
        reason("B", "Too few months", "Masyadong kaunti"),
        reason("C", "Too many debts", "Maraming utang"),
    ),
    tags=(Tag("fraud-ring", told=False), Tag("branch")),
)
REDUCED = Verdict(
    Outcome.APPROVE,
    offer=offer(OfferKind.REDUCED, LIMIT),
    conditions=(Condition("payslip", {"en": "A payslip", "fil": "Payslip"}),),
)
LACKING = Verdict(
    Outcome.REFER,
    ReferKind.DATA,
    (reason("STALE_DATA", "Not updated", "Hindi na-update"),),
    (
        DataRequest("income.latest", Missing(Cause.STALE), "let it synchronise"),
        DataRequest("income.months_12m", Missing(Cause.STALE), "let it synchronise"),
        DataRequest("inputs.x", Missing(Cause.NOT_SENT), "send it"),
    ),
)


def about(verdict: Verdict, **more: object) -> NoticeSubject:
    """A decision of 27 November 2026 on two accounts."""
    fields: dict[str, object] = {
        "decision_id": "dec_1",
        "application_id": "APP-7",
        "decided_on": date(2026, 11, 27),
        "asked": ASKED,
        "verdict": verdict,
        "sources": (SourceUsed("SSS", date(2026, 11, 1)), SourceUsed("Grab", None)),
        "data": ("contributions", "incomes"),
        "expires": MIDNIGHT,
        "asked_term": 6,
    }
    return NoticeSubject(**(fields | more))  # type: ignore[arg-type]  # fields by name


def written(verdict: Verdict, language: str = "en", **more: object) -> str:
    """The letter as text."""
    made = letter(about(verdict, **more), TEXTS[language])
    assert made is not None
    return text(made)


def test_a_decline_tells_its_reasons_once_and_no_signal() -> None:
    """Two rules with one sentence are one reason; tags, told or not, are in no letter."""
    told = written(DECLINED)
    assert told.count("- Too few months\n") == 1
    assert told.index("Too few months") < told.index("Too many debts")
    assert "fraud" not in told
    assert "branch" not in told


def test_a_decline_says_from_which_data_and_how_to_contest() -> None:
    """Sources with their days, kinds of data, the right to a person, the contact, the reference."""
    told = written(DECLINED)
    for words in (
        "- SSS, as of November 1, 2026",
        "- Grab\n",
        "- contributions to social security",
        "have a person look at this decision",
        "care@lender.example",
        "Reference dec_1, decided on November 27, 2026",
    ):
        assert words in told


@pytest.mark.parametrize(
    ("language", "limit"),
    [("en", "what your income can repay"), ("fil", "kayang bayaran ng inyong kita")],
)
def test_a_reduced_offer_names_its_limit_in_words(language: str, limit: str) -> None:
    """The expression that binds is said in the applicant's words; amounts have their centavos."""
    told = " ".join(written(REDUCED, language).split())
    assert limit in told
    assert LIMIT not in told
    assert "₱ 30,000.50" in told
    assert "₱ 150,000 " in told
    assert "₱ 5,910.52" in told
    assert "ayslip" in told


COSTS = {
    "en": """\
- Interest: 5% a month
- Fees, which we keep when we pay out: ₱~2,400.04
- Paid out to you: ₱~27,600.46
- Effective interest rate, all fees included: 7.67% a month
- Monthly instalments: 6 of ₱~5,910.52 each
- You pay in all: ₱~35,463.12
- Valid""",
    "fil": "- Epektibong interes, kasama ang lahat ng bayarin: 7.67% bawat buwan\n",
}


@pytest.mark.parametrize("language", COSTS)
@pytest.mark.parametrize("kind", OfferKind)
def test_an_approval_tells_what_it_costs(language: str, kind: OfferKind) -> None:
    """Rate, fees, what is paid out, the effective rate, the instalments and their sum."""
    told = written(Verdict(Outcome.APPROVE, offer=offer(kind)), language)
    assert COSTS[language] in told.replace("\N{NO-BREAK SPACE}", "~")


def test_an_approval_that_nothing_prices_tells_the_amount_alone() -> None:
    """An offer without a line of the price, which no product that loads makes, has no price."""
    made = offer(OfferKind.FULL)
    for name in (*made.outputs, "monthly_rate"):
        lines = {key: value for key, value in made.outputs.items() if key != name}
        rate = None if name == "monthly_rate" else made.monthly_rate
        odd = replace(made, outputs=lines, monthly_rate=rate)
        told = written(Verdict(Outcome.APPROVE, offer=odd))
        assert "- Term: 6 months\n- Valid until" in told


def price(paid_out: int, instalment: int, count: int, total: int, *, weekly: bool) -> Price:
    """A price in minor units, at a rate that no effective rate rests on."""
    amounts = [Money("PHP", minor) for minor in (0, paid_out, instalment)]
    return Price(Decimal(1), *amounts, count, Money("PHP", total), weekly)


@pytest.mark.parametrize(
    ("asked", "rate"),
    [
        (price(276_000, 312_000, 1, 312_000, weekly=False), "0.130434782608695652173913043478"),
        (price(100, 100, 3, 300, weekly=False), "0.999999"),
        (price(30_000, 10_000, 3, 30_000, weekly=False), "0"),
        (price(300_000, 72_000, 5, 312_000, weekly=True), "0.06545"),
    ],
)
def test_the_effective_rate_discounts_the_payments_to_what_is_paid_out(
    asked: Price, rate: str
) -> None:
    """One payment due whole is its surplus; no surplus is no rate; a week's is compounded."""
    found = effective_rate(asked)
    with exactly():
        growth = (1 + found) ** (Decimal(12) / 52 if asked.weekly else Decimal(1))
        paid = [Decimal(asked.instalment.minor)] * (asked.instalments - 1)
        paid.append(asked.total.minor - sum(paid))
        worth = sum(one / growth**number for number, one in enumerate(paid, 1))
        assert abs(worth - asked.paid_out.minor) < Decimal("1e-24")
    if rate != "0.999999":
        assert abs(found - Decimal(rate)) < Decimal("0.000005")


@pytest.mark.parametrize(
    ("end", "until"),
    [
        (MIDNIGHT, "November 30, 2026"),
        (MIDNIGHT + timedelta(hours=14), "November 30, 2026"),
        (MIDNIGHT - timedelta(days=3), "November 27, 2026"),
        (datetime(2026, 11, 27, 18, 5, tzinfo=UTC), "November 27, 2026, 18:05"),
    ],
)
def test_an_offer_is_valid_until_its_last_whole_day(end: datetime, until: str) -> None:
    """One that ends at midnight is not valid on the day that begins then."""
    assert f"- Valid until {until}\n" in written(REDUCED, expires=end)
    assert "Valid until" not in written(REDUCED, expires=None)


@pytest.mark.parametrize("width", range(40))
def test_a_sign_is_never_parted_from_its_number(width: int) -> None:
    """Wherever the line ends, as text and on a page."""
    made = letter(about(REDUCED), replace(TEXTS["en"], limits={LIMIT: "n" * width}))
    assert made is not None
    assert not any(line.endswith("₱") for line in text(made).splitlines())
    assert "₱ " not in html(made)


LACKS = (
    Lack(Cause.STALE, "SSS", Kind.CONTRIBUTIONS),
    Lack(Cause.STALE, "Grab", Kind.TRANSACTIONS),
    Lack(Cause.STALE, "SSS", Kind.INCOMES),
    Lack(Cause.SOURCE_FAILED, kind=Kind.LIABILITIES),
    Lack(Cause.NOT_SENT),
)


def test_what_is_missing_says_what_helps() -> None:
    """Each cause's remedy once, in the applicant's language, and that nothing was declined."""
    told = " ".join(written(LACKING, "fil", lacks=LACKS).split())
    assert told.count("Buksan minsan ang app") == 1
    assert "Ibigay ito sa amin" in told
    assert "Hindi ito tinanggihan" in told


def test_an_incomplete_application_has_no_approved_amount() -> None:
    """The offer of a referral is approved by no rule: placeholders of an approval stay empty."""
    words = KindTexts("Incomplete", "[{amount}] [{total}]")
    own = replace(TEXTS["en"], kinds={**TEXTS["en"].kinds, NoticeKind.INCOMPLETE: words})
    made = letter(about(replace(LACKING, offer=offer(OfferKind.FULL)), lacks=LACKS), own)
    assert made is not None
    assert made.opening == "[] []"


def test_what_is_missing_names_its_source() -> None:
    """Every provider of a cause by name; without one the kind of data, in words."""
    told = " ".join(written(LACKING, lacks=LACKS).split())
    assert "so that its data is up to date (SSS, Grab) -" in told
    assert "we can decide again later (loans on record) -" in told
    assert "- Give us this when you apply again The" in told


OVERDUE = Change("liabilities.overdue_total", Money("PHP", 250_000), Money("PHP", 0), Decimal(1))
LOANS = Change("history.overdue_loans", 2, 0, Decimal(2))


def needed(*changes: Change, day: date | None = None) -> Recourse:
    """What would do, all of it to be told."""
    return Recourse(RecourseKind.CHANGE, changes, day, told=True)


def test_a_day_to_apply_again_is_told_where_there_is_one() -> None:
    """What waiting alone would do stands in a part of its own, and only then."""
    assert "What would change the answer" not in written(DECLINED)
    told = written(DECLINED, recourse=needed(day=date(2027, 2, 1)))
    assert "What would change the answer\nWaiting: apply again from February 1, 2027 on" in told


@pytest.mark.parametrize(
    ("language", "overdue", "loans", "wait"),
    [
        ("en", "pay it down from ₱ 2,500 to ₱ 0", "overdue: 0 in place of 2", "- Waiting: apply"),
        ("fil", "hanggang ₱ 0 na lamang", "0 sa halip na 2", "- Ang paghihintay: mag-apply"),
    ],
)
def test_changes_that_may_be_told_are_told_in_words(
    language: str, overdue: str, loans: str, wait: str
) -> None:
    """Each with its present and its needed value, and the day where waiting is one of them."""
    changes = needed(OVERDUE, LOANS, day=date(2027, 2, 1))
    told = " ".join(written(DECLINED, language, recourse=changes).split())
    assert told.index(overdue) < told.index(loans) < told.index(wait)
    assert "liabilities." not in told
    today = written(DECLINED, language, recourse=needed(OVERDUE))
    assert wait not in today


@pytest.mark.parametrize(
    ("language", "more", "rests"),
    [
        (
            "en",
            {},
            "worked out for ₱ 150,000 over 6 months, from what was on record on November 27",
        ),
        ("en", {"asked_term": None}, "worked out for ₱ 150,000, from what was on record"),
        ("en", {"asked": None, "asked_term": None}, "worked out for your application, from"),
        ("fil", {}, "para sa ₱ 150,000 sa loob ng 6 buwan, ayon sa nakatala noong ika-27"),
    ],
)
@pytest.mark.parametrize("recourse", [needed(OVERDUE), needed(day=date(2027, 2, 1))])
def test_what_would_change_the_answer_says_what_it_rests_on(
    language: str, more: dict[str, object], rests: str, recourse: Recourse
) -> None:
    """Two letters of one day that name different changes are of different applications."""
    told = " ".join(written(DECLINED, language, recourse=recourse, **more).split())
    assert rests in told


def test_a_change_without_words_leaves_all_of_it_out() -> None:
    """Half of what is needed would not help: the product has no words for one of the two."""
    strange = Change("income.median_12m", Money("PHP", 1), Money("PHP", 2), Decimal(1))
    changes = needed(OVERDUE, strange, day=date(2027, 2, 1))
    assert "What would change the answer" not in written(DECLINED, recourse=changes)


@pytest.mark.parametrize(
    ("verdict", "kind"),
    [
        (DECLINED, NoticeKind.ADVERSE_ACTION),
        (REDUCED, NoticeKind.COUNTER_OFFER),
        (LACKING, NoticeKind.INCOMPLETE),
        (Verdict(Outcome.APPROVE, offer=offer(OfferKind.FULL)), NoticeKind.APPROVAL),
        (Verdict(Outcome.APPROVE), NoticeKind.APPROVAL),
        (Verdict(Outcome.REFER, ReferKind.SCORE), None),
        (Verdict(Outcome.REFER, ReferKind.POLICY), None),
        (Verdict(Outcome.NOT_ENROLLED), None),
    ],
)
def test_each_decision_asks_for_one_kind_of_letter(
    verdict: Verdict, kind: NoticeKind | None
) -> None:
    """While a person reviews there is none."""
    made = letter(about(verdict), TEXTS["en"])
    assert (made and made.kind) == kind


def test_both_languages_have_every_word() -> None:
    """A remedy for each cause and twelve months, no text left in the other language."""
    english, filipino = words_in("en"), words_in("fil")
    assert {*english.remedies} == {*filipino.remedies} < {*Cause}
    assert {*english.kinds} == {*filipino.kinds} == {*Kind}
    assert len(set(filipino.months)) == len(set(english.months)) == 12
    assert not {*english.remedies.values()} & {*filipino.remedies.values()}


@settings(max_examples=examples(60))
@given(
    st.lists(st.text("ab <&'\"\u00f1₱", min_size=1, max_size=200), max_size=4),
    st.sampled_from([*LANGUAGES]),
)
def test_a_letter_fits_its_columns_and_escapes_what_it_says(said: list[str], language: str) -> None:
    """No line is longer than a page is wide unless one word is; no reason is markup."""
    reasons = tuple(reason(f"C{number}", one, one) for number, one in enumerate(said))
    made = letter(about(Verdict(Outcome.DECLINE, reasons=reasons)), TEXTS[language])
    assert made is not None
    for line in text(made).splitlines():
        assert len(line) <= COLUMNS or " " not in line.strip("- ")
    body = html(made).partition("</style>")[2]
    for one in said:
        assert f"<li>{one}</li>" not in body or not {"<", "&"} & {*one}
    assert Decimal(body.count("<ul>")) == body.count("</ul>")
