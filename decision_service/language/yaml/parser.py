"""YAML as a tree with places: a strict subset in which nothing changes its meaning silently.

Only `true`/`false` are flags and only decimal numbers are numbers (YAML 1.2's core in spirit);
everything else is text. Anchors, aliases, tags, duplicate keys, tabs, more than 256 KiB and more
than 16 levels are refused while the events stream in, before anything is built of them.
"""

from __future__ import annotations

import re

import yaml

from decision_service.language.diagnostics import Place, Report, split_lines
from decision_service.language.yaml.composer import Composer
from decision_service.language.yaml.nodes import YamlNode
from decision_service.language.yaml.syntax import report_syntax

LARGEST_TEXT = 256 * 1024

_NOT_TEXT = re.compile(
    r"[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)


def decode(file: str, raw: bytes, report: Report) -> str | None:
    """The text of a file's bytes: UTF-8 only; a leading byte order mark is dropped."""
    try:
        return raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = "the file is not UTF-8 text"
        report.error("R101", Place(file, line, 1, 2), message, "save it as UTF-8")
        return None


def read(file: str, text: str, report: Report) -> YamlNode | None:
    """The tree of a text with one document; None where there is none to be had.

    Every problem goes to the report. Recoverable ones (a duplicate key, an anchor, a torn scalar,
    a tab) leave a tree behind, so that other checks still run.
    """
    text = text.removeprefix("\ufeff")
    report.add_text(file, text)
    if not _is_acceptable(file, text, report):
        return None
    tabs = _report_tabs(file, text, report)
    composer = Composer(file, text.replace("\t", " "), report)
    try:
        return composer.run()
    except yaml.YAMLError as error:
        if not tabs:
            report_syntax(file, composer.lines, error, report)
        return None


def _is_acceptable(file: str, text: str, report: Report) -> bool:
    if len(text) > LARGEST_TEXT or len(text.encode("utf-8", "replace")) > LARGEST_TEXT:
        message = f"the file is larger than {LARGEST_TEXT // 1024} KiB"
        report.error("R102", Place(file, 1, 1, 2), message, "move rows into a table file")
        return False
    bad = _NOT_TEXT.search(text)
    if bad is None:
        return True
    line = len(split_lines(text[: bad.start()]))
    column = bad.start() - max(text.rfind(c, 0, bad.start()) for c in "\r\n")
    message = f"the character U+{ord(bad.group()):04X} does not belong in a text file"
    report.error("R101", Place(file, line, column, column + 1), message, "save it as UTF-8 text")
    return False


def _report_tabs(file: str, text: str, report: Report) -> bool:
    if "\t" not in text:
        return False
    for number, line in enumerate(split_lines(text), 1):
        if "\t" in line:
            column = line.index("\t") + 1
            report.error("R103", Place(file, number, column, column + 1), "a tab", "use spaces")
    return True
