"""Releases on a store: proposed, confirmed by two persons, and the same in every process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from decision_service.domain.actors import Actor, TokenSubject
from decision_service.domain.errors import ReleaseRefused
from decision_service.domain.ports import StoredText
from decision_service.rollout_running.releases import FolderRefused, ReleaseTerms
from decision_service.rulebook.acceptance import newest_list_changes
from decision_service.rulebook.claims import Claims, claims_text, files_digest
from decision_service.rulebook.folder import RuleFolder, read_rules
from decision_service.rulebook.loosenings import name_of
from decision_service.rulebook.manifest import CLAIMS
from decision_service.rulebook.release_content import ContentDamaged, content_of, folder_of
from decision_service.rulebook.releases import (
    Confirmation,
    Confirmer,
    ReleaseAction,
    ReleaseEntry,
    release_text,
)
from decision_service.store.seals import JOURNAL_KEYS
from decision_service.store.store import Store
from tests.fakes.watched import Serving, process_on
from tests.fakes.world import NOW, PRODUCT
from tests.kits.stores import opened
from tests.unit.cli.commands import command, product_folder

TWO = ReleaseTerms(two_persons=True)
ALONE = ReleaseTerms(two_persons=False)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RuleFolder:
    """A small product whose tests need nothing recorded."""
    product = product_folder(tmp_path_factory.mktemp("small"))
    tests = product / "tests" / "v1.yaml"
    tests.write_text(tests.read_text().partition("  - name: a recorded person")[0])
    return read_rules(product.parent)


def with_version(folder: RuleFolder, old: str, new: str) -> RuleFolder:
    [product] = folder.products
    file = product.rulesets[1]
    assert old in file.text
    changed = replace(file, text=file.text.replace(old, new, 1))
    return replace(folder, products=(replace(product, rulesets={1: changed}),))


def titled(folder: RuleFolder, title: str) -> RuleFolder:
    """The folder with a remark in its version, which is other content and decides alike."""
    return with_version(folder, "ruleset:", f"# {title}\nruleset:")


def with_lists(folder: RuleFolder, **keys: str) -> RuleFolder:
    [product] = folder.products
    lists = {f"lists/{name}.csv": f"key\n{text}\n" for name, text in keys.items()}
    return replace(folder, products=(replace(product, lists=lists),))


def with_salt(folder: RuleFolder, salt: str) -> RuleFolder:
    return with_plan(folder, f"salt: {PRODUCT}", f"salt: {salt}")


def with_plan(folder: RuleFolder, old: str, new: str) -> RuleFolder:
    [product] = folder.products
    plan = product.plan
    assert plan is not None
    assert old in plan.text
    text = plan.text.replace(old, new)
    return replace(folder, products=(replace(product, plan=replace(plan, text=text)),))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(f"sqlite:///{tmp_path / 'd.db'}") as store:
        yield store


class Late:
    """A store on which something happens once, between a look at the journal and its content."""

    def __init__(self, store: Store, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._store = store
        self._left = [meanwhile]

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def text(self, digest: str) -> StoredText | None:
        if self._left:
            await self._left.pop()()
        return await self._store.text(digest)


def person(name: str, process: Serving) -> Confirmer:
    return Confirmer(Actor("office", TokenSubject("https://id.example", name)), process.clock.wall)


async def confirm(process: Serving, name: str, digest: str, **more: object) -> ReleaseEntry:
    """A person accepts every loosening and confirms what is compared with what decides now."""
    releases = await process.releases.read()
    found = await process.releases.differences(releases, digest)
    accepted = tuple(name_of(one) for one in found.loosenings)
    asked = replace(Confirmation(digest, releases.base, accepted, why="fine"), **more)
    return await process.releases.confirm(asked, person(name, process), lambda _: True)


async def release(process: Serving, folder: RuleFolder) -> str:
    """Two persons bring a folder into force."""
    step = await process.releases.offer(folder)
    assert step is not None
    await confirm(process, "ana", step.digest)
    assert (await confirm(process, "ben", step.digest)).action is ReleaseAction.RELEASE
    return step.digest


async def actions(store: Store) -> list[str]:
    return [one.action.value for one in await store.releases()]


def deciding(process: Serving) -> str:
    return process.product.champion.digest


async def test_without_approval_a_folder_works_at_once(store: Store, folder: RuleFolder) -> None:
    one = process_on(store, ALONE)
    step = await one.releases.offer(folder)
    assert step is not None
    assert (step.action, one.releases.decides) == (ReleaseAction.RELEASE, True)
    assert await one.releases.offer(folder) is None
    [begun] = await one.rollouts.history(PRODUCT, None, 9)
    assert (begun.action, begun.who) == ("begin", "service")
    assert folder_of(await store.text(step.digest), step.digest) == folder_of(
        content_of(folder), step.digest
    )


async def test_with_approval_what_decides_goes_on_until_two_persons_confirmed(
    store: Store, folder: RuleFolder
) -> None:
    """Before the first release nothing decides; after the second person every process follows."""
    one = process_on(store, TWO)
    other = process_on(store, TWO)
    step = await one.releases.offer(folder)
    assert step is not None
    assert (step.action, one.releases.decides) == (ReleaseAction.PROPOSE, False)
    await confirm(one, "ana", step.digest)
    with pytest.raises(ReleaseRefused, match="another person confirms now"):
        await confirm(other, "ana", step.digest)
    assert not one.releases.decides
    await confirm(other, "ben", step.digest)
    await one.releases.follow()
    assert (one.releases.decides, deciding(one)) == (True, deciding(other))
    assert await one.releases.offer(titled(folder, "later")) is not None
    before = deciding(one)
    with pytest.raises(FolderRefused):
        await one.releases.offer(with_version(folder, "ruleset:", "rulset:"))
    assert deciding(one) == before
    again = process_on(store, TWO)
    await again.releases.start()
    assert deciding(again) == before


async def test_rolling_processes_with_two_folders_neither_cancel_nor_overtake_each_other(
    store: Store, folder: RuleFolder
) -> None:
    """Both wait side by side; after the newer is in force the older proposes nothing."""
    one = process_on(store, TWO)
    other = process_on(store, TWO)
    first = await release(one, folder)
    newer = await other.releases.offer(titled(folder, "newer"))
    assert newer is not None
    assert await one.releases.offer(folder) is None
    assert await one.releases.offer(titled(folder, "newer")) is None
    third = await one.releases.offer(titled(folder, "third"))
    assert third is not None
    open_now = [step.digest for step in (await one.releases.read()).open(NOW)]
    assert open_now == [newer.digest, third.digest]
    await confirm(one, "ana", newer.digest)
    await confirm(other, "ben", newer.digest)
    assert await one.releases.offer(folder) is None
    deciding_now = (await one.releases.read()).in_force
    assert deciding_now is not None
    assert deciding_now.digest == newer.digest != first
    with pytest.raises(ReleaseRefused, match="compared with rules that no longer decide"):
        await confirm(one, "ana", third.digest)


async def test_of_confirmations_at_once_one_puts_it_in_force(
    store: Store, folder: RuleFolder
) -> None:
    one = process_on(store, TWO)
    other = process_on(store, TWO)
    step = await one.releases.offer(folder)
    assert step is not None
    await confirm(one, "ana", step.digest)
    done = await asyncio.gather(
        confirm(one, "ben", step.digest),
        confirm(other, "carla", step.digest),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in done) in (
        ["ReleaseEntry", "ReleaseRefused"],
        ["ReleaseEntry", "_StepTaken"],
    )
    assert await actions(store) == ["propose", "confirm", "release"]


async def test_processes_that_offer_at_once_lose_no_folder(
    store: Store, folder: RuleFolder
) -> None:
    """Who comes second compares again: other folders wait side by side, equal ones are one."""
    processes = [process_on(store, TWO) for _ in range(3)]
    given = [folder, titled(folder, "another"), folder]
    await asyncio.gather(
        *(one.releases.offer(each) for one, each in zip(processes, given, strict=True))
    )
    waiting = {step.digest for step in (await processes[0].releases.read()).open(NOW)}
    assert waiting == {content_of(each).digest for each in given}
    assert await actions(store) == ["propose", "propose"]


async def test_a_plan_that_does_not_fit_releases_nothing(store: Store, folder: RuleFolder) -> None:
    """P501; neither the release nor a step of a rollout is there, and what decides goes on."""
    one = process_on(store, ALONE)
    await one.releases.offer(folder)
    before = await one.rollouts.history(PRODUCT, None, 9)
    with pytest.raises(FolderRefused) as refused:
        await one.releases.offer(with_salt(folder, "another"))
    assert [problem.code for problem in refused.value.problems] == ["P501"]
    assert await actions(store) == ["release"]
    assert await one.rollouts.history(PRODUCT, None, 9) == before


async def test_content_in_force_that_does_not_load_stops_a_start(
    store: Store, folder: RuleFolder
) -> None:
    content = content_of(with_version(folder, "ruleset:", "rulset:"))
    step = ReleaseEntry(1, NOW, ReleaseAction.RELEASE, content.digest)
    await store.add_release(step, content)
    with pytest.raises(FolderRefused):
        await process_on(store, TWO).releases.start()


async def test_content_that_no_program_reads_stops_a_start(store: Store) -> None:
    content = release_text(b"[]")
    await store.add_release(ReleaseEntry(1, NOW, ReleaseAction.RELEASE, content.digest), content)
    with pytest.raises(ContentDamaged, match="was stored by a newer program: run that one"):
        await process_on(store, TWO).releases.start()


@pytest.mark.parametrize("terms", [ALONE, TWO], ids=["alone", "two persons"])
async def test_a_store_of_before_begins_by_its_last_good_folder(
    store: Store, folder: RuleFolder, terms: ReleaseTerms
) -> None:
    """Where two persons must confirm, the command that makes the journal's key begins it."""
    [last] = [StoredText("rules-1", "rules", content_of(folder).body)]
    await store.put_texts([last])
    processes = [process_on(store, terms) for _ in range(2)]
    await asyncio.gather(*(one.releases.start() for one in processes))
    begun = not terms.two_persons
    assert await actions(store) == ["take-over"] * begun
    assert [one.releases.decides for one in processes] == [begun, begun]


