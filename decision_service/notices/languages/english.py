"""The words of letters in English."""

from __future__ import annotations

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause
from decision_service.notices.languages.words import Words, remedies

_CONNECT = "Connect an account that shows it, or give us a document that does"
_AGAIN = "Nothing is needed from you: we can decide again later"

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
        _CONNECT,
        _AGAIN,
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
