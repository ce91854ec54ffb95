"""A version that has decided anything stays as it is."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from decision_service.domain.errors import StoreUnavailable
from decision_service.domain.ports import StoredText
from decision_service.factors.registry import catalogue
from decision_service.rulebook.acceptance import altered
from decision_service.rulebook.archive import files_from_body
from decision_service.rulebook.folder import RuleFolder
from decision_service.rules.compile import compile_ruleset
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.serving import serving_on
from tests.fakes.shipped import CHAMPION
from tests.fakes.world import PRODUCT, World, application, loaded, rulebook, shipped_rules
from tests.unit.rollout.plans import edited

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
    return await (await serving_on(log=log)).take(folder, **how)


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
