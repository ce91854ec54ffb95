"""The digest of a plan: equal for equal content, whatever the comments, layout or key order."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import asdict

from decision_service.language.evaluation.formula import Formula
from decision_service.rollout.buckets import ALGORITHM
from decision_service.rollout.model import UNREPORTED, Plan

_NOT_CONTENT = frozenset({"digest", "available"})

_CONTENT_UNLESS: Mapping[str, object] = {
    "unreported": UNREPORTED,
    "caps": (),
    "second_person_above": None,
    "review": None,
}
"""Keys that came after plans were recorded: at these values they are no part of the digest."""

_TAGS: Mapping[str, str] = {
    "ChallengerLimits": "Limits",
    "ExpectedOutcome": "Expectation",
    "RolloutStage": "Stage",
}
"""The tags of classes in digests where they differ from the names of the classes."""


def digest_of(plan: Plan) -> str:
    """SHA-256 in hex of the plan's values and of the hash that deals by them."""
    content = {
        name: value
        for name, value in asdict(plan).items()
        if name not in _NOT_CONTENT and (name, value) not in _CONTENT_UNLESS.items()
    }
    canonical = {"algorithm": ALGORITHM, "plan": _plain(content)}
    text = json.dumps(canonical, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> object:
    """A value as JSON has it; sets sorted, numbers without their trailing zeros."""
    match value:
        case None | int() | str():
            return value
        case Decimal():
            return _digits(value)
        case timedelta():
            return int(value.total_seconds())
        case Formula():
            return value.text
    return _plain_collection(value)


def _digits(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _plain_collection(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(map(str, value))
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Struct):
        tag = _TAGS.get(type(value).__name__, type(value).__name__)
        return {"": tag} | {name: _plain(item) for name, item in asdict(value).items()}
    raise TypeError(f"{type(value).__name__} has no place in a plan")
