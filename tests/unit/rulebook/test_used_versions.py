"""A version that has decided stays as it is; its lists of keys change without a new one."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from decision_service.author.backtest.rules import RulesOrder, compiled
from decision_service.decide.codec import decode_facts
from decision_service.decide.replay import ReadDecisions, ReplayDecision, WhichRules
from decision_service.domain.decision import ListAnswer, Outcome
from decision_service.domain.errors import StoreUnavailable
from decision_service.domain.ports import StoredEntry, StoredText
from decision_service.factors.registry import catalogue
from decision_service.rollout.impact import JudgedApplicant
from decision_service.rulebook import acceptance
from decision_service.rulebook import load as shared_files
from decision_service.rulebook.acceptance import (
    ListChange,
    altered,
    list_changes,
    newest_list_changes,
)
from decision_service.rulebook.archive import CompilationThread, RulesetArchive, files_from_body
from decision_service.rulebook.folder import RuleFolder, TextFile
from decision_service.rulebook.manifest import Publication, manifest_text
from decision_service.rulebook.replica_check import rules_digest
from decision_service.rules import inputs
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.inputs import list_answers, read_list
from tests.fakes.cases import changed_rules
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.plans import planned
from tests.fakes.shipped import CHAMPION
from tests.fakes.watched import Serving, serving_on
from tests.fakes.world import NOW, PRODUCT, World, application, loaded, rulebook, shipped_rules
from tests.unit.rollout.plans import edited
from tests.unit.rollout_running.test_compare import ALONE, CHALLENGER, compared

if TYPE_CHECKING:
    from decision_service.domain.factor import Value
    from decision_service.rulebook.rulebook import Rulebook
    from decision_service.rules.language.diagnostics import Report
    from decision_service.rules.program import KeyList

SECOND = timedelta(seconds=1)

OTHERWISE = ("regulatory: Legal capacity", "regulatory: Capacity")

CALLED = ("title: ", "# a remark\ntitle: ")


def with_version(folder: RuleFolder, version: int, *changes: tuple[str, str]) -> RuleFolder:
    """A folder with the text of one version of the product changed."""
    return with_product(
        folder,
        lambda one: {
            "rulesets": {
                number: replace(file, text=edited(file.text, *changes))
                if number == version
                else file
                for number, file in one.rulesets.items()
            }
        },
    )


def with_tables(folder: RuleFolder, *changes: tuple[str, str]) -> RuleFolder:
    """A folder with the product's tables changed."""
    return with_product(
        folder, lambda one: {"tables": {n: edited(t, *changes) for n, t in one.tables.items()}}
    )


def with_product(folder, changes):
    """A folder with fields of the product replaced."""
    products = tuple(
        replace(one, **changes(one)) if one.product == PRODUCT else one for one in folder.products
    )
    return replace(folder, products=products)


async def reloaded(log: InMemoryDecisionLog, folder: RuleFolder, **how: bool) -> list[str]:
    """The codes by which a process on the shipped rules refuses a folder, none where it decides."""
    return await (await serving_on(log=log, **how)).take(folder)


@pytest.fixture
async def log() -> InMemoryDecisionLog:
    """The record of a service in which the champion has decided."""
    world = World()
    await world.log.put_texts(_texts(shipped_rules()))
    await world.decide()(application(), world.call())
    return world.log


def _texts(folder: RuleFolder) -> tuple[StoredText, ...]:
    return loaded(folder).texts


async def test_a_version_that_has_decided_is_not_edited(log: InMemoryDecisionLog) -> None:
    """A changed value is refused at the file's `version`, and the hint names the next one."""
    folder = with_version(shipped_rules(), CHAMPION, OTHERWISE)
    one = await serving_on(log=log)
    assert await one.take(folder) == ["R603"]
    [problem] = one.active_rules.status.refused
    assert (problem.code, problem.quoted) == ("R603", f"version: {CHAMPION}")
    assert f"bring v{CHAMPION} back" in problem.hint
    assert f"as v{CHAMPION + 1}" in problem.hint


async def test_its_tables_are_not_edited_either(log: InMemoryDecisionLog) -> None:
    """A changed row of a table file is content of the version that reads it."""
    [problem] = await altered(log, *_loaded(with_tables(shipped_rules(), (">= 30000", ">= 31000"))))
    assert (problem.code, problem.file) == ("R603", f"rules/personal-loan-ph/v{CHAMPION}.yaml")


def _loaded(folder: RuleFolder):
    return folder, rulebook(folder)


