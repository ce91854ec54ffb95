"""Readers from nodes to values: each reports a located problem and gives None where it cannot.

A scalar whose fault is reported already (`torn`) is passed over in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from keyword import iskeyword

from decision_service.language.diagnostics import Place, Report, nearest
from decision_service.language.yaml.days import day_hint
from decision_service.language.yaml.nodes import ListNode, MapNode, Scalar, YamlNode

LONGEST_TEXT = 2_000
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,59}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DURATION = re.compile(r"([1-9][0-9]{0,4}|0)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_FLAGS = {"yes": "true", "on": "true", "true": "true"} | dict.fromkeys(
    ("no", "off", "false"), "false"
)
_ELSEWHERE = {
    "APPROVE": ("ACCEPT", "PASS", "GRANT", "YES", "OK"),
    "REFER": ("REVIEW", "MANUAL", "CHECK", "MAYBE"),
    "DECLINE": ("REJECT", "DENY", "REFUSE", "FAIL", "NO"),
    "SKIP": ("IGNORE", "PASS"),
}
"""Words that other rule systems have for an option."""
_SHAPES = {Scalar: "a single value", ListNode: "a list", MapNode: "a map"}


def as_map(node: YamlNode, what: str, report: Report) -> MapNode | None:
    """The node as a map of keys."""
    if isinstance(node, MapNode):
        return node
    _wrong(node, f"{what} must be a map", report)
    return None


def as_list(node: YamlNode, what: str, report: Report) -> tuple[YamlNode, ...]:
    """The items of a list; empty where it is none."""
    if isinstance(node, ListNode):
        return node.items
    _wrong(node, f"{what} must be a list", report)
    return ()


def as_scalar(node: YamlNode, what: str, report: Report) -> Scalar | None:
    """The node as a leaf that holds something."""
    if isinstance(node, Scalar):
        return None if node.torn else node
    _wrong(node, f"{what} must be a single value", report)
    return None


def as_text(node: YamlNode, what: str, report: Report) -> str | None:
    """A text of 1 to 2,000 characters; a plain number or flag is none."""
    scalar = as_scalar(node, what, report)
    if scalar is None:
        return None
    if scalar.plain and not scalar.is_text:
        _wrong(scalar, f"{what} must be a text", report, "put it in quotes")
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
    return scalar.text if check_identifier(scalar.text, scalar.place, what, report) else None


def check_identifier(name: str, place: Place, what: str, report: Report) -> bool:
    """Whether a name is snake_case, short and no Python keyword; reported where it is not."""
    if not _IDENTIFIER.fullmatch(name):
        hint = "use lower-case letters, digits and `_`, beginning with a letter, at most 60"
        report.error("R125", place, f"{what} `{shortened(name)}` is not a snake_case name", hint)
        return False
    if iskeyword(name):
        report.error("R126", place, f"{what} `{name}` is a reserved word", "choose another name")
        return False
    return True


def as_integer(
    node: YamlNode, what: str, report: Report, low: int | None = None, high: int | None = None
) -> int | None:
    """A whole number between two inclusive bounds."""
    scalar = as_scalar(node, what, report)
    if scalar is None:
        return None
    if not scalar.is_integer:
        _wrong(scalar, f"{what} must be a whole number", report)
        return None
    number = int(scalar.text)
    return number if _within(scalar, Decimal(number), what, report, low, high) else None


def as_decimal(
    node: YamlNode,
    what: str,
    report: Report,
    low: Decimal | int | None = None,
    high: Decimal | int | None = None,
) -> Decimal | None:
    """An exact decimal number between two inclusive bounds."""
    scalar = as_scalar(node, what, report)
    if scalar is None:
        return None
    if not scalar.is_number:
        hint = "write digits, a point and digits, without quotes, commas or exponent"
        _wrong(scalar, f"{what} must be a decimal number", report, hint)
        return None
    number = Decimal(scalar.text)
    return number if _within(scalar, number, what, report, low, high) else None


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
    """`true` or `false`."""
    scalar = as_scalar(node, what, report)
    if scalar is None:
        return None
    if not scalar.is_flag:
        word = _FLAGS.get(scalar.text.lower(), "")
        hint = f"write `{word}`" if word else ""
        _wrong(scalar, f"{what} must be `true` or `false`", report, hint)
        return None
    return scalar.text == "true"


def as_choice(node: YamlNode, what: str, options: Iterable[str], report: Report) -> str | None:
    """One of the options."""
    scalar = as_scalar(node, what, report)
    if scalar is None:
        return None
    options = list(options)
    if scalar.text in options:
        return scalar.text
    one_of = ", ".join(f"`{o}`" for o in options)
    message = f"{what} is `{shortened(scalar.text)}`; it must be one of {one_of}"
    match = nearest(scalar.text, options) or _known_as(scalar.text, options)
    report.error("R123", scalar.place, message, f"did you mean `{match}`?" if match else "")
    return None


def _known_as(word: str, options: Iterable[str]) -> str | None:
    """The option that goes by another word elsewhere."""
    return next((o for o in options if word.upper() in _ELSEWHERE.get(o, ())), None)


def parse_day(text: str) -> date | None:
    """A civil date of the form yyyy-mm-dd, None where the text is anything else."""
    if not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def as_day(node: YamlNode, what: str, report: Report) -> date | None:
    """A civil date `yyyy-mm-dd`, quoted or not."""
    scalar = as_scalar(node, what, report)
    if scalar is None:
        return None
    day = parse_day(scalar.text)
    if day is None:
        message = f"{what} must be a date of the form yyyy-mm-dd"
        _wrong(scalar, message, report, day_hint(scalar.text))
    return day


def as_duration(node: YamlNode, what: str, report: Report) -> timedelta | None:
    """A whole number with a unit: `45s`, `30m`, `24h`, `35d`."""
    scalar = as_scalar(node, what, report)
    if scalar is None:
        return None
    match = _DURATION.fullmatch(scalar.text)
    if match is None:
        hint = "write a whole number with s, m, h or d: 45s, 30m, 24h, 35d"
        _wrong(scalar, f"{what} must be a duration", report, hint)
        return None
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


def _wrong(node: YamlNode, message: str, report: Report, hint: str = "") -> None:
    if isinstance(node, Scalar) and node.torn:
        return
    found = f"`{shortened(node.text)}`" if isinstance(node, Scalar) else _SHAPES[type(node)]
    report.error("R122", node.place, f"{message}, not {found}", hint)


def shortened(text: str) -> str:
    """The text on one line of at most 60 characters, for messages."""
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= 60 else f"{one_line[:57]}…"
