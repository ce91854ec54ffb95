"""Journey 5: who writes rules, from a figure to a version that two persons released, and back."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect
from structlog.testing import capture_logs

from decision_service.api.v1 import decision_pb2, rollout_pb2
from decision_service.api.v1 import decision_service_pb2 as decisions_pb
from decision_service.api.v1 import rollout_service_pb2 as pb
from tests.console.house import House, at, shot
from tests.e2e.browser import browser
from tests.e2e.page import PROGRAM, Terminal
from tests.e2e.page import Page as DocumentedPage
from tests.e2e.service import PRODUCT, outcome, running
from tests.e2e.story import (
    CHALLENGED_PLAN,
    MIN_UNITS,
    PATIENCE,
    Server,
    Story,
    challenged,
    crowd,
    told,
)
from tests.e2e.story import PRODUCT as STORY
from tests.e2e.test_rollouts import planned
from tests.journeys.kit import ANISHA, CHRISTINA, GEORGE, RYAN, Lender, lender
from tests.kits.cases import until
from tests.kits.postgres import Postgres

# A figure is changed, judged, proved, and signed by two

CASE = """
  - name: just under nine thousand is not enough
    factors: {income.conservative_6m: 8999.99, income.median_6m: 8999.99}
    expect: {outcome: DECLINE, reasons: [INCOME_TOO_LOW]}
"""
SHOWN = (
    "by juan, signed by two:",
    "personal-loan-ph v4 (champion) against v3: ",
    "from 8000 to 9000",
    "changes: the champion from v3 to v4",
    "loosenings to be accepted by name:",
    "Tests of personal-loan-ph v4: coverage 100 %",
    "Impact: Approvals ",
    "Proofs: PROVED: personal-loan-ph v4 gives no applicant a better outcome",
)


@pytest.mark.long
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_a_higher_minimum_decides_once_two_have_signed_what_they_saw(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is judged over what was recorded, and proved; until the second signs, the old ones decide.

    Both are shown the old champion against the new one, the tests, the impact and the proof.
    """
    async with lender(tmp_path, url, capsys) as at:
        for user_id in (GEORGE, RYAN, ANISHA):
            await at.office.decided(user_id)
        await _two_change_the_rules(at)


async def _two_change_the_rules(at: Lender) -> None:
    _write_next_version(at.rules / PRODUCT)
    impact, proofs = await _evidence(at)
    plan = at.rules / PRODUCT / "rollout.yaml"
    plan.write_text(plan.read_text().replace("champion: 3", "champion: 4"))
    evidence = ("--impact", impact, "--proofs", proofs)
    # The figure's cases are others than those of the version that decides
    meant = ("--accept", f"{PRODUCT}/tests/v4.yaml")
    first = await at.sign("juan", "--ticket", "RISK-7", *evidence, *meant)
    assert first.code == 0, first.err
    digest = first.out.split()[-1]
    verify = ("rules", "verify", at.rules, "--callers", at.folder / "callers.yaml")
    assert "M008" in (await at.run(*verify)).err
    alone = await at.sign("juan", "--digest", digest)
    assert (alone.code, "another caller" in alone.err) == (1, True)
    await until(lambda: _status(at), lambda now: now.get("refused"))
    assert "impact_digest" not in (await _status(at))["published"]
    seen = await at.sign("maria")
    assert (seen.code, f"--digest {digest}" in seen.err) == (1, True)
    for line in SHOWN:
        assert line in seen.out, line
    assert (await at.sign("maria", "--digest", digest)).code == 0
    told = await at.run(*verify, "--format", "json")
    assert told.code == 0, told.err
    named = {"impact": _sha256(impact), "proofs": _sha256(proofs)}
    assert json.loads(told.out)["evidence"] == named
    manifest = (at.rules / "manifest.yaml").read_text()
    assert all(f"{name}: {one}\n" in manifest for name, one in named.items())
    now = await until(lambda: _status(at), lambda found: not found.get("refused"))
    assert (now["published"]["proposed_by"], now["published"]["approved_by"]) == ("juan", "maria")
    assert now["published"]["impact_digest"] == named["impact"]
    made = await at.office.decided(CHRISTINA)
    assert made.ruleset_ref.version == 4


