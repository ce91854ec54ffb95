"""The `rollout` commands as operators use them, on a running service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from decision_service.cli.output import Exit
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import PRODUCT, own_rules, running
from tests.fakes.plans import CHALLENGED
from tests.unit.cli.commands import Done, command
from tests.unit.rollout.plans import edited

GEORGE = sandbox_people()[0].user_id
PLAN = edited(
    CHALLENGED,
    ("initial_stage: all", "initial_stage: staff"),
    ("allow: [staff-1]", f"allow: [{GEORGE}]"),
    ("{name: pilot, percent: 1}", "{name: pilot, percent: 1, hold: 3d, min_decisions: 200}"),
    ("initial_stage: whole", "initial_stage: half"),
)
Rollout = Callable[..., object]


@pytest_asyncio.fixture
async def rollout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Rollout]:
    """Runs `decision-service rollout …` against a service with a staged plan."""
    rules = own_rules(tmp_path)
    (rules / PRODUCT / "rollout.yaml").write_text(PLAN)
    with capture_logs():
        async with running(tmp_path, rules_dir=str(rules)) as live:

            async def call(*words: str) -> Done:
                at = ("--address", live.service.address)
                return await asyncio.to_thread(command, capsys, "rollout", *words, *at)

            yield call


async def test_show_says_where_it_stands_and_what_comes_next(rollout: Rollout) -> None:
    """Stage, share, since when, by whom and why; the arms' shares; the command for the next."""
    await rollout("advance", PRODUCT, "--track", "go-live", "--why", "staff were content")
    done = await rollout("show", PRODUCT)
    assert done.code == Exit.DONE, done.err
    lines = done.out.splitlines()
    head = f"{PRODUCT} · go-live stage pilot (1 %) since 20"
    head_line = next(line for line in lines if line.startswith(head))
    assert head_line.endswith("UTC by anonymous “staff were content”")
    assert any("challenger v2 · stage half (50 %)" in line for line in lines)
    shares = [line.split()[:4] for line in lines if line.split()[3:4] == ["%"]]
    assert shares == [["champion", "v1", "0.50", "%"], ["challenger", "v2", "0.50", "%"]]
    following = next(line for line in lines if line.startswith("Next: go-live"))
    assert "stage early (5 %) from 20" in following
    assert f'decision-service rollout advance {PRODUCT} --track go-live --why "…"' in following


async def test_a_change_says_what_it_did_and_history_says_it_again(rollout: Rollout) -> None:
    """A change that changes nothing says so; history has the newest first, page by page."""
    for words, said in (
        (("advance", "--track", "go-live"), "go-live staff → pilot (step 2, by anonymous)"),
        (("roll-back", "--track", "challenger"), "challenger v2 half → 0 % (step 3,"),
        (("pause",), "paused (step 4,"),
        (("resume", "--ticket", "RISK-7"), "resumed (step 5, by anonymous)"),
        (("kill",), "product killed (step 6,"),
        (("kill",), "nothing changed"),
        (("revive",), "product revived (step 7,"),
        (("kill", "--arm", "challenger"), "challenger v2 killed (step 8,"),
    ):
        done = await rollout(words[0], PRODUCT, *words[1:], "--why", "[b]because[/b]")
        assert (done.code, done.err) == (Exit.DONE, "")
        assert f"{PRODUCT}: {said}" in done.out
    lines = (await rollout("history", PRODUCT)).out.splitlines()
    rows = [line.split()[0] for line in lines[1:] if line.strip()]
    assert rows == [*"87654321"]
    assert "RISK-7" in lines[4]
    assert "product killed" in lines[3]
    assert "[b]because[/b]" in lines[3]
    assert "go-live at staff, challenger v2 at half" in lines[8]
    page = await rollout("history", PRODUCT, "--limit", "7")
    token = page.out.rpartition("--page-token ")[2].strip()
    rest = await rollout("history", PRODUCT, "--page-token", token, "--format", "json")
    assert [step["action"] for step in json.loads(rest.out)["steps"]] == ["begin"]


async def test_a_refused_change_is_exit_code_one(rollout: Rollout) -> None:
    """What the rollout refuses is a finding, with the reason and what to do; a bad name is not."""
    await rollout("pause", PRODUCT, "--why", "holiday")
    refused = await rollout("advance", PRODUCT, "--track", "go-live", "--why", "go")
    assert refused.code == Exit.FINDINGS
    assert "is paused: resume it before advancing" in refused.err
    assert refused.err.count("\n") == 1
    stale = ("--position", "1", "--plan-digest", "0" * 64, "--debug")
    changed = await rollout("roll-back", PRODUCT, "--track", "challenger", "--why", "x", *stale)
    assert (changed.code, "reason PLAN_CHANGED" in changed.err) == (Exit.FINDINGS, True)
    late = await rollout(
        "roll-back", PRODUCT, "--track", "challenger", "--why", "x", "--position", "1", "--debug"
    )
    assert (late.code, "reason ROLLOUT_MOVED_ON" in late.err) == (Exit.FINDINGS, True)
    unknown = await rollout("show", "car-loan")
    assert (unknown.code, "NOT_FOUND: " in unknown.err) == (Exit.SERVER, True)


async def test_a_step_before_hold_and_count_says_why_it_is_early(rollout: Rollout) -> None:
    """Without --early it is refused with what is not met; with it the journal has both."""
    up = ("advance", PRODUCT, "--track", "go-live", "--why", "go on")
    assert (await rollout(*up)).code == Exit.DONE
    refused = await rollout(*up)
    assert refused.code == Exit.FINDINGS
    assert "is held until 20" in refused.err
    assert "UTC and has 0 of 200 decisions: wait, or advance with --early and say" in refused.err
    early = await rollout(*up, "--early")
    assert "go-live pilot → early" in early.out, early.err
    [step, *_] = json.loads((await rollout("history", PRODUCT, "--format", "json")).out)["steps"]
    assert "has 0 of 200 decisions" in step["figures"]["did not wait"]
    assert (await rollout(*up)).code == Exit.DONE
    nothing = await rollout("confirm", PRODUCT, "--why", "go")
    assert (nothing.code, "nothing of" in nothing.err) == (Exit.FINDINGS, True)
