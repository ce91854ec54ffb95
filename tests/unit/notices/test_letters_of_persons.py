"""What a letter says where a person decided."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from msgspec.structs import replace

from decision_service.casework.compose import PersonsResult, kind_of, letter
from decision_service.casework.letters import provider_name
from decision_service.domain.decision import Outcome, Price, ReferKind, Verdict
from decision_service.domain.values import Money
from decision_service.rules.letters import NoticeKind
from tests.unit.notices.test_letters import DECLINED, REDUCED, TEXTS, about, written

LOOKED = date(2026, 11, 30)
SENTENCES = {"en": "We could not confirm your income.", "fil": "Hindi napatunayan ang kita."}
REFUSED = PersonsResult(Outcome.DECLINE, LOOKED, SENTENCES)
UPHELD = replace(REFUSED, contested=True)
GRANTED = PersonsResult(Outcome.APPROVE, LOOKED, SENTENCES, Money("PHP", 2_000_000))
REFERRED = Verdict(Outcome.REFER, ReferKind.SCORE)


def said(*verdict: Verdict, language: str = "en", **more: object) -> str:
    """A letter without its line breaks."""
    return " ".join(written(*verdict, language, **more).split())


def test_a_persons_decline_tells_the_persons_reason_alone() -> None:
    """The reasons of the rules may be settled by then; where the person looked is said."""
    told = said(DECLINED, person=REFUSED)
    assert "Why - We could not confirm your income." in told
    assert "Too few months" not in told
    assert "A person looked at your application on November 30, 2026, and decided it." in told
    assert "- what the person who decided was told or shown" in told
    assert "- SSS, as of November 1, 2026" in told


def test_a_reason_that_nobody_is_told_stands_in_no_letter() -> None:
    """In its place stands that the lender can be asked."""
    told = said(DECLINED, person=replace(REFUSED, sentences={}))
    assert "Why - The person who decided found that we cannot approve it. Ask us" in told
    assert "Too few months" not in told


def test_an_answer_to_a_contest_says_what_became_of_it() -> None:
    """The same answer or another, in both languages; and no person is offered a second time."""
    same, other = (
        said(DECLINED, person=UPHELD),
        said(DECLINED, person=replace(GRANTED, contested=True, changed=True)),
    )
    assert "As you asked, a person looked at the decision again, on November 30, 2026." in same
    assert "The answer stays the same." in same
    assert "on November 30, 2026, and changed it." in other
    assert "have a person look at this decision" not in same
    assert "A person has looked at this decision. You may still ask us" in same
    assert "What would change the answer If an earlier letter says" in same
    assert "an earlier letter" not in said(DECLINED, person=REFUSED) + other
    filipino = said(DECLINED, language="fil", person=UPHELD)
    assert "muling sinuri ng isang tao ang pasya noong ika-30 ng Nobyembre 2026" in filipino
    assert "Bakit - Hindi napatunayan ang kita." in filipino


def test_a_persons_approval_of_less_is_a_counter_offer_of_that_amount() -> None:
    """The amount, its term and the limit of the rules are no part of it; what is asked for is."""
    told = said(REDUCED, person=GRANTED)
    assert "we can lend you ₱ 20,000." in told
    assert "- Amount: ₱ 20,000 " in told
    assert "less than the ₱ 150,000 that you asked for: it is what the person" in told
    assert "What we need before we pay out - A payslip" in told
    for rules in (
        "30,000.50",
        "Interest",
        "{",
        "Monthly instalment",
        "Valid until",
        "repay beside",
        "confirm",
    ):
        assert rules not in told


def test_a_persons_approval_tells_its_term_and_price() -> None:
    """In both languages, those of the person's amount; a term alone where that is all."""
    pesos = [Money("PHP", minor) for minor in (160_000, 1_840_000, 281_380)]
    price = Price(Decimal("0.05"), *pesos, 9, Money("PHP", 2_532_420))
    terms = {"term_months": 9, "price": price}
    told = said(REDUCED, person=replace(GRANTED, **terms))
    assert "- Amount: ₱ 20,000 - Term: 9 months - Interest: 5% a month - Fees" in told
    assert "rate, all fees included: 6.91% a month - Monthly instalments: 9 of ₱ 2,813.80" in told
    assert "Tagal: 9 buwan" in said(REDUCED, language="fil", person=replace(GRANTED, **terms))
    until = replace(GRANTED, expires=datetime(2026, 12, 14, tzinfo=UTC))
    assert "₱ 20,000 - Valid until December 13, 2026 " in said(REDUCED, person=until)
    assert "May bisa hanggang ika-13 ng Disyembre" in said(REDUCED, language="fil", person=until)
    alone = said(REDUCED, person=replace(GRANTED, term_months=9))
    assert "Term: 9 months" in alone
    assert "Monthly instalment" not in alone


@pytest.mark.parametrize(
    ("person", "kind"),
    [
        (GRANTED, NoticeKind.COUNTER_OFFER),
        (replace(GRANTED, amount=Money("PHP", 15_000_000)), NoticeKind.APPROVAL),
        (REFUSED, NoticeKind.ADVERSE_ACTION),
    ],
)
@pytest.mark.parametrize("verdict", [REFERRED, DECLINED, REDUCED])
def test_a_persons_result_counts_whatever_the_rules_concluded(
    verdict: Verdict, person: PersonsResult, kind: NoticeKind
) -> None:
    """Its letter is due at once, also of a referral that had none."""
    assert kind_of(about(verdict, person=person)) is kind


def test_without_words_of_its_own_a_letter_tells_the_right_to_contest_once_more() -> None:
    """A product that says nothing of a person's result still says how it is contested."""
    texts = replace(TEXTS["en"], contest_again="")
    made = letter(about(DECLINED, person=REFUSED), texts)
    assert made is not None
    [part] = [one for one in made.parts if one.heading == "If you still disagree"]
    assert part.lines == (TEXTS["en"].contest,)


@pytest.mark.parametrize(
    ("provider_id", "name", "told"),
    [
        ("sss_ph", "SSS", "SSS"),
        ("grab_ph", "", "Grab (PH)"),
        ("onlinejobs_ph", "", "Onlinejobs (PH)"),
        ("user-provided", "", "User provided"),
        ("upwork", "", "Upwork"),
        ("ph", "", "Ph"),
        ("_", "", ""),
    ],
)
def test_a_provider_is_told_by_a_name_that_can_be_read(
    provider_id: str, name: str, told: str
) -> None:
    """The vendor's name, else the id in words with its country."""
    assert provider_name(provider_id, name) == told
