"""Any message for people: its fields by name, its lists as tables; or its ids alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from rich.markup import escape

from decision_service.cli.fields import UNITS
from decision_service.cli.output import console, print_lines, print_table, table
from decision_service.cli.views import instant_text, money_text, value_text
from decision_service.server.transport.wire import enum_name

_WIDTH = 80
_DIGEST = 16
"""So many digits of a digest are shown."""
_FROM_ONE = {"version", "position"}
"""Numbers that are none where they are 0."""


def _length(time: Any) -> str:
    """`4h`, `3d`, as files have it."""
    seconds = time.ToTimedelta().total_seconds()
    unit = next((u for u in "dhm" if seconds >= UNITS[u] and not seconds % UNITS[u]), "s")
    return f"{seconds / UNITS[unit]:g}{unit}"


_TEXTS: Mapping[str, Callable[[Any], str]] = {
    "Timestamp": instant_text,
    "Duration": _length,
    "Money": money_text,
    "InputValue": value_text,
    "RulesetRef": lambda ref: f"{ref.ruleset} v{ref.version} {ref.digest[:12]}".strip(),
    "Problem": lambda problem: str(problem.rendered),
}
"""Messages that are one text."""


def record_of(reply: Message) -> Message:
    """The record of a reply that has one, and at most empty lists else; any other reply itself."""
    first, *others = reply.DESCRIPTOR.fields
    if first.message_type is None or first.is_repeated:
        return reply
    if any(not other.is_repeated or getattr(reply, other.name) for other in others):
        return reply
    record: Message = getattr(reply, first.name)
    return record


def ids(record: Message) -> Iterator[str]:
    """The id of a record, or of each record of a list: the first text that it has."""
    for field, value in record.ListFields():
        records = value if field.is_repeated else [value]
        if _is_plain(field):
            yield _text(field, value)
        else:
            yield from (one for each in records for one in ids(each))
        return


def print_record(record: Message, indent: str = "") -> None:
    """Print the fields that are set, numbers and flags always, then the records that are inside."""
    plain = [*_plain_rows(record)]
    widest = max((len(label) for label, _ in plain), default=0)
    for label, text in plain:
        print_wrapped(text, f"{indent}{label:<{widest}}  ")
    for field, value in record.ListFields():
        if not _is_plain(field):
            if plain:
                console().print()
            console().print(f"{indent}[bold]{escape(_label(field))}[/]")
            if field.is_repeated:
                _print_list(value, indent + "  ")
            else:
                print_record(value, indent + "  ")
    if not record.ListFields() and not plain:
        console().print("Nothing.")
    if token := getattr(record, "next_page_token", ""):
        print_lines(f"More: --page-token {token}")


def _plain_rows(record: Message) -> Iterator[tuple[str, str]]:
    for field in record.DESCRIPTOR.fields:
        text = _cell(record, field) if _is_plain(field) else ""
        # Of a text of several lines, such as a letter, the command of its own prints it.
        letter = "\n" in text and field.message_type is None
        if text and not letter and field.name != "next_page_token":
            yield _label(field), text


def print_wrapped(text: str, label: str = "") -> None:
    """Print a text at 80 columns, to the right of a label."""
    for line in text.splitlines():
        room = max(_WIDTH - len(label), _WIDTH // 2)
        for part in wrap(line, room, break_long_words=False, break_on_hyphens=False) or [""]:
            print_lines(f"{label}{part}")
            label = " " * len(label)


def _print_list(records: Sequence[Message], indent: str) -> None:
    """A table, or one record below the other where a line cannot hold the words of all columns."""
    fields = [f for f in records[0].DESCRIPTOR.fields if _in_table(f, records)]
    rows = [_cells(record, fields) for record in records]
    heads = [_label(field) for field in fields]
    columns = zip(heads, *rows, strict=True)
    least = [max(map(len, " ".join(column).split())) for column in columns]
    nested = any(map(_has_records, records))
    if nested or sum(least) + 2 * len(least) > console().width:
        for record in records:
            print_record(record, indent)
            console().print()
        return
    made = table(*heads)
    for row in rows:
        made.add_row(*map(escape, row))
    print_table(made)


def _cells(record: Message, fields: Sequence[Any]) -> list[str]:
    return [_cell(record, field) for field in fields]


def _has_records(record: Message) -> bool:
    """Whether records are inside, which no cell can hold."""
    return not all(_is_plain(field) for field, _ in record.ListFields())


def _in_table(field: Any, records: Sequence[Message]) -> bool:
    """Whether any record has the field, and none as a text of several lines."""
    texts = [_cell(record, field) for record in records] if _is_plain(field) else []
    return any(texts) and not any("\n" in text for text in texts)


def _cell(record: Message, field: Any) -> str:
    value = getattr(record, field.name)
    unset = field.has_presence and not record.HasField(field.name)
    none = field.name in _FROM_ONE or field.cpp_type == FieldDescriptor.CPPTYPE_ENUM
    return "" if unset or (none and not value) else _text(field, value)


def _is_plain(field: Any) -> bool:
    message = field.message_type
    return message is None or message.name in _TEXTS or bool(message.GetOptions().map_entry)


def _label(field: Any) -> str:
    return str(field.name).replace("_", " ")


def _text(field: Any, value: Any) -> str:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return ", ".join(f"{name} {each}" for name, each in sorted(value.items()))
    if field.is_repeated:
        texts = [_one(field, each) for each in value]
        return ("\n" if field.message_type is not None else ", ").join(texts)
    return _one(field, value)


def _one(field: Any, value: Any) -> str:
    if field.message_type is not None:
        return _TEXTS[field.message_type.name](value)
    if field.enum_type is not None:
        return enum_name(field.enum_type, value).lower().replace("_", "-")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if "digest" in field.name:
        return str(value)[:_DIGEST]
    return f"{value:,}" if isinstance(value, int) else str(value)
