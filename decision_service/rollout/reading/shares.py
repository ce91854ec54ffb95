"""Readers of a plan's names, shares and lists of applicants."""

from __future__ import annotations

import re
from collections.abc import Iterable

from decision_service.domain.money import EXACT
from decision_service.language.diagnostics import Place, Report
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import ListNode, MapNode, Scalar, YamlNode
from decision_service.language.yaml.readers import as_scalar, shortened

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,59}")


def read_name(fields: Fields, key: str = "name") -> str | None:
    """A name of lower-case letters, digits, `_` and `-`, as operators type it."""
    scalar = fields.scalar(key)
    if scalar is None:
        return None
    if _NAME.fullmatch(scalar.text):
        return scalar.text
    hint = "use lower-case letters, digits, `_` and `-`, beginning with a letter, at most 60"
    message = f"`{shortened(scalar.text)}` is not a name"
    fields.report.error("P201", scalar.place, message, hint)
    return None


def read_share(fields: Fields, key: str = "percent") -> int | None:
    """A percentage from 0 to 100 with at most three decimals, as thousandths of a percent."""
    percent = fields.decimal(key, 0, 100)
    if percent is None:
        return None
    share = percent.scaleb(3, EXACT)
    if share == int(share):
        return int(share)
    message = f"`{key}` is {percent}; a share has at most three decimals"
    fields.report.error("P202", fields.place(key), message, "one slot is 0.001 %")
    return None


def refuse_repeated(named: Iterable[tuple[str | None, Place]], what: str, report: Report) -> None:
    """Report every name that an earlier one of its kind has already."""
    first: dict[str, Place] = {}
    for name, place in named:
        if name is None:
            continue
        if name in first:
            hint = f"it stands on line {first[name].line} already; choose another"
            report.error("P203", place, f"two {what} are named `{name}`", hint)
        first.setdefault(name, place)


def place_of(node: YamlNode, *keys: str | int) -> Place:
    """The place of the value under these nested keys, or of the deepest key present."""
    for key in keys:
        if isinstance(key, int):
            value = node.items[key] if isinstance(node, ListNode) else None
        else:
            value = node.get(key) if isinstance(node, MapNode) else None
        if value is None:
            break
        node = value
    return node.place


def read_units(fields: Fields, key: str) -> dict[str, Place]:
    """The applicants of a list, each with its place; one that is repeated is warned about."""
    found: dict[str, Place] = {}
    for item in fields.items(key) if fields.has(key) else ():
        scalar = as_scalar(item, f"an entry of `{key}`", fields.report)
        if scalar is None or not _is_unit(scalar, key, fields.report):
            continue
        if scalar.text in found:
            message = f"`{key}` lists `{shortened(scalar.text)}` twice"
            fields.report.warning("P211", scalar.place, message, "remove one of them")
        found.setdefault(scalar.text, scalar.place)
    return found


def _is_unit(scalar: Scalar, key: str, report: Report) -> bool:
    if scalar.text and scalar.text == scalar.text.strip():
        return True
    message = f"an entry of `{key}` is empty or has spaces around it, so it never matches"
    report.error("P210", scalar.place, message, "write the value of the plan's unit")
    return False