def _write_next_version(product: Path) -> None:
    text = (product / "v3.yaml").read_text().replace("version: 3", "version: 4", 1)
    assert "min_monthly_income: {type: money, value: 8000}" in text
    (product / "v4.yaml").write_text(text.replace("money, value: 8000}", "money, value: 9000}"))
    cases = (product / "tests" / "v3.yaml").read_text().replace("version: 3", "version: 4", 1)
    least = cases.index("  - name: eight thousand a month is the least this loan needs")
    cases = cases[:least] + cases[cases.index("  - name: ", least + 5) :]
    cases = cases.replace("8000: APPROVE offer.approved_amount=9000", "9000: APPROVE")
    (product / "tests" / "v4.yaml").write_text(cases + CASE)


async def _evidence(at: Lender) -> tuple[Path, Path]:
    """The impact report and the proof of a change, as files."""
    impact, proofs = at.folder / "impact", at.folder / "proofs.json"
    versions = (f"{PRODUCT}@3", f"{PRODUCT}@4", "--claim", "tightens", "--rules", at.rules)
    proved = await at.run("rules", "prove", *versions, "--format", "json")
    assert json.loads(proved.out)["result"] == "PROVED"
    proofs.write_text(proved.out)
    other = ("--with", at.rules / PRODUCT / "v4.yaml", "--rules", at.rules, "--jobs", "1")
    store = ("--store", at.store_url, "--out", impact)
    judged = await at.run("backtest", PRODUCT, *other, *store)
    assert judged.code == 0, judged.err
    return impact / "impact.json", proofs


async def _status(at: Lender) -> Any:
    """What the service says of its rules to Maria, refused or not."""
    token = ("--token-file", at.folder / "maria.token", "--format", "json")
    address = ("--address", at.office.live.service.address)
    return json.loads((await at.run("rules", "status", *address, *token)).out)


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


# A rollout on two processes

CHAMPION = "champion"


@pytest.mark.long
async def test_a_rollout_from_staff_to_everybody(tmp_path: Path, postgres: Postgres) -> None:
    """Applicants change their arm by journalled steps alone, and both processes always agree."""
    async with told(tmp_path, postgres.migrated()) as story:
        people = story.crowd
        arms = dict.fromkeys(people.everybody, "") | dict.fromkeys(people.staff, CHAMPION)
        await story.agree_on(arms)
        await story.decide((*people.staff, *people.pilot[:2], *people.outside[:2]))
        await story.agree_on(arms)

        await story.one.advance("staff were content for a week")
        arms |= dict.fromkeys(people.pilot, CHAMPION)
        await story.agree_on(arms)
        await story.decide(people.pilot)

        await story.other.advance("no complaints in the pilot")
        arms |= dict.fromkeys(people.half, CHAMPION)
        await story.agree_on(arms)

        await story.publish(CHALLENGED_PLAN)
        arms |= {one: "challenger" for one in people.half if challenged(one)}
        await story.agree_on(arms)
        made = await story.decide(people.half)
        assert {(d.assignment.arm, outcome(d)) for d in made} == {
            ("champion", "APPROVE"),
            ("challenger", "DECLINE"),
        }
        await the_guardrail_rolls_it_back(story)
        await both_processes_show_the_same_figures(story)
        arms |= dict.fromkeys(people.half, CHAMPION)
        await story.agree_on(arms)
        await a_challengers_decision_replays(story, made)

        await story.one.switch("the bureau asks us to stop", killed=True)
        await decides_nobody(story.other)
        await story.agree_on(dict.fromkeys(arms, ""))
        await story.other.switch("the bureau is content", killed=False)
        await story.agree_on(arms)

        await story.one.advance("five weeks without a finding")
        await story.agree_on(dict.fromkeys(arms, CHAMPION))
        await story.decide(people.outside)
        await the_journal_explains_every_decision(story)


