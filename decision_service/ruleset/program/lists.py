"""Lists of keys beside the rules: what stands on one, plain or hashed, and until when."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple

import msgspec

from decision_service.domain.decision import ListAnswer

_DAY = timedelta(days=1)
_INVISIBLE = "Cf"


class ListQuestion(NamedTuple):
    """What a rule asks of a list: whether an input's value (name without prefix) is on it."""

    list: str
    input: str


class KeyList(msgspec.Struct, frozen=True):
    """A list of keys; each has the last day on which it counts, None for always.

    Keys are folded. With a `salt` they are hashed under it. `digest` is the SHA-256 of the file.
    """

    name: str
    digest: str
    keys: Mapping[str, date | None]
    salt: str = ""

    def answer(self, question: ListQuestion, value: str, day: date) -> ListAnswer:
        """Whether a value counts as listed on a day in the ruleset's zone."""
        key = folded(value)
        key = hashed(key, self.salt) if self.salt else key
        last = self.keys.get(key)
        listed = key in self.keys and (last is None or day <= last)
        ends = last + _DAY if listed and last is not None else None
        return ListAnswer(self.name, question.input, listed, self.digest, ends)


def folded(key: str) -> str:
    """A key without case, invisible characters and needless blanks; widths and ligatures alike."""
    plain = _compatible(_compatible(key).casefold())
    visible = "".join(c for c in plain if unicodedata.category(c) != _INVISIBLE)
    return " ".join(visible.split())


def _compatible(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def hashed(key: str, salt: str) -> str:
    """The SHA-256 of salt and folded key, in hex."""
    return hashlib.sha256(f"{salt}:{key}".encode("utf-8", "surrogatepass")).hexdigest()
