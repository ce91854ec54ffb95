"""Published rules: as they were published, signed by two, and forward only."""

from __future__ import annotations

import hashlib
import shutil
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.rulebook.acceptance import (
    keep,
    last_good_folder,
    newest_publications,
    published_as,
    unapproved,
)
from decision_service.rulebook.folder import RuleFolder, TextFile, read_rules
from decision_service.rulebook.manifest import (
    Approval,
    Measured,
    Publication,
    Signer,
    Signing,
    SigningKey,
    approval_problems,
    contents_digest,
    digest,
    key_from,
    manifest_problems,
    manifest_text,
    new_key,
    public_line,
    publication,
    published_now,
    signed,
)
from tests.fakes.examples import examples
from tests.fakes.plans import CHALLENGED, with_plan
from tests.fakes.watched import Serving, serving_on
from tests.fakes.world import NOW, loaded, shipped_rules
from tests.unit.rollout.plans import edited
from tests.unit.rules.kit import ROOT

PATH = "rules/manifest.yaml"

CONTENTS = {"a/v1.yaml": "x: 1\n", "a/tables/t.csv": "a,b\n", "_data/p.yaml": "é\n"}

TEXTS = st.dictionaries(
    st.text("abz/._-0 é\"'", min_size=1, max_size=12), st.text(max_size=20), max_size=5
)


def codes(contents, text=None):
    """The codes and files of what is wrong with contents."""
    text = (
        manifest_text(published_now(CONTENTS, "J. Cruz", NOW), CONTENTS) if text is None else text
    )
    return [(d.code, d.file, d.line) for d in manifest_problems(PATH, text, contents)]


@settings(max_examples=examples(15), deadline=None)
@given(TEXTS, st.text("a\"':#é{}[] 1", min_size=1, max_size=20).filter(str.strip))
def test_a_folder_matches_its_own_manifest(contents, by):
    """Whatever the names, texts and publisher, a folder matches the manifest made of it."""
    contents = {"x": "", **contents}
    assert (
        manifest_problems(PATH, manifest_text(published_now(contents, by, NOW), contents), contents)
        == ()
    )


def test_a_digest_is_that_of_the_files_bytes():
    """The digest is what `sha256sum` prints for the file."""
    assert digest("é\n") == hashlib.sha256("é\n".encode()).hexdigest()


@pytest.mark.parametrize(
    ("contents", "found"),
    [
        (CONTENTS, []),
        ({**CONTENTS, "a/v1.yaml": "x: 2\n"}, [("M002", PATH, 7)]),
        ({**CONTENTS, "a/v2.yaml": "x: 2\n"}, [("M003", "rules/a/v2.yaml", 1)]),
        ({"a/v1.yaml": "x: 1\n"}, [("M001", PATH, 5), ("M001", PATH, 6)]),
    ],
)
def test_each_difference_is_located(contents, found):
    """A changed or missing file is found in the manifest's line, an extra one in itself."""
    assert codes(contents) == found


@pytest.mark.parametrize(
    "text",
    ["", "files: {}\n", "by: x\nat: y\nfiles: 3\n", "by: x\nat: y\nfiles:\n  a/v1.yaml: [1]\n"],
)
def test_a_manifest_that_is_none_is_a_problem(text):
    """An empty, torn or misshapen manifest never counts as one that matches."""
    assert codes({}, text) != []


def shipped():
    """The shipped folder, as if it had been published."""
    folder = read_rules(ROOT / "rules")
    text = manifest_text(published_now(folder.contents, "x", NOW), folder.contents)
    return replace(folder, manifest=TextFile(PATH, text))


def test_the_contents_of_a_folder_are_all_its_files():
    """Every rule, plan, table, test and data file is in it, with its bytes; no law is."""
    root = ROOT / "rules"
    files = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*.*")
        if path.suffix in (".yaml", ".csv") and path.parent.name != "_law"
    }
    files.pop("manifest.yaml", None)
    assert {k: v.encode() for k, v in read_rules(root).contents.items()} == files


