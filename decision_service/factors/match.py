"""match.*: how far the applicant that a client describes agrees with the vendor's records."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from itertools import chain, groupby

import msgspec
from msgspec.structs import asdict, replace

from decision_service.domain.accounts import Kind
from decision_service.domain.factor import Evidence, ValueType
from decision_service.domain.needs import Needs
from decision_service.domain.person import (
    LONGEST_EMAIL,
    LONGEST_NAME,
    LONGEST_PHONE,
    TYPED_PHONE,
    FoundPerson,
    GivenApplicant,
    Match,
    MatchGrade,
    MatchGrades,
    OwnFacts,
    Reuse,
)
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.values import ABSENT, AsOf, Cause, DataReason, Missing
from decision_service.factors.answer import Answer
from decision_service.factors.quality import feed, identities, supply
from decision_service.factors.registry import READ_CAUSES, FactorContext, Family, compares_people

MATCH = Family("match", frozenset({Kind.IDENTITIES}), READ_CAUSES - ABSENT, of_own_facts=True)
GRADES = tuple(MatchGrade)
MOST_PEOPLE = 100
"""Records that are compared; an account has one, and no person a hundred accounts."""
TOO_MANY = Missing(Cause.BAD_DATA, DataReason.DATA_TOO_LARGE, Kind.IDENTITIES)
WHEN_UNKNOWN = (
    " UNKNOWN where the application or every record says nothing of it, or too little. The grade"
    " alone is recorded."
)


GMAIL = frozenset({"gmail.com", "googlemail.com"})
"""One mail provider under two names, which documents that dots make no other mailbox."""

SUFFIXES = {
    "jr": "jr", "jnr": "jr", "junior": "jr", "sr": "sr", "senior": "sr", "snr": "sr", "ii": "ii",
    "2nd": "ii", "iii": "iii", "3rd": "iii", "iv": "iv", "4th": "iv",
}  # fmt: skip
TITLES = frozenset({"mr", "mrs", "ms", "miss", "dr", "dra", "engr", "atty"})
PARTICLES = frozenset({"de", "del", "dela", "delas", "delos", "la", "las", "los"})
ABBREVIATIONS = {"ma": "maria", "sta": "santa", "sto": "santo"}
MANGLED = re.compile(r"(?<=[^\W\d_])(?:ã[±‘\u0091]|[?¥¤#\ufffd])(?=[^\W\d_])")
"""What an ñ became between letters, where a program read it in another character set."""
_ALIKE = zip(
    "авекмнорстухѕіјһԁԛԝӏαβεζηικμνορτυχ", "abekmhopctyxsijhdqwlabezhikmnoptyx", strict=True
)
LETTERS = str.maketrans(
    {"đ": "d", "ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "ı": "i", **dict(_ALIKE)}
)
"""Letters that are taken for others, Cyrillic and Greek capitals among them."""
HYPHENS = frozenset("-‐–—")
WORD = re.compile(r"[^\W_]+|[-‐–—]")
SOUNDS = str.maketrans("cqzyvf", "kksibp", "h")
"""What is written for one another, as in Cruz and Kruz, Vasquez and Basques, Theresa and Teresa."""
APOSTROPHES = re.compile(r"['’‘`´]")
SHORTEST_WITH_A_SLIP = 5
SHORTEST_EXCHANGED = 4
"""From so many letters on two neighbours may have changed places."""
LONG = 9
"""From so many letters on a word may differ by two slips."""
COUNTRY = "PH"


class PeopleRead(msgspec.Struct, frozen=True):
    """What the records that count say of persons, or why they could not be read."""

    people: tuple[FoundPerson, ...] = ()
    unread: tuple[Missing, ...] = ()


def people_read(snapshot: Snapshot, needs: Needs, as_of: AsOf) -> PeopleRead | None:
    """The persons of the sources that count; None where no factor compares persons."""
    if not compares_people(needs.factors):
        return None
    context = FactorContext(snapshot, needs, as_of)
    clean = identities(context)
    supplies = (supply(context, Kind.IDENTITIES),)
    missing = feed(context, supplies, clean.taints, held=bool(clean.records)).missing
    tainted = tuple(one for one in missing if one.cause.tainted)
    people = None if snapshot.identities is None else snapshot.identities.people
    if not tainted and people is None:
        tainted = (Missing(Cause.NOT_FETCHED, kind=Kind.IDENTITIES),)
    if tainted:
        return PeopleRead(unread=tainted)
    if len(people or ()) > MOST_PEOPLE:
        return PeopleRead(unread=(TOO_MANY,))
    sources = {record.source for record in clean.records}
    return PeopleRead(tuple(one for one in people or () if one.source in sources))


@MATCH.factor(
    "name",
    ValueType.TEXT,
    "Whether the applicant's name is the one that the vendor's records hold.",
    "EXACT: the same words, whatever case, order and diacritics. CLOSE: initials, a middle name or"
    " suffix left out, one mistyped word, a maiden surname that became the middle name, or another"
    " surname on the same first name and birth date. DIFFERENT: anything else, in any record."
    + WHEN_UNKNOWN,
    labels=GRADES,
)
def name(context: FactorContext) -> Answer:
    return _grade(context, lambda grades: grades.name)


@MATCH.factor(
    "birth_date",
    ValueType.TEXT,
    "Whether the applicant's date of birth is the one that the vendor's records hold.",
    "CLOSE: day and month exchanged, or one digit. DIFFERENT: anything else, in any record."
    + WHEN_UNKNOWN,
    labels=GRADES,
)
def birth_date(context: FactorContext) -> Answer:
    return _grade(context, lambda grades: grades.birth_date)


@MATCH.factor(
    "phone",
    ValueType.TEXT,
    "Whether the applicant's phone number is among those that the vendor's records hold.",
    "EXACT where one of them is the same in E.164; numbers without a country code are Philippine."
    " DIFFERENT: none is; never CLOSE." + WHEN_UNKNOWN,
    labels=GRADES,
)
def phone(context: FactorContext) -> Answer:
    return _grade(context, lambda grades: grades.phone)


@MATCH.factor(
    "email",
    ValueType.TEXT,
    "Whether the applicant's e-mail address is among those that the vendor's records hold.",
    "EXACT where one of them is the same, whatever case. CLOSE: the same apart from what follows a"
    " plus, and for dots at Gmail. DIFFERENT: none is." + WHEN_UNKNOWN,
    labels=GRADES,
)
def email(context: FactorContext) -> Answer:
    return _grade(context, lambda grades: grades.email)


def _grade(context: FactorContext, grade_of: Callable[[MatchGrades], MatchGrade]) -> Answer:
    match = context.own.match
    if match is None:
        return Answer(None, (Missing(Cause.NOT_FETCHED),))
    proof = Evidence(records=match.compared, horizon=context.as_of.date.isoformat())
    if match.unread:
        return Answer(None, match.unread, proof)
    return Answer(str(grade_of(match.grades)), (), proof)


def birth_date_grade(one: date | None, other: date | None) -> MatchGrade:
    """CLOSE only where day and month are exchanged, or one digit of `yyyy-MM-dd` differs."""
    if one is None or other is None:
        return MatchGrade.UNKNOWN
    if one == other:
        return MatchGrade.EXACT
    exchanged = one.year == other.year and (one.month, one.day) == (other.day, other.month)
    digits = zip(one.isoformat(), other.isoformat(), strict=True)
    close = exchanged or sum(a != b for a, b in digits) == 1
    return MatchGrade.CLOSE if close else MatchGrade.DIFFERENT


def phone_grade(given: str, found: Iterable[str], country: str) -> MatchGrade:
    """There is no CLOSE number; one without a country code is of `country` (ISO 3166)."""
    number = e164(given, country)
    if number is None:
        return MatchGrade.UNKNOWN
    texts = tuple(found)
    if number in texts:  # as the vendor writes them; parsing takes 25 µs each
        return MatchGrade.EXACT
    others = {other for text in texts if (other := e164(text, country))}
    if not others:
        return MatchGrade.UNKNOWN
    return MatchGrade.EXACT if number in others else MatchGrade.DIFFERENT


def email_grade(given: str, found: Iterable[str]) -> MatchGrade:
    """EXACT whatever the case; CLOSE where the addresses may well reach one mailbox."""
    address = normal_email(given)
    others = {other for text in found if (other := normal_email(text))}
    if address is None or not others:
        return MatchGrade.UNKNOWN
    if address in others:
        return MatchGrade.EXACT
    close = _mailbox(address) in map(_mailbox, others)
    return MatchGrade.CLOSE if close else MatchGrade.DIFFERENT


def e164(text: str, country: str) -> str | None:
    """The number as `+639171234567`; None for a masked one and for anything else that is none."""
    import phonenumbers  # slow to import, and needed where numbers are compared

    if len(text) > LONGEST_PHONE or not TYPED_PHONE.fullmatch(text):
        return None
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible != phonenumbers.ValidationResult.IS_POSSIBLE or not number.national_number:
        return None  # a local number lacks its area; zeros alone fill a field
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def normal_email(text: str) -> str | None:
    """The address without case and spaces around; None for a text that is no address."""
    address = text.strip().casefold()
    mailbox, at, domain = address.rpartition("@")
    return address if len(text) <= LONGEST_EMAIL and mailbox and at and domain else None


def _mailbox(address: str) -> str:
    """The address without what follows a plus, of Gmail's without dots and under one name."""
    mailbox, _, domain = address.rpartition("@")
    mailbox = mailbox.partition("+")[0] or mailbox
    return f"{mailbox.replace('.', '')}@gmail.com" if domain in GMAIL else f"{mailbox}@{domain}"


