"""Maps read key by key, and readers from nodes to values; each reports a located problem."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import Decimal
from keyword import iskeyword
from typing import Any, TypeVar

from decision_service.rules.language.diagnostics import Place, Report, did_you_mean, hints, nearest
from decision_service.rules.language.yaml import ListNode, MapEntry, MapNode, Scalar, YamlNode

T = TypeVar("T")

FORM = "write it as yyyy-mm-dd"
LONGEST_TEXT = 2_000

_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})([T ].*)?")
_YEAR_LAST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})")
_NAMED_MONTH = ("%d-%b-%y", "%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d %Y", "%B %d %Y")
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,59}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DURATION = re.compile(r"([1-9][0-9]{0,4}|0)([smhd])")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
# YAML 1.1 reads these as flags, so that people write them.
_FLAGS = {"yes": "true", "on": "true", "true": "true"} | dict.fromkeys(
    ("no", "off", "false"), "false"
)
_SHAPES = {Scalar: "a single value", ListNode: "a list", MapNode: "a map"}
_NAMED = {"parameter ": "a parameter", "tag ": "a tag", "the expectation of ": "an expectation"}


def replaced_by(what: str, word: str) -> str:
    """What to use instead of a key or word that was removed; empty for all others."""
    named = next((kind for start, kind in _NAMED.items() if what.startswith(start)), what)
    return hints().gone.get(named, {}).get(word, "")


def day_hint(text: str) -> str:
    """What to write in place of a text that is no day of the form yyyy-mm-dd."""
    words = " ".join(text.replace(",", " ").split())
    found = _YEAR_FIRST.fullmatch(words)
    if found is not None:
        return _one(_day(found[1], found[2], found[3]))
    found = _YEAR_LAST.fullmatch(words)
    if found is not None:
        return _either(_day(found[3], found[1], found[2]), _day(found[3], found[2], found[1]))
    for form in _NAMED_MONTH:
        with suppress(ValueError):
            return _one(datetime.strptime(words, form).date())  # noqa: DTZ007  a day has no zone
    return FORM


def _one(day: date | None) -> str:
    return "there is no such day" if day is None else f"write `{day.isoformat()}`"


def _either(month_first: date | None, day_first: date | None) -> str:
    """The day, where one of the two readings is none; else both."""
    if month_first is None or day_first is None or month_first == day_first:
        return _one(month_first or day_first)
    return f"write `{month_first.isoformat()}` or `{day_first.isoformat()}`: it can be read as both"


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _of_first(what: str, node: YamlNode) -> str:
    """What replaces a map that was written here once, by its first key."""
    entries = node.entries if isinstance(node, MapNode) else ()
    return replaced_by(what, entries[0].key) if entries else ""


def as_map(node: YamlNode, what: str, report: Report) -> MapNode | None:
    if isinstance(node, MapNode):
        return node
    gone = replaced_by(what, "a list") if isinstance(node, ListNode) else ""
    _wrong(node, f"{what} must be a map", report, hint=gone)
    return None


def as_list(node: YamlNode, what: str, report: Report) -> tuple[YamlNode, ...]:
    if isinstance(node, ListNode):
        return node.items
    _wrong(node, f"{what} must be a list", report, hint=_of_first(what, node))
    return ()


def as_scalar(node: YamlNode, what: str, report: Report) -> Scalar | None:
    if isinstance(node, Scalar):
        return None if node.torn else node
    _wrong(node, f"{what} must be a single value", report, hint=_of_first(what, node))
    return None


def as_text(node: YamlNode, what: str, report: Report) -> str | None:
    """A text of 1 to 2,000 characters; a plain number or flag is none."""
    scalar = as_scalar(node, what, report)
    if scalar is None:
        return None
    # Without quotes it is a number or a flag to every other reader of YAML.
    if scalar.plain and not scalar.is_text:
        _wrong(scalar, f"{what} must be a text", report, hint="put it in quotes")
        return None
    if not 1 <= len(scalar.text.strip()) <= LONGEST_TEXT:
        _wrong(scalar, f"{what} must have 1 to {LONGEST_TEXT:,} characters", report)
        return None
    return scalar.text.strip()


def as_identifier(node: YamlNode, what: str, report: Report) -> str | None:
    """A snake_case name of at most 60 characters that is not a Python keyword."""
    scalar = as_scalar(node, what, report)
    if scalar is None:
        return None
    return scalar.text if check_identifier(scalar.text, scalar.place, what, report=report) else None


def check_identifier(name: str, place: Place, what: str, report: Report) -> bool:
    if not _IDENTIFIER.fullmatch(name):
        hint = "use lower-case letters, digits and `_`, beginning with a letter, at most 60"
        report.error("R125", place, f"{what} `{shortened(name)}` is not a snake_case name", hint)
        return False
    # Expressions are parsed by Python's `ast`, where a keyword is no name.
    if iskeyword(name):
        report.error("R126", place, f"{what} `{name}` is a reserved word", "choose another name")
        return False
    return True


def as_integer(
    node: YamlNode, what: str, report: Report, low: int | None = None, high: int | None = None
) -> int | None:
    scalar = as_scalar(node, what, report)
    if scalar is None:
        return None
    if not scalar.is_integer:
        _wrong(scalar, f"{what} must be a whole number", report)
        return None
    number = int(scalar.text)
    return (
        number
        if _within(scalar, Decimal(number), what, report=report, low=low, high=high)
        else None
    )


def as_decimal(
    node: YamlNode,
    what: str,
    report: Report,
    low: Decimal | int | None = None,
    high: Decimal | int | None = None,
) -> Decimal | None:
    scalar = as_scalar(node, what, report)
    if scalar is None:
        return None
    if not scalar.is_number:
        hint = "write digits, a point and digits, without quotes, commas or exponent"
        _wrong(scalar, f"{what} must be a decimal number", report, hint=hint)
        return None
    number = Decimal(scalar.text)
    return number if _within(scalar, number, what, report=report, low=low, high=high) else None


def _within(
    scalar: Scalar,
    number: Decimal,
    what: str,
    report: Report,
    low: Decimal | int | None,
    high: Decimal | int | None,
) -> bool:
    if (low is None or number >= low) and (high is None or number <= high):
        return True
    bounds = f"{low} to {high}" if high is not None and low is not None else ""
    bounds = bounds or (f"at least {low}" if high is None else f"at most {high}")
    report.error("R123", scalar.place, f"{what} is {scalar.text}; it must be {bounds}")
    return False


def as_flag(node: YamlNode, what: str, report: Report) -> bool | None:
    scalar = as_scalar(node, what, report)
    if scalar is None:
        return None
    if not scalar.is_flag:
        word = _FLAGS.get(scalar.text.lower(), "")
        hint = f"write `{word}`" if word else ""
        _wrong(scalar, f"{what} must be `true` or `false`", report, hint=hint)
        return None
    return scalar.text == "true"


def as_choice(node: YamlNode, what: str, options: Iterable[str], report: Report) -> str | None:
    scalar = as_scalar(node, what, report)
    if scalar is None:
        return None
    options = list(options)
    if scalar.text in options:
        return scalar.text
    one_of = ", ".join(f"`{o}`" for o in options)
    message = f"{what} is `{shortened(scalar.text)}`; it must be one of {one_of}"
    elsewhere = (o for o in options if scalar.text.upper() in hints().options.get(o, ()))
    match = nearest(scalar.text, options) or next(elsewhere, None)
    hint = replaced_by(what, scalar.text) or (f"did you mean `{match}`?" if match else "")
    report.error("R123", scalar.place, message, hint)
    return None


def parse_day(text: str) -> date | None:
    # `fromisoformat` takes 20261231 and 2026-W53-4, too.
    if not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def as_day(node: YamlNode, what: str, report: Report) -> date | None:
    scalar = as_scalar(node, what, report)
    if scalar is None:
        return None
    day = parse_day(scalar.text)
    if day is None:
        message = f"{what} must be a date of the form yyyy-mm-dd"
        _wrong(scalar, message, report, hint=day_hint(scalar.text))
    return day


def as_duration(node: YamlNode, what: str, report: Report) -> timedelta | None:
    """A whole number with a unit: `45s`, `30m`, `24h`, `35d`."""
    scalar = as_scalar(node, what, report)
    if scalar is None:
        return None
    match = _DURATION.fullmatch(scalar.text)
    if match is None:
        hint = "write a whole number with s, m, h or d: 45s, 30m, 24h, 35d"
        _wrong(scalar, f"{what} must be a duration", report, hint=hint)
        return None
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


def _wrong(node: YamlNode, message: str, report: Report, hint: str = "") -> None:
    # Its fault is reported already.
    if isinstance(node, Scalar) and node.torn:
        return
    found = f"`{shortened(node.text)}`" if isinstance(node, Scalar) else _SHAPES[type(node)]
    report.error("R122", node.place, f"{message}, not {found}", hint)


def shortened(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= 60 else f"{one_line[:57]}…"


class Fields:
    """A map read key by key; unknown and missing keys are reported when it is opened.

    Each reader gives None where the key is absent or its value is wrong; only the latter is
    reported. `what` names the map in messages ("rule", "stage `pilot`"), `scope` is what the names
    of its expressions mean.
    """

    def __init__(
        self,
        node: MapNode,
        what: str,
        report: Report,
        *,
        required: Collection[str] = (),
        optional: Collection[str] = (),
    ) -> None:
        self.node = node
        self.what = what
        self.report = report
        self.scope: Any = None
        known = [*required, *optional]
        for entry in node.entries:
            # To look for what was meant is slow: a file of unknown keys must not take longer than a
            # good one.
            if entry.key not in known and not report.full:
                self._unknown(entry, known)
        for key in required:
            if node.get(key) is None:
                report.error("R121", node.place, f"{what} has no `{key}`", f"add `{key}:`")

    @classmethod
    def of(
        cls,
        node: YamlNode,
        what: str,
        report: Report,
        *,
        required: Collection[str] = (),
        optional: Collection[str] = (),
    ) -> Fields | None:
        """The node opened as a map with these keys; None where it is no map."""
        opened = as_map(node, what, report)
        if opened is None:
            return None
        return cls(opened, what, report, required=required, optional=optional)

    def _unknown(self, entry: MapEntry, known: Collection[str]) -> None:
        message = f"unknown key `{shortened(entry.key)}` in {self.what}"
        hint = replaced_by(self.what, entry.key) or did_you_mean(entry.key, known)
        self.report.error("R120", entry.key_place, message, hint)

    def has(self, key: str) -> bool:
        return self.node.get(key) is not None

    def place(self, key: str) -> Place:
        """The place of the key's value; the map's where there is no such key."""
        value = self.node.get(key)
        return self.node.place if value is None else value.place

    def get(self, key: str) -> YamlNode | None:
        """The key's value unread; None for one that is absent or torn."""
        value = self.node.get(key)
        return None if isinstance(value, Scalar) and value.torn else value

    def scalar(self, key: str) -> Scalar | None:
        return self._read(key, as_scalar)

    def text(self, key: str) -> str | None:
        return self._read(key, as_text)

    def identifier(self, key: str) -> str | None:
        return self._read(key, as_identifier)

    def integer(self, key: str, low: int | None = None, high: int | None = None) -> int | None:
        return self._read(key, lambda n, w, r: as_integer(n, w, r, low=low, high=high))

    def decimal(
        self, key: str, low: Decimal | int | None = None, high: Decimal | int | None = None
    ) -> Decimal | None:
        return self._read(key, lambda n, w, r: as_decimal(n, w, r, low=low, high=high))

    def flag(self, key: str) -> bool | None:
        return self._read(key, as_flag)

    def choice(self, key: str, options: Iterable[str]) -> str | None:
        return self._read(key, lambda n, w, r: as_choice(n, w, options, report=r))

    def day(self, key: str) -> date | None:
        return self._read(key, as_day)

    def duration(self, key: str) -> timedelta | None:
        return self._read(key, as_duration)

    def items(self, key: str) -> tuple[YamlNode, ...]:
        return self._read(key, as_list) or ()

    def map(self, key: str) -> MapNode | None:
        return self._read(key, as_map)

    def _read(self, key: str, reader: Callable[[YamlNode, str, Report], T | None]) -> T | None:
        value = self.node.get(key)
        return None if value is None else reader(value, f"`{key}`", self.report)


def read_texts(node: YamlNode, what: str, report: Report) -> Mapping[str, str] | None:
    """Texts by language, `en` among them."""
    languages = as_map(node, what, report)
    if languages is None:
        return None
    texts: dict[str, str] = {}
    for entry in languages.entries:
        if not _LANGUAGE.fullmatch(entry.key):
            message = f"`{entry.key}` is no language"
            report.error("R123", entry.key_place, message, "write a tag such as en or fil")
        text = as_text(entry.value, f"{what} in `{entry.key}`", report)
        if text is not None:
            texts[entry.key] = text
    if languages.get("en") is None:
        report.error("R121", languages.place, f"{what} has no `en`", "English is required")
    # Where a language has no words, English is shown.
    return texts if "en" in texts else None