async def the_guardrail_rolls_it_back(story: Story) -> None:
    """Nobody does anything: a process sees it decline too many, and says what it saw."""
    step = (await until(story.other.steps, lambda steps: steps[-1].action == "roll-back"))[-1]
    figures = step.figures
    assert step.who == "guardrail approvals"
    assert step.after.challenger_stage == ""
    assert (figures["metric"], figures["of"]) == ("approval_rate", "challenger")
    assert (figures["value"], figures["allowed"]) == ("-100.0 pt", "no difference")
    approved, seen = figures["challenger"].split(" of ")
    assert (approved, seen) == ("0", figures["units"])
    assert int(seen) >= MIN_UNITS
    assert step.why.startswith("the challenger's approvals against the champion's: -100.0 pt")
    await until(story.one.rollout, lambda now: now.last_step == step)


async def both_processes_show_the_same_figures(story: Story) -> None:
    """What each counted for itself adds up to what both decided since the stage began."""
    request = pb.GetRolloutRequest(product=STORY)

    async def arms() -> list[list[Any]]:
        return [
            list((await server.rollouts.GetRollout(request)).figures.arms)
            for server in (story.one, story.other)
        ]

    (champion, challenger), _ = await until(
        arms, lambda two: two[0] == two[1] and all(a.attempts == a.decisions for a in two[0])
    )
    assert champion.decisions + challenger.decisions == len(story.crowd.half)
    assert champion.approved.count == champion.applicants
    assert challenger.declined.count == challenger.applicants
    assert challenger.percent == "0"


async def a_challengers_decision_replays(story: Story, made: list[decision_pb2.Decision]) -> None:
    """What the challenger decided is still its decision, wherever the rollout stands now."""
    decision = next(d for d in made if d.assignment.arm == "challenger")
    request = decisions_pb.ReplayDecisionRequest(decision_id=decision.decision_id)
    replayed = await story.other.decisions.ReplayDecision(request)
    assert replayed.decision.assignment == decision.assignment
    assert replayed.decision.ruleset_ref.version == 2
    assert list(replayed.differing_fields) == []


async def decides_nobody(server: Server) -> None:
    """A process that was told nothing stops deciding, even for the allowed."""
    await until(
        lambda: server.decide(crowd().staff[0]),
        lambda decision: decision.assignment.enrolment_reason == "KILLED",
    )


async def the_journal_explains_every_decision(story: Story) -> None:
    """Each stands at a stage, and has an arm, that a step in force then gives."""
    steps = await story.one.steps()
    assert [step.action for step in steps] == [
        "begin",
        "advance",
        "advance",
        "plan",
        "roll-back",
        "kill",
        "revive",
        "advance",
    ]
    for decision in await story.other.recorded():
        assert any(explains(standing, decision) for standing in in_force(steps, decision))


def in_force(
    steps: list[rollout_pb2.RolloutStep], decision: decision_pb2.Decision
) -> list[rollout_pb2.RolloutStanding]:
    """Where the rollout stood at a decision, and shortly before, since news takes its time."""
    at, late = instant(decision), timedelta(seconds=PATIENCE)
    before = [step for step in steps if instant(step) <= at]
    fresh = [step.before for step in before if at - instant(step) < late]
    return [before[-1].after, *fresh]


def explains(standing: rollout_pb2.RolloutStanding, decision: decision_pb2.Decision) -> bool:
    """Whether a decision can have been made where the rollout stood."""
    assignment = decision.assignment
    if standing.killed:
        return assignment.enrolment_reason == "KILLED"
    runs = bool(standing.challenger_stage) and not standing.challenger_killed
    same = assignment.stage == standing.go_live_stage and assignment.enrolment_reason != "KILLED"
    return same and (runs or assignment.arm != "challenger")


