"""The stored form of a ruleset's files, by digest, so that replay survives every later edit."""

from __future__ import annotations

import msgspec

from decision_service.pipeline.ports import StoredText
from decision_service.ruleset.program.model import CompiledRuleset, RulesetFiles


class _Files(msgspec.Struct, frozen=True):
    product: str
    path: str
    text: str
    data: dict[str, str]
    tables: dict[str, str]
    shared: dict[str, str] = msgspec.field(default_factory=dict)


def ruleset_text(ruleset: CompiledRuleset, files: RulesetFiles) -> StoredText:
    """The files of a compiled ruleset, ready to be stored under its digest."""
    beside = dict(files.data), dict(files.tables), dict(files.shared)
    stored = _Files(files.product, files.path, files.text, *beside)
    return StoredText(ruleset.digest, "ruleset", msgspec.json.encode(stored))


def files_from_body(body: bytes) -> RulesetFiles:
    """The files that were stored; raises msgspec.ValidationError when the bytes are not those."""
    stored = msgspec.json.decode(body, type=_Files)
    return RulesetFiles(
        product=stored.product,
        path=stored.path,
        text=stored.text,
        data=stored.data,
        tables=stored.tables,
        lists=None,
        shared=stored.shared,
    )
