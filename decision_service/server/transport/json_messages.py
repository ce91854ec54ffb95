"""Messages read from JSON; what is wrong is named as in the JSON, with what is wanted there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Any, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from decision_service.domain.errors import FieldInvalid, FieldProblem, visible

Problem = tuple[str, str]  # where, such as `requestedAmount.units`, and what is wrong there

_MOST = 20  # a body of 128 KiB can hold thousands of wrong names
_TIMES = {
    "google.protobuf.Timestamp": ("an instant in UTC", "2026-11-05T10:00:00Z"),
    "google.protobuf.Duration": ("a number of seconds as text", "30s"),
}
_WANTED = {
    FieldDescriptor.CPPTYPE_STRING: "text in double quotes",
    FieldDescriptor.CPPTYPE_BOOL: "true or false, without quotes",
    FieldDescriptor.CPPTYPE_INT32: "a whole number of 32 bits",
    FieldDescriptor.CPPTYPE_INT64: "a whole number of 64 bits in double quotes",
}
_EXAMPLES = {
    FieldDescriptor.CPPTYPE_STRING: "A-17",
    FieldDescriptor.CPPTYPE_BOOL: True,
    FieldDescriptor.CPPTYPE_INT32: 1,
    FieldDescriptor.CPPTYPE_INT64: "1",
}
_NAMED_EXAMPLES = {
    "asOfDate": "2026-11-05",
    "birthDate": "1990-05-17",
    "country": "PH",
    "currencyCode": "PHP",
    "dataKinds": "contributions",
    "date": "2026-11-05",
    "disburseDate": "2026-11-05",
    "language": "en",
    "name": "Juan P. Dela Cruz",
    "number": "0.35",
    "product": "personal-loan-ph",
    "providerTypes": "payroll",
    "requestedTermMonths": 6,
    "ruleset": "personal-loan-ph",
    "types": "decision.recorded",
    "units": "20000",
}


def read_json(body: bytes, kind: type[Message]) -> Message | FieldInvalid:
    """The message in a body, or what is wrong with it, of much the first twenty."""
    try:
        value = json.loads(body.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        return _invalid([("body", _no_json(error))])
    described = cast("Descriptor", kind.DESCRIPTOR)
    if not isinstance(value, dict):
        wanted = f"must be an object of JSON such as {_text(_object(described))}"
        return _invalid([("body", wanted)])
    if problems := [*islice(_problems(value, described, ""), _MOST)]:
        return _invalid(problems)
    try:
        return ParseDict(value, kind())
    except ParseError:
        return _invalid([("body", f"is no {described.name} of docs/openapi.yaml")])


def shown(text: str) -> str:
    """A client's text on one line, with nothing that rules a screen."""
    return visible(" ".join(text.split())).encode(errors="replace").decode()


def _problems(value: Mapping[str, Any], kind: Descriptor, before: str) -> Iterator[Problem]:
    """All that is wrong with an object as a message of a kind."""
    names = {name: one for one in kind.fields for name in (one.json_name, one.name)}
    seen = set[str]()
    for name, inner in value.items():
        at = f"{before}{name[:80]}"
        field = names.get(name)
        if field is None:
            yield at, f"is no field of {kind.name}{_hint(name, kind)}"
            continue
        # Both names of a field, and two fields of one choice, are one place in the message.
        group = field.containing_oneof
        place = field.name if group is None or len(group.fields) == 1 else group.name
        if place in seen and place == field.name:
            yield at, "is there under both of its names: send one"
        elif place in seen and group is not None:
            yield at, f"is one field too many: send one of {_names(group.fields)}"
        elif inner is not None:
            yield from _field_problems(inner, field, at)
        if inner is not None:
            seen.add(place)


def _field_problems(value: Any, field: FieldDescriptor, at: str) -> Iterator[Problem]:
    if _is_map(field):
        if not isinstance(value, dict):
            yield at, _must_be(value, "an object with names", _example(field))
            return
        for name, inner in value.items():
            yield from _value_problems(inner, _value_of(field), f"{at}.{name[:80]}")
    elif field.is_repeated:
        if not isinstance(value, list):
            yield at, _must_be(value, "a list", _example(field))
            return
        for index, inner in enumerate(value):
            yield from _value_problems(inner, field, f"{at}[{index}]")
    else:
        yield from _value_problems(value, field, at)