def instant(message: decision_pb2.Decision | rollout_pb2.RolloutStep) -> datetime:
    """When it was made."""
    return message.create_time.ToDatetime(tzinfo=UTC)


# The rollout of the page

HEADING = "An example from the first day to the last"
SETTING = "DECISION_"


@pytest.mark.long
async def test_the_rollout_of_the_page_can_be_typed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command has the words after its `#`, and the journal the cells that are shown."""
    terminal = Terminal(capsys, ("/tmp/story", tmp_path / "story"))
    async with AsyncExitStack() as stack:
        stack.enter_context(capture_logs())
        for language, text in DocumentedPage("run.md").blocks(HEADING):
            if language == "text":
                shown(text, terminal.printed)
                continue
            for line in text.splitlines():
                if line == f"{PROGRAM} serve":
                    started = running(tmp_path, **settings(terminal))
                    live = await stack.enter_async_context(started)
                    terminal.address = live.service.address
                else:
                    await terminal.type(line)
    assert "go-live half → all" in terminal.printed


def settings(terminal: Terminal) -> dict[str, str]:
    """The settings that were exported, by their names in lower case."""
    given = terminal.variables.items()
    return {
        name.removeprefix(SETTING).lower(): value
        for name, value in given
        if name.startswith(SETTING)
    }


def shown(text: str, printed: str) -> None:
    """Each cell of the page's table is in the line that was printed, whatever the digits are."""
    lines = [without_digits(line) for line in printed.splitlines()]
    for row in text.strip().splitlines():
        cells = [without_digits(cell.removesuffix("…").strip()) for cell in split(row)]
        assert any(all(cell in line for cell in cells) for line in lines), row


def split(row: str) -> list[str]:
    """The cells between two or more spaces."""
    return re.split(r"\s{2,}", row.strip())


def without_digits(text: str) -> str:
    return re.sub(r"\d", "0", text)


# At the console


@pytest.mark.long
@browser
async def test_risk_advances_a_canary_and_kills_it(tmp_path: Path) -> None:
    """Each step wants a reason; after the kill the page says what becomes of applicants."""
    rules = planned(tmp_path)
    async with at(tmp_path, "imelda", f"/rollouts/{PRODUCT}", rules_dir=str(rules)) as (home, page):
        await shot(page, "rollout")
        advance = page.locator("form[action$='/advance']").filter(
            has=page.locator("[value=challenger]")
        )
        await unfold(page, advance)
        await advance.get_by_label("Why", exact=True).fill("Half of them went well.")
        early = advance.get_by_role("checkbox")
        if await early.count():
            await early.check()
        await advance.get_by_role("button").click()
        await page.wait_for_url("**?step=*")
        shown = (await home.call("imelda", "RolloutService.GetRollout", product=PRODUCT)).rollout
        assert shown.challenger.stage == "whole"
        kill = page.locator("form[action$='/kill']").filter(has=page.locator("[value=challenger]"))
        await unfold(page, kill)
        await kill.get_by_role("button").click()  # without a reason nothing is sent
        assert not (await rollout(home)).challenger.killed
        await kill.get_by_label("Why", exact=True).fill("Complaints.")
        await kill.get_by_role("button").click()
        await page.wait_for_url("**?step=*")
        await shot(page, "killed")
        assert (await rollout(home)).challenger.killed
        await expect(page.locator("main")).to_contain_text("Complaints.")


async def rollout(home: House) -> Any:
    return (await home.call("imelda", "RolloutService.GetRollout", product=PRODUCT)).rollout


async def unfold(page: Page, inner: Any) -> None:
    """Open the panel around a form, where it is closed."""
    await inner.first.wait_for(state="attached")
    folded = page.locator("details:not([open])").filter(has=inner)
    if await folded.count():
        await folded.first.locator("summary").first.click()
