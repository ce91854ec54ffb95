"""The texts by which a person is recognised again, for keyed hashes and nothing else."""

from __future__ import annotations

from datetime import date

from decision_service.matching.names import full_words, read_name, sounded


def recognised_by(name: str, birth_date: date | None) -> frozenset[str]:
    """Texts with the birth date: two names are taken for one person where they have one in common.

    The first given name with each word of the surname, and all words, as they sound and in a fixed
    order: the same whatever case, order, comma, script, hyphen, diacritics, spelling and suffix.
    Empty where the birth date is missing, or the name has no word for either. The texts are a
    person's data: hash them at once.
    """
    read = read_name(name)
    given, surname = full_words(read.given), full_words(read.surname)
    if birth_date is None or not given or not surname:
        return frozenset()
    each = [(given[0], word) for word in surname] + [given + surname]
    born = birth_date.isoformat()
    return frozenset(" ".join([born, *sorted(map(sounded, words))]) for words in each)
