"""Structs as plain JSON by their field names, and back."""

from __future__ import annotations

from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

Json = Any


def plain(value: object) -> Json:
    """A struct as a mapping of its fields, without those that have their default."""
    if isinstance(value, msgspec.Struct):
        known = _defaults(type(value))
        pairs = ((name, getattr(value, name)) for name in known)
        return {name: plain(one) for name, one in pairs if one != known[name] or one is False}
    if isinstance(value, list | tuple):
        return [*map(plain, value)]
    return msgspec.to_builtins(value)


def typed(kind: Any, value: Json) -> Any:
    """A value of this type from its plain form."""
    origin, arguments = get_origin(kind), get_args(kind)
    if value is None:
        return None
    if origin in (Union, UnionType):
        [kind] = [one for one in arguments if one is not type(None)]
        return typed(kind, value)
    if origin is tuple and arguments[-1] is ...:
        return tuple(typed(arguments[0], one) for one in value)
    if origin is tuple:
        return tuple(typed(*pair) for pair in zip(arguments, value, strict=True))
    struct = origin or kind
    if isinstance(struct, type) and issubclass(struct, msgspec.Struct):
        hints = _fields(struct)
        given = arguments[0] if arguments else None
        return struct(**{name: typed(_filled(hints[name], given), v) for name, v in value.items()})
    return msgspec.convert(value, kind)


@cache
def _defaults(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return {one.name: one.default for one in msgspec.structs.fields(struct)}


@cache
def _fields(struct: type) -> dict[str, Any]:
    return get_type_hints(struct)


def _filled(kind: Any, given: Any) -> Any:
    """A field's type, with the one type that its struct was given."""
    variables = getattr(kind, "__parameters__", ())
    if isinstance(kind, TypeVar):
        return given
    return kind[given] if variables and given is not None else kind