class PersonName(msgspec.Struct, frozen=True):
    """Folded words of a name: particles are joined to the next word, single letters are initials.

    The surname is what comes before a comma. Without one it is the first word where the last is
    an initial (`CRUZ JUAN P`) or the first begins with a particle (`DELA CRUZ JUAN`), else the last
    word, with those that a hyphen ties to it.
    """

    given: tuple[str, ...] = ()
    surname: tuple[str, ...] = ()
    suffix: str = ""

    def __repr__(self) -> str:
        return "PersonName(…)"

    @property
    def words(self) -> tuple[str, ...]:
        return self.given + self.surname

    @property
    def says_enough(self) -> bool:
        """Whether there are two words besides initials; a single one may be any person's."""
        return len(full_words(self.words)) > 1

    @property
    def normal_form(self) -> tuple[str, ...]:
        """The same for each place at which the name may begin: given names, or the surname."""
        words = self.words
        turns = (words[at:] + words[:at] for at in range(len(words)))
        return (*min(turns, default=()), self.suffix)


def full_words(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for word in words if len(word) > 1)


def sounded(word: str) -> str:
    """A folded word as it sounds, the same for each spelling of one name."""
    plain = word.replace("qu", "k").replace("ph", "f").translate(SOUNDS)
    return "".join(one for one, _ in groupby(plain))