def test_the_packages_data_files_are_in_what_is_stored_and_published(tmp_path):
    """A folder without `_data/` decides, is stored and is published as if the files lay in it."""
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    shutil.rmtree(tmp_path / "rules" / "_data")
    bare, whole = read_rules(tmp_path / "rules"), read_rules(ROOT / "rules")
    assert bare.contents == whole.contents
    loading, expected = loaded(bare), loaded(whole)
    assert loading.diagnostics == ()
    assert loading.texts == expected.texts
    text = manifest_text(published_now(bare.contents, "x", NOW), bare.contents)
    newer = replace(bare, data={**bare.data, "employers.yaml": "not_employers: []\n"})
    newer = replace(newer, manifest=TextFile(PATH, text))
    assert [d.code for d in loaded(newer).errors] == ["M002"]


def test_a_folder_that_was_copied_by_half_does_not_load():
    """A folder that lacks a published file gives no rulebook, and says which file."""
    folder = shipped()
    half = replace(folder, products=folder.products[:1])
    loading = loaded(half)
    assert loading.rulebook is None
    assert {d.code for d in loading.errors} == {"M001"}


def test_the_manifest_of_a_folder_is_read(tmp_path):
    """`manifest.yaml` at the top of the folder is read with its path, and is no product."""
    (tmp_path / "manifest.yaml").write_text("by: x\n")
    folder = read_rules(tmp_path)
    assert folder.manifest is not None
    assert folder.manifest.path.endswith("/manifest.yaml")
    assert (folder.manifest.text, folder.products) == ("by: x\n", ())


def test_a_manifest_that_cannot_be_read_refuses_the_folder(tmp_path):
    """A manifest that is no text is a problem, not an absent manifest."""
    (tmp_path / "manifest.yaml").write_bytes(b"\xff\xfe")
    assert [u.path.rpartition("/")[2] for u in read_rules(tmp_path).unreadable] == ["manifest.yaml"]


APPROVED = {"loan/v1.yaml": "version: 1\n", "loan/rollout.yaml": "go_live: {}\n"}

KEYS = {name: new_key() for name in ("juan", "maria", "rosa")}

TODAY = NOW.date()

EVIDENCE = {"impact": "a" * 64, "proofs": "b" * 64}


def public(name: str) -> bytes:
    """The public key of a caller."""
    found = key_from(public_line(KEYS[name]))
    assert found is not None
    return found


def signer(name: str, signing: Signing, withdrawn: date | None = None) -> Signer:
    """A caller who may sign one thing by a key of its own."""
    return Signer(frozenset({signing}), (SigningKey(public(name), withdrawn),))


SIGNERS = {
    "juan": signer("juan", Signing.PROPOSED),
    "maria": signer("maria", Signing.APPROVED),
    "rosa": Signer(frozenset(Signing), (SigningKey(public("rosa")),)),
}


def proposed(by: str = "juan", key: str = "") -> Publication:
    """The publication as somebody proposes it."""
    drafted = published_now(APPROVED, by, NOW, ticket="RISK-7", evidence=EVIDENCE)
    drafted = replace(drafted, proposed_by=Approval(by, b""))
    signature = signed(drafted, Signing.PROPOSED, by, KEYS[key or by])
    return replace(drafted, proposed_by=signature)


def approved(by: str = "maria", key: str = "", of: Publication | None = None) -> Publication:
    """A proposal that somebody approved."""
    drafted = of or proposed()
    return replace(drafted, approved_by=signed(drafted, Signing.APPROVED, by, KEYS[key or by]))


def approval_codes(
    published: Publication | None, signers=SIGNERS, today: date | None = TODAY
) -> list[str]:
    """What keeps a publication from deciding, read back from its manifest."""
    if published is not None:
        published = publication(PATH, manifest_text(published, APPROVED))
    return [one.code for one in approval_problems(PATH, published, signers, today)]


