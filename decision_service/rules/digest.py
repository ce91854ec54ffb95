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

from decision_service.domain.snapshot import Provider
from decision_service.rules.draft import RulesetDraft
from decision_service.rules.language.types import Symbol
from decision_service.rules.program import ParamSpec, TagSpec

FORM = "ruleset-1"
_UNCOUNTED: Mapping[type, frozenset[str]] = {
    ParamSpec: frozenset({"lower", "upper", "unit"}),
    Provider: frozenset({"name"}),  # is for letters
    TagSpec: frozenset({"means"}),
}
"""Fields that guard a file against slips, or explain it, and decide nothing; left out always."""

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
        [[p.name, p.component, p.part, p.condition and p.condition.when] for p in draft.parts()],
        [*draft.tags.values()],
        draft.tell,
    ]


def canonical(value: Any, simplify: Callable[[Any], Any] = lambda value: value) -> Any:
    """The value as JSON can hold it; fields that equality ignores are left out.

    `simplify` may put another value in the place of any part before that is looked at.
    """
    value = simplify(value)
    if isinstance(value, Symbol):
        return ["name", value.name]
    uncounted = _UNCOUNTED.get(type(value), frozenset())
    names = [name for name in _fields(value) if name not in uncounted]
    if names:
        counted = {name: getattr(value, name) for name in names}
        return [type(value).__name__, canonical(counted, simplify)]
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


def _fields(value: Any) -> tuple[str, ...]:
    if isinstance(value, msgspec.Struct):
        return value.__struct_fields__
    if is_dataclass(value) and not isinstance(value, type):
        return tuple(f.name for f in fields(value) if f.compare)
    return ()
