"""Recognises plain scalars that YAML has cut where the author meant one expression.

Inside `{…}` and `[…]` a comma ends a plain scalar and ` #` starts a comment, so that
`{when: min(a, b) > 3}` silently becomes two keys. An unbalanced bracket or quote gives it away.
"""

from __future__ import annotations

from msgspec.structs import replace

from decision_service.language.diagnostics import Place, Report
from decision_service.language.yaml.nodes import MapEntry, Scalar, YamlNode

_OPENS = {"(": ")", "[": "]", "{": "}"}
_HINT = {
    True: "put `when:` on its own line, or quote the expression",
    False: "quote the expression or put it on its own line",
}


def unbalanced(text: str) -> bool:
    """Whether a bracket or quote of the text has no partner; an apostrophe in a word is none."""
    open_brackets: list[str] = []
    quote, before = "", ""
    for char in text:
        if quote:
            quote = "" if char == quote else quote
        elif char == '"' or (char == "'" and not before.isalnum()):
            quote = char
        elif char in _OPENS:
            open_brackets.append(_OPENS[char])
        elif char in _OPENS.values() and (not open_brackets or open_brackets.pop() != char):
            return True
        before = char
    return bool(quote or open_brackets)


def mend_entries(entries: list[MapEntry], report: Report) -> list[MapEntry]:
    """The entries of a `{…}` map without the pieces of torn values, each tear reported once."""
    kept: list[MapEntry] = []
    joined = ""
    for entry in entries:
        value = entry.value
        empty = isinstance(value, Scalar) and value.empty
        if joined and empty and unbalanced(joined):
            joined = f"{joined}, {entry.key}"
            continue
        joined = ""
        if isinstance(value, Scalar) and _is_cut(value):
            joined = value.text
            _report(value, entry.key, "{…}", report)
            entry = replace(entry, value=replace(value, torn=True))
        kept.append(entry)
    return kept


def mend_items(items: list[YamlNode], report: Report) -> tuple[YamlNode, ...]:
    """The items of a `[…]` list with the pieces of each torn value as one, reported once."""
    kept: list[YamlNode] = []
    joined = ""
    for item in items:
        if joined and unbalanced(joined) and isinstance(item, Scalar) and item.plain:
            joined = f"{joined}, {item.text}"
            continue
        joined = ""
        if isinstance(item, Scalar) and _is_cut(item):
            joined = item.text
            _report(item, "", "[…]", report)
            item = replace(item, torn=True)
        kept.append(item)
    return tuple(kept)


def _is_cut(scalar: Scalar) -> bool:
    return scalar.plain and not scalar.torn and unbalanced(scalar.text)


def _report(scalar: Scalar, key: str, flow: str, report: Report) -> None:
    what = "condition" if key == "when" else "value"
    place = scalar.place
    end = Place(place.file, place.line, place.end, place.end + 1)
    source = report.quote(place.file, place.line)
    if source[place.end - 1 : place.end] == ",":
        message = f"the {what} ends at a comma, because `{flow}` splits there"
    else:
        message = f"the {what} has a bracket or quote without its partner"
    report.error("R107", end, message, _HINT[key == "when"])
