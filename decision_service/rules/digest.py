"""The digest of a ruleset's content: equal digests, equal behaviour."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec

from decision_service.domain.needs import DataPolicy
from decision_service.domain.snapshot import Provider
from decision_service.rules.draft import NamedPart, RulesetDraft
from decision_service.rules.knockouts import Rule
from decision_service.rules.language.types import Symbol
from decision_service.rules.offer_terms import Terms
from decision_service.rules.program import InputSpec, ParamSpec, TagSpec

FORM = "ruleset-1"
_CAME_LATER: Mapping[type, Mapping[str, Any]] = {
    DataPolicy: {
        "posting_lag_days": (),
        "payroll_lag_days": 10,
        "default_lag_days": 0,
        "ceilings": (),
        "not_employers": (),
        "legal_forms": (),
        "document_providers": frozenset(),
        "fee_providers": frozenset(),
    },
    Rule: {"reason_factor": "", "tags": ()},
    InputSpec: {"because": ""},
    ParamSpec: {"by": "", "labels": ()},
    Terms: {"choice": None},
}
"""Fields that are left out where they say nothing, so that recorded digests stay what they are."""

_UNCOUNTED: Mapping[type, frozenset[str]] = {
    ParamSpec: frozenset({"lower", "upper", "unit"}),
    TagSpec: frozenset({"means"}),
}
"""Fields that guard a file against slips, or explain it, and decide nothing; left out always."""

_TAGS: Mapping[str, str] = {
    "ConditionSpec": "Demand",
    "ConditionsPart": "Demands",
    "FunctionCall": "Call",
    "NameRead": "Read",
    "OfferLine": "Line",
    "RulesPart": "Rules",
    "ScorecardPart": "Scorecard",
    "TablePart": "Table",
    "ValueRange": "Span",
}
"""The tags of classes in digests where they differ from the names of the classes."""

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def digest(draft: RulesetDraft) -> str:
    hashed = hashlib.sha256()
    for text in _ENCODER.iterencode(canonical(content(draft))):
        hashed.update(text.encode())  # in parts: threads run between them
    return hashed.hexdigest()


def content(draft: RulesetDraft) -> list[Any]:
    return [
        FORM,
        draft.ruleset,
        draft.version,
        draft.title,
        draft.names.currency,
        str(draft.zone),
        draft.policy,
        draft.valid_for,
        draft.inputs,
        draft.params,
        draft.reasons,
        {d.name: d.tree for d in draft.derived},
        [_part(part) for part in draft.parts()],
        *([["tags", [*draft.tags.values()]]] if draft.tags else []),
        *([["tell", draft.tell]] if draft.tell else []),
    ]


def _part(part: NamedPart) -> list[Any]:
    """A stage without a condition is written as ever, so that recorded digests stay."""
    condition = () if part.condition is None else (part.condition.when,)
    return [part.name, part.component, part.part, *condition]


def canonical(value: Any, simplify: Callable[[Any], Any] = lambda value: value) -> Any:
    """The value as JSON can hold it; fields that equality ignores are left out.

    `simplify` may put another value in the place of any part before that is looked at.
    """
    value = simplify(value)
    if isinstance(value, Symbol):
        return ["name", value.name]
    if isinstance(value, Provider):  # written as ever, so that recorded digests stay what they are
        counted = msgspec.structs.asdict(value)
        del counted["name"]  # is for letters, and decides nothing
        return {name: canonical(item, simplify) for name, item in counted.items()}
    names = _counted(value)
    if names:
        tag = _TAGS.get(type(value).__name__, type(value).__name__)
        return [tag, canonical({name: getattr(value, name) for name in names}, simplify)]
    if isinstance(value, Mapping):
        return {str(key): canonical(value[key], simplify) for key in sorted(value)}
    if isinstance(value, tuple | list):
        return [canonical(item, simplify) for item in value]
    if isinstance(value, frozenset | set):
        return sorted(str(canonical(item, simplify)) for item in value)
    return _leaf(value)


def _leaf(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.0f}s"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    return value


def _counted(value: Any) -> list[str]:
    later = _CAME_LATER.get(type(value), {})
    uncounted = _UNCOUNTED.get(type(value), frozenset())
    names = [n for n in _fields(value) if n not in uncounted]
    return [n for n in names if n not in later or getattr(value, n) != later[n]]


def _fields(value: Any) -> tuple[str, ...]:
    if isinstance(value, msgspec.Struct):
        return value.__struct_fields__
    if is_dataclass(value) and not isinstance(value, type):
        return tuple(f.name for f in fields(value) if f.compare)
    return ()
