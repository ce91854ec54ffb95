"""The words of letters in Filipino."""

from __future__ import annotations

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause
from decision_service.notices.languages.words import Words, remedies

_CONNECT = (
    "Magkonekta ng account na nagpapakita nito, o magbigay sa amin ng dokumentong nagpapakita nito"
)
_AGAIN = "Wala kayong kailangang gawin: maaari naming suriin muli sa ibang araw"

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
        _CONNECT,
        _AGAIN,
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