async def test_layout_is_no_content(log: InMemoryDecisionLog) -> None:
    """A comment changes nothing, so that it may be added to a version that has decided."""
    assert await reloaded(log, with_version(shipped_rules(), CHAMPION, CALLED)) == []


async def test_a_version_that_has_decided_nothing_is_edited_freely(
    log: InMemoryDecisionLog,
) -> None:
    """The candidate, by which nobody was decided, may still change."""
    folder = with_version(
        shipped_rules(), 2, ("regulatory: Declining income", "regulatory: Falling income")
    )
    assert await reloaded(log, folder) == []


async def test_on_made_up_people_it_is_edited(log: InMemoryDecisionLog) -> None:
    """Where edits of used versions are allowed, as with embedded people, the change decides."""
    folder = with_version(shipped_rules(), CHAMPION, OTHERWISE)
    assert await reloaded(log, folder, edits_used=True) == []


async def test_content_that_newer_code_digests_otherwise_is_unchanged(
    log: InMemoryDecisionLog,
) -> None:
    """After an update of the service the stored text tells that the version is as it was."""
    folder, book = _loaded(shipped_rules())
    champion = book.product(PRODUCT).champion
    body = next(t.body for t in _texts(folder) if t.digest == champion.digest)
    before = InMemoryDecisionLog()
    await before.put_texts(
        [
            StoredText("as computed before", "ruleset", body),
            StoredText("used before", f"used {PRODUCT}@{CHAMPION}", b"as computed before"),
        ]
    )
    assert await altered(before, folder, book) == ()
    assert await altered(before, *_loaded(with_version(folder, CHAMPION, OTHERWISE))) != ()


async def test_no_decision_is_recorded_whose_version_could_not_be_noted() -> None:
    """The note is durable before the decision is, so that none is ever missed."""

    class Full(InMemoryDecisionLog):
        async def put_texts(self, given) -> None:
            raise StoreUnavailable("the store is full: make room")

    world = World(log=Full())
    with pytest.raises(StoreUnavailable):
        await world.decide()(application(), world.call())
    assert (await world.log.look_up("anonymous", "r-1")).entry is None


LINE = "  max_months_without_income: {type: integer, value: 3}\n"

USING = (("\nmax_age:", "\nuses: [_shared/months.yaml]\n\nmax_age:"), (LINE, ""))

SHARED_FILE = "_shared/months.yaml"


def with_shared(months: str = LINE) -> RuleFolder:
    """A folder whose champion has one of its parameters from a shared file."""
    folder = with_version(shipped_rules(), CHAMPION, *USING)
    return replace(folder, shared={SHARED_FILE: f"params:\n{months}"})


async def test_what_moves_to_a_shared_file_is_what_it_was(log: InMemoryDecisionLog) -> None:
    """A version that has decided may take an entry from `_shared` that says the same."""
    folder = with_shared(f"{LINE}  of_others: {{type: flag, value: true}}\n")
    assert await reloaded(log, folder) == []


async def test_a_shared_file_is_not_edited_under_a_version_that_uses_it(
    log: InMemoryDecisionLog,
) -> None:
    """The refusal names the version that would change, and the shared files among the causes."""
    [problem] = await altered(log, *_loaded(with_shared(LINE.replace("3", "2"))))
    assert (problem.code, problem.file) == ("R603", f"rules/personal-loan-ph/v{CHAMPION}.yaml")
    assert "`_shared`" in problem.hint


def test_a_recorded_version_keeps_its_shared_files() -> None:
    """The stored text compiles to the same digest, whatever `_shared` holds today."""
    folder = with_shared(LINE.replace("3", "2"))
    digest = rulebook(folder).product(PRODUCT).versions[CHAMPION].digest
    body = next(text.body for text in _texts(folder) if text.digest == digest)
    found = compile_ruleset(files_from_body(body), catalogue(), checks=()).ruleset
    assert found is not None
    assert found.digest == digest != rulebook().product(PRODUCT).versions[CHAMPION].digest


def test_a_manifest_covers_shared_files_and_entries_that_nobody_uses_are_told() -> None:
    """`_shared` is published with the products; what no version uses is warned of at its line."""
    folder = with_shared(f"{LINE}  of_nobody: {{type: flag, value: true}}\n")
    assert SHARED_FILE in folder.contents
    found = [d for d in loaded(folder).diagnostics if d.file.endswith(SHARED_FILE)]
    assert [(d.code, d.line) for d in found] == [("R512", 3)]


