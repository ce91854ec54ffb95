"""Rules that two callers signed, and everything that is less."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.rulebook.acceptance import unapproved
from decision_service.rulebook.folder import RuleFolder, TextFile
from decision_service.rulebook.manifest import (
    Approval,
    Measured,
    Publication,
    Signer,
    Signing,
    SigningKey,
    approval_problems,
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
from tests.fakes.serving import serving_on
from tests.fakes.world import NOW

PATH = "rules/manifest.yaml"
CONTENTS = {"loan/v1.yaml": "version: 1\n", "loan/rollout.yaml": "go_live: {}\n"}
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
    drafted = published_now(CONTENTS, by, NOW, ticket="RISK-7", evidence=EVIDENCE)
    drafted = replace(drafted, proposed_by=Approval(by, b""))
    signature = signed(drafted, Signing.PROPOSED, by, KEYS[key or by])
    return replace(drafted, proposed_by=signature)


def approved(by: str = "maria", key: str = "", of: Publication | None = None) -> Publication:
    """A proposal that somebody approved."""
    drafted = of or proposed()
    return replace(drafted, approved_by=signed(drafted, Signing.APPROVED, by, KEYS[key or by]))


def codes(published: Publication | None, signers=SIGNERS, today: date | None = TODAY) -> list[str]:
    """What keeps a publication from deciding, read back from its manifest."""
    if published is not None:
        published = publication(PATH, manifest_text(published, CONTENTS))
    return [one.code for one in approval_problems(PATH, published, signers, today)]


def test_what_two_callers_signed_counts() -> None:
    """One of `rules` proposed, one of `rules_approve` approved; the manifest keeps all of it."""
    assert codes(approved()) == []
    read = publication(PATH, manifest_text(approved(), CONTENTS))
    assert read is not None
    assert (read.ticket, read.evidence) == ("RISK-7", EVIDENCE)


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        (None, ["M008"]),
        (published_now(CONTENTS, "juan", NOW), ["M008"]),
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
    assert codes(published) == expected


def test_a_withdrawn_key_signs_nothing_more_and_ends_nothing_that_decides() -> None:
    """From its day on a signature does not count; rules that decide go on under it."""
    withdrawn = SIGNERS | {"maria": signer("maria", Signing.APPROVED, TODAY)}
    assert codes(approved(), withdrawn) == ["M012"]
    assert codes(approved(), withdrawn, date(2026, 11, 23)) == []
    text = manifest_text(approved(), CONTENTS)
    folder = RuleFolder(manifest=TextFile(PATH, text), evidence=EVIDENCE)
    assert [one.code for one in unapproved(folder, None, None, withdrawn, TODAY)] == ["M012"]
    assert unapproved(folder, None, folder, withdrawn, TODAY) == ()


def test_a_key_that_is_listed_twice_counts_as_long_as_either() -> None:
    """A withdrawal that names a key again, later, is the one that counts."""
    keys = tuple(SigningKey(public("maria"), day) for day in (TODAY, date(2027, 1, 1)))
    assert codes(approved(), SIGNERS | {"maria": Signer(frozenset(Signing), keys)}) == []


def test_each_problem_is_at_its_line_and_says_what_to_do() -> None:
    """A message names the caller, the place in the manifest and the command."""
    text = manifest_text(approved("maria", "rosa"), CONTENTS)
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
    text = manifest_text(approved(), CONTENTS).encode()
    place = data.draw(st.integers(0, len(text) - 1))
    byte = data.draw(st.integers(1, 255))
    changed = text[:place] + bytes([text[place] ^ byte]) + text[place + 1 :]
    shown = changed.decode("utf-8", "surrogateescape")
    read = publication(PATH, shown)
    if read is None or manifest_problems(PATH, shown, CONTENTS):
        return
    if not approval_problems(PATH, read, SIGNERS, TODAY):
        assert read == publication(PATH, text.decode())


def test_a_file_that_versions_keep_is_as_good_as_the_packages() -> None:
    """Data that was published and that versions keep; any other text is still a difference."""
    before = {**CONTENTS, "_data/lags.yaml": "of before\n"}
    text = manifest_text(published_now(before, "juan", NOW), before)
    newer = {**CONTENTS, "_data/lags.yaml": "newer\n"}
    assert [one.code for one in manifest_problems(PATH, text, newer)] == ["M002"]
    kept = {"_data/lags.yaml": ["of before\n"]}
    assert manifest_problems(PATH, text, newer, kept) == ()
    assert manifest_problems(PATH, text, CONTENTS, kept) == ()
    other = {"_data/lags.yaml": ["other\n"]}
    assert [one.code for one in manifest_problems(PATH, text, newer, other)] == ["M002"]
