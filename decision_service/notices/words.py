"""The words that every letter has, in the languages that letters are written in."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause


class Words(msgspec.Struct, frozen=True):
    """One language's headings, sentences, months (January first), data and remedies."""

    reference: str
    reasons: str
    data: str
    no_data: str
    offer: str
    amount: str
    term: str
    instalment: str
    expires: str
    limit: str
    other_limit: str
    missing: str
    conditions: str
    recourse: str
    again: str
    contest: str
    contact: str
    source: str
    months: tuple[str, ...]
    day: str
    kinds: Mapping[str, str]
    remedies: Mapping[str, str]


_CONNECT_EN = "Connect an account that shows it, or give us a document that does"
_AGAIN_EN = "Nothing is needed from you: we can decide again later"
_CONNECT_FIL = (
    "Magkonekta ng account na nagpapakita nito, o magbigay sa amin ng dokumentong nagpapakita nito"
)
_AGAIN_FIL = "Wala kayong kailangang gawin: maaari naming suriin muli sa ibang araw"


def _remedies(connect: str, again: str, others: Mapping[Cause, str]) -> Mapping[str, str]:
    """What an applicant can do about each cause."""
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


ENGLISH = Words(
    reference="Reference {decision_id}, decided on {decided_on}",
    reasons="Why",
    data="The information that we used",
    no_data="None: no account could be read.",
    offer="What we offer",
    amount="Amount: {amount}",
    term="Term: {term} months",
    instalment="Monthly instalment: {instalment}",
    expires="Valid until {expires_on}",
    limit="It is less than the {asked} that you asked for because of {limit}.",
    other_limit="what our lending rules allow",
    missing="What is missing",
    conditions="What we need before we pay out",
    recourse="What would change the answer",
    again="Waiting: apply again from {again_on} on, if income and contributions go on until then.",
    contest="If you disagree, or want a person to look at it",
    contact="How to reach us",
    source="{provider}, as of {as_of}",
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
    remedies=_remedies(
        _CONNECT_EN,
        _AGAIN_EN,
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

FILIPINO = Words(
    reference="Reperensiya {decision_id}, pinagpasyahan noong {decided_on}",
    reasons="Bakit",
    data="Ang impormasyong ginamit namin",
    no_data="Wala: walang account na nabasa.",
    offer="Ang aming alok",
    amount="Halaga: {amount}",
    term="Tagal: {term} buwan",
    instalment="Buwanang hulog: {instalment}",
    expires="May bisa hanggang {expires_on}",
    limit="Mas mababa ito kaysa sa {asked} na inyong hiniling dahil sa {limit}.",
    other_limit="pinahihintulutan ng aming mga patakaran sa pagpapautang",
    missing="Ano ang kulang",
    conditions="Ang kailangan namin bago ilabas ang pera",
    recourse="Ano ang makapagbabago sa sagot",
    again="Ang paghihintay: mag-apply muli mula {again_on}, kung tuloy ang kita at mga hulog.",
    contest="Kung hindi kayo sumasang-ayon, o nais ninyong tao ang sumuri",
    contact="Paano kami makakausap",
    source="{provider}, ayon sa datos noong {as_of}",
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
    remedies=_remedies(
        _CONNECT_FIL,
        _AGAIN_FIL,
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
"""The words of each language in which letters can be written."""