def test_what_two_callers_signed_counts() -> None:
    """One of `rules` proposed, one of `rules_approve` approved; the manifest keeps all of it."""
    assert approval_codes(approved()) == []
    read = publication(PATH, manifest_text(approved(), APPROVED))
    assert read is not None
    assert (read.ticket, read.evidence) == ("RISK-7", EVIDENCE)


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        (None, ["M008"]),
        (published_now(APPROVED, "juan", NOW), ["M008"]),
        (proposed(), ["M008"]),
        (approved("rosa", of=proposed("rosa")), ["M010"]),
        (approved("juan"), ["M010", "M009"]),
        (approved(of=proposed("maria")), ["M010", "M009"]),
        (approved("nobody", "rosa"), ["M009"]),
        (approved("maria", "rosa"), ["M011"]),
        (approved(of=proposed("juan", "maria")), ["M011"]),
        (replace(approved(), at="2026-11-25T00:00:00Z"), ["M011", "M011"]),
        (replace(approved(), ticket="RISK-8"), ["M011", "M011"]),
        (replace(approved(), by="rosa"), ["M011", "M011"]),
        (replace(approved(), allow_rollback="a" * 12), ["M011", "M011"]),
        (replace(approved(), evidence={"impact": "c" * 64}), ["M011", "M011"]),
        (replace(approved(), tested={"loan v1": Measured(100, 100)}), ["M011", "M011"]),
        (replace(approved(), accepted=("loan/tests/v1.yaml",)), ["M011", "M011"]),
        (replace(approved(), proved=1), ["M011", "M011"]),
        (replace(approved(), shown="c" * 64), ["M011", "M011"]),
        (replace(approved(), approved_by=proposed().proposed_by), ["M010", "M009"]),
        (replace(approved(), approved_by=Approval("maria", b"short")), ["M011"]),
    ],
)
def test_less_than_two_signatures_of_two_callers_is_told(
    published: Publication | None, expected: list[str]
) -> None:
    """Nobody, one, the same twice, a role, a key or a statement that is another: each its code."""
    assert approval_codes(published) == expected


def test_a_withdrawn_key_signs_nothing_more_and_ends_nothing_that_decides() -> None:
    """From its day on a signature does not count; rules that decide go on under it."""
    withdrawn = SIGNERS | {"maria": signer("maria", Signing.APPROVED, TODAY)}
    assert approval_codes(approved(), withdrawn) == ["M012"]
    assert approval_codes(approved(), withdrawn, date(2026, 11, 23)) == []
    text = manifest_text(approved(), APPROVED)
    folder = RuleFolder(manifest=TextFile(PATH, text), evidence=EVIDENCE)
    assert [one.code for one in unapproved(folder, None, None, withdrawn, TODAY)] == ["M012"]
    assert unapproved(folder, None, folder, withdrawn, TODAY) == ()


def test_a_key_that_is_listed_twice_counts_as_long_as_either() -> None:
    """A withdrawal that names a key again, later, is the one that counts."""
    keys = tuple(SigningKey(public("maria"), day) for day in (TODAY, date(2027, 1, 1)))
    assert approval_codes(approved(), SIGNERS | {"maria": Signer(frozenset(Signing), keys)}) == []


def test_each_problem_is_at_its_line_and_says_what_to_do() -> None:
    """A message names the caller, the place in the manifest and the command."""
    text = manifest_text(approved("maria", "rosa"), APPROVED)
    read = publication(PATH, text)
    [problem] = approval_problems(PATH, read, SIGNERS, TODAY)
    assert text.splitlines()[problem.line - 1].startswith("approved_by:")
    assert "`maria`" in problem.message
    assert "rules sign" in problem.hint


