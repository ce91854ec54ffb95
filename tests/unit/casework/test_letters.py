"""What a letter says, and what it never says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.casework.compose import (
    COLUMNS,
    Lack,
    NoticeSubject,
    PersonsResult,
    SourceUsed,
    effective_rate,
    html,
    kind_of,
    letter,
    text,
)
from decision_service.casework.named import Debt, LinkResult, provider_name
from decision_service.casework.recourse import Change, Recourse, RecourseKind
from decision_service.domain.accounts import AccountRemedy, Kind
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
from decision_service.domain.values import Cause, DataReason, Missing, Money
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
from tests.kits.cases import cases
from tests.unit.rules.kit import ROOT

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
    (replace(reason("STALE_DATA", "Not updated", "Hindi na-update"), component=Component.DATA),),
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
    made = letter(about(verdict, **more), TEXTS[language])
    assert made is not None
    return text(made)


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


def test_an_incomplete_application_has_no_approved_amount() -> None:
    """The offer of a referral is approved by no rule: placeholders of an approval stay empty."""
    words = KindTexts("Incomplete", "[{amount}] [{total}]")
    own = replace(TEXTS["en"], kinds={**TEXTS["en"].kinds, NoticeKind.INCOMPLETE: words})
    made = letter(about(replace(LACKING, offer=offer(OfferKind.FULL)), lacks=LACKS), own)
    assert made is not None
    assert made.opening == "[] []"


OVERDUE = Change("liabilities.overdue_total", Money("PHP", 250_000), Money("PHP", 0), Decimal(1))

LOANS = Change("history.overdue_loans", 2, 0, Decimal(2))


def needed(*changes: Change, day: date | None = None) -> Recourse:
    """What would do, all of it to be told."""
    return Recourse(RecourseKind.CHANGE, changes, day, told=True)


def ended(outcome: Outcome, amount: int | None = None, **more: Any) -> PersonsResult:
    """What a person decided on November 30."""
    sentences = {"en": "We could not confirm your income.", "fil": "Hindi napatunayan ang kita."}
    granted = None if amount is None else Money("PHP", amount)
    fields = {"sentences": sentences, "amount": granted} | more
    return PersonsResult(outcome, date(2026, 11, 30), **fields)


REFERRED = Verdict(Outcome.REFER, ReferKind.SCORE)

PERSON_DECLINES = ended(Outcome.DECLINE)

PERSON_APPROVES = ended(Outcome.APPROVE, 2_000_000)

PRICED = Price(
    Decimal("0.05"),
    *(Money("PHP", minor) for minor in (160_000, 1_840_000, 281_380)),
    9,
    Money("PHP", 2_532_420),
)

VERDICTS = {"declined": DECLINED, "reduced": REDUCED, "lacking": LACKING}

PERSONS = {
    "refused": PERSON_DECLINES,
    "withheld": replace(PERSON_DECLINES, sentences={}),
    "upheld": replace(PERSON_DECLINES, contested=True),
    "changed": replace(PERSON_APPROVES, contested=True, changed=True),
    "granted": PERSON_APPROVES,
    "priced": replace(PERSON_APPROVES, term_months=9, price=PRICED),
    "until": replace(PERSON_APPROVES, expires=datetime(2026, 12, 14, tzinfo=UTC)),
    "term alone": replace(PERSON_APPROVES, term_months=1),
}

AGAIN = date(2027, 2, 1)

STRANGE = Change("income.median_12m", Money("PHP", 1), Money("PHP", 2), Decimal(1))

MORE: dict[str, dict[str, object]] = {
    "lacks": {"lacks": LACKS},
    "wait": {"recourse": needed(day=AGAIN)},
    "change": {"recourse": needed(OVERDUE)},
    "changes and wait": {"recourse": needed(OVERDUE, LOANS, day=AGAIN)},
    "strange change": {"recourse": needed(OVERDUE, STRANGE, day=AGAIN)},
    "no term": {"asked_term": None},
    "no amount": {"asked": None},
}

SAYS = cases("letters/says")


@pytest.mark.parametrize("case", SAYS, ids=lambda case: case["name"])
def test_a_letter_says_what_it_should(case: dict[str, Any]) -> None:
    """Each case of the file; what it says is there once."""
    more: dict[str, object] = {}
    for name in case.get("more", ()):
        more |= MORE[name]
    if "person" in case:
        more["person"] = PERSONS[case["person"]]
    made = written(VERDICTS[case["verdict"]], case.get("language", "en"), **more)
    made = " ".join(made.split())
    places = [made.find(words) for words in case.get("says", ())]
    assert -1 not in places, made
    assert [words for words in case.get("never", ()) if words in made] == []


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
    """While a person reviews there is none; a person's result counts whatever the rules said."""
    made = letter(about(verdict), TEXTS["en"])
    assert (made and made.kind) == kind
    full = replace(PERSON_APPROVES, amount=ASKED)
    assert kind_of(about(verdict, person=PERSON_DECLINES)) is NoticeKind.ADVERSE_ACTION
    assert kind_of(about(verdict, person=PERSON_APPROVES)) is NoticeKind.COUNTER_OFFER
    assert kind_of(about(verdict, person=full)) is NoticeKind.APPROVAL


