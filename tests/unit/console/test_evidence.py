"""What pages of rules make of files that a person shows, and of two versions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from decision_service.api.v1 import ruleset_service_pb2 as pb
from decision_service.console.rules import LONGEST, ROWS, compared_with, read_evidence
from decision_service.rulebook.differences import compare_texts

LOAN = Path("rules/personal-loan-ph")
PROOF = {
    "claim": "every approval of v2 is one of v1 too",
    "result": "PROVED",
    "from": "2026-11-30",
    "digests": {"old": "a" * 64, "new": "b" * 64},
    "added_later": [1],
}
TESTED = {
    "ruleset": "loan",
    "version": 1,
    "passed": 3,
    "failed": [],
    "coverage": 90,
    "missed": [{"goal": "rule: young", "file": "v1.yaml", "line": 9}],
    "figures": None,
}


def shown(document: Any) -> tuple[str, Any]:
    return read_evidence(msgspec.json.encode(document))


def test_a_file_is_known_by_what_it_says_and_further_fields_are_no_fault() -> None:
    assert shown(PROOF)[0] == "proofs"
    assert shown([TESTED])[0] == "tests"


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"subject": 1}, r"\$.subject"),
        (7, "Expected `object`"),
    ],
)
def test_what_no_command_wrote_is_refused_with_its_place(document: Any, place: str) -> None:
    with pytest.raises(msgspec.DecodeError, match=place):
        shown(document)


def test_no_file_fills_more_than_a_page() -> None:
    """Rows and texts are cut; what is too much even so is refused."""
    missed = [{"goal": "x" * 9_000, "file": "v1.yaml", "line": 1}] * 9_000
    _, (found,) = shown([{**TESTED, "missed": missed[:9]}])
    assert len(found["missed"][0]["goal"]) == LONGEST + 1
    _, (found,) = shown([{**TESTED, "missed": [{"goal": "x"}] * 9_000}])
    assert len(found["missed"]) == ROWS
    with pytest.raises(msgspec.DecodeError, match="more than a page"):
        shown([{**TESTED, "missed": missed}])


def test_two_versions_are_compared_by_their_files_alone() -> None:
    """Without their tables, which the service does not give, and without compiling."""
    old, new = ((LOAN / name).read_text() for name in ("v1.yaml", "v2.yaml"))
    said = {(one.subject, one.words) for one in compare_texts(old, new)}
    assert ("maximum debt to income (max_debt_to_income)", "from 0.35 to 0.30") in said
    assert compare_texts(old, old) == ()


def test_a_version_is_compared_with_the_champion_and_the_champion_with_the_one_before() -> None:
    versions = {n: pb.Ruleset(role="champion" if n == 2 else "") for n in (1, 2, 3)}
    found = [compared_with(n, versions, asked) for n, asked in ((3, ""), (2, ""), (3, "1"))]
    assert found == [2, 1, 1]
    assert compared_with(1, {1: pb.Ruleset(role="champion")}, "7") == 0
