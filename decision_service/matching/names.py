"""A person's name as it is written anywhere, read into words that can be compared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import chain, groupby

import msgspec

from decision_service.domain.person import LONGEST_NAME

SUFFIXES = {
    "jr": "jr",
    "jnr": "jr",
    "junior": "jr",
    "sr": "sr",
    "senior": "sr",
    "snr": "sr",
    "ii": "ii",
    "2nd": "ii",
    "iii": "iii",
    "3rd": "iii",
    "iv": "iv",
    "4th": "iv",
}
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


class PersonName(msgspec.Struct, frozen=True):
    """Folded words of a name: particles are joined to the next word, single letters are initials.

    The surname is what stands before a comma. Without one it is the first word where the last is
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
        """All words and initials, the surname last."""
        return self.given + self.surname

    @property
    def says_enough(self) -> bool:
        """Whether there are two words beside initials; a single one may be anybody's."""
        return len(full_words(self.words)) > 1

    @property
    def normal_form(self) -> tuple[str, ...]:
        """The same for each place at which the name may begin: given names, or the surname."""
        words = self.words
        turns = (words[at:] + words[:at] for at in range(len(words)))
        return (*min(turns, default=()), self.suffix)


def full_words(words: Sequence[str]) -> tuple[str, ...]:
    """The words that are no initials."""
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
    """Words of a part between commas, without titles and suffixes, particles joined.

    Those that hyphens tie together are one item.
    """
    kept = [word for word in part if word not in SUFFIXES and word not in TITLES]
    words: list[tuple[str, ...]] = []
    before, tied = "", False
    for at, word in enumerate(kept):
        last = at == len(kept) - 1
        if word in HYPHENS:
            tied = bool(words)
        elif word in PARTICLES and not last:
            before += word
        else:
            written = before + (word if last else ABBREVIATIONS.get(word, word))
            words.append((*(words.pop() if tied else ()), written))
            before, tied = "", False
    return tuple(words)


def _given_and_surname(
    parts: Sequence[tuple[tuple[str, ...], ...]], *, by_particle: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if len(parts) > 1:
        given, surname = tuple(chain(*parts[1:])), parts[0]
    else:
        words = parts[0] if parts else ()
        first = len(words) > 1 and (by_particle or len("".join(words[-1])) == 1)
        given, surname = (words[1:], words[:1]) if first else (words[:-1], words[-1:])
    return tuple(chain(*given)), tuple(chain(*surname))
