"""`rules keys|propose|approve|verify`: two persons publish a folder."""

from __future__ import annotations

import json
import stat
from hashlib import sha256

import pytest
from msgspec.structs import replace

from decision_service.impact.document import encoded
from decision_service.pipeline.rules.loading import load_rules
from decision_service.storage.rules_folder.files import read_rules
from tests.unit.cli.commands import command, product_folder
from tests.unit.cli.test_rules_publish import RECORDED
from tests.unit.impact.reports import report
from tests.unit.pipeline.test_manifest import NOW


@pytest.fixture
def rules(tmp_path):
    """A rules folder that can be published."""
    folder = product_folder(tmp_path)
    tests = folder / "tests" / "v1.yaml"
    tests.write_text(tests.read_text().partition(RECORDED)[0])
    return folder.parent


@pytest.fixture
def callers(tmp_path, capsys):
    """A callers file of two persons with the keys that `keys new` made."""
    roles = {"juan": "rules", "maria": "rules_approve"}
    lines = []
    for name, role in roles.items():
        made = command(capsys, "rules", "keys", "new", tmp_path / f"{name}.key")
        assert made.code == 0
        lines.append(f"  {name}: {{roles: [{role}], {made.out.strip()}}}\n")
    file = tmp_path / "callers.yaml"
    file.write_text(f"callers:\n{''.join(lines)}")
    return file


@pytest.fixture
def run(capsys, rules, callers):
    """Run a command of a person on the folder."""

    def by(words, name, *more):
        signing = ("--by", name, "--key", callers.parent / f"{name}.key") if name else ()
        return command(capsys, "rules", words, rules, *signing, *more)

    return by


def digest_in(told):
    """The digest in what `propose` says."""
    return told.out.partition("digest ")[2][:16]


@pytest.fixture
def impact(rules, tmp_path):
    """An impact report of the folder's version."""
    loading = load_rules(read_rules(rules), NOW)
    digest = loading.rulebook.products["personal-loan-ph"].champion.digest
    return written(tmp_path / "impact.json", digest)


def written(file, digest):
    """An impact report of the version with a digest."""
    some = report()
    file.write_bytes(encoded(replace(some, subject=replace(some.subject, other_digest=digest))))
    return file


def test_two_persons_publish_a_folder(run, rules, callers, impact, tmp_path):
    """One proposes with ticket, evidence and leave to go back, another approves what they see."""
    proofs = tmp_path / "proofs.json"
    proofs.write_text("[]")
    evidence = ("--impact", impact, "--proofs", proofs)
    name = "3f9a11c04d2e57b0@2026-11-25T10:00:00Z"
    more = ("--ticket", "RISK-7", "--allow-rollback", name)
    proposed = run("propose", "juan", *more, *evidence)
    assert (proposed.code, proposed.err) == (0, "")
    digest = digest_in(proposed)
    assert f"rules approve {rules} --digest {digest}" in proposed.out
    assert run("verify", "", "--callers", callers).code == 1
    approved = run("approve", "maria", "--digest", digest)
    assert "proposed by juan" in approved.out
    assert f"it goes back from the publication {name}. Whether" in approved.out
    assert "signed as maria by " in approved.out
    assert "approved by" not in approved.out
    assert f"rules verify {rules} --callers FILE" in approved.out
    verified = run("verify", "", "--callers", callers, "--format", "json", *evidence)
    assert verified.code == 0
    told = json.loads(verified.out)
    assert (told["proposed_by"], told["approved_by"], told["ticket"]) == ("juan", "maria", "RISK-7")
    assert (told["allow_rollback"], told["problems"]) == (name, [])
    digests = {one: sha256((tmp_path / f"{one}.json").read_bytes()) for one in told["evidence"]}
    assert told["evidence"] == {name: one.hexdigest() for name, one in digests.items()}
    assert set(digests) == {"impact", "proofs"}


def test_evidence_that_is_not_what_was_signed_is_found(run, callers, impact, tmp_path):
    """`verify` names the file, its SHA-256 and the one that was signed, or that nothing was."""
    run("approve", "maria", "--digest", digest_in(run("propose", "juan", "--impact", impact)))
    other = written(tmp_path / "other.json", "0" * 64)
    for evidence, named in (
        (("--impact", other), sha256(impact.read_bytes()).hexdigest()[:16]),
        (("--proofs", other), "nothing"),
    ):
        found = run("verify", "", "--callers", callers, *evidence)
        assert found.code == 1
        assert "M013" in found.err
        assert f"{other} has the SHA-256 " in found.err
        assert f"names {named}" in found.err


def test_an_impact_report_of_other_rules_is_no_evidence(run, tmp_path):
    """A report of what is not in the folder, another file, and none are each refused by name."""
    other = written(tmp_path / "other.json", "0" * 64)
    refused = run("propose", "juan", "--impact", other)
    assert (refused.code, "which no version here has" in refused.err) == (1, True)
    other.write_text("{}")
    refused = run("propose", "juan", "--impact", other)
    assert (refused.code, "is no impact.json" in refused.err) == (2, True)
    refused = run("propose", "juan", "--proofs", tmp_path / "none")
    assert (refused.code, "cannot be read" in refused.err) == (2, True)


def test_what_cannot_be_approved_says_why(run, rules, callers):
    """Nothing proposed, another digest, oneself, and a folder that has changed meanwhile."""
    assert "nothing is proposed" in run("approve", "maria", "--digest", "a" * 12).err
    digest = digest_in(run("propose", "juan"))
    assert "look at it again" in run("approve", "maria", "--digest", "a" * 12).err
    assert "another caller" in run("approve", "juan", "--digest", digest).err
    assert run("approve", "maria", "--digest", "abc").code == 2
    (rules / "personal-loan-ph" / "tables").mkdir()
    (rules / "personal-loan-ph" / "tables" / "new.csv").write_text("a\n1\n")
    refused = run("approve", "maria", "--digest", digest)
    assert refused.code == 1
    assert "M003" in refused.err


def test_a_signature_by_a_key_that_is_not_the_callers_is_found(run, callers, capsys):
    """The proposer's is refused at once, any other by `verify`, with the line of the manifest."""
    digest = digest_in(run("propose", "juan"))
    command(capsys, "rules", "keys", "new", callers.parent / "nobody.key")
    words = ("rules", "approve", callers.parent / "rules", "--by", "maria", "--digest", digest)
    refused = command(capsys, *words, "--key", callers.parent / "juan.key")
    assert (refused.code, "is the key of juan, who proposed" in refused.err) == (1, True)
    assert command(capsys, *words, "--key", callers.parent / "nobody.key").code == 0
    found = run("verify", "", "--callers", callers)
    assert found.code == 1
    assert "M011" in found.err


def test_a_private_key_is_its_owners_alone(tmp_path, capsys, run, callers):
    """A key file is not overwritten, not readable by others, and its line is told again."""
    key = tmp_path / "juan.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert command(capsys, "rules", "keys", "new", key).code == 2
    line = command(capsys, "rules", "keys", "line", key)
    assert line.out.strip() in callers.read_text()
    (tmp_path / "juan.key").write_text("no key")
    refused = run("propose", "juan")
    assert refused.code == 2
    assert "no private Ed25519 key" in refused.err
    assert "no key" not in refused.err.replace("no private", "")
