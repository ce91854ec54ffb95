"""The words that every letter has, by language, and values as letters write them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

import msgspec

from decision_service.domain.accounts import Kind
from decision_service.domain.factor import Value
from decision_service.domain.values import Cause, Money, currency_sign


class Words(msgspec.Struct, frozen=True):
    """One language's headings, sentences, months (January first), data and remedies."""

    reference: str
    reasons: str
    data: str
    no_data: str
    offer: str
    amount: str
    term: str
    expires: str
    limit: str
    other_limit: str
    missing: str
    conditions: str
    recourse: str
    again: str
    changes: str
    rests: str
    application: str
    over: str
    by_rules_alone: str
    contest: str
    contest_again: str
    contact: str
    source: str
    documents: str
    reviewed: str
    by_person: str
    confirmed: str
    changed: str
    person_limit: str
    shown: str
    untold: str
    months: tuple[str, ...]
    day: str
    kinds: Mapping[str, str]
    remedies: Mapping[str, str]


def remedies(connect: str, again: str, others: Mapping[Cause, str]) -> Mapping[str, str]:
    by_connecting = (
        Cause.NO_DATA,
        Cause.NOT_CONNECTED,
        Cause.NO_EVIDENCE,
        Cause.UNKNOWN_PROVIDER,
    )
    return {
        **{cause.value: again for cause in Cause},
        **{cause.value: connect for cause in by_connecting},
        **{cause.value: text for cause, text in others.items()},
    }


_ENGLISH_CONNECT = "Connect an account that shows it, or give us a document that does"
_ENGLISH_AGAIN = "Nothing is needed from you: we can decide again later"

