"""The keys of a plan and of a desk: how each is read, and how editors complete it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from decision_service.domain.decision import Arm, ReferKind
from decision_service.domain.values import EXACT, LARGEST_AMOUNT
from decision_service.rollout.model import Advance, GuardrailAction, GuardrailScope, Metric, Unit
from decision_service.rules.language import schema_forms as forms
from decision_service.rules.language.diagnostics import Place, Report
from decision_service.rules.language.fields import (
    Fields,
    as_choice,
    as_scalar,
    as_text,
    read_texts,
    shortened,
)
from decision_service.rules.language.schema_forms import Schema, about, choice, listed
from decision_service.rules.language.yaml import ListNode, MapNode, Scalar, YamlNode

DESK = "desk.yaml"
NOBODY = "nobody"

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,59}")
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,59}")
_LEAST_AMOUNT = Decimal("0.0001")
_LARGEST = 10**9


class Kind(NamedTuple):
    """What a key holds; `read` gives None where it is absent, or wrong, which it reports."""

    read: Callable[[Fields, str], Any]
    schema: Schema


class Key(NamedTuple):
    name: str
    kind: Kind
    about: str = ""
    required: bool = False


class Read:
    """A section as it was read: a value for each of its keys, and where each stands."""

    def __init__(self, fields: Fields, values: dict[str, Any]) -> None:
        self.report, self.node = fields.report, fields.node
        self.has, self.place, self._values = fields.has, fields.place, values

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def error(self, code: str, key: str, message: str, hint: str = "") -> None:
        self.report.error(code, self.place(key), message, hint)

    def warning(self, code: str, key: str, message: str, hint: str = "") -> None:
        self.report.warning(code, self.place(key), message, hint)


class Section:
    """A map with these keys; `what` names it in messages."""

    def __init__(self, what: str, *keys: Key, **more: object) -> None:
        self._what, self._keys = what, keys
        self._required = [key.name for key in keys if key.required]
        shown = {k.name: about(k.kind.schema, k.about) if k.about else k.kind.schema for k in keys}
        self.schema = forms.closed(what.replace("`", ""), self._required, shown, **more)

    def read(self, node: YamlNode | None, report: Report) -> Read | None:
        optional = [key.name for key in self._keys if not key.required]
        fields = node and Fields.of(
            node, self._what, report, required=self._required, optional=optional
        )
        if not fields:
            return None
        return Read(fields, {key.name: key.kind.read(fields, key.name) for key in self._keys})


def place_of(node: YamlNode, *keys: str | int) -> Place:
    """The place of the value under these nested keys, or of the deepest key present."""
    for key in keys:
        if isinstance(key, int):
            value = node.items[key] if isinstance(node, ListNode) else None
        else:
            value = node.get(key) if isinstance(node, MapNode) else None
        if value is None:
            break
        node = value
    return node.place


def refuse_repeated(named: Iterable[tuple[str | None, Place]], what: str, report: Report) -> None:
    first: dict[str, Place] = {}
    for name, place in named:
        if name is None:
            continue
        if name in first:
            hint = f"it stands on line {first[name].line} already; choose another"
            report.error("P203", place, f"two {what} are named `{name}`", hint)
        first.setdefault(name, place)


# Kinds


def _spelled(pattern: re.Pattern[str], code: str, what: str, letters: str) -> Kind:
    """A text of these letters alone, refused with `code` where it has others."""

    def read(fields: Fields, key: str) -> str | None:
        scalar = fields.scalar(key)
        if scalar is None or pattern.fullmatch(scalar.text):
            return None if scalar is None else scalar.text
        hint = f"use {letters}, beginning with a letter, at most 60"
        message = f"`{shortened(scalar.text)}` is not {what}"
        fields.report.error(code, scalar.place, message, hint)
        return None

    return Kind(read, {"type": "string", "pattern": f"^{pattern.pattern}$"})


def _share(fields: Fields, key: str) -> int | None:
    """A percentage from 0 to 100 with at most three decimals, as thousandths of a percent."""
    percent = fields.decimal(key, 0, 100)
    if percent is None:
        return None
    share = percent.scaleb(3, EXACT)
    if share == int(share):
        return int(share)
    message = f"`{key}` is {percent}; a share has at most three decimals"
    fields.report.error("P202", fields.place(key), message, "one slot is 0.001 %")
    return None


def _wait(fields: Fields, key: str) -> timedelta | None:
    read = fields.duration(key)
    if read is not None and read <= timedelta(0):
        message = f"`{key}` is no time at all"
        fields.report.error("P326", fields.place(key), message, "write one such as 4h")
        return None
    return read


def _units(fields: Fields, key: str) -> dict[str, Place]:
    """The applicants of a list, each with its place; one that is repeated is warned about."""
    found: dict[str, Place] = {}
    for item in fields.items(key):
        scalar = as_scalar(item, f"an entry of `{key}`", fields.report)
        if scalar is None or not _is_unit(scalar, key, fields.report):
            continue
        if scalar.text in found:
            message = f"`{key}` lists `{shortened(scalar.text)}` twice"
            fields.report.warning("P211", scalar.place, message, "remove one of them")
        found.setdefault(scalar.text, scalar.place)
    return found


def _is_unit(scalar: Scalar, key: str, report: Report) -> bool:
    if scalar.text and scalar.text == scalar.text.strip():
        return True
    message = f"an entry of `{key}` is empty or has spaces around it, so it never matches"
    report.error("P210", scalar.place, message, "write the value of the plan's unit")
    return False


def _whole(low: int, high: int | None = None) -> Kind:
    bounds = {"minimum": low} if high is None else {"minimum": low, "maximum": high}
    return Kind(lambda f, key: f.integer(key, low, high), {"type": "integer", **bounds})


def _number(low: int, high: int) -> Kind:
    form = {"type": "number", "minimum": low, "maximum": high}
    return Kind(lambda f, key: f.decimal(key, low, high), form)


def _one_of(words: type[StrEnum] | Sequence[str]) -> Kind:
    """A member of an enumeration, or one of a few words."""

    def read(fields: Fields, key: str) -> str | None:
        word = fields.choice(key, words)
        return words(word) if word and isinstance(words, type) else word

    return Kind(read, choice(words))


def _all_of(what: str, words: type[StrEnum] | None = None) -> Kind:
    """A set of words, or of members of an enumeration."""

    def read(fields: Fields, key: str) -> frozenset[str]:
        if words is None:
            found = [as_text(item, what, fields.report) for item in fields.items(key)]
            return frozenset(one for one in found if one)
        chosen = [as_choice(item, what, words, fields.report) for item in fields.items(key)]
        return frozenset(words(one) for one in chosen if one)

    return Kind(read, listed(forms.TEXT if words is None else choice(words)))


def _inner(section: Section) -> Kind:
    return Kind(lambda f, key: section.read(f.get(key), f.report), section.schema)


def _each(section: Section, **more: object) -> Kind:
    """The items, each with its place; None for one that is no map."""

    def read(fields: Fields, key: str) -> list[tuple[Read | None, Place]]:
        return [(section.read(n, fields.report), n.place) for n in fields.items(key)]

    return Kind(read, listed(section.schema, **more))


def _letter(fields: Fields, key: str) -> Any:
    node = fields.get(key)
    return node and read_texts(node, f"`{key}`", fields.report)


TEXT = Kind(Fields.text, forms.TEXT)
CODE = _spelled(_CODE, "P324", "a reason's code", "capital letters, digits and `_`")
NAME = _spelled(_NAME, "P201", "a name", "lower-case letters, digits, `_` and `-`")
SHARE = Kind(_share, {"type": "number", "minimum": 0, "maximum": 100})
DURATION = Kind(Fields.duration, forms.DURATION)
WAIT = Kind(_wait, forms.DURATION)
VERSION = Kind(lambda f, key: f.integer(key, 1), forms.VERSION)
UNITS = Kind(_units, listed(forms.TEXT))
AMOUNT = Kind(
    lambda f, key: f.decimal(key, _LEAST_AMOUNT, LARGEST_AMOUNT),
    {"type": "number", "exclusiveMinimum": 0, "maximum": int(LARGEST_AMOUNT)},
)

# The plan

_STAGES = (
    Key("stages", _each(
        Section(
            "a stage",
            Key("name", NAME, required=True),
            Key("percent", SHARE, required=True),
            Key("hold", DURATION),
            Key("min_decisions", _whole(0)),
        ),
        minItems=1,
    ), required=True),
    Key("initial_stage", Kind(Fields.scalar, NAME.schema), required=True),
)  # fmt: skip

_GO_LIVE = Section(
    "`go_live`",
    Key("salt", TEXT, "deals the applicants; keep it while the product lives", required=True),
    *_STAGES,
    Key("allow", UNITS, "units that are decided here whatever the stage"),
    Key("deny", UNITS, "units that are not"),
    Key("segments", _each(
        Section(
            "a segment",
            Key("name", NAME, required=True),
            Key("when", Kind(Fields.scalar, forms.TEXT), required=True),
            Key("percent", SHARE, required=True),
        )
    )),
    Key("advance", _one_of(Advance), "auto goes on by itself when a stage has been held"),
)  # fmt: skip


def _expected(metric: Metric) -> Key:
    keys = [
        Key("change", _number(-1, 1), required=True),
        Key("within", _number(0, 1), required=True),
    ]
    return Key(metric, _inner(Section(f"the expectation of `{metric}`", *keys)))


_CHALLENGER = Section(
    "`challenger`",
    Key("version", VERSION, required=True),
    Key("salt", TEXT, required=True),
    *_STAGES,
    Key("expect", _inner(Section("`expect`", *(_expected(one) for one in Metric if one.is_rate)))),
)
_SHADOW = Section(
    "a shadow", Key("version", VERSION, required=True), Key("percent", SHARE, required=True)
)
_VERSIONS = Section(
    "`versions`",
    Key("champion", VERSION, required=True),
    Key("challenger", _inner(_CHALLENGER)),
    Key("shadow", _each(_SHADOW)),
)

BOUNDS = ("approvals_per_day", "amount_per_day", "max_amount")
_CAP = Section(
    "a cap",
    Key("name", NAME, required=True),
    Key("tier", TEXT, "a tier of the offer; without it the cap is for the product"),
    Key("arm", _one_of((Arm.CHALLENGER.value,)), "beyond the cap the champion decides"),
    Key("approvals_per_day", _whole(1, _LARGEST)),
    Key("amount_per_day", AMOUNT),
    Key("max_amount", AMOUNT, "of one application, with `arm`"),
    anyOf=[{"required": [key]} for key in BOUNDS],
)
_GUARDRAIL = Section(
    "a guardrail",
    Key("name", NAME, required=True),
    Key("metric", _one_of(Metric), required=True),
    Key("scope", _one_of(GuardrailScope), required=True),
    Key("min_units", _whole(1, _LARGEST), "below so many nothing is judged", required=True),
    Key("action", _one_of(GuardrailAction), required=True),
    Key("max", _number(0, _LARGEST), "a fixed ceiling; a rate is a fraction"),
    Key("window", DURATION),
    Key("versus", _one_of(("champion",))),
    oneOf=[{"required": ["max"]}, {"required": ["versus"]}],
)

PLAN = Section(
    "the plan",
    Key("product", Kind(Fields.text, forms.PRODUCT), "the name of the folder", required=True),
    Key("unit", _one_of(Unit), "what is dealt to arms: a user or a customer", required=True),
    Key("pin_for", DURATION, "how long an applicant keeps an arm, such as 90d", required=True),
    Key("go_live", _inner(_GO_LIVE), required=True),
    Key("versions", _inner(_VERSIONS), required=True),
    Key("caps", _each(_CAP), "what a civil day may approve; beyond it people are referred"),
    Key("guardrails", _each(_GUARDRAIL)),
    Key("second_person_above", SHARE, "what gives a greater share, in percent, needs two callers"),
)

# The desk

_WHEN = Section(
    "`when`",
    Key("kinds", _all_of("a kind", ReferKind), "of the referral"),
    Key("tags", _all_of("a tag"), "of which the decision has one"),
    Key("reasons", _all_of("a reason's code"), "codes of which the decision has one"),
    Key("min_amount", AMOUNT, "that was asked for, at least"),
    Key("max_amount", AMOUNT, "that was asked for, at most"),
)
_QUEUE = Section(
    "a queue",
    Key("name", NAME, required=True),
    Key("sla", WAIT, required=True),
    Key("when", _inner(_WHEN)),
)
_AUTHORITY = Section(
    "`authority`",
    Key("review", AMOUNT, required=True),
    Key("review_second", AMOUNT, required=True),
)
_REASON = Section(
    "a reason",
    Key("code", CODE, required=True),
    Key("text", TEXT, "for reviewers", required=True),
    Key("letter", Kind(_letter, forms.TEXTS), "for applicants, by language; `en` is needed"),
    Key("told", _one_of(("applicant", NOBODY)), "nobody keeps it out of letters"),
)
THE_DESK = Section(
    "the desk",
    Key("queues", _each(_QUEUE), "the first that takes a case has it"),
    Key("authority", _inner(_AUTHORITY), "what one person ends, and two", required=True),
    Key("reasons", _each(_REASON, minItems=1), required=True),
    Key("contest", _inner(Section("`contest`", Key("sla", WAIT, required=True)))),
)


def schema_of(section: Section) -> Schema:
    return {"$schema": forms.DIALECT, **section.schema}
