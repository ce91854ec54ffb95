"""How pages write: templates, amounts, instants, words of the API, and text that people wrote."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any, cast

from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from decision_service.cli import rollout, views
from decision_service.console import charts
from decision_service.domain.errors import visible
from decision_service.factors.registry import catalogue
from decision_service.rules.language.diagnostics import plural
from decision_service.server.transport.wire import enum_name

_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_GROUPS = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_SPANS = (("d", 86_400), ("h", 3_600), ("min", 60))
STATIC = ("console.css", "console.js", "htmx-4.0.1.min.js")
"""What pages load, all of it from here."""


def environment(now: Callable[[], datetime]) -> Environment:
    """The templates. Whatever they print is escaped, its control characters shown as marks."""
    made = Environment(
        loader=PackageLoader(__package__, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
        auto_reload=False,
    )

    def age_now(at: Timestamp) -> str:
        return age(at, now())

    names = ("money", "value", "cause", "reason", "outcome", "offer", "score", "override")
    for name in (*names, "counted", "heading"):
        made.filters[name] = getattr(views, f"{name}_text")
    made.filters.update(
        plural=plural,
        comparison=views.comparison_text,
        moved=rollout.moved_text,
        name=name_of,
        words=_words,
        instant=instant,
        spelled=spelled,
        span=span,
        age=age_now,
        meaning=meaning,
        factor_rows=charts.factor_rows,
        stages=charts.stages,
        strip=charts.strip,
    )
    made.globals["asset"] = asset
    for name in made.list_templates():
        # Compiled now, so that the first visitor does not wait for it.
        made.get_template(name)
    return made


def _words(text: str) -> str:
    return text.lower().replace("_", " ")


def _shown(value: Any) -> Any:
    return value if isinstance(value, Markup) else visible("" if value is None else str(value))


def name_of(message: Message, field: str) -> str:
    """The name of an enum field's value, such as APPROVE; empty where it is unspecified."""
    number = getattr(message, field)
    enum = message.DESCRIPTOR.fields_by_name[field].enum_type
    return enum_name(cast("EnumDescriptor", enum), number) if number else ""


def instant(at: Timestamp) -> Markup:
    """An instant in UTC, which the page's script shows in the reader's own time zone."""
    moment = at.ToDatetime()
    return Markup('<time datetime="{:%Y-%m-%dT%H:%M:%SZ}">{:%Y-%m-%d %H:%M} UTC</time>').format(
        moment, moment
    )


def age(at: Timestamp, now: datetime) -> str:
    """How long ago, or ahead: `3 h`, `in 20 min`, `now`."""
    seconds = (now - at.ToDatetime(UTC)) // timedelta(seconds=1)
    for unit, size in _SPANS:
        if abs(seconds) >= size:
            count = f"{abs(seconds) // size} {unit}"
            return count if seconds > 0 else f"in {count}"
    return "now"


def span(length: Duration) -> str:
    """`10 min`, `1 h`."""
    seconds = length.ToSeconds()
    for unit, size in _SPANS:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def spelled(amount: Money) -> str:
    """`twenty thousand PHP`, `one PHP and 50/100`: what a slip of a digit changes altogether."""
    cents = amount.nanos // 10_000_000
    part = f" and {cents}/100" if cents else ""
    return f"{_number(amount.units)} {amount.currency_code}{part}"


def _number(count: int) -> str:
    if count < len(_SMALL):
        return _SMALL[count]
    for size, name in _GROUPS:
        if count >= size:
            rest = f" {_number(count % size)}" if count % size else ""
            return f"{_number(count // size)} {name}{rest}"
    rest = f"-{_SMALL[count % 10]}" if count % 10 else ""
    return f"{_TENS[count // 10 - 2]}{rest}"


def meaning(factor: str) -> str:
    """What a factor is, as the catalogue says it; the name itself of what is no factor."""
    if factor not in catalogue():
        return factor
    words = catalogue()[factor].sentence
    return f"{words[:1].lower()}{words[1:].rstrip('.')}"


@cache
def content(name: str) -> bytes:
    """The bytes of one of the STATIC files."""
    return resources.files(__package__).joinpath("static", name).read_bytes()


@cache
def asset(name: str) -> Markup:
    """The address and the hash of a file as attributes: browsers run no other content."""
    digest = base64.b64encode(hashlib.sha384(content(name)).digest()).decode()
    key = "href" if name.endswith(".css") else "src"
    address = f"/static/{name}?v={hashlib.sha256(content(name)).hexdigest()[:12]}"
    text = f'{key}="{address}" integrity="sha384-{digest}"'
    return Markup(text)  # noqa: S704 - made of our own files' names and hashes