ENGLISH = Words(
    reference="Reference {decision_id}, decided on {decided_on}",
    reasons="Why",
    data="The information that we used",
    no_data="None: no account could be read.",
    offer="What we offer",
    amount="Amount: {amount}",
    term="Term: {term} months",
    expires="Valid until {expires_on}",
    limit="It is less than the {asked} that you asked for because of {limit}.",
    other_limit="what our lending rules allow",
    missing="What is missing",
    conditions="What we need before we pay out",
    recourse="What would change the answer",
    again="Waiting: apply again from {again_on} on, if income and contributions go on until then.",
    changes=(
        "If all of this changes and nothing else does, our rules come to a better answer. Apply "
        "again then: everything is looked at anew."
    ),
    rests=(
        "This was worked out for {asked}, from what was on record on {decided_on}. Another amount, "
        "term or day may need something else."
    ),
    application="your application",
    over="{asked} over {term} months",
    by_rules_alone=(
        "If an earlier letter says what would change the answer, that is by our rules alone. This "
        "answer is a person's, for the reason above."
    ),
    contest="If you disagree, or want a person to look at it",
    contest_again="If you still disagree",
    contact="How to reach us",
    source="{provider}, as of {as_of}",
    documents="documents that you gave",
    reviewed="A person looked at it",
    by_person="A person looked at your application on {reviewed_on}, and decided it.",
    confirmed=(
        "As you asked, a person looked at the decision again, on {reviewed_on}. The answer stays "
        "the same."
    ),
    changed=(
        "As you asked, a person looked at the decision again, on {reviewed_on}, and changed it."
    ),
    person_limit=(
        "It is less than the {asked} that you asked for: it is what the person who decided could "
        "approve."
    ),
    shown="what the person who decided was told or shown",
    untold=(
        "The person who decided found that we cannot approve it. Ask us, and we explain what we "
        "may."
    ),
    months=(
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
    day="{month} {day}, {year}",
    kinds={
        Kind.ACCOUNTS: "which accounts are connected",
        Kind.EINCOMES: "estimates of your monthly income",
        Kind.INCOMES: "payslips and paid income",
        Kind.CONTRIBUTIONS: "contributions to social security",
        Kind.EMPLOYMENTS: "your jobs",
        Kind.LIABILITIES: "loans on record",
        Kind.TRANSACTIONS: "transactions of your accounts",
        Kind.IDENTITIES: "your name and date of birth on record",
        Kind.LINKS: "whether your connections work",
    },
    remedies=remedies(
        _ENGLISH_CONNECT,
        _ENGLISH_AGAIN,
        {
            Cause.NOT_SENT: "Give us this when you apply again",
            Cause.SHORT_HISTORY: "Apply again when more months are on record",
            Cause.PARTIAL: "Connect the account again, so that all of it can be read",
            Cause.EXPIRED: "Connect the account again: its access has ended",
            Cause.STALE: "Open the account's own app or site once, so that its data is up to date",
            Cause.BAD_DATA: "Ask whoever keeps the record to correct it",
            Cause.NOT_YET_POSTED: "Apply again when the month is posted",
        },
    ),
)


_FILIPINO_CONNECT = (
    "Magkonekta ng account na nagpapakita nito, o magbigay sa amin ng dokumentong nagpapakita nito"
)
_FILIPINO_AGAIN = "Wala kayong kailangang gawin: maaari naming suriin muli sa ibang araw"

FILIPINO = Words(
    reference="Reperensiya {decision_id}, pinagpasyahan noong {decided_on}",
    reasons="Bakit",
    data="Ang impormasyong ginamit namin",
    no_data="Wala: walang account na nabasa.",
    offer="Ang aming alok",
    amount="Halaga: {amount}",
    term="Tagal: {term} buwan",
    expires="May bisa hanggang {expires_on}",
    limit="Mas mababa ito kaysa sa {asked} na inyong hiniling dahil sa {limit}.",
    other_limit="pinahihintulutan ng aming mga patakaran sa pagpapautang",
    missing="Ano ang kulang",
    conditions="Ang kailangan namin bago ilabas ang pera",
    recourse="Ano ang makapagbabago sa sagot",
    again="Ang paghihintay: mag-apply muli mula {again_on}, kung tuloy ang kita at mga hulog.",
    changes=(
        "Kung magbabago ang lahat ng ito at wala nang iba, mas maganda ang kalalabasan ayon sa "
        "aming mga patakaran. Mag-apply muli kapag nangyari na ito: susuriin naming muli ang lahat."
    ),
    rests=(
        "Kinuwenta ito para sa {asked}, ayon sa nakatala noong {decided_on}. Maaaring iba ang "
        "kailangan para sa ibang halaga, tagal o araw."
    ),
    application="inyong aplikasyon",
    over="{asked} sa loob ng {term} buwan",
    by_rules_alone=(
        "Kung may naunang liham na nagsasabi kung ano ang makapagbabago sa sagot, ayon lamang iyon "
        "sa aming mga patakaran. Tao ang nagpasya sa sagot na ito, dahil sa dahilang nasa itaas."
    ),
    contest="Kung hindi kayo sumasang-ayon, o nais ninyong tao ang sumuri",
    contest_again="Kung hindi pa rin kayo sumasang-ayon",
    contact="Paano kami makakausap",
    source="{provider}, ayon sa datos noong {as_of}",
    documents="mga dokumentong ibinigay ninyo",
    reviewed="Tao ang sumuri nito",
    by_person="Tao ang sumuri sa inyong aplikasyon noong {reviewed_on}, at siya ang nagpasya.",
    confirmed=(
        "Gaya ng inyong hiniling, muling sinuri ng isang tao ang pasya noong {reviewed_on}. Hindi "
        "nagbago ang sagot."
    ),
    changed=(
        "Gaya ng inyong hiniling, muling sinuri ng isang tao ang pasya noong {reviewed_on}, at "
        "binago ito."
    ),
    person_limit=(
        "Mas mababa ito kaysa sa {asked} na inyong hiniling: ito ang halagang naaprobahan ng taong "
        "nagpasya."
    ),
    shown="ang sinabi o ipinakita sa taong nagpasya",
    untold=(
        "Ayon sa taong nagpasya, hindi namin ito maaaprobahan. Magtanong sa amin, at ipaliliwanag "
        "namin ang maaari naming ipaliwanag."
    ),
    months=(
        "Enero",
        "Pebrero",
        "Marso",
        "Abril",
        "Mayo",
        "Hunyo",
        "Hulyo",
        "Agosto",
        "Setyembre",
        "Oktubre",
        "Nobyembre",
        "Disyembre",
    ),
    day="ika-{day} ng {month} {year}",
    kinds={
        Kind.ACCOUNTS: "kung aling mga account ang nakakonekta",
        Kind.EINCOMES: "tantiya ng inyong buwanang kita",
        Kind.INCOMES: "mga payslip at natanggap na kita",
        Kind.CONTRIBUTIONS: "mga hulog sa social security",
        Kind.EMPLOYMENTS: "ang inyong mga trabaho",
        Kind.LIABILITIES: "mga nakatalang utang",
        Kind.TRANSACTIONS: "mga transaksiyon ng inyong mga account",
        Kind.IDENTITIES: "ang inyong pangalan at petsa ng kapanganakan na nakatala",
        Kind.LINKS: "kung gumagana ang inyong mga koneksiyon",
    },
    remedies=remedies(
        _FILIPINO_CONNECT,
        _FILIPINO_AGAIN,
        {
            Cause.NOT_SENT: "Ibigay ito sa amin kapag muli kayong nag-apply",
            Cause.SHORT_HISTORY: "Mag-apply muli kapag mas marami nang buwan ang nakatala",
            Cause.PARTIAL: "Ikonekta muli ang account upang mabasa ang kabuuan nito",
            Cause.EXPIRED: "Ikonekta muli ang account: natapos na ang access dito",
            Cause.STALE: "Buksan minsan ang app o site ng account upang maging bago ang datos nito",
            Cause.BAD_DATA: "Hilingin sa may hawak ng tala na itama ito",
            Cause.NOT_YET_POSTED: "Mag-apply muli kapag naitala na ang buwan",
        },
    ),
)


LANGUAGES: Mapping[str, Words] = {"en": ENGLISH, "fil": FILIPINO}
"""The words of each language by its tag."""


def said(texts: Mapping[str, str], language: str) -> str:
    return texts.get(language) or texts["en"]


def day_text(day: date | None, words: Words) -> str:
    if day is None:
        return ""
    return words.day.format(month=words.months[day.month - 1], day=day.day, year=day.year)


def end_text(end: datetime | None, decided_on: date, words: Words) -> str:
    """The last whole day before an end, where there is one; on the last day itself the hour too."""
    if end is None:
        return ""
    last = end.date() - timedelta(days=1)
    return f"{day_text(end, words)}, {end:%H:%M}" if last < decided_on else day_text(last, words)


def money_text(amount: Money | None) -> str:
    """An amount with its sign, never parted, and decimals where there are any; empty for none."""
    if amount is None:
        return ""
    sign, whole = currency_sign(amount.currency), amount.major.to_integral_value()
    number = f"{whole:,.0f}" if whole == amount.major else f"{amount.major:,}"
    return f"{sign}\N{NO-BREAK SPACE}{number}"


def percent_text(share: Decimal) -> str:
    """A share in percent, to the nearest hundredth of one."""
    return f"{(share * 100).quantize(Decimal('0.01')).normalize():f}%"


def value_text(value: Value, words: Words) -> str:
    if isinstance(value, Money):
        return money_text(value)
    if isinstance(value, date):
        return day_text(value, words)
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