def read_name(text: str) -> PersonName:
    """The name in a text; one without words for a text of more than `LONGEST_NAME` characters."""
    if len(text) > LONGEST_NAME:
        return PersonName()
    parts = [WORD.findall(part) for part in folded(text).split(",")]
    suffixes = [SUFFIXES[word] for part in parts for word in part if word in SUFFIXES]
    named = [words for part in parts if (words := _name_words(part))]
    by_particle = not PARTICLES.isdisjoint(parts[0][:1])
    given, surname = _given_and_surname(named, by_particle=by_particle)
    return PersonName(given, surname, suffixes[-1] if suffixes else "")


def folded(text: str) -> str:
    """The text without case, diacritics and apostrophes (`O'Niño` is `onino`, and `O'Ni?o`)."""
    if text.isascii():  # as most names are written
        return MANGLED.sub("n", text.lower().replace("'", "").replace("`", ""))
    text = unicodedata.normalize("NFKD", MANGLED.sub("n", text.casefold())).casefold()
    plain = unicodedata.normalize("NFKD", text)
    letters = (c for c in plain if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")
    return APOSTROPHES.sub("", "".join(letters).translate(LETTERS))


def _name_words(part: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Without titles and suffixes, particles joined; words that hyphens tie are one item."""
    kept = [word for word in part if word not in SUFFIXES and word not in TITLES]
    words: list[tuple[str, ...]] = []
    before = ""
    tied = False
    for at, word in enumerate(kept):
        last = at == len(kept) - 1
        if word in HYPHENS:
            tied = bool(words)
        elif word in PARTICLES and not last:
            before += word
        else:
            written = before + (word if last else ABBREVIATIONS.get(word, word))
            words.append((*(words.pop() if tied else ()), written))
            before = ""
            tied = False
    return tuple(words)


def _given_and_surname(
    parts: Sequence[tuple[tuple[str, ...], ...]], *, by_particle: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if len(parts) > 1:
        given = tuple(chain(*parts[1:]))
        surname = parts[0]
    else:
        words = parts[0] if parts else ()
        first = len(words) > 1 and (by_particle or len("".join(words[-1])) == 1)
        given, surname = (words[1:], words[:1]) if first else (words[:-1], words[-1:])
    return tuple(chain(*given)), tuple(chain(*surname))


def name_grade(one: PersonName, other: PersonName) -> MatchGrade:
    """EXACT for equal normal forms, CLOSE where nothing in the names contradicts."""
    if not (one.says_enough and other.says_enough):
        return MatchGrade.UNKNOWN
    if one.normal_form == other.normal_form:
        return MatchGrade.EXACT
    if one.suffix and other.suffix and one.suffix != other.suffix:
        return MatchGrade.DIFFERENT
    close = _one_holds_the_other(one, other) or _married(one, other) or _married(other, one)
    return MatchGrade.CLOSE if close else MatchGrade.DIFFERENT


def same_first_name(one: PersonName, other: PersonName) -> bool:
    """Whether both begin with the same given name, which no initial is."""
    return bool(full_words(one.given[:1])) and one.given[:1] == other.given[:1]


def is_slip(one: str, other: str) -> bool:
    """Whether words differ as a mistyped one does (not Mario and Maria), or sound alike."""
    from rapidfuzz.distance import OSA  # slow to import

    if one != other and sounded(one) == sounded(other):
        return True
    shorter = min(len(one), len(other))
    exchanged = sorted(one) == sorted(other)
    shortest = SHORTEST_EXCHANGED if exchanged else SHORTEST_WITH_A_SLIP
    if shorter < shortest or _differ_in_gender(one, other):
        return False
    most = 2 if shorter >= LONG else 1
    return 0 < OSA.distance(one, other, score_cutoff=most) <= most


def _differ_in_gender(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return longer == shorter + "a" or (one[:-1] == other[:-1] and {one[-1], other[-1]} == {*"ao"})


def _one_holds_the_other(one: PersonName, other: PersonName) -> bool:
    """Whether two words or more agree, and what is left over is on one side alone."""
    if "".join(one.words) == "".join(other.words):
        return True
    mine = Counter(one.words)
    yours = Counter(other.words)
    both = mine & yours
    agreeing = len(full_words([*both.elements()]))
    mine -= both
    yours -= both
    slips = [sorted((a, b)) for a in mine for b in yours if is_slip(a, b)]
    slip = min(slips, default=None)
    if slip is not None:
        agreeing += 1
        mine = mine - Counter(slip)
        yours = yours - Counter(slip)
    if agreeing > 1 and mine and yours:
        # Each is looked at as it was: an initial may stand for a word that the other leaves out
        left = _without_initials(mine, yours)
        right = _without_initials(yours, mine)
        return not (left and right)
    return not (mine and yours)


def _without_initials(mine: Counter[str], yours: Counter[str]) -> Counter[str]:
    short = _letters(mine, initials=True)
    long = _letters(mine, initials=False)
    short -= _letters(yours, initials=False)
    long -= _letters(yours, initials=True)
    return short + long


def _letters(words: Counter[str], *, initials: bool) -> Counter[str]:
    return Counter(word[0] for word in words.elements() if (len(word) == 1) is initials)


def _married(maiden: PersonName, married: PersonName) -> bool:
    """Whether the same given name goes on with the maiden surname as the middle name."""
    if not same_first_name(maiden, married) or len(married.words) < 3:
        return False
    return bool(full_words(maiden.surname[-1:])) and maiden.surname[-1] == married.words[-2]


def grades(
    given: GivenApplicant, found: Sequence[FoundPerson], country: str = COUNTRY
) -> MatchGrades:
    """The grade of each thing that is given, UNKNOWN where it or the records say nothing.

    A name or birth date of one record that is DIFFERENT makes it DIFFERENT, whatever the others
    say: it may be another person's account. One phone number or address that matches is enough.
    """
    name = read_name(given.name)
    named = {(person.name, person.birth_date): person for person in found}  # each spelling once
    return MatchGrades(
        name=_of_all(_name_grade(given, name, person) for person in named.values()),
        birth_date=_of_all(birth_date_grade(given.birth_date, p.birth_date) for p in found),
        phone=phone_grade(given.phone, (text for p in found for text in p.phones), country),
        email=email_grade(given.email, (text for p in found for text in p.emails)),
    )


def grades_of_each_other(found: Sequence[FoundPerson]) -> MatchGrades:
    each = [grades(GivenApplicant(one.name, one.birth_date), found) for one in found]
    return MatchGrades(
        name=_of_all(one.name for one in each), birth_date=_of_all(one.birth_date for one in each)
    )


def _name_grade(given: GivenApplicant, name: PersonName, person: FoundPerson) -> MatchGrade:
    """The grade of a record's name; another surname on one first name and birth date is CLOSE."""
    other = read_name(person.name)
    grade = name_grade(name, other)
    born_alike = given.birth_date is not None and given.birth_date == person.birth_date
    if grade is MatchGrade.DIFFERENT and born_alike and same_first_name(name, other):
        return MatchGrade.CLOSE
    return grade


def _of_all(each: Iterable[MatchGrade]) -> MatchGrade:
    found = {*each}
    for grade in (MatchGrade.DIFFERENT, MatchGrade.EXACT, MatchGrade.CLOSE):
        if grade in found:
            return grade
    return MatchGrade.UNKNOWN


def recognised_by(name: str, birth_date: date | None) -> frozenset[str]:
    """Texts with the birth date: two names are taken for one person where they have one in common.

    The first given name with each word of the surname, and all words, as they sound and in a fixed
    order: the same whatever case, order, comma, script, hyphen, diacritics, spelling and suffix.
    Empty where the birth date is missing, or the name has no word for either. The texts are a
    person's data: hash them at once.
    """
    read = read_name(name)
    given = full_words(read.given)
    surname = full_words(read.surname)
    if birth_date is None or not given or not surname:
        return frozenset()
    each = [(given[0], word) for word in surname] + [given + surname]
    born = birth_date.isoformat()
    return frozenset(" ".join([born, *sorted(map(sounded, words))]) for words in each)


_AGREES = frozenset({MatchGrade.EXACT, MatchGrade.CLOSE})
_NOT_COMPARED = (Missing(Cause.NOT_FETCHED, kind=Kind.IDENTITIES),)


def with_match(
    own: OwnFacts, applicant: GivenApplicant | None, read: PeopleRead | None
) -> OwnFacts:
    """The own facts with the applicant's grades; one that is not described is UNKNOWN."""
    if read is None:
        return own
    return replace(own, match=_match(applicant, read), reuse=_reuse(own.reuse, read))


def with_earlier_match(own: OwnFacts, earlier: Match | None, read: PeopleRead | None) -> OwnFacts:
    """The own facts with the grades of an earlier decision on the application.

    The applicant is not kept, so that records which came since are compared with the others: a name
    or birth date that contradicts one which agreed is DIFFERENT. Where none was there to agree
    with, it is not known.
    """
    if read is None:
        return replace(own, match=earlier)
    match = None if earlier is None else _still(earlier, read)
    return replace(own, match=match, reuse=_reuse(own.reuse, read))


def _reuse(reuse: Reuse | None, read: PeopleRead) -> Reuse | None:
    if reuse is None or not read.unread:
        return reuse
    return replace(reuse, users_of_person=None, unread=read.unread)


def _match(applicant: GivenApplicant | None, read: PeopleRead) -> Match:
    # UNKNOWN and not missing, else every rule on `match.*` would refer (0112).
    if applicant is None or applicant == GivenApplicant():
        return Match()
    given = tuple(name for name, value in asdict(applicant).items() if value)
    if read.unread:
        return Match(unread=read.unread, given=given)
    return Match(grades(applicant, read.people), compared=len(read.people), given=given)


def _still(earlier: Match, read: PeopleRead) -> Match:
    if not earlier.given or earlier.unread:
        return earlier
    if read.unread:
        return replace(earlier, unread=read.unread)
    changed = dict(_changed(earlier, read))
    if MatchGrade.UNKNOWN in changed.values():
        return replace(earlier, unread=_NOT_COMPARED)
    still = replace(earlier.grades, **changed)
    return replace(earlier, grades=still, compared=len(read.people))


def _changed(earlier: Match, read: PeopleRead) -> Iterator[tuple[str, MatchGrade]]:
    """DIFFERENT where records contradict each other, UNKNOWN where the applicant was not graded."""
    among = grades_of_each_other(read.people)
    for field in ("name", "birth_date"):
        before = getattr(earlier.grades, field)
        now = getattr(among, field)
        if before in _AGREES and now is MatchGrade.DIFFERENT:
            yield field, MatchGrade.DIFFERENT
        # Records that came since were compared with no applicant, who is not kept.
        more = len(read.people) > earlier.compared and now is not MatchGrade.UNKNOWN
        if before is MatchGrade.UNKNOWN and field in earlier.given and more:
            yield field, MatchGrade.UNKNOWN
