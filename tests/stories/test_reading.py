"""A story's file is read or refused with its line, and a decision that differs is explained."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from msgspec import structs

from decision_service.domain.decision import DataRequest, Outcome
from decision_service.domain.factor import FactorValue
from decision_service.domain.person import FoundPerson, GivenApplicant
from decision_service.domain.values import Cause, Missing, Month
from decision_service.rulebook import stories as product_story
from decision_service.rulebook.stories import SECTIONS
from decision_service.rules.expectations import NOTHING_EXPECTED, Expectation
from decision_service.rules.tests_file import Given
from tests.stories import reading
from tests.stories.reading import Refused, StoryRefused, Waiting, service_story, story_named
from tests.stories.running import decide, differences, explained

FOLDER = Path(__file__).parent
RULES = FOLDER.parents[1] / "docs" / "rules.md"
STEADY = (FOLDER / "loan-steady-payroll-and-sss.yaml").read_text(encoding="utf-8")
FAULTS = [
    ("    payroll:", "    payrol:", 8, "did you mean `payroll`?"),
    ("product: personal", "produkt: personal", 2, "did you mean `product`?"),
    ("net: 27500", "nett: 27500", 8, "did you mean `net`?"),
    ("from: 2024-01, to: 2026-10", "from: 2024-01, to: 2026-13", 8, "write 2026-10"),
    ("from: 2024-01, to: 2026-10", "from: 2026-10, to: 2024-01", 8, "the earlier one first"),
    ("outcome: APPROVE", "outcome: APROVE", 15, "did you mean `APPROVE`?"),
    ("born: 1991-04-12", "born: April 1991", 7, "write 2026-10-05"),
    ("provider: sss_ph", "provider: sprout_ph", 10, "`name:` of its own"),
    ("today: 2026-11-15", "today: November", 3, "write 2026-11-15"),
    ("net: 27500", "net: 27,500", 8, "unknown key"),
    ("accounts:", "version: 9\naccounts:", 5, "it must be one of `1`"),
    ("{requested_amount", "{requested_amout", 4, "did you mean `requested_amount`?"),
    ("why:", "figures: {income.month_12m: 3}\nwhy:", 18, "did you mean `income.months_12m`?"),
    ("expect:\n", "expect:\n  outcom: APPROVE\n", 15, "did you mean `outcome`?"),
]


def refusal(text, tmp_path):
    """What a file of this text is refused with."""
    path = tmp_path / "story.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StoryRefused) as refused:
        service_story(path, "tests/stories/story.yaml")
    return str(refused.value)


@pytest.mark.parametrize(("right", "wrong", "line", "hint"), FAULTS)
def test_a_mistake_is_shown_with_its_line_and_what_to_do(right, wrong, line, hint, tmp_path):
    assert right in STEADY
    message = refusal(STEADY.replace(right, wrong, 1), tmp_path)
    assert f"tests/stories/story.yaml:{line}:" in message
    assert hint in message


def test_a_story_needs_an_expectation(tmp_path):
    message = refusal(STEADY[: STEADY.index("expect:")] + "why: None.\n", tmp_path)
    assert "add `expect: {outcome: …}`" in message


def test_an_account_that_is_waited_for_is_one_of_the_story(tmp_path):
    waits = "waits_for: {month: 2026-09, account: sss}\n"
    assert "did you mean `sss_ph`?" in refusal(STEADY + waits, tmp_path)


def test_a_story_says_who_applies_and_whose_account_it_is(tmp_path):
    """Both sides of a comparison; without `applicant` nobody is described."""
    path = tmp_path / "story.yaml"
    born = "born: 1991-04-12"
    applicant = "applicant: {name: Juan P. Cruz, born: 1991-04-12, phone: 0917 555 1234}\n"
    at_account = STEADY.replace(
        born, f"{born}\n    person: Juan Cruz\n    phone: '+639175551234'", 1
    )
    path.write_text(at_account + applicant, encoding="utf-8")
    story = service_story(path, "story.yaml")
    given = GivenApplicant("Juan P. Cruz", date(1991, 4, 12), "0917 555 1234")
    assert story.rules.applicant == given
    (person,) = story.rules.snapshot.identities.people
    found = FoundPerson("Juan Cruz", date(1991, 4, 12), ("+639175551234",), (), "a-sprout_ph")
    assert person == found
    path.write_text(STEADY, encoding="utf-8")
    assert service_story(path, "story.yaml").rules.applicant is None


def test_a_change_needs_its_reason(tmp_path):
    changed = "changed:\n  - {on: 2026-12-01, what: was REFER}\n"
    assert "`changed` has no `because`" in refusal(STEADY + changed, tmp_path)


def test_a_change_with_date_and_reason_is_read(tmp_path):
    path = tmp_path / "story.yaml"
    changed = "changed:\n  - {on: 2026-12-01, what: was REFER, because: the page was mended}\n"
    path.write_text(STEADY + changed, encoding="utf-8")
    assert service_story(path, "story.yaml").title == "A steady clerk with payroll and remitted SSS"


def section():
    """The text of docs/rules.md about stories."""
    text = RULES.read_text(encoding="utf-8")
    return text.partition("\n## Stories\n")[2].partition("\n## ")[0]


def test_the_page_shows_a_story_that_comes_true(tmp_path):
    example = section().partition("```yaml\n")[2].partition("```")[0]
    path = tmp_path / "story.yaml"
    path.write_text(example, encoding="utf-8")
    story = service_story(path, "docs/rules.md")
    assert differences(story, decide(story)) == []


def test_the_page_names_every_key():
    of_story = {*product_story.REQUIRED, *product_story.OPTIONAL, *product_story.OF_ACCOUNT}
    keys = of_story | {*reading.ALSO, *reading.OF_ACCOUNT}
    assert [key for key in sorted(keys) if f"`{key}`" not in section()] == []
    of_sections = {
        key for one in SECTIONS.values() for key in f"{one.required} {one.optional}".split()
    }
    assert of_sections <= set(re.findall(r"\w+", section()))


SEPTEMBER = Month.parse("2026-09")
WAITED = Missing(
    Cause.NOT_YET_POSTED, source="a-sss_ph", month=SEPTEMBER.index, due=date(2026, 12, 1)
)
MISSED = [
    ({"about": ("income.latest_share",)}, ("about", "income.latest_share", "none")),
    (
        {"refused": Refused("requested_amount", not_ready=False)},
        ("outcome", "the request is refused", "APPROVE"),
    ),
    (
        {"waits_for": Waiting(SEPTEMBER, None, "sss_ph")},
        ("waits_for", "2026-09 by sss_ph, due whenever", "nothing"),
    ),
]


def steady():
    """Somebody who is approved."""
    return story_named("loan-steady-payroll-and-sss")


def expecting(story, **expected):
    """The story with another expectation or other figures."""
    return replace(
        story,
        rules=structs.replace(story.rules, case=structs.replace(story.rules.case, **expected)),
    )


@pytest.mark.parametrize(
    ("figure", "line"),
    [
        (FactorValue("income.months_24m", 9), ("income.months_24m", "9", "24")),
        (FactorValue("loans.count", 9), ("loans.count", "9", "not asked for")),
    ],
)
def test_a_figure_that_is_not_as_expected_is_named(figure, line):
    story = expecting(
        steady(), given=Given(steady().rules.case.given.inputs, {figure.name: figure})
    )
    assert differences(story, decide(story)) == [line]


@pytest.mark.parametrize(("expected", "line"), MISSED)
def test_what_is_not_as_expected_is_named(expected, line):
    story = replace(steady(), **expected)
    assert differences(story, decide(story)) == [line]


def test_an_outcome_that_differs_is_explained():
    story = expecting(steady(), expectation=Expectation(Outcome.DECLINE, None, {}, {}, None))
    decided = decide(story)
    text = explained(story, decided, differences(story, decided))
    assert "outcome: expected DECLINE, got APPROVE" in text
    assert "income.months_24m = 24" in text
    assert story.why in text


@pytest.mark.parametrize(
    ("waits", "met"),
    [
        (Waiting(SEPTEMBER, date(2026, 12, 1), "sss_ph"), True),
        (Waiting(SEPTEMBER, None, None), True),
        (Waiting(SEPTEMBER.plus(1), None, None), False),
        (Waiting(SEPTEMBER, date(2026, 12, 2), None), False),
        (Waiting(SEPTEMBER, None, "sprout_ph"), False),
    ],
)
def test_month_day_and_account_that_are_waited_for_are_compared(waits, met):
    """Of what is not posted yet the month, the due date and the account must be the story's."""
    decided = decide(steady())
    request = DataRequest("income.months_24m", WAITED, "")
    verdict = type(decided.verdict)(Outcome.APPROVE, data_requests=(request,))
    story = replace(expecting(steady(), expectation=NOTHING_EXPECTED), waits_for=waits)
    assert (differences(story, replace(decided, verdict=verdict)) == []) is met


def test_data_that_is_not_ready_is_no_wrong_field():
    """A request that is answered with DATA_NOT_READY was not refused for one of its fields."""
    refused = Refused("requested_amount", not_ready=False)
    story = replace(story_named("loan-first-sync-just-begun"), refused=refused)
    (line,) = differences(story, decide(story))
    assert line[:2] == ("refused", "a field")
