"""The text by which a person is recognised again, for a keyed hash and nothing else."""

from __future__ import annotations

from datetime import date

from decision_service.matching.names import full_words, read_name


def normalised_person(name: str, birth_date: date | None) -> str | None:
    """Birth date, first given name and last word of the surname, folded and in a fixed order.

    The same whatever case, order, diacritics, suffix and middle names. None where the birth date
    is missing, or the name has no word for either. The text is a person's data: hash it at once.
    """
    read = read_name(name)
    given, surname = full_words(read.given), full_words(read.surname)
    if birth_date is None or not given or not surname:
        return None
    return " ".join([birth_date.isoformat(), *sorted((given[0], surname[-1]))])
