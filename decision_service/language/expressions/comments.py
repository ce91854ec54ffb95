"""Comments that read like the rest of the expression before them, which YAML has cut there."""

from __future__ import annotations

import ast
import re

from decision_service.language.diagnostics import Report
from decision_service.language.expressions.parser import Parsed, parse
from decision_service.language.expressions.signatures import SIGNATURES
from decision_service.language.yaml.nodes import Scalar

_GOES_ON = re.compile(r"(and|or|not|in|if|else)\b|[-+*/<>=!]")
_TELLING = re.compile(r"[0-9<>]|[=!]=|[a-z]\.[a-z]")
_LONGEST_SHOWN = 60


def warn_of_comment(scalar: Scalar, report: Report) -> None:
    """R313 where the comment after an expression reads like a part of it, or like another one."""
    comment = scalar.comment
    if comment is None or not (_continues(scalar, comment.text) or _compares(scalar, comment.text)):
        return
    shown = comment.text[:_LONGEST_SHOWN]
    message = f"the comment reads like an expression, and nothing of it counts: `{shown}`"
    hint = "remove the `#` if it belongs to the expression; else say it in words"
    report.warning("R313", comment.place, message, hint)


def _continues(scalar: Scalar, comment: str) -> bool:
    """Whether the text with its comment is an expression, too."""
    telling = _GOES_ON.match(comment) and _TELLING.search(comment)
    return bool(telling) and _parsed(scalar, f"{scalar.text} {comment}") is not None


def _compares(scalar: Scalar, comment: str) -> bool:
    """Whether the comment alone compares something or calls a function."""
    parsed = _parsed(scalar, comment)
    return parsed is not None and any(
        isinstance(node, ast.Compare)
        or (isinstance(node, ast.Call) and parsed.source(node.func) in SIGNATURES)
        for node in ast.walk(parsed.body)
    )


def _parsed(scalar: Scalar, text: str) -> Parsed | None:
    return parse(Scalar(text, plain=True, place=scalar.place, verbatim=False), Report())