NEXT = CHAMPION + 1

NEWER = ("voluntary member\n", "voluntary member\n  - paid by himself\n")

EMPLOYERS = "employers.yaml"


def on_package(folder: RuleFolder, *changes: tuple[str, str]) -> RuleFolder:
    """A lender's folder without `_data`, on a package whose list of employers has these changes."""
    data = {**folder.data, EMPLOYERS: edited(folder.data[EMPLOYERS], *changes)}
    return replace(folder, data=data, shipped=tuple(sorted(data)))


async def test_a_newer_packages_data_changes_no_version_that_has_decided(
    log: InMemoryDecisionLog,
) -> None:
    """It decides on under its own digest, and a version new to the store has the newer data."""
    before = rulebook(shipped_rules()).product(PRODUCT).versions
    package = on_package(shipped_rules(), NEWER)
    upgraded = with_product(package, lambda one: {"rulesets": {**one.rulesets, NEXT: third(one)}})
    one = await serving_on(log=log)
    assert await one.take(upgraded) == []
    after = one.product.versions
    assert after[CHAMPION].digest == before[CHAMPION].digest
    assert after[NEXT].digest == rulebook(upgraded).product(PRODUCT).versions[NEXT].digest
    words = [after[number].needs.policy.not_employers for number in (CHAMPION, NEXT)]
    assert ["paidbyhimself" in one for one in words] == [False, True]


def third(product):
    """The second version once more, as the one after the champion."""
    file = product.rulesets[2]
    path = file.path.replace("v2", f"v{NEXT}")
    return replace(file, path=path, text=edited(file.text, ("version: 2", f"version: {NEXT}")))


async def test_a_folders_own_data_is_not_edited_under_a_version(log: InMemoryDecisionLog) -> None:
    """What the folder has itself is its own content: the change is refused as ever."""
    folder = replace(on_package(shipped_rules(), NEWER), shipped=())
    assert await reloaded(log, folder) == ["R603"]


RULE = """    rules:
      - id: blocked_employer
        when: inputs.employer_code in lists.blocked
        then: REFER
        reason: INCOME_TOO_LOW
        when_missing: SKIP
        because: who states no employer is looked at elsewhere
"""

FIRST = "  requested_amount: {"

INPUT = f"  employer_code: {{type: text}}\n{FIRST}"

ASKED = ((FIRST, INPUT), ("    rules:\n      - id: no_source\n", f"{RULE}      - id: no_source\n"))

PATH = f"{PRODUCT}/lists/blocked.csv"

SENT = {"employer_code": "acme-017"}


def with_list(*keys: str) -> RuleFolder:
    """The shipped rules, whose champion asks a list that holds these keys."""
    text = "key\n" + "".join(f"{key}\n" for key in keys)
    folder = with_version(shipped_rules(), CHAMPION, *ASKED)
    return with_product(folder, lambda _: {"lists": {"lists/blocked.csv": text}})


@dataclass(slots=True)
class Office:
    """A world whose rules are taken over from a folder, with its decisions and replays."""

    folder: RuleFolder = field(default_factory=with_list)
    world: World = field(default_factory=World)
    serving: Serving | None = None

    async def reload(self, *keys: str) -> list[str]:
        """Take the folder over with a list of these keys; the codes by which it is refused."""
        self.folder = with_list(*keys)
        return await self.take_over()

    async def take_over(self) -> list[str]:
        if self.serving is None:
            self.serving = await serving_on(log=self.world.log)
        self.serving.clock.wall += SECOND
        refused = await self.serving.take(self.folder)
        self.world.book = self.serving.active_rules.current()
        return refused

    async def decide(self, request_id: str = "r-1", **inputs: object) -> StoredEntry:
        """The entry of a decision for a steady earner of this employer."""
        sent = {**application().inputs, **inputs}
        asked = application(request_id=request_id, inputs=sent)
        return await self.world.decide()(asked, self.world.call())

    async def replay(
        self, decision_id: str, **inputs: Value
    ) -> tuple[Outcome, tuple[ListAnswer, ...]]:
        """What the decision comes to today, with other inputs."""
        log, book = self.world.log, lambda: self.world.book
        archive = RulesetArchive(log, book, CompilationThread())
        replay = ReplayDecision(log, ReadDecisions(log, archive), archive, book)
        again = await replay(decision_id, WhichRules(), "", inputs)
        return again.decision.verdict.outcome, again.decision.answers


@pytest.fixture
async def office() -> Office:
    """A process on rules that ask an empty list."""
    office = Office()
    assert await office.reload() == []
    return office


