"""Compilation beside the event loop: on another thread, one at a time, bounded."""

import asyncio
import threading

import pytest

from decision_service.decide.dry_run import ValidateRules
from decision_service.domain.errors import Overloaded
from decision_service.factors.registry import catalogue
from decision_service.rulebook.archive import MOST, CompilationThread, RulesetArchive, ruleset_text
from decision_service.rulebook.folder import RuleFolder
from decision_service.rulebook.load import load_rules
from decision_service.rulebook.rulebook import Rulebook
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.program import RulesetFiles
from tests.fakes.world import World, shipped_rules
from tests.unit.rules.kit import rules, stages


class Held:
    """Work that tells that it has begun, and ends when it is let go; `ran` are the ended ones."""

    def __init__(self):
        self.begun, self.go, self.ran = threading.Event(), threading.Event(), []

    def work(self, number):
        """Wait for `go`, and give the thread."""
        self.begun.set()
        self.go.wait()
        self.ran.append(number)
        return threading.current_thread()


@pytest.fixture
def held():
    """Held work, let go in the end whatever comes."""
    one = Held()
    yield one
    one.go.set()


async def until_begun(held):
    """Let the loop turn until the work has begun on its thread."""
    while not held.begun.is_set():
        await asyncio.sleep(0)


async def test_the_loop_turns_while_a_ruleset_is_compiled(held):
    """Work that does not end keeps no other call from its turn: it runs on another thread."""
    asked = asyncio.create_task(CompilationThread().run(held.work, 1))
    await until_begun(held)
    for _ in range(1_000):
        await asyncio.sleep(0)
    assert not asked.done()
    held.go.set()
    assert await asked is not threading.current_thread()


async def test_what_waits_beyond_the_bound_is_refused(held):
    """Eight run or wait; the ninth is told to call again, and the eight end one after the other."""
    thread = CompilationThread()
    asked = [asyncio.create_task(thread.run(held.work, n)) for n in range(MOST)]
    await until_begun(held)
    with pytest.raises(Overloaded, match="8 rulesets are being compiled or wait"):
        await thread.run(held.work, MOST)
    held.go.set()
    assert len(set(await asyncio.gather(*asked))) == 1
    assert held.ran == list(range(MOST))


async def test_what_nobody_waits_for_is_not_begun(held):
    """A caller who leaves before his turn gives his place up."""
    thread = CompilationThread()
    first = asyncio.create_task(thread.run(held.work, 1))
    await until_begun(held)
    left = asyncio.create_task(thread.run(held.work, 2))
    await asyncio.sleep(0)
    left.cancel()
    await asyncio.wait([left])
    held.go.set()
    await first
    await thread.run(held.work, 3)
    assert held.ran == [1, 3]


async def test_texts_are_validated_and_old_rulesets_read_on_that_thread(held):
    """Both wait while something else is compiled, and the loop turns meanwhile."""
    world, thread = World(), CompilationThread()
    stored = load_rules(shipped_rules(), world.clock.now()).texts[0]
    await world.log.put_texts([stored])
    asked = asyncio.create_task(thread.run(held.work, 1))
    await until_begun(held)
    validate = ValidateRules(RuleFolder, frozenset(), world.clock, thread)
    archive = RulesetArchive(world.log, Rulebook, thread)
    waiting = [
        asyncio.create_task(validate("p", "ruleset: p")),
        asyncio.create_task(archive.by_digest(stored.digest)),
    ]
    for _ in range(1_000):
        await asyncio.sleep(0)
    assert not [task for task in waiting if task.done()]
    held.go.set()
    await asked
    compilation, ruleset = await asyncio.gather(*waiting)
    assert compilation.diagnostics
    assert ruleset.digest == stored.digest


async def test_an_old_ruleset_is_read_without_the_checks_of_today():
    """What has decided replays, although its text would be refused as an author's edit."""
    text = stages(rules("id: fine, when: income.months_24m / 0 > 1, then: APPROVE"))
    files = RulesetFiles("test-loan", "rules/test-loan/v1.yaml", text)
    assert compile_ruleset(files, catalogue()).ruleset is None
    once = compile_ruleset(files, catalogue(), checks=()).ruleset
    world = World()
    await world.log.put_texts([ruleset_text(once, files)])
    archive = RulesetArchive(world.log, Rulebook, CompilationThread())
    assert (await archive.by_digest(once.digest)).digest == once.digest
