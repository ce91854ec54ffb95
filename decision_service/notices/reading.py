"""A product's texts for letters, read from YAML and checked."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from string import Formatter

import msgspec

from decision_service.language.diagnostics import Diagnostic, Place, Report, did_you_mean
from decision_service.language.yaml import parser as yaml
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import MapNode, YamlNode
from decision_service.language.yaml.readers import as_text
from decision_service.notices.languages.known import LANGUAGES
from decision_service.notices.model import KindTexts, NoticeKind, NoticeTexts
from decision_service.notices.parts.offer import PRICE

PLACEHOLDERS = frozenset(
    {"lender", "application_id", "decision_id", "decided_on", "asked", "amount", "expires_on"}
).union(PRICE)
"""What the texts of a letter may name."""

OF_CHANGES = frozenset({"now", "needed"})
"""What the words of a change may name."""

_SHARED = ("lender", "contact", "contest")
_OPTIONAL = ("contest_again", "limits", "changes", "price")


class NoticeReading(msgspec.Struct, frozen=True):
    """The texts of a file, or None where any diagnostic is an error."""

    texts: NoticeTexts | None
    diagnostics: tuple[Diagnostic, ...]


def read_notices(path: str, text: str, language: str) -> NoticeReading:
    """Read and check the texts of one language; never raises."""
    report = Report()
    if language not in LANGUAGES:
        message = f"letters are not written in `{language}`"
        hint = f"name the file one of {', '.join(f'{one}.yaml' for one in LANGUAGES)}"
        report.error("N101", Place(path, 1, 1, 2), message, hint)
        return NoticeReading(None, report.diagnostics())
    root = yaml.read(path, text, report)
    texts = None if root is None else _texts(root, text, language, report)
    return NoticeReading(None if report.failed else texts, report.diagnostics())


def _texts(root: YamlNode, text: str, language: str, report: Report) -> NoticeTexts | None:
    kinds = tuple(NoticeKind)
    required = (*_SHARED, *kinds)
    fields = Fields.of(root, "the notices", report, required=required, optional=_OPTIONAL)
    if fields is None:
        return None
    shared = {key: _filled(fields, key) for key in _SHARED}
    return NoticeTexts(
        language=language,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        contest_again=_filled(fields, "contest_again"),
        limits=dict(_worded(fields.map("limits"), report)),
        changes=dict(_changes(fields.map("changes"), report)),
        kinds={kind: _kind(fields, kind) for kind in kinds},
        price=tuple(_price(fields)),
        **shared,
    )


def _price(fields: Fields) -> Iterator[str]:
    """The lines of the price; N104 for what is to be disclosed and is in none of them."""
    lines = [as_text(item, "a line of `price`", fields.report) for item in fields.items("price")]
    said = " ".join(filter(None, lines))
    missing = [name for name in PRICE if f"{{{name}}}" not in said]
    if fields.has("price") and missing:
        message = f"`price` does not say {', '.join(f'`{{{name}}}`' for name in missing)}"
        hint = "the law has an approval disclose each: add it to a line of `price`"
        fields.report.error("N104", fields.place("price"), message, hint)
    for line in filter(None, lines):
        _check(line, "price", PLACEHOLDERS, fields.place("price"), fields.report)
        yield " ".join(line.split())


def _kind(fields: Fields, kind: NoticeKind) -> KindTexts:
    node = fields.map(kind)
    if node is None:
        return KindTexts("", "")
    own = Fields(
        node, f"`{kind}`", fields.report, required=("title", "opening"), optional=("closing",)
    )
    return KindTexts(_filled(own, "title"), _filled(own, "opening"), _filled(own, "closing"))


def _filled(fields: Fields, key: str) -> str:
    """A text whose placeholders are known; empty where there is none."""
    text = fields.text(key) or ""
    _check(text, key, PLACEHOLDERS, fields.place(key), fields.report)
    return " ".join(text.split())


def _check(text: str, key: str, known: Collection[str], place: Place, report: Report) -> None:
    """N102 for a placeholder that is not known, N103 for a brace that is none."""
    try:
        for name in _names(text):
            if name not in known:
                message = f"`{{{name}}}` is nothing that `{key}` knows"
                hint = did_you_mean(name, known) or f"known: {', '.join(sorted(known))}"
                report.error("N102", place, message, hint)
    except ValueError:
        message = f"`{key}` has a brace that begins or ends no placeholder"
        report.error("N103", place, message, "write `{{` for a brace itself")


def _names(text: str) -> Iterator[str]:
    for _, name, form, conversion in Formatter().parse(text):
        if name is not None:
            yield name if not form and not conversion else f"{name}:{form}"


def _worded(node: MapNode | None, report: Report) -> Iterator[tuple[str, str]]:
    for entry in () if node is None else node.entries:
        words = as_text(entry.value, f"the words of `{entry.key}`", report)
        if words is not None:
            yield entry.key, " ".join(words.split())


def _changes(node: MapNode | None, report: Report) -> Iterator[tuple[str, str]]:
    if node is None:
        return
    for factor, words in _worded(node, report):
        _check(words, factor, OF_CHANGES, node.key_place(factor), report)
        yield factor, words
