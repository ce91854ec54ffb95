"""What the words of a language are made of."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

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
