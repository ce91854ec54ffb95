"""A story of the whole service, read from its file; every fault has its line and remedy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import ClassVar

from decision_service.domain.accounts import Kind
from decision_service.domain.decision import Outcome
from decision_service.domain.snapshot import KnownCount
from decision_service.domain.values import Month
from decision_service.rulebook.load import load_rules
from decision_service.rulebook.rulebook import Rulebook
from decision_service.rulebook.stories import SECTIONS, Part, Story, each, read_story
from decision_service.rules.language.diagnostics import Report, render_all
from decision_service.rules.language.fields import Fields, as_choice, as_text
from tests.fakes.shipped import FOLDER


@dataclass(frozen=True)
class Waiting:
    """What a NOT_YET_POSTED decision names: the month, when it is due, and the account."""

    month: Month
    due: date | None
    account: str | None


@dataclass(frozen=True)
class Refused:
    """A request that is answered with an error: on a field of it, or because data is arriving."""

    field: str | None
    not_ready: bool


@dataclass(frozen=True)
class ServiceStory:
    """One file; only what was written is compared.

    `about` are factors that the reasons must name, `known` what an earlier decision saw.
    """

    LISTS: ClassVar = (
        "incomes", "eincomes", "contributions", "employments", "liabilities", "transactions",
        "tasks", "insights", "identities", "providers",
    )  # fmt: skip
    rules: Story
    failing: tuple[str, ...] = ()
    known: tuple[KnownCount, ...] = ()
    clean: bool = True
    about: tuple[str, ...] = ()
    waits_for: Waiting | None = None
    refused: Refused | None = None

    @property
    def path(self) -> str:
        return self.rules.case.place.file

    @property
    def title(self) -> str:
        """The applicant in one line."""
        return self.rules.case.name

    @property
    def why(self) -> str:
        """The reason in the analyst's words."""
        return self.rules.fields.text("why")

    @property
    def product(self) -> str:
        """Whose rules decide."""
        return self.rules.ruleset.ruleset

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.rpartition("/")[2].removesuffix(".yaml")

    @property
    def outcome(self) -> Outcome | None:
        """The outcome that is expected; None where the request is refused."""
        return self.rules.case.expectation.outcome


ALSO = ("about", "waits_for", "refused", "failing", "clean", "changed")
OF_ACCOUNT = ("earlier",)


class StoryRefused(ValueError):
    """A file that is no story; the message shows every fault with its line."""


@cache
def shipped() -> Rulebook:
    """The products of `rules/`."""
    loading = load_rules(FOLDER, datetime(2026, 11, 15, 4, tzinfo=UTC))
    assert loading.rulebook is not None, render_all(loading.errors)
    return loading.rulebook


def service_story(path: Path, shown: str) -> ServiceStory:
    """The story of a file, `shown` being its name in messages; raises StoryRefused."""
    report, products = Report(), shipped().products
    rules = read_story(shown, path.read_text(encoding="utf-8"), products, report, ALSO, OF_ACCOUNT)
    story = rules and _with_service(rules, report)
    if report.failed or story is None:
        raise StoryRefused(render_all(report.diagnostics()) or f"{shown}: the file is empty")
    return story


def story_text(name: str) -> str:
    """What the file of a story says: enough to choose by, where reading it is too slow."""
    return Path(__file__).with_name(f"{name}.yaml").read_text(encoding="utf-8")


@cache
def story_named(name: str) -> ServiceStory:
    """The story of tests/stories with a name."""
    file = f"{name}.yaml"
    return service_story(Path(__file__).with_name(file), f"tests/stories/{file}")


def _with_service(rules: Story, report: Report) -> ServiceStory:
    fields = rules.fields
    _check_changes(fields, report)
    accounts = {}
    for node in fields.items("accounts"):
        account = Fields(node, "an account", report, optional=[e.key for e in node.entries])
        accounts[account.text("name") or account.text("provider")] = account
    failing = [
        as_choice(n, "`failing`", ServiceStory.LISTS, report) for n in fields.items("failing")
    ]
    return ServiceStory(
        rules,
        tuple(failing),
        tuple(one for name, held in accounts.items() for one in _earlier(rules, name, held)),
        fields.flag("clean") is not False,
        tuple(as_text(n, "`about`", report) or "" for n in fields.items("about")),
        _waiting(rules, accounts),
        _refused(fields),
    )


def _part(story: Story, fields: Fields) -> Part:
    return Part(fields, story.case.as_of, "PHP")


def _earlier(story: Story, name: str, account: Fields) -> list[KnownCount]:
    """How many records an earlier decision saw of an account, and the newest one's month."""
    found = []
    for node in each(account.get("earlier")):
        required, optional = ("kind", "count"), ("newest",)
        fields = Fields.of(node, "`earlier`", account.report, required=required, optional=optional)
        kind = Kind(SECTIONS[fields.choice("kind", SECTIONS)].kind)
        newest = _part(story, fields).month(fields.get("newest"), "newest")
        count = fields.integer("count", 1)
        found.append(KnownCount(f"a-{name}", kind, count, newest.index if newest else None))
    return found


def _waiting(story: Story, names: dict[str, Fields]) -> Waiting | None:
    node, report = story.fields.get("waits_for"), story.fields.report
    keys = {"required": ("month",), "optional": ("due", "account")}
    fields = node and Fields.of(node, "`waits_for`", report, **keys)
    if not fields:
        return None
    part = _part(story, fields)
    month = part.month(fields.get("month"), "month")
    return Waiting(month, part.day("due"), fields.choice("account", sorted(names)))


def _refused(story: Fields) -> Refused | None:
    node, optional = story.get("refused"), ("field", "not_ready")
    fields = node and Fields.of(node, "`refused`", story.report, optional=optional)
    return Refused(fields.text("field"), bool(fields.flag("not_ready"))) if fields else None


def _check_changes(fields: Fields, report: Report) -> None:
    """Every change of an expectation has its date and its reason."""
    for node in fields.items("changed"):
        change = Fields.of(node, "`changed`", report, required=("on", "what", "because"))
        if change:
            change.day("on")
            change.text("what")
            change.text("because")