async def test_a_service_keeps_its_rules_until_two_callers_signed() -> None:
    """A folder that one person published or signed is refused, and figures below the floor."""
    one = await serving_on()
    folder = with_plan(CHALLENGED)
    deciding = ("personal-loan-ph v1", "personal-loan-ph v2", "gig-advance-ph v1")

    def by_juan(percent: int) -> Publication:
        tested = {name: Measured(100, percent) for name in deciding}
        whole = published_now(folder.contents, "juan", NOW, tested=tested)
        drafted = replace(whole, proposed_by=Approval("juan", b""))
        first = signed(drafted, Signing.PROPOSED, "juan", KEYS["juan"])
        return replace(drafted, proposed_by=first)

    for published, accepted in (
        (None, False),
        (replace(by_juan(100), proposed_by=Approval("juan", b"")), False),
        (by_juan(100), False),
        (approved(of=by_juan(99)), False),
        (approved(of=by_juan(100)), True),
    ):
        text = None if published is None else manifest_text(published, folder.contents)
        folder = replace(folder, manifest=None if text is None else TextFile(PATH, text))
        assert (await one.take(folder, signers=lambda: SIGNERS) == []) is accepted
        assert bool(one.active_rules.status.refused) is not accepted
    told = one.active_rules.status.rulebook.published
    assert told is not None
    assert told.approved_by is not None
    assert told.approved_by.name == "maria"


@settings(max_examples=examples(200))
@given(st.data())
def test_no_manifest_with_one_byte_changed_is_loaded_as_approved(data: st.DataObject) -> None:
    """A change of any byte is no manifest, another folder, no approval, or says the same."""
    text = manifest_text(approved(), APPROVED).encode()
    place = data.draw(st.integers(0, len(text) - 1))
    byte = data.draw(st.integers(1, 255))
    changed = text[:place] + bytes([text[place] ^ byte]) + text[place + 1 :]
    shown = changed.decode("utf-8", "surrogateescape")
    read = publication(PATH, shown)
    if read is None or manifest_problems(PATH, shown, APPROVED):
        return
    if not approval_problems(PATH, read, SIGNERS, TODAY):
        assert read == publication(PATH, text.decode())


def test_a_file_that_versions_keep_is_as_good_as_the_packages() -> None:
    """Data that was published and that versions keep; any other text is still a difference."""
    before = {**APPROVED, "_data/lags.yaml": "of before\n"}
    text = manifest_text(published_now(before, "juan", NOW), before)
    newer = {**APPROVED, "_data/lags.yaml": "newer\n"}
    assert [one.code for one in manifest_problems(PATH, text, newer)] == ["M002"]
    kept = {"_data/lags.yaml": ["of before\n"]}
    assert manifest_problems(PATH, text, newer, kept) == ()
    assert manifest_problems(PATH, text, APPROVED, kept) == ()
    other = {"_data/lags.yaml": ["other\n"]}
    assert [one.code for one in manifest_problems(PATH, text, newer, other)] == ["M002"]


FIRST = shipped_rules()

SECOND = with_plan(CHALLENGED)

THIRD = with_plan(edited(CHALLENGED, ("pin_for: 90d", "pin_for: 80d")))

DAY = timedelta(days=1)


def published(folder: RuleFolder, at: datetime = NOW, over: RuleFolder | None = None) -> RuleFolder:
    """The folder as J. Cruz published it then, on purpose over another publication."""
    replaced = None if over is None else published_as(over)
    back = "" if replaced is None else replaced.name
    published = published_now(folder.contents, "J. Cruz", at, allow_rollback=back)
    text = manifest_text(published, folder.contents)
    return replace(folder, manifest=TextFile(PATH, text))


@pytest.fixture
async def serving() -> Serving:
    """A process on the shipped rules, unpublished."""
    made = await serving_on(FIRST)
    await keep(made.log, FIRST, NOW)
    return made


async def test_what_was_published_later_replaces_what_was_earlier(serving: Serving) -> None:
    """Publications follow each other by their instants; the same folder again is no change."""
    assert await serving.take(published(FIRST)) == []
    assert await serving.take(published(SECOND, NOW + DAY)) == []
    assert await serving.take(published(SECOND, NOW + DAY)) == []
    assert await serving.take(published(SECOND, NOW + 2 * DAY)) == []
    assert await serving.take(published(THIRD, NOW + 2 * DAY)) == []


