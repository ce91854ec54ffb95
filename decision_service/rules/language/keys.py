"""The keys of a file's maps: how each is read, completed by editors, shown, and changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from decision_service.rules.language import schema_forms as forms
from decision_service.rules.language.diagnostics import Place, Report
from decision_service.rules.language.fields import Fields, as_choice, as_text, read_texts
from decision_service.rules.language.schema_forms import Schema, about, choice, closed, listed
from decision_service.rules.language.yaml import YamlNode


class Change(StrEnum):
    """What a small change of a key's value puts in its place."""

    NOTHING = "nothing"
    INSIDE = "what is said of the parts in it"
    FIGURE = "another figure, label or operator"
    WORD = "another of its words"
    REASON = "another reason"
    TAG = "another tag"


class Kind(NamedTuple):
    """What a key holds; `read` gives None where it is absent, or wrong, which it reports."""

    read: Callable[[Fields, str], Any]
    schema: Schema
    changes: Change = Change.NOTHING


class Key(NamedTuple):
    """`default` is for a key that is not there; `label` is what a comparison calls it."""

    name: str
    kind: Kind
    about: str = ""
    required: bool = False
    default: Any = None
    label: str = ""


def needed(name: str, kind: Kind, about: str = "", label: str = "") -> Key:
    return Key(name, kind, about, required=True, label=label)


class Read:
    """A section as it was read: a value for each of its keys, and the place of each."""

    def __init__(self, fields: Fields, values: dict[str, Any]) -> None:
        self.report = fields.report
        self.node = fields.node
        self.has = fields.has
        self.place = fields.place
        self._values = values

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def error(self, code: str, key: str, message: str, hint: str = "") -> None:
        self.report.error(code, self.place(key), message, hint)

    def warning(self, code: str, key: str, message: str, hint: str = "") -> None:
        self.report.warning(code, self.place(key), message, hint)


class Section:
    """A map with these keys; `what` names it in messages."""

    def __init__(self, what: str, keys: Sequence[Key], **more: object) -> None:
        self.what = what
        self.keys = keys
        self._more = more
        self._required = [key.name for key in keys if key.required]
        self._optional = [key.name for key in keys if not key.required]

    @property
    def schema(self) -> Schema:
        keys = {
            k.name: about(k.kind.schema, k.about) if k.about else k.kind.schema for k in self.keys
        }
        # Editors show a title as it is, and would show the backticks.
        return closed(self.what.replace("`", ""), self._required, keys, **self._more)

    def open(
        self, node: YamlNode | None, report: Report, scope: Any = None, what: str = ""
    ) -> Fields | None:
        """The map with its keys unread; `scope` is what names mean in its expressions."""
        if node is None:
            return None
        named = what or self.what
        keys = {"required": self._required, "optional": self._optional}
        fields = Fields.of(node, named, report, **keys)
        if fields is not None:
            fields.scope = scope
        return fields

    def read(
        self, node: YamlNode | None, report: Report, scope: Any = None, what: str = ""
    ) -> Read | None:
        fields = self.open(node, report, scope, what=what)
        if fields is None:
            return None
        return Read(fields, {key.name: _value(key, fields) for key in self.keys})


def _value(key: Key, fields: Fields) -> Any:
    found = key.kind.read(fields, key.name)
    # A wrong value has the default, too: it is reported, and reading goes on to the next mistake.
    return key.default if found is None else found


def whole(low: int, high: int | None = None) -> Kind:
    bounds = {"minimum": low} if high is None else {"minimum": low, "maximum": high}
    return Kind(lambda f, key: f.integer(key, low, high), {"type": "integer", **bounds})


def number(low: int, high: int) -> Kind:
    form = {"type": "number", "minimum": low, "maximum": high}
    return Kind(lambda f, key: f.decimal(key, low, high), form)


def one_of(words: type[StrEnum] | Sequence[str], changes: Change = Change.NOTHING) -> Kind:
    """A member of an enumeration, or one of a few words."""

    def read(fields: Fields, key: str) -> str | None:
        word = fields.choice(key, words)
        return words(word) if word and isinstance(words, type) else word

    return Kind(read, choice(words), changes)


def all_of(what: str, words: type[StrEnum] | None = None) -> Kind:
    """A set of words, or of members of an enumeration."""

    def read(fields: Fields, key: str) -> frozenset[str]:
        if words is None:
            found = [as_text(item, what, fields.report) for item in fields.items(key)]
            return frozenset(one for one in found if one)
        chosen = [as_choice(item, what, words, report=fields.report) for item in fields.items(key)]
        return frozenset(words(one) for one in chosen if one)

    return Kind(read, listed(forms.TEXT if words is None else choice(words)))


def inner(section: Section) -> Kind:
    """A map of its own."""

    def read(fields: Fields, key: str) -> Read | None:
        return section.read(fields.get(key), fields.report, fields.scope)

    return Kind(read, section.schema)


def each(section: Section, **more: object) -> Kind:
    """The items, each with its place; None for one that is no map."""

    def read(fields: Fields, key: str) -> list[tuple[Read | None, Place]]:
        items = fields.items(key)
        return [(section.read(n, fields.report, fields.scope), n.place) for n in items]

    return Kind(read, listed(section.schema, **more))


def _texts(fields: Fields, key: str) -> Any:
    node = fields.get(key)
    return node and read_texts(node, f"`{key}`", fields.report)


TEXT = Kind(Fields.text, forms.TEXT)
WORDS = Kind(_texts, forms.TEXTS)
FLAG = Kind(Fields.flag, forms.FLAG)
IDENTIFIER = Kind(Fields.identifier, forms.IDENTIFIER)
DURATION = Kind(Fields.duration, forms.DURATION)