async def test_a_changed_list_decides_without_a_new_version(office: Office) -> None:
    """The digest of a version that has decided stays, and the next application is blocked."""
    before = office.world.book.product(PRODUCT).versions[CHAMPION].digest
    assert (await office.decide("r-1", **SENT)).outcome is Outcome.APPROVE
    assert await office.reload("ACME-017") == []
    assert office.world.book.product(PRODUCT).versions[CHAMPION].digest == before
    assert (await office.decide("r-2", **SENT)).outcome is Outcome.REFER


async def test_lists_are_read_and_compared_off_the_loop(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No decision waits for a reload: very many keys are read on a thread, whatever for."""
    threads = list[threading.Thread]()

    def noted(path: str, text: str, report: Report) -> KeyList | None:
        threads.append(threading.current_thread())
        return read_list(path, text, report)

    for module in (inputs, shared_files, acceptance):
        monkeypatch.setattr(module, "read_list", noted)
    assert await office.reload("ACME-017") == []
    assert len(threads) > 3
    assert threading.main_thread() not in threads


async def test_a_decision_is_replayed_by_the_answer_that_it_had(office: Office) -> None:
    """The record holds the list, its digest and the answer; a list of today changes none of it."""
    await office.reload("ACME-017")
    entry = await office.decide(**SENT)
    stored = await office.world.log.get(entry.decision_id)
    assert stored is not None
    [answer] = decode_facts(stored.facts).answers
    [keys] = office.world.book.product(PRODUCT).lists
    assert answer == ListAnswer("blocked", "employer_code", listed=True, digest=keys.digest)
    await office.reload("SOMEBODY-ELSE")
    assert await office.replay(entry.decision_id) == (Outcome.REFER, (answer,))
    assert await office.replay(entry.decision_id, **SENT) == (Outcome.REFER, (answer,))
    outcome, [other] = await office.replay(entry.decision_id, employer_code="somebody-else")
    assert (outcome, other.listed, other.digest != answer.digest) == (Outcome.REFER, True, True)
    outcome, [other] = await office.replay(entry.decision_id, employer_code="nobody")
    assert (outcome, other.listed) == (Outcome.APPROVE, False)


async def test_an_answer_is_recorded_only_about_what_was_sent(office: Office) -> None:
    """Records of applications without the input are as long as they were."""
    entry = await office.decide()
    stored = await office.world.log.get(entry.decision_id)
    assert stored is not None
    assert decode_facts(stored.facts).answers == ()


async def test_every_change_of_a_list_is_journalled_once(office: Office) -> None:
    """An entry tells when, from which digest to which and how many keys; other edits have none."""
    with capture_logs() as logs:
        await office.reload("ACME-017", "BETA-2")
    first, second = await newest_list_changes(office.world.log, 9)
    [change] = first.changes
    assert (first.at, first.by, change.path) == (NOW + 2 * SECOND, "", PATH)
    assert (change.keys, change.added, change.removed) == (2, 2, 0)
    assert change.before == second.changes[0].after
    assert second.changes[0].before == ""
    assert [one["path"] for one in logs if "list" in one["event"]] == [PATH]
    await office.take_over()
    assert len(await newest_list_changes(office.world.log, 9)) == 2


async def test_the_publisher_of_a_list_is_named(office: Office) -> None:
    """A published folder's manifest holds the list's digest, and says who answers for it."""
    folder = with_list("ACME-017")
    assert PATH in folder.contents
    by_maria = Publication("Maria", "2026-11-24T04:00:00Z")
    text = manifest_text(by_maria, folder.contents)
    office.folder = replace(folder, manifest=TextFile("rules/manifest.yaml", text))
    assert await office.take_over() == []
    [newest] = await newest_list_changes(office.world.log, 1)
    assert newest.by == "Maria"
    moved = with_list("ACME-017", "BETA-2")
    office.folder = replace(moved, manifest=office.folder.manifest)
    assert "M002" in await office.take_over()


async def test_a_broken_list_keeps_the_last_good_one(office: Office) -> None:
    """Nothing is half loaded: a list with a fault decides for nobody."""
    await office.reload("ACME-017")
    assert await office.reload("A", "a") == ["R124"]
    assert (await office.decide(**SENT)).outcome is Outcome.REFER


def test_a_list_that_goes_is_a_change() -> None:
    """Of a file that is no more the digest after is empty, and its keys are counted as removed."""
    gone = with_product(with_list(), lambda _: {"lists": {}})
    [change] = list_changes(with_list("A", "B"), gone)
    assert change == ListChange(PATH, change.before, "", 0, 0, 2)


def test_processes_with_other_lists_decide_by_other_rules() -> None:
    """Replicas of which one has an old list are told apart like those with an old version."""
    one, same, other = (rulebook(with_list(key)) for key in ("A", "A", "B"))
    assert rules_digest(one) == rules_digest(same) != rules_digest(other)
    assert rules_digest(rulebook()) != rules_digest(one)


def test_lists_that_nobody_asks_and_names_that_collide_are_told() -> None:
    """A list without a rule is a warning, a name that means two lists an error."""
    folder = with_list("A")
    more = {"lists/blocked.csv": "key\nA\n", "lists/unasked.csv": "key\n", "lists/Odd.csv": "x\n"}
    folder = with_product(folder, lambda _: {"lists": more})
    shared = {"_shared/lists/blocked.csv": "key\nB\n", "_shared/lists/idle.csv": "key\n"}
    found = loaded(replace(folder, shared=shared)).diagnostics
    shown = {
        (d.code, d.file.removeprefix(f"{folder.products[0].path.rpartition('/')[0]}/"))
        for d in found
        if d.code.startswith("R") and d.code != "R515"
    }
    assert shown == {
        ("R514", f"{PRODUCT}/lists/unasked.csv"),
        ("R516", f"{PRODUCT}/lists/unasked.csv"),
        ("R514", "_shared/lists/idle.csv"),
        ("R516", "_shared/lists/idle.csv"),
        ("R124", PATH),
        ("R125", f"{PRODUCT}/lists/Odd.csv"),
        ("R132", f"{PRODUCT}/lists/Odd.csv"),
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("key\n", "it is empty"),
        ("key,until\nA,2026-11-13\nB,2026-11-12\n", "its last key ended on 2026-11-13"),
        ("key,until\nA,2026-11-13\nB,\n", ""),
        ("key,until\nA,2026-11-24\n", ""),
    ],
)
async def test_a_list_of_which_no_key_counts_is_named(office: Office, text: str, why: str) -> None:
    """An emptied list, and one that has wholly ended, decide with a warning."""
    folder = with_product(with_list("A"), lambda _: {"lists": {"lists/blocked.csv": text}})
    found = loaded(folder).nothing_listed
    words = [f"nothing is on the list `blocked`: {why}"] if why else []
    assert [(d.severity.value, d.message) for d in found] == [("warning", one) for one in words]
    await office.reload("B")
    office.folder = folder
    with capture_logs() as logs:
        assert await office.take_over() == []
    warned = [log["log_level"] for log in logs if "list counts" in log["event"]]
    assert warned == ["warning"] * len(words)


def two_versions(champion_asks: bool, *keys: str) -> Rulebook:
    """Version 9 asks the list, and decides nobody; version 1 knows the input, and may ask, too."""
    folder = planned(changed_rules(9, *ASKED), ALONE + CHALLENGER)
    changes = ASKED if champion_asks else ASKED[:1]
    text = "key\n" + "".join(f"{key}\n" for key in keys)
    folder = with_version(folder, 1, *changes)
    return rulebook(with_product(folder, lambda _: {"lists": {"lists/blocked.csv": text}}))


@pytest.mark.parametrize("asked_then", [True, False])
async def test_rules_on_recorded_decisions_read_answers_of_then_and_else_of_today(
    asked_then: bool,
) -> None:
    """A list that was asked answers as it did; one that was not is read as it is today."""
    office = Office()
    office.world.book = two_versions(asked_then)
    assert (await office.decide(**SENT)).outcome is Outcome.APPROVE
    office.world.book = two_versions(asked_then, "ACME-017")
    [one] = await compared(office.world)
    assert isinstance(one, JudgedApplicant)
    assert one.changed is not asked_then


def test_a_backtest_asks_the_lists_of_the_folder() -> None:
    """Workers compile stored files, which hold no lists, and answer from those of today."""
    folder = with_list("ACME-017")
    ruleset = rulebook(folder).product(PRODUCT).versions[CHAMPION]
    body = next(text.body for text in loaded(folder).texts if text.digest == ruleset.digest)
    order = RulesOrder(body, lists={"lists/blocked.csv": "key\nACME-017\n"})
    [answer] = list_answers(compiled(order), SENT, NOW.date())
    assert answer.listed
    assert compiled(order).digest == ruleset.digest