async def test_an_older_publication_is_refused(serving: Serving) -> None:
    """A folder from before what decides keeps the latter, and says how to go back on purpose."""
    await serving.take(published(SECOND, NOW))
    before = serving.active_rules.current()
    assert await serving.take(published(THIRD, NOW - timedelta(seconds=1))) == ["M006"]
    assert serving.active_rules.current() is before
    [problem] = serving.active_rules.status.refused
    assert problem.file == PATH
    assert "those of J. Cruz, published at 2026-11-24T04:00:00Z, decide now" in problem.message
    name = f"{contents_digest(SECOND.contents)[:16]}@2026-11-24T04:00:00Z"
    assert problem.hint.endswith(f"--allow-rollback {name}")


async def test_rules_that_decided_before_do_not_come_back_by_a_new_publication(
    serving: Serving,
) -> None:
    """An old checkout that is published again is noticed by its content."""
    await serving.take(published(FIRST, NOW))
    await serving.take(published(SECOND, NOW + DAY))
    assert await serving.take(published(FIRST, NOW + 2 * DAY)) == ["M007"]


@pytest.mark.long
async def test_going_back_is_allowed_from_exactly_what_is_named(serving: Serving) -> None:
    """The manifest names what it replaces; once replaced, that needs leave of its own."""
    second = published(SECOND, NOW + DAY)
    await serving.take(published(FIRST, NOW))
    await serving.take(second)
    assert await serving.take(published(FIRST, NOW + 2 * DAY, over=published(THIRD))) == ["M007"]
    back = published(FIRST, NOW + 2 * DAY, over=second)
    assert await serving.take(back) == []
    assert await serving.take(published(SECOND, NOW + DAY)) == ["M006"]
    assert await serving.take(published(SECOND, NOW + 3 * DAY)) == ["M007"]
    assert await serving.take(published(THIRD, NOW + 3 * DAY)) == []
    assert await serving.take(back) == ["M006"]


@pytest.mark.long
@pytest.mark.parametrize(("at", "code"), [(2 * DAY, "M006"), (9 * DAY, "M007")])
async def test_leave_to_go_back_ends_with_the_publication_that_it_names(
    serving: Serving, at: timedelta, code: str
) -> None:
    """The same rules published again are another publication, whatever instant the leave has."""
    second = published(SECOND, NOW + DAY)
    back = published(FIRST, NOW + at, over=second)
    third = published(THIRD, NOW + 3 * DAY)
    for folder in (published(FIRST), second, third):
        assert await serving.take(folder) == []
    assert await serving.take(published(SECOND, NOW + 4 * DAY, over=third)) == []
    assert await serving.take(back) == [code]


async def test_both_are_recorded(serving: Serving) -> None:
    """The register has each publication, of equal rules too, and the last is as it was written."""
    first, second = (
        published(FIRST, NOW),
        published(SECOND, NOW + DAY),
    )
    await serving.take(first)
    await serving.take(second)
    back = published(FIRST, NOW + 2 * DAY, over=second)
    await serving.take(back)
    found = await newest_publications(serving.log, 50)
    assert found == [published_as(one) for one in (back, second, first)]
    last = await last_good_folder(serving.log)
    assert last is not None
    assert last.manifest == back.manifest


async def test_a_folder_without_a_manifest_goes_on_until_one_was_published(
    serving: Serving,
) -> None:
    """Where nothing was published any folder decides; afterwards only published ones do."""
    assert await serving.take(SECOND) == []
    assert await serving.take(FIRST) == []
    await serving.take(published(SECOND, NOW))
    assert await serving.take(THIRD) == ["M005"]
    assert await serving.take(published(THIRD, NOW)) == []


@pytest.mark.parametrize("at", ["yesterday", "2026-11-24", "2026-11-24T04:00:00+08:00"])
async def test_an_instant_that_cannot_be_compared_is_a_mistake(serving: Serving, at: str) -> None:
    """Only UTC instants to the second are taken, since they order publications."""
    folder = published(SECOND)
    assert folder.manifest is not None
    text = folder.manifest.text.replace("2026-11-24T04:00:00Z", at)
    assert await serving.take(replace(folder, manifest=TextFile(PATH, text))) == ["M004"]
