"""The first lines of a rule file: which product, which version, in which currency and zone."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

from decision_service.ruleset.reading.draft import RulesetDraft
from decision_service.ruleset.reading.literals import as_currency

_PRODUCT = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_VERSION_FILE = re.compile(r"v([1-9][0-9]*)")


def read_header(draft: RulesetDraft) -> None:
    """Read `ruleset`, `version`, `title`, `currency` and `time_zone`."""
    _read_product(draft)
    _read_version(draft)
    draft.title = draft.root.text("title") or ""
    _read_currency(draft)
    draft.zone = _read_zone(draft)


def _read_product(draft: RulesetDraft) -> None:
    name = draft.root.scalar("ruleset")
    if name is None:
        return
    draft.ruleset = name.text
    if not _PRODUCT.fullmatch(name.text) or len(name.text) > 60:
        hint = "use lower-case words joined by `-`: personal-loan-ph"
        message = f"`{name.text}` is no product name"
        draft.report.error("R125", name.place, message, hint)
    elif name.text != draft.files.product:
        message = f"this file is in the folder `{draft.files.product}` but says `{name.text}`"
        draft.report.error("R601", name.place, message, "the folder name is the product")


def _read_version(draft: RulesetDraft) -> None:
    draft.version = draft.root.integer("version", 1, 99_999) or 0
    stem = _VERSION_FILE.fullmatch(PurePosixPath(draft.files.path).stem)
    if draft.version and stem is not None and int(stem[1]) != draft.version:
        message = f"this file is named `{stem[0]}` but says version {draft.version}"
        hint = "a version lives in the file of its number"
        draft.report.error("R602", draft.root.place("version"), message, hint)


def _read_currency(draft: RulesetDraft) -> None:
    code = as_currency(draft.root.scalar("currency"), draft.report)
    if code is not None:
        draft.names.currency = code


def _read_zone(draft: RulesetDraft) -> ZoneInfo | None:
    name = draft.root.scalar("time_zone")
    if name is None:
        return None
    try:
        return ZoneInfo(name.text)
    except (KeyError, ValueError, OSError):
        message = f"there is no time zone `{name.text}`"
        draft.report.error("R123", name.place, message, "write an IANA name: Asia/Manila")
        return None
