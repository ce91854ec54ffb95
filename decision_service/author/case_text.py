"""A case of rule tests as text, and what differs between two verdicts as a case would expect it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from decision_service.author.made_up_facts import shown_value
from decision_service.author.mutants import VerdictDifference
from decision_service.domain.decision import Verdict
from decision_service.domain.values import AsOf
from decision_service.rules.expectations import OFFER_KEYS
from decision_service.rules.language.diagnostics import Place
from decision_service.rules.language.yaml import Scalar

NONE = "none"
Part = str | tuple[str, ...]

_UNQUOTED = re.compile(r"[A-Za-z][A-Za-z0-9_ ]*")
_PLAIN = re.compile(r"[A-Za-z](?:[^:#\"'{}]|:(?! ))*[^:#\"'{}\s]")
"""A name that YAML reads as it is."""

_BARE = re.compile(r"[\w.-]+")
_LISTED = ("conditions", "tags", "data_requests")
_NOWHERE = Place("", 1, 1, end=2)


def first_difference(one: Verdict, other: Verdict) -> VerdictDifference | None:
    before = dict(parts_of(one))
    after = dict(parts_of(other))
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            old = f"{name} {_text(before.get(name))}"
            new = f"{name} {_text(after.get(name))}"
            return VerdictDifference(name, old, new)
    return None


def _text(part: Part | None) -> str:
    return part if isinstance(part, str) else ", ".join(part or ()) or NONE


def parts_of(verdict: Verdict) -> Iterator[tuple[str, Part]]:
    """Everything that a case can expect, by the names that it has under `expect`."""
    yield "outcome", verdict.outcome.value
    yield "refer_kind", verdict.refer_kind.value if verdict.refer_kind else NONE
    yield "reasons", tuple(str(reason.code) for reason in verdict.reasons)
    for score in verdict.scores:
        yield f"scores.{score.scorecard}", shown_value(score.score)
        yield f"bands.{score.scorecard}", score.band
    yield "conditions", tuple(condition.id for condition in verdict.conditions)
    yield "tags", tuple(tag.name for tag in verdict.tags)
    yield "data_requests", tuple(request.factor for request in verdict.data_requests)
    if verdict.offer is not None:
        for name in OFFER_KEYS:
            value = getattr(verdict.offer, name)
            yield f"offer.{name}", NONE if value is None else shown_value(value)
        for name, value in verdict.offer.outputs.items():
            yield f"offer.{name}", shown_value(value)


class NewCase(msgspec.Struct, frozen=True):
    """Facts by what they change: factors and inputs by name (None: not sent), lists, the day."""

    factors: Mapping[str, Any]
    inputs: Mapping[str, Any]
    as_of: AsOf | None
    lists: Mapping[str, Sequence[str]] = msgspec.field(default_factory=dict)


def case_text(name: str, case: NewCase, verdict: Verdict, part: str = "") -> str:
    """The case for a file's `cases`; `part` is one that it expects with the usual ones."""
    lines = [f"  - name: {_unless(_PLAIN, name)}"]
    if case.as_of is not None:
        lines.append(f"    as_of: {case.as_of.date}")
    given = (("inputs", case.inputs), ("factors", case.factors), ("lists", case.lists))
    for key, values in given:
        if values:
            written = ", ".join(f"{name}: {_written(v)}" for name, v in values.items())
            lines.append(f"    {key}: {{{written}}}")
    expected = ", ".join(_expected(verdict, part))
    return "\n".join([*lines, f"    expect: {{{expected}}}"])


def _unless(plain: re.Pattern[str], text: str) -> str:
    """A text as YAML reads it, in quotes unless it is plain."""
    return text if plain.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _written(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if value is None:
        return "missing NOT_SENT"
    shown = shown_value(value)
    text = getattr(value, "value", value)
    plain = not isinstance(text, str) or (
        _UNQUOTED.fullmatch(text) and Scalar(text, plain=True, place=_NOWHERE).is_text
    )
    return shown if plain else json.dumps(shown, ensure_ascii=False)


def _expected(verdict: Verdict, part: str) -> Iterator[str]:
    yield f"outcome: {verdict.outcome}"
    if verdict.refer_kind is not None:
        yield f"refer_kind: {verdict.refer_kind}"
    yield f"reasons: [{', '.join(str(reason.code) for reason in verdict.reasons)}]"
    group, _, name = part.partition(".")
    value = dict(parts_of(verdict)).get(part, ())
    if group in _LISTED:
        yield f"{group}: [{', '.join(value)}]"
    elif group == "offer" and verdict.offer is None:
        yield "offer: none"
    elif name:
        text = value if isinstance(value, str) else NONE
        yield f"{group}: {{{name}: {_unless(_BARE, text)}}}"
