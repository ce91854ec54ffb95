"""The keys of a plan and of a desk: how each is read, and how editors complete it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from decision_service.domain.decision import Arm, Outcome, ReferKind
from decision_service.domain.reviews import WITHDRAW_MOST
from decision_service.domain.values import EXACT, LARGEST_AMOUNT
from decision_service.rollout.model import Advance, GuardrailAction, GuardrailScope, Metric, Unit
from decision_service.rules.language import schema_forms as forms
from decision_service.rules.language.diagnostics import Place, Report
from decision_service.rules.language.fields import Fields, as_scalar, shortened
from decision_service.rules.language.keys import (
    DURATION,
    TEXT,
    WORDS,
    Key,
    Kind,
    Read,
    Section,
    all_of,
    each,
    inner,
    number,
    one_of,
    whole,
)
from decision_service.rules.language.schema_forms import Schema, listed, named
from decision_service.rules.language.yaml import ListNode, MapNode, Scalar, YamlNode

DESK = "desk.yaml"
NOBODY = "nobody"

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,59}")
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,59}")
_CODE_FORM: Schema = {"type": "string", "pattern": f"^{_CODE.pattern}$"}
_LEAST_AMOUNT = Decimal("0.0001")
_LARGEST = 10**9


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
            hint = f"it is on line {first[name].line} already; choose another"
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
        fields.report.error(code, scalar.place, f"`{shortened(scalar.text)}` is not {what}", hint)
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


def _thinking(fields: Fields, key: str) -> timedelta | None:
    read = fields.duration(key)
    if read is not None and read > WITHDRAW_MOST:
        message = f"`{key}` is longer than an hour, for which an applicant waits for the answer"
        fields.report.error("P326", fields.place(key), message, "write one such as 10m")
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


NAME = _spelled(_NAME, "P201", "a name", letters="lower-case letters, digits, `_` and `-`")
SHARE = Kind(_share, {"type": "number", "minimum": 0, "maximum": 100})
WAIT = Kind(_wait, forms.DURATION)
VERSION = Kind(lambda f, key: f.integer(key, 1), forms.VERSION)
UNITS = Kind(_units, listed(forms.TEXT))
AMOUNT = Kind(
    lambda f, key: f.decimal(key, _LEAST_AMOUNT, LARGEST_AMOUNT),
    {"type": "number", "exclusiveMinimum": 0, "maximum": int(LARGEST_AMOUNT)},
)

# The plan

_STAGES = (
    Key(
        "stages",
        each(
            Section(
                "a stage",
                [
                    Key("name", NAME, required=True),
                    Key("percent", SHARE, required=True),
                    Key("hold", DURATION),
                    Key("min_decisions", whole(0)),
                ],
            ),
            minItems=1,
        ),
        required=True,
    ),
    Key("initial_stage", Kind(Fields.scalar, NAME.schema), required=True),
)

_GO_LIVE = Section(
    "`go_live`",
    [
        Key("salt", TEXT, "deals the applicants; keep it while the product lives", required=True),
        *_STAGES,
        Key("allow", UNITS, "units that are decided here whatever the stage"),
        Key("deny", UNITS, "units that are not"),
        Key(
            "segments",
            each(
                Section(
                    "a segment",
                    [
                        Key("name", NAME, required=True),
                        Key("when", Kind(Fields.scalar, forms.TEXT), required=True),
                        Key("percent", SHARE, required=True),
                    ],
                )
            ),
        ),
        Key("advance", one_of(Advance), "auto goes on by itself when a stage has been held"),
    ],
)


def _expected(metric: Metric) -> Key:
    keys = [
        Key("min", number(-1, 1), "challenger less champion, at least", required=True),
        Key("max", number(-1, 1), "challenger less champion, at most", required=True),
    ]
    return Key(metric, inner(Section(f"the expectation of `{metric}`", keys)))


_EXPECTED = [_expected(one) for one in Metric if one.is_rate]
_CHALLENGER = Section(
    "`challenger`",
    [
        Key("version", VERSION, required=True),
        Key("salt", TEXT, required=True),
        *_STAGES,
        Key("expect", inner(Section("`expect`", _EXPECTED))),
    ],
)
_SHADOW = Section(
    "a shadow", [Key("version", VERSION, required=True), Key("percent", SHARE, required=True)]
)

BOUNDS = ("approvals_per_day", "amount_per_day", "max_amount")
_CAP = Section(
    "a cap",
    [
        Key("name", NAME, required=True),
        Key("tier", TEXT, "a tier of the offer; without it the cap is for the product"),
        Key("arm", one_of((Arm.CHALLENGER.value,)), "beyond the cap the champion decides"),
        Key("approvals_per_day", whole(1, _LARGEST)),
        Key("amount_per_day", AMOUNT),
        Key("max_amount", AMOUNT, "of one application, with `arm`"),
    ],
    anyOf=[{"required": [key]} for key in BOUNDS],
)
_GUARDRAIL = Section(
    "a guardrail",
    [
        Key("name", NAME, required=True),
        Key("metric", one_of(Metric), required=True),
        Key("scope", one_of(GuardrailScope), required=True),
        Key("min_units", whole(1, _LARGEST), "below so many nothing is judged", required=True),
        Key("action", one_of(GuardrailAction), required=True),
        Key(
            "max", number(0, _LARGEST), "a fixed ceiling; without it the champion is compared with"
        ),
        Key("window", DURATION),
    ],
)

PLAN = Section(
    "the plan",
    [
        Key("unit", one_of(Unit), "what is dealt to arms: a user or a customer", required=True),
        Key("pin_for", DURATION, "how long an applicant keeps an arm, such as 90d", required=True),
        Key("go_live", inner(_GO_LIVE), required=True),
        Key("champion", VERSION, required=True),
        Key("challenger", inner(_CHALLENGER)),
        Key("shadow", each(_SHADOW), "versions that decide for the record alone"),
        Key("caps", each(_CAP), "what a civil day may approve; beyond it people are referred"),
        Key("guardrails", each(_GUARDRAIL)),
        Key(
            "second_person_above",
            SHARE,
            "what gives a greater share, in percent, needs two callers",
        ),
    ],
)

# The desk

_WHEN = Section(
    "`when`",
    [
        Key("refer_kind", all_of("a kind", ReferKind), "of the referral"),
        Key("tags", all_of("a tag"), "of which the decision has one"),
        Key("reasons", all_of("a reason's code"), "codes of which the decision has one"),
        Key("minimum_amount", AMOUNT, "that was asked for, at least"),
        Key("max_amount", AMOUNT, "that was asked for, at most"),
    ],
)
_QUEUE = Section(
    "a queue",
    [Key("name", NAME, required=True), Key("sla", WAIT, required=True), Key("when", inner(_WHEN))],
)
OVERTAKEN = "OVERTAKEN"
"""The outcome of reasons that decline since another application of the person was answered."""

_REASON = Section(
    "a reason",
    [
        Key("text", TEXT, "for reviewers", required=True),
        Key("letter", WORDS, "for applicants, by language; `en` is needed"),
        Key("told", one_of(("applicant", NOBODY)), "nobody keeps it out of letters"),
        Key(
            "outcome",
            one_of((Outcome.APPROVE, Outcome.DECLINE, OVERTAKEN)),
            "for which alone it may be given",
        ),
    ],
)


def _reasons(fields: Fields, key: str) -> dict[str, Read | None]:
    node = fields.map(key)
    found: dict[str, Read | None] = {}
    for entry in node.entries if node is not None else ():
        if _CODE.fullmatch(entry.key):
            found[entry.key] = _REASON.read(entry.value, fields.report)
            continue
        hint = "use capital letters, digits and `_`, beginning with a letter, at most 60"
        message = f"`{shortened(entry.key)}` is not a reason's code"
        fields.report.error("P324", entry.key_place, message, hint)
    return found


THE_DESK = Section(
    "the desk",
    [
        Key("queues", each(_QUEUE), "the first that takes a case has it"),
        Key("review", AMOUNT, "what one person ends", required=True),
        Key("review_second", AMOUNT, "what two persons end", required=True),
        Key(
            "reasons",
            Kind(_reasons, {**named(_REASON.schema, _CODE_FORM), "minProperties": 1}),
            required=True,
        ),
        Key("contest", inner(Section("`contest`", [Key("sla", WAIT, required=True)]))),
        Key(
            "withdraw_within",
            Kind(_thinking, forms.DURATION),
            "how long a result may be withdrawn, at most 1h; 0s by default",
        ),
    ],
)


def schema_of(section: Section) -> Schema:
    return {"$schema": forms.DIALECT, **section.schema}