def test_without_words_of_its_own_a_letter_has_the_right_to_contest_once_more() -> None:
    """A product that says nothing of a person's result still says how it is contested."""
    texts = replace(TEXTS["en"], contest_again="")
    made = letter(about(DECLINED, person=PERSON_DECLINES), texts)
    assert made is not None
    [part] = [one for one in made.parts if one.heading == "If you still disagree"]
    assert part.lines == (TEXTS["en"].contest,)


@pytest.mark.parametrize(
    ("provider_id", "name", "shown"),
    [
        ("sss_ph", "SSS", "SSS"),
        ("grab_ph", "", "Grab (PH)"),
        ("user-provided", "", "User provided"),
        ("upwork", "", "Upwork"),
        ("ph", "", "Ph"),
        ("_", "", ""),
    ],
)
def test_a_provider_has_a_name_that_can_be_read(provider_id: str, name: str, shown: str) -> None:
    """The vendor's name, else the id in words with its country."""
    assert provider_name(provider_id, name) == shown


def test_both_languages_have_every_word() -> None:
    """A sentence for each account error and kind, and twelve months, each in its own language."""
    english, filipino = words_in("en"), words_in("fil")
    for name in ("kinds", "remedies", "accounts", "attempts", "links", "types", "debts", "what"):
        mine, theirs = getattr(english, name), getattr(filipino, name)
        assert {*mine} == {*theirs}
        assert not {*mine.values()} & {*theirs.values()} - {"social security"}
    assert {*english.remedies} - {"due", "overdue"} <= {*Cause, *DataReason}
    assert {*english.kinds} == {*Kind}
    assert {*english.accounts} == {*english.attempts} == {*AccountRemedy}
    assert {*english.links} == {*LinkResult}
    assert {*english.debts} == {*Debt}
    assert len(set(filipino.months)) == len(set(english.months)) == 12


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


def test_a_letter_says_what_late_payment_costs_where_the_rules_do() -> None:
    """Its lines are left out of a letter by rules that name no penalty, and are said by others."""
    plain = offer(OfferKind.FULL)
    late = replace(plain, late_penalty=Decimal("0.05"), most_total_cost=Money("PHP", 3_000_050))
    said = [" ".join(written(Verdict(Outcome.APPROVE, offer=one)).split()) for one in (plain, late)]
    assert "If you pay late" not in said[0]
    assert "never more than" not in said[0]
    assert "If you pay late: 5% a month of what is due" in said[1]
    assert "never more than ₱\N{NO-BREAK SPACE}30,000.50".replace("\xa0", " ") in said[1]


@pytest.mark.parametrize(
    ("language", "says"),
    [("en", "closed, and for 60 months more"), ("fil", "at nang 60 buwan pa")],
)
def test_a_letter_says_how_long_a_loan_is_kept_where_that_is_known(
    language: str, says: str
) -> None:
    """Below the price of what is lent, by the setting; without one the line is left out."""
    approved = Verdict(Outcome.APPROVE, offer=offer(OfferKind.FULL))
    assert says in " ".join(written(approved, language, kept_months=60).split())
    assert says.partition("60")[2] not in " ".join(written(approved, language).split())