def _value_problems(value: Any, field: FieldDescriptor, at: str) -> Iterator[Problem]:
    """What is wrong with one value: of the field itself, of its list or of its map."""
    kind = field.message_type
    if kind is not None and kind.full_name not in _TIMES:
        if isinstance(value, dict):
            yield from _problems(value, kind, f"{at}.")
        else:
            yield at, _must_be(value, "an object", _object(kind))
    elif not _is_taken(value, field):
        yield at, _wanted(value, field)


def _is_taken(value: Any, field: FieldDescriptor) -> bool:
    """Whether protobuf takes a value that is no object of fields."""
    if value is None:
        return False
    # Protobuf takes true and 1.5 for the number 1 of an enum, and does not come back from 1e400.
    if field.enum_type is not None and isinstance(value, bool | float):
        return False
    sent = [value] if field.is_repeated else value
    try:
        ParseDict({field.name: sent}, GetMessageClass(cast("Descriptor", field.containing_type))())
    except ParseError:
        return False
    return True


def _wanted(value: Any, field: FieldDescriptor) -> str:
    if field.enum_type is not None:
        names = [one.name for one in field.enum_type.values if one.number]
        return f"must be one of {', '.join(names)}"
    if field.message_type is not None:
        wanted, _ = _TIMES[field.message_type.full_name]
    elif field.cpp_type == FieldDescriptor.CPPTYPE_STRING and isinstance(value, str):
        return "has half of a pair of surrogates (\\ud800 to \\udfff): send whole characters"
    else:
        wanted = _WANTED[field.cpp_type]
    return _must_be(value, wanted, _single(field))


def _must_be(value: Any, wanted: str, example: Any) -> str:
    kind = _kind(value)
    sent = "" if kind == _kind(example) else f", and is {kind}"
    return f"must be {wanted}, such as {_text(example)}{sent}"


def _kind(value: Any) -> str:
    """What a value is in JSON; not the value, which may be a person's data."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return "text"
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, list) else "a number"


def _example(field: FieldDescriptor) -> Any:
    """A value that a field takes."""
    if _is_map(field):
        return {"purpose": _single(_value_of(field))}
    return [_single(field)] if field.is_repeated else _single(field)


def _single(field: FieldDescriptor) -> Any:
    if field.json_name in _NAMED_EXAMPLES:
        return _NAMED_EXAMPLES[field.json_name]
    if field.message_type is not None:
        kind = field.message_type
        return _TIMES[kind.full_name][1] if kind.full_name in _TIMES else _object(kind)
    if field.enum_type is not None:
        return field.enum_type.values[-1].name
    return _EXAMPLES[field.cpp_type]


def _object(kind: Descriptor) -> dict[str, Any]:
    """The first fields of a message, of which a choice takes one."""
    choices = [one for one in kind.oneofs if len(one.fields) > 1]
    fields = choices[0].fields[:1] if choices else kind.fields[:2]
    return {one.json_name: _example(one) for one in fields}


def _hint(name: str, kind: Descriptor) -> str:
    names = [one.json_name for one in kind.fields]
    if near := get_close_matches(name, names, n=1):
        return f": did you mean {near[0]}?"
    return f": it has {_names(kind.fields)}" if names else ", which has none: send {}"


def _names(fields: Any) -> str:
    return ", ".join(one.json_name for one in fields)


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _value_of(field: FieldDescriptor) -> FieldDescriptor:
    """The field of the values of a map."""
    return cast("Descriptor", field.message_type).fields_by_name["value"]


def _text(value: Any) -> str:
    return json.dumps(value)


def _no_json(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "is nested too deeply for JSON"
    if isinstance(error, UnicodeDecodeError):
        return f"is not UTF-8 at byte {error.start + 1}: send JSON in UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
    if isinstance(error, _Twice):
        return str(error)
    return "has a number of more than 4,300 digits: send it shorter"  # what `int` takes at most


class _Twice(ValueError):
    """A name that is twice in one object."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict[str, Any]()
    for name, value in pairs:
        if name in found:
            raise _Twice(f"has the name {name[:80]} twice in one object: send it once")
        found[name] = value
    return found


def _invalid(problems: list[Problem]) -> FieldInvalid:
    found = []
    for name, why in problems:
        at = shown(name)
        found.append(FieldProblem(at, f"{at} {shown(why)}"))
    return FieldInvalid("; ".join(one.description for one in found), tuple(found))