async def test_the_command_that_seals_a_store_of_before_begins_its_journal(
    tmp_path: Path, folder: RuleFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    """What decided last is its first entry, sealed; a service then decides by it."""
    url = f"sqlite:///{tmp_path / 'd.db'}"
    async with opened(url) as store:
        await store.put_texts([StoredText("rules-1", "rules", content_of(folder).body)])
    keys = tmp_path / "journal-keys"
    JOURNAL_KEYS.add(keys)
    config = tmp_path / "config.yaml"
    config.write_text(f"store_url: {url}\njournal_key_file: {keys}\n")
    words = ("keys", "journal", "seal", "--take-over", "--config", config)
    done = await asyncio.to_thread(command, capsys, *words)
    assert (done.code, done.err) == (0, "")
    assert "nobody approved them" in done.out
    assert (await asyncio.to_thread(command, capsys, *words)).out.startswith("1 entries")
    async with opened(url, journal_keys=keys) as store:
        assert await actions(store) == ["take-over"]
        one = process_on(store, TWO)
        await one.releases.start()
        assert one.releases.decides


async def test_what_nobody_approved_decides_with_an_alarm(store: Store, folder: RuleFolder) -> None:
    content = content_of(folder)
    await store.add_release(ReleaseEntry(1, NOW, ReleaseAction.TAKE_OVER, content.digest), content)
    one = process_on(store, TWO)
    with capture_logs() as logs:
        await one.releases.start()
    assert one.releases.decides
    assert [line["alarm"] for line in logs if "alarm" in line] == ["RULES_NOT_APPROVED"]


async def test_going_back_keeps_the_lists_of_now_unless_asked(
    store: Store, folder: RuleFolder
) -> None:
    """By one person within a day, with an alarm; what came of it is other content."""
    one = process_on(store, TWO)
    await release(one, with_lists(folder, blocked="A"))
    one.clock.wall += timedelta(hours=1)
    second = await release(one, with_lists(titled(folder, "second"), blocked="B"))
    position = (await one.releases.read()).base
    asked = Confirmation("", position, why="wrong")
    with capture_logs() as logs:
        step = await one.releases.revert(asked, person("ben", one), 0, with_lists=False)
    assert step.action is ReleaseAction.REVERT
    assert [line["alarm"] for line in logs if "alarm" in line] == ["RULES_REVERTED"]
    kept = folder_of(await store.text(step.digest), step.digest)
    assert kept.products[0].lists == {"lists/blocked.csv": "key\nB\n"}
    assert "second" not in kept.products[0].rulesets[1].text
    assert not (await one.releases.differences(await one.releases.read(), step.digest)).lists
    asked = Confirmation("", step.position, why="forth")
    forth = await one.releases.revert(asked, person("ben", one), position, with_lists=True)
    assert (forth.action, forth.digest) == (ReleaseAction.PROPOSE, second)


KNOCK_OUT = """      - id: too_long
        when: inputs.requested_term_months > 30
        then: DECLINE
        reason: DEBT_TOO_HIGH
"""
WAVED_THROUGH = (
    KNOCK_OUT.replace("too_long", "short")
    .replace("> 30", "< 2")
    .replace("then: DECLINE\n        reason: DEBT_TOO_HIGH", "then: APPROVE")
)


def claimed(root: Path, before: RuleFolder, old: str, new: str) -> RuleFolder:
    """The small product with a change of its version, and with claims about it."""
    product = product_folder(root)
    tests = product / "tests" / "v1.yaml"
    tests.write_text(tests.read_text().partition("  - name: a recorded person")[0])
    file = product / "v1.yaml"
    assert file.read_text().count(old) == 1
    file.write_text(file.read_text().replace(old, new))
    claims = Claims(files_digest(read_rules(product.parent)), files_digest(before))
    (product.parent / CLAIMS).write_text(claims_text(claims))
    return read_rules(product.parent)


@pytest.mark.parametrize(
    ("rule", "one_narrows", "action"),
    [
        (KNOCK_OUT, True, ReleaseAction.RELEASE),
        (WAVED_THROUGH, True, ReleaseAction.CONFIRM),
        (KNOCK_OUT, False, ReleaseAction.CONFIRM),
    ],
    ids=["a further knock-out", "a further approval", "a further knock-out, not set"],
)
async def test_one_person_is_enough_where_that_is_set_for_what_only_narrows(
    rule: str, one_narrows: bool, action: ReleaseAction, store: Store, tmp_path: Path
) -> None:
    """A rule that approves needs two, whatever is set."""
    one = process_on(store, replace(TWO, one_narrows=one_narrows))
    first = "  - name: affordability\n"
    before = claimed(tmp_path / "before", RuleFolder(), first, first)
    await release(one, before)
    changed = claimed(tmp_path / "after", before, first, f"{rule}{first}")
    step = await one.releases.offer(changed)
    assert step is not None
    assert (await confirm(one, "ana", step.digest)).action is action


async def test_a_slow_process_puts_no_older_plan_behind_a_newer_release(
    store: Store, folder: RuleFolder
) -> None:
    """It looked at the journal just before two persons released another plan."""
    one = process_on(store, TWO)
    await release(one, folder)
    late = Late(store, lambda: release(one, with_plan(folder, "pin_for: 90d", "pin_for: 60d")))
    slow = process_on(late, TWO)  # type: ignore[arg-type]  # it hands on all other calls
    await slow.releases.follow()
    newest = (await one.rollouts.history(PRODUCT, None, 1))[0]
    assert newest.plan_digest == one.product.plan.digest
    await slow.releases.follow()
    assert slow.product.plan.digest == one.product.plan.digest


async def test_changed_lists_are_journalled_with_their_release(
    store: Store, folder: RuleFolder
) -> None:
    """By the persons who confirmed; a proposal changes nothing yet."""
    one = process_on(store, TWO)
    step = await one.releases.offer(with_lists(folder, blocked="A"))
    assert step is not None
    await confirm(one, "ana", step.digest)
    assert await newest_list_changes(store, 9) == []
    await confirm(one, "ben", step.digest)
    [changes] = await newest_list_changes(store, 9)
    assert changes.by == "office, office"
    assert [(each.path, each.added) for each in changes.changes] == [
        (f"{PRODUCT}/lists/blocked.csv", 1)
    ]
