"""`--write-expect`: the expected change of approvals under the challenger of a rollout plan."""

from __future__ import annotations

from pathlib import Path

import yaml

from decision_service.cli.errors import CommandError, Exit
from decision_service.language.yaml.cst import LayoutError, Piece, SourceText, cut

_RATE = "approval_rate"
_HINT = "name it under `versions` first"


def with_expected(text: str, change: str, within: str, path: str) -> str:
    """A plan with the expected change of approvals; all else stays, comments and layout too.

    Raises CommandError where the plan has no challenger, or cannot be read.
    """
    try:
        source = cut(text)
    except (yaml.YAMLError, LayoutError):
        raise CommandError(f"{path} is not YAML: `rules check` says why", Exit.FINDINGS) from None
    challenger = _value(_value(source.root, "versions"), "challenger")
    if challenger is None or not challenger.entries:
        raise CommandError(f"{path} has no challenger to expect anything of: {_HINT}", Exit.USAGE)
    told = f"{{change: {change}, within: {within}}}"
    expect = _value(challenger, "expect")
    rate = _value(expect, _RATE)
    if expect is None:
        edits = [_added(source, challenger, f"expect: {{{_RATE}: {told}}}")]
    elif rate is None:
        edits = [_first(source, expect, f"{_RATE}: {told}")]
    else:
        edits = [*_changed(rate, {"change": change, "within": within}, told)]
    return _like(text, _edited(source.text, edits))


Edit = tuple[int, int, str]
"""From where to where a text is replaced, and by what."""


def _value(piece: Piece | None, key: str) -> Piece | None:
    found = () if piece is None else piece.entries
    return next((value for name, value in found if name.value == key), None)


def _added(source: SourceText, piece: Piece, entry: str) -> Edit:
    """A further entry behind the last one that ends on a line of its own."""
    if piece.flow:
        end = piece.entries[-1][1].end
        return end, end, f", {entry}"
    simple = [(k, v) for k, v in piece.entries if v.kind == "scalar" or v.flow]
    if not simple:
        return _first(source, piece, entry)
    key, value = simple[-1]
    end = source.text.find("\n", value.end)
    end = len(source.text) if end < 0 else end
    return end, end, f"\n{' ' * source.column(key.start)}{entry}"


def _first(source: SourceText, piece: Piece, entry: str) -> Edit:
    """An entry before all others."""
    if not piece.entries:
        return piece.start, piece.end, f"{{{entry}}}"
    start = piece.entries[0][0].start
    behind = ", " if piece.flow else f"\n{' ' * source.column(start)}"
    return start, start, f"{entry}{behind}"


def _changed(rate: Piece, values: dict[str, str], told: str) -> list[Edit]:
    """The numbers where they stand; the whole where one of them is not there."""
    found = {key: _value(rate, key) for key in values}
    pieces = {key: piece for key, piece in found.items() if piece and piece.kind == "scalar"}
    if len(pieces) < len(values):
        return [(rate.start, rate.end, told)]
    return [(piece.start, piece.end, values[key]) for key, piece in pieces.items()]


def _edited(text: str, edits: list[Edit]) -> str:
    for start, end, new in sorted(edits, reverse=True):
        text = f"{text[:start]}{new}{text[end:]}"
    return text


def _like(original: str, text: str) -> str:
    """With the line breaks and the mark at the beginning that the original has."""
    broken = text.replace("\n", "\r\n") if "\r\n" in original else text
    return f"\ufeff{broken}" if original.startswith("\ufeff") else broken


def plan_path(rules: Path, product: str) -> Path:
    """Where the plan of a product lies."""
    return rules / product / "rollout.yaml"
