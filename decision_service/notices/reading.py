"""A product's texts for letters, read from YAML and checked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from string import Formatter

import msgspec

from decision_service.language.diagnostics import Diagnostic, Place, Report, did_you_mean
from decision_service.language.yaml import parser as yaml
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import MapNode, YamlNode
from decision_service.language.yaml.readers import as_text
from decision_service.notices.model import KindTexts, NoticeKind, NoticeTexts
from decision_service.notices.words import LANGUAGES

PLACEHOLDERS = frozenset(
    {"lender", "application_id", "decision_id", "decided_on", "asked", "amount", "expires_on"}
)
"""What the texts of a letter may name."""

_SHARED = ("lender", "contact", "contest")


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
    fields = Fields.of(
        root, "the notices", report, required=(*_SHARED, *kinds), optional=("limits",)
    )
    if fields is None:
        return None
    shared = {key: _filled(fields, key) for key in _SHARED}
    return NoticeTexts(
        language=language,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        limits=dict(_limits(fields.map("limits"), report)) if fields.has("limits") else {},
        kinds={kind: _kind(fields, kind) for kind in kinds},
        **shared,
    )


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
    for name in _names(text, fields, key):
        if name not in PLACEHOLDERS:
            message = f"`{{{name}}}` is nothing that a letter knows"
            hint = did_you_mean(name, PLACEHOLDERS) or f"known: {', '.join(sorted(PLACEHOLDERS))}"
            fields.report.error("N102", fields.place(key), message, hint)
    return " ".join(text.split())


def _names(text: str, fields: Fields, key: str) -> Iterator[str]:
    try:
        for _, name, form, conversion in Formatter().parse(text):
            if name is not None:
                yield name if not form and not conversion else f"{name}:{form}"
    except ValueError:
        message = f"`{key}` has a brace that begins or ends no placeholder"
        fields.report.error("N103", fields.place(key), message, "write `{{` for a brace itself")


def _limits(node: MapNode | None, report: Report) -> Iterator[tuple[str, str]]:
    for entry in () if node is None else node.entries:
        words = as_text(entry.value, f"the words of `{entry.key}`", report)
        if words is not None:
            yield entry.key, words
