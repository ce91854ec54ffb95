"""Texts in several languages, as reasons and conditions carry them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from decision_service.language.diagnostics import Report
from decision_service.language.yaml.nodes import YamlNode
from decision_service.language.yaml.readers import as_map, as_text

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def read_texts(node: YamlNode, what: str, report: Report) -> Mapping[str, str] | None:
    """Texts by language, `en` among them."""
    languages = as_map(node, what, report)
    if languages is None:
        return None
    texts: dict[str, str] = {}
    for entry in languages.entries:
        if not _LANGUAGE.fullmatch(entry.key):
            message = f"`{entry.key}` is no language"
            report.error("R123", entry.key_place, message, "write a tag such as en or fil")
        text = as_text(entry.value, f"{what} in `{entry.key}`", report)
        if text is not None:
            texts[entry.key] = text
    if languages.get("en") is None:
        report.error("R121", languages.place, f"{what} has no `en`", "English is required")
    return texts if "en" in texts else None
