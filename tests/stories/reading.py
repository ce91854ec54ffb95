"""Reads a story's file; every fault is told with file, line and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from decision_service.domain.person import GivenApplicant
from decision_service.language.diagnostics import Report, render_all
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import MapNode
from decision_service.language.yaml.parser import read
from decision_service.language.yaml.readers import as_scalar, as_text
from decision_service.ruleset.testing.expectations import read_expectation
from tests.stories.accounts import LISTS, read_account
from tests.stories.on_record import read_on_record
from tests.stories.story import Expected, Plain, Refused, Story, Waiting
from tests.stories.times import Today, read_date, read_month, read_today

PRODUCTS = ("personal-loan-ph", "gig-advance-ph")
FAILING = (*LISTS, "providers")
REQUIRED = ("title", "product", "today", "application", "accounts", "why")
_APPLICANT = ("name", "born", "phone", "email")
_EXPECTED = ("expect", "about", "figures", "waits_for", "refused")
OPTIONAL = (*_EXPECTED, "version", "applicant", "failing", "clean", "changed", "on_record")


class StoryRefused(ValueError):
    """A file that is no story; the message shows every fault with its line."""


def read_story(path: Path, shown: str) -> Story:
    """The story of a file, `shown` being its name in messages; raises StoryRefused."""
    report = Report()
    story = _story(path, shown, report)
    if report.failed or story is None:
        raise StoryRefused(render_all(report.diagnostics()) or f"{shown}: the file is empty")
    return story


def _story(path: Path, shown: str, report: Report) -> Story | None:
    node = read(shown, path.read_text(encoding="utf-8"), report)
    fields = node and Fields.of(node, "a story", report, required=REQUIRED, optional=OPTIONAL)
    today_node = fields and fields.get("today")
    today = read_today(today_node, report) if today_node else None
    if not fields or today is None:
        return None
    _check_changes(fields, report)
    names: set[str] = set()
    accounts = [read_account(one, names, today, report) for one in fields.items("accounts")]
    return Story(
        shown,
        fields.text("title") or "",
        fields.choice("product", PRODUCTS) or "",
        fields.integer("version", 1),
        today,
        _plain(fields.map("application"), report),
        _applicant(fields),
        tuple(one for one in accounts if one is not None),
        _choices(fields, "failing"),
        fields.flag("clean") is not False,
        _expected(fields, today, names),
        fields.text("why") or "",
        read_on_record(fields.get("on_record"), today, report),
    )


def _applicant(fields: Fields) -> GivenApplicant | None:
    """Who applies, as the loan system says; None where it says nothing."""
    node = fields.get("applicant")
    inner = node and Fields.of(node, "`applicant`", fields.report, optional=_APPLICANT)
    if not inner:
        return None
    name, phone, email = (inner.text(key) or "" for key in ("name", "phone", "email"))
    return GivenApplicant(name, inner.day("born"), phone, email)


def _expected(fields: Fields, today: Today, names: set[str]) -> Expected:
    report = fields.report
    if not fields.has("expect") and not fields.has("refused"):
        hint = "add `expect: {outcome: …}`, or `refused:` where the request itself is turned down"
        report.error("R121", fields.node.place, "a story has no `expect`", hint)
    expect = fields.get("expect")
    return Expected(
        read_expectation(expect, report) if expect is not None else None,
        tuple(as_text(n, "`about`", report) or "" for n in fields.items("about")),
        _plain(fields.map("figures"), report),
        _waiting(fields, today, names),
        _refused(fields),
    )


def _waiting(fields: Fields, today: Today, names: set[str]) -> Waiting | None:
    node = fields.get("waits_for")
    optional = ("due", "account")
    inner = node and Fields.of(
        node, "`waits_for`", fields.report, required=("month",), optional=optional
    )
    if not inner:
        return None
    month_node, due_node = inner.get("month"), inner.get("due")
    month = month_node and read_month(month_node, "`month`", today, fields.report)
    due = due_node and read_date(due_node, "`due`", today, fields.report)
    account = inner.choice("account", sorted(names))
    return Waiting(month, due or None, account) if month else None


def _refused(fields: Fields) -> Refused | None:
    node = fields.get("refused")
    optional = ("field", "not_ready")
    inner = node and Fields.of(node, "`refused`", fields.report, optional=optional)
    return Refused(inner.text("field"), bool(inner.flag("not_ready"))) if inner else None


def _check_changes(fields: Fields, report: Report) -> None:
    """Every change of an expectation has its date and its reason."""
    for node in fields.items("changed"):
        change = Fields.of(node, "`changed`", report, required=("on", "what", "because"))
        if change:
            change.day("on")
            change.text("what")
            change.text("because")


def _choices(fields: Fields, key: str) -> tuple[str, ...]:
    items = (as_scalar(node, f"`{key}`", fields.report) for node in fields.items(key))
    found = tuple(item for item in items if item is not None)
    for item in found:
        if item.text not in FAILING:
            hint = "write some of: " + ", ".join(FAILING)
            fields.report.error("R123", item.place, f"no list is named `{item.text}`", hint)
    return tuple(item.text for item in found)


def _plain(node: MapNode | None, report: Report) -> Mapping[str, Plain]:
    """Names with numbers, flags and texts."""
    found: dict[str, Plain] = {}
    for entry in node.entries if node else ():
        scalar = as_scalar(entry.value, f"`{entry.key}`", report)
        if scalar is not None and scalar.is_number:
            found[entry.key] = Decimal(scalar.text)
        elif scalar is not None:
            found[entry.key] = scalar.text == "true" if scalar.is_flag else scalar.text
    return found
